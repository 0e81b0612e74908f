//! A keyspace that tests type commands into: what they reply and what they would log, on one line each.
//!
//! Test code only. Replies: `1`, `"bulk"`, `OK`, `nil`, `1.5`, `[array]`, `~{set}`, `{key: value}`, `(error) ERR …`.

use super::context::{Context, Wait};
use super::effect::Effects;
use super::errors::{self, ErrorReply};
use super::reply::{Node, Reply};
use super::table::{self, Handler};
use super::transcripts::split;
use crate::keyspace::{Keyspace, Limits};

pub(crate) struct Harness {
    pub space: Keyspace,
    pub db: usize,
    /// Wall-clock milliseconds; moves only when a test moves it.
    pub now: i64,
    pub replaying: bool,
    /// What the last command would wait for.
    pub wait: Option<Wait>,
    effects: Effects,
    last: Vec<Vec<u8>>,
}

impl Harness {
    pub(super) fn new() -> Self {
        Self::with(Limits::default())
    }

    pub(super) fn with(limits: Limits) -> Self {
        let mut space = Keyspace::new(16, limits);
        space.rng = fastrand::Rng::with_seed(42);
        Self {
            space,
            db: 0,
            now: 1_700_000_000_000,
            replaying: false,
            wait: None,
            effects: Effects::default(),
            last: Vec::new(),
        }
    }

    /// Runs a command written as redis-cli takes it.
    pub(super) fn run(&mut self, line: &str) -> String {
        let argv = split(line);
        self.call(&argv.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    pub(super) fn call(&mut self, argv: &[&[u8]]) -> String {
        self.reply(argv).map_or_else(|error| format!("(error) {}", error.text()), |reply| shown(&reply))
    }

    pub(super) fn reply(&mut self, argv: &[&[u8]]) -> Result<Reply, ErrorReply> {
        self.last = argv.iter().map(|arg| arg.to_vec()).collect();
        self.effects.begin(self.db);
        let Some(spec) = table::lookup(argv[0]) else { panic!("no such command: {}", text(argv[0])) };
        let spec = spec.subcommand(argv)?;
        let Handler::Keyspace(run) = spec.handler else { panic!("{} is the engine's", spec.name) };
        self.last[0] = spec.name.into();
        let mut reply = Reply::new();
        let mut cx = Context {
            keys: self.space.keys(self.db, self.now),
            reply: &mut reply,
            effects: &mut self.effects,
            replaying: self.replaying,
            name: spec.name,
            wait: None,
        };
        let outcome = if spec.accepts(argv.len()) {
            super::run(spec, run, &mut cx, argv)
        } else {
            Err(errors::wrong_arity(spec.name))
        };
        self.wait = cx.wait.take();
        outcome.map(|()| reply)
    }

    /// What the last command logs: deletions by expiry, then its effect.
    pub(super) fn log(&mut self) -> Vec<String> {
        self.records().iter().map(|argv| line(argv.iter().map(Vec::as_slice))).collect()
    }

    /// The same as argument vectors.
    pub(super) fn records(&mut self) -> Vec<Vec<Vec<u8>>> {
        let purged = self.space.take_purged().into_iter();
        let mut records: Vec<Vec<Vec<u8>>> =
            purged.map(|(_, key)| vec![b"DEL".to_vec(), key.to_vec()]).collect();
        if self.effects.is_verbatim() {
            records.push(self.last.clone());
        }
        let rewritten = self.effects.rewritten().iter();
        records.extend(rewritten.map(|record| record.argv.iter().map(<[u8]>::to_vec).collect()));
        records
    }

    /// Runs a command and checks reply and log.
    #[track_caller]
    pub(super) fn expect(&mut self, line: &str, reply: &str, log: &[&str]) {
        assert_eq!(self.run(line), reply, "{line}");
        assert_eq!(self.log(), log, "{line}");
    }

    /// The encoding of the value under `key`.
    pub(super) fn encoding(&mut self, key: &str) -> &'static str {
        let mut keys = self.space.keys(self.db, self.now);
        keys.get(key.as_bytes()).map_or("none", |value| value.encoding())
    }
}

/// A whole reply on one line.
pub(crate) fn shown(reply: &Reply) -> String {
    let mut nodes = reply.nodes().iter();
    let line = show(reply, &mut nodes);
    assert!(nodes.next().is_none(), "more nodes than one reply: {:?}", reply.nodes());
    line
}

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn line<'a>(args: impl Iterator<Item = &'a [u8]>) -> String {
    args.map(text).collect::<Vec<_>>().join(" ")
}

fn show(reply: &Reply, nodes: &mut std::slice::Iter<'_, Node>) -> String {
    let node = *nodes.next().expect("a reply has a node");
    let mut items = |count: usize| (0..count).map(|_| show(reply, nodes)).collect::<Vec<_>>();
    match node {
        Node::Nil => "nil".into(),
        Node::Int(value) => value.to_string(),
        Node::Double(value) => value.to_string(),
        Node::Status(text) => text.into(),
        Node::Bulk(start, len) | Node::Binary(start, len) => format!("\"{}\"", text(reply.slice(start, len))),
        Node::Error(start, len) => format!("(error) {}", text(reply.slice(start, len))),
        Node::Array(len) => format!("[{}]", items(len).join(", ")),
        Node::Set(len) => format!("~{{{}}}", items(len).join(", ")),
        Node::Map(len) => {
            let pairs = items(len * 2);
            format!("{{{}}}", pairs.chunks(2).map(|pair| pair.join(": ")).collect::<Vec<_>>().join(", "))
        }
    }
}
