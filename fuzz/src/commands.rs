//! Commands on an engine in memory: sessions, views, batches, transactions, waiting clients.

use std::sync::Arc;

use aofstore_core::command::Reply;
use aofstore_core::engine::{Engine, Request, Session, Settings, Slot, Waiter};
use aofstore_core::keyspace::Limits;

use super::words::{self, Line};
use super::{dataset, replies};

pub const DATABASES: usize = 3;

/// Encodings change over early, so that a few elements reach every one of them.
pub fn limits(profile: u8) -> Limits {
    let limits = |entries, value, list| Limits {
        hash_max_listpack_entries: entries,
        hash_max_listpack_value: value,
        list_max_listpack_size: list,
        set_max_intset_entries: entries,
        set_max_listpack_entries: entries,
        set_max_listpack_value: value,
        zset_max_listpack_entries: entries,
        zset_max_listpack_value: value,
        proto_max_bulk_len: 1 << 15,
        ..Limits::default()
    };
    match profile & 3 {
        0 => Limits { proto_max_bulk_len: 1 << 15, ..Limits::default() },
        1 => limits(3, 6, 2),
        2 => limits(6, 20, -1),
        _ => limits(0, 0, 1),
    }
}

/// Commands that are right to take long or to fill memory, so that a fuzzer learns nothing from them.
pub fn is_too_much(argv: &[&[u8]]) -> bool {
    let is = |index: usize, word: &str| {
        argv.get(index).is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
    };
    let number = |arg: &[u8]| str::from_utf8(arg).ok().and_then(|text| text.parse::<i64>().ok());
    match () {
        () if is(0, "DEBUG") || is(0, "WAITAOF") => true,
        () if is(0, "CONFIG") => {
            argv.iter().any(|arg| arg.len() > 5 && arg[..5].eq_ignore_ascii_case(b"proto"))
        }
        // A negative count asks for that many elements, however few there are.
        () if is(0, "SRANDMEMBER") || is(0, "ZRANDMEMBER") || is(0, "HRANDFIELD") => {
            argv.get(2).and_then(|arg| number(arg)).is_some_and(|count| count < -10_000)
        }
        () => false,
    }
}

/// The first byte chooses the limits, the rest are lines.
pub fn run(data: &[u8]) {
    let Some((&profile, rest)) = data.split_first() else { return };
    let mut runner = Runner::new(profile);
    for line in words::lines(rest) {
        runner.line(line);
    }
    runner.finish();
    dataset::of_engine(&runner.engine, DATABASES);
}

/// Runs lines. A line's first byte may choose who says it: `1` and `2` are sessions, everybody else shares a view on
/// database 0, or 1 with `3`. Lines between two `%` are one batch, between two `&` one transaction of the first session.
pub struct Runner {
    pub engine: Engine,
    sessions: [Session; 4],
    waiting: Vec<Arc<Waiter>>,
    gathered: Option<(u8, Vec<Line>)>,
}

impl Runner {
    pub fn new(profile: u8) -> Self {
        let mut settings = Settings::default();
        (settings.databases, settings.limits) = (DATABASES, limits(profile));
        Self {
            engine: Engine::new(settings),
            sessions: [Session::view(0), Session::connection(0), Session::connection(1), Session::view(1)],
            waiting: Vec::new(),
            gathered: None,
        }
    }

    pub fn line(&mut self, mut line: Line) {
        let first = line[0][0];
        if matches!(first, b'%' | b'&') {
            match self.gathered.take() {
                None => self.gathered = Some((first, Vec::new())),
                Some((kind, batch)) => self.batch(kind, &batch),
            }
            return;
        }
        let who = match first {
            b'1'..=b'3' => usize::from(line[0].remove(0) - b'0'),
            _ => 0,
        };
        if is_too_much(&line.iter().map(Vec::as_slice).collect::<Vec<_>>()) {
            return;
        }
        match &mut self.gathered {
            Some((_, batch)) => batch.push(line),
            None => self.one(who, &line),
        }
    }

    fn one(&mut self, who: usize, line: &Line) {
        let argv: Vec<&[u8]> = line.iter().map(Vec::as_slice).collect();
        let mut reply = Reply::new();
        let done = match self.engine.execute(&mut self.sessions[who], &argv, &mut reply) {
            Ok(done) => done,
            Err(error) => panic!("{}: {error}", words::show(line)),
        };
        match (&done.outcome, done.waiter) {
            (Ok(()), None) => drop(replies::only(&reply)),
            (Ok(()), Some(waiter)) => {
                assert!(reply.nodes().is_empty(), "a reply although it waits");
                self.waiting.push(waiter);
            }
            (Err(error), waiter) => {
                assert!(reply.nodes().is_empty(), "a reply beside an error: {}", words::show(line));
                assert!(waiter.is_none() && is_error(error.text()), "{:?}", error.text());
            }
        }
        if self.waiting.len() > 6 {
            let waiter = self.waiting.remove(0);
            self.leave(&waiter);
        }
    }

    fn batch(&mut self, kind: u8, batch: &[Line]) {
        let lines: Vec<Vec<&[u8]>> =
            batch.iter().map(|line| line.iter().map(Vec::as_slice).collect()).collect();
        let lines: Vec<Request<'_>> = lines.iter().map(|line| Request::new(line)).collect();
        let mut reply = Reply::new();
        if kind == b'%' {
            self.engine.execute_batch(&mut self.sessions[0], &lines, &mut reply).expect("a batch works");
        } else {
            let done = self.engine.execute_transaction(&mut self.sessions[1], &lines, &mut reply);
            if done.expect("a transaction works").is_none() {
                assert!(reply.nodes().is_empty(), "replies although a watched key changed");
                return;
            }
        }
        replies::several(&reply, lines.len());
    }

    fn leave(&self, waiter: &Waiter) {
        match self.engine.leave(waiter) {
            Slot::Served { reply, outcome, .. } => match outcome {
                Ok(()) => drop(replies::only(&reply)),
                Err(error) => assert!(is_error(error.text())),
            },
            Slot::Waiting | Slot::Closed => {}
        }
    }

    /// Everybody goes.
    pub fn finish(&mut self) {
        for waiter in std::mem::take(&mut self.waiting) {
            self.leave(&waiter);
        }
        for session in &mut self.sessions {
            self.engine.end_session(session);
        }
    }
}

fn is_error(text: &str) -> bool {
    let code = text.split(' ').next().unwrap_or_default();
    !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_uppercase()) && !text.contains(['\r', '\n'])
}
