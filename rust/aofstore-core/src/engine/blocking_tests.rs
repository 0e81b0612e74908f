//! Waiting and being served, with threads where a thread would sleep.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Slot;
use crate::command::Reply;
use crate::command::transcripts::{render, split};
use crate::engine::{Done, Engine, Request, Session, Settings, Waiter};
use crate::fs::os::{Access, OsDir};
use crate::fs::scratch::Scratch;

struct Rig {
    engine: Engine,
    session: Session,
    scratch: Scratch,
}

impl Rig {
    fn new() -> Self {
        let scratch = Scratch::new();
        let engine = Engine::new(Settings::default());
        let dir = Arc::new(OsDir::open(scratch.path(), Access::Exclusive).unwrap());
        engine.start_log(dir, "log", crate::aof::Control::None).unwrap();
        Self { engine, session: Session::connection(0), scratch }
    }

    fn execute(&self, session: &mut Session, line: &str) -> (String, Done) {
        let words = split(line);
        let argv: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let mut reply = Reply::new();
        let done = self.engine.execute(session, &argv, &mut reply).unwrap();
        let told = match &done.outcome {
            Ok(()) => render(&reply),
            Err(error) => error.text().to_owned(),
        };
        (told, done)
    }

    fn run(&mut self, line: &str) -> String {
        let mut session = std::mem::replace(&mut self.session, Session::connection(0));
        let (told, done) = self.execute(&mut session, line);
        self.session = session;
        assert!(done.waiter.is_none(), "{line} waits");
        told
    }

    /// Another connection whose command has to wait.
    fn wait(&self, line: &str) -> Arc<Waiter> {
        let (told, done) = self.execute(&mut Session::connection(0), line);
        assert_eq!(told, "");
        done.waiter.unwrap()
    }

    /// What the waiter got; leaving ends the wait.
    fn told(&self, waiter: &Waiter) -> Option<String> {
        match self.engine.leave(waiter) {
            Slot::Served { reply, outcome: Ok(()), .. } => Some(render(&reply)),
            Slot::Served { outcome: Err(error), .. } => Some(error.text().to_owned()),
            Slot::Waiting | Slot::Closed => None,
        }
    }

    /// The log as text, RESP's lengths left out.
    #[expect(clippy::disallowed_methods, reason = "a test looks at the file from outside")]
    fn log(&self) -> String {
        self.engine.flush(false).unwrap();
        let text = String::from_utf8(std::fs::read(self.scratch.join("log")).unwrap()).unwrap();
        let mut lines: Vec<String> = Vec::new();
        for word in text.split("\r\n").filter(|word| !word.starts_with('$') && !word.is_empty()) {
            if word.starts_with('*') {
                lines.push(String::new());
            } else if let Some(line) = lines.last_mut() {
                line.push_str(if line.is_empty() { "" } else { " " });
                line.push_str(word);
            }
        }
        lines.join("\n")
    }

    fn writes(&self) -> u64 {
        self.engine.log().unwrap().unwrap().stats().writes
    }
}

#[test]
fn the_one_who_waits_longest_is_served_first() {
    let mut rig = Rig::new();
    let (first, second, third) = (rig.wait("BLPOP l 0"), rig.wait("BRPOP l 0"), rig.wait("BLPOP l 0"));
    assert_eq!(rig.run("RPUSH l a"), "(integer) 1");
    assert_eq!(rig.told(&first).as_deref(), Some("1) \"l\"\n2) \"a\""));
    assert_eq!(rig.run("RPUSH l b"), "(integer) 1");
    assert_eq!(rig.told(&third), None);
    assert_eq!(rig.told(&second).as_deref(), Some("1) \"l\"\n2) \"b\""));
    assert_eq!(rig.run("RPUSH l c"), "(integer) 1");
    assert_eq!(rig.run("LLEN l"), "(integer) 1");
}

#[test]
fn one_push_serves_several_and_keeps_the_rest() {
    let mut rig = Rig::new();
    let waiters =
        [rig.wait("BLPOP l 0"), rig.wait("BLMPOP 0 1 l RIGHT COUNT 2"), rig.wait("BLPOP other l 0")];
    assert_eq!(rig.run("RPUSH l a b c d e"), "(integer) 5");
    let told = waiters.map(|waiter| rig.told(&waiter).unwrap());
    assert_eq!(told, ["1) \"l\"\n2) \"a\"", "1) \"l\"\n2) 1) \"e\"\n   2) \"d\"", "1) \"l\"\n2) \"b\""]);
    assert_eq!(rig.run("LRANGE l 0 -1"), "1) \"c\"");
    assert_eq!(rig.log(), "SELECT 0\nRPUSH l a b c d e\nLPOP l\nRPOP l 2\nLPOP l");
}

#[test]
fn a_move_hands_on_to_whom_waits_for_its_destination() {
    let mut rig = Rig::new();
    let third = rig.wait("BRPOPLPUSH c d 0");
    let second = rig.wait("BLMOVE b c LEFT LEFT 0");
    let first = rig.wait("BLMOVE a b LEFT RIGHT 0");
    assert_eq!(rig.run("RPUSH a x"), "(integer) 1");
    for waiter in [&first, &second, &third] {
        assert_eq!(rig.told(waiter).as_deref(), Some("\"x\""));
    }
    assert_eq!(rig.run("EXISTS a b c d"), "(integer) 1");
    assert_eq!(rig.log(), "SELECT 0\nRPUSH a x\nLMOVE a b LEFT RIGHT\nLMOVE b c LEFT LEFT\nRPOPLPUSH c d");
}

#[test]
fn a_push_and_the_pops_it_caused_are_one_feed() {
    let mut rig = Rig::new();
    rig.run("SET k v");
    let waiter = rig.wait("BLPOP l 0");
    rig.engine.flush(false).unwrap();
    let before = rig.writes();
    let (_, done) = rig.execute(&mut Session::connection(0), "RPUSH l a b");
    // The pusher's own acknowledgement writes the pop as well: no crash can come between them.
    done.due.unwrap().settle().unwrap();
    assert_eq!(rig.writes(), before + 1);
    let Slot::Served { due, .. } = rig.engine.leave(&waiter) else { panic!("not served") };
    assert!(due.is_none_or(|due| due.settle().is_ok()));
    assert_eq!(rig.writes(), before + 1);
    assert_eq!(rig.log(), "SELECT 0\nSET k v\nRPUSH l a b\nLPOP l");
}

#[test]
fn nobody_is_served_from_another_database_or_type() {
    let mut rig = Rig::new();
    let waiter = rig.wait("BLPOP l 0");
    rig.run("SELECT 1");
    rig.run("RPUSH l a");
    rig.run("SELECT 0");
    rig.run("SET l text");
    assert_eq!(rig.told(&waiter), None);
}

#[test]
fn a_timeout_ends_the_wait() {
    let rig = Rig::new();
    let waiter = rig.wait("BLPOP l 0.05");
    let began = Instant::now();
    while waiter.sleep(Duration::from_millis(10)) {}
    assert!(began.elapsed() >= Duration::from_millis(45));
    assert_eq!(rig.told(&waiter), None);
}

#[test]
fn a_served_sleeper_wakes_at_once() {
    let mut rig = Rig::new();
    let waiter = rig.wait("BLPOP l 30");
    let sleeper = Arc::clone(&waiter);
    let thread = std::thread::spawn(move || {
        let began = Instant::now();
        while sleeper.sleep(Duration::from_secs(30)) {}
        began.elapsed()
    });
    rig.run("RPUSH l a");
    assert!(thread.join().unwrap() < Duration::from_secs(10));
    assert_eq!(rig.told(&waiter).as_deref(), Some("1) \"l\"\n2) \"a\""));
}

#[test]
fn who_left_is_not_served_and_who_was_served_keeps_his_element() {
    let mut rig = Rig::new();
    let (gone, served) = (rig.wait("BLPOP l 0"), rig.wait("BLPOP l 0"));
    assert_eq!(rig.told(&gone), None);
    assert_eq!(rig.run("RPUSH l a"), "(integer) 1");
    // Cancelling comes too late: the element is popped, so the reply must be handed over.
    assert_eq!(rig.told(&served).as_deref(), Some("1) \"l\"\n2) \"a\""));
    assert_eq!(rig.run("EXISTS l"), "(integer) 0");
    assert_eq!(rig.run("RPUSH l b"), "(integer) 1");
    assert_eq!(rig.run("LLEN l"), "(integer) 1");
}

#[test]
fn inside_multi_nothing_waits() {
    let mut rig = Rig::new();
    for line in ["MULTI", "BLPOP l 0", "RPUSH l a b", "BLPOP l 0", "BLMOVE m l LEFT LEFT 0"] {
        rig.run(line);
    }
    assert_eq!(rig.run("EXEC"), "1) (nil)\n2) (integer) 2\n3) 1) \"l\"\n   2) \"a\"\n4) (nil)");
    assert_eq!(rig.log(), "MULTI\nSELECT 0\nRPUSH l a b\nLPOP l\nEXEC");
}

#[test]
fn a_transaction_serves_after_exec_with_what_it_left() {
    let mut rig = Rig::new();
    let waiter = rig.wait("BLPOP l 0");
    for line in ["MULTI", "RPUSH l a", "LPOP l", "EXEC"] {
        rig.run(line);
    }
    assert!(waiter.sleep(Duration::from_millis(1)));
    for line in ["MULTI", "RPUSH l b", "RPUSH l c", "EXEC"] {
        rig.run(line);
    }
    assert_eq!(rig.told(&waiter).as_deref(), Some("1) \"l\"\n2) \"b\""));
    let last = "MULTI\nRPUSH l b\nRPUSH l c\nEXEC\nLPOP l";
    assert_eq!(rig.log(), format!("MULTI\nSELECT 0\nRPUSH l a\nLPOP l\nEXEC\n{last}"));
}

#[test]
fn a_wrong_type_behind_the_move_is_told_and_the_element_stays() {
    let mut rig = Rig::new();
    rig.run("SET m text");
    let (first, second) = (rig.wait("BLMOVE l m LEFT LEFT 0"), rig.wait("BLPOP l 0"));
    rig.run("RPUSH l a");
    assert!(rig.told(&first).unwrap().starts_with("WRONGTYPE"));
    assert_eq!(rig.told(&second).as_deref(), Some("1) \"l\"\n2) \"a\""));
}

#[test]
fn lists_arrive_by_rename_copy_and_move_too() {
    for arrival in ["RENAME x l", "COPY x l", "LMOVE x l LEFT LEFT", "SWAPDB 0 1"] {
        let mut rig = Rig::new();
        if arrival.starts_with("SWAPDB") {
            for line in ["SELECT 1", "RPUSH l a", "SELECT 0"] {
                rig.run(line);
            }
        }
        rig.run("RPUSH x a");
        let waiter = rig.wait("BLPOP l 0");
        rig.run(arrival);
        assert_eq!(rig.told(&waiter).as_deref(), Some("1) \"l\"\n2) \"a\""), "{arrival}");
    }
}

#[test]
fn closing_wakes_everybody() {
    let rig = Rig::new();
    let waiter = rig.wait("BLPOP l 0");
    rig.engine.close().unwrap();
    assert!(!waiter.sleep(Duration::from_secs(30)));
    assert_eq!(rig.told(&waiter), None);
}

#[test]
fn a_waiter_leaves_no_trace() {
    let mut rig = Rig::new();
    let (left, served) = (rig.wait("BLPOP a b 0"), rig.wait("BLPOP a b 0"));
    assert_eq!(rig.told(&left), None);
    rig.run("RPUSH b x");
    assert!(rig.told(&served).is_some());
    let core = rig.engine.shared.lock();
    assert!(core.space.waited.is_empty());
    assert_eq!(core.blocked.len(), 0);
}

const MANY: usize = 20_000;

/// Far above what it takes, far below what it would take if every push looked at every waiter.
fn at_most_a_few_seconds(work: impl FnOnce()) {
    let began = Instant::now();
    work();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn many_waiters_of_one_key_are_served_one_by_one_in_order() {
    let engine = Engine::new(Settings::default());
    let mut session = Session::connection(0);
    let waiters: Vec<Arc<Waiter>> = (0..MANY)
        .map(|_| {
            let argv = [b"BLPOP".as_slice(), b"l", b"0"];
            engine.execute(&mut session, &argv, &mut Reply::new()).unwrap().waiter.unwrap()
        })
        .collect();
    at_most_a_few_seconds(|| {
        for n in 0..MANY {
            let value = n.to_string();
            let argv = [b"RPUSH".as_slice(), b"l", value.as_bytes()];
            engine.execute(&mut session, &argv, &mut Reply::new()).unwrap();
        }
    });
    for (n, waiter) in waiters.iter().enumerate().step_by(999) {
        let Slot::Served { reply, .. } = engine.leave(waiter) else { panic!("{n} was left out") };
        assert_eq!(render(&reply), format!("1) \"l\"\n2) \"{n}\""));
    }
}

#[test]
fn many_waited_keys_that_arrive_together_are_each_looked_at_once() {
    let engine = Engine::new(Settings::default());
    let mut session = Session::connection(0);
    let keys: Vec<String> = (0..MANY).map(|n| format!("l{n}")).collect();
    let waiters: Vec<Arc<Waiter>> = keys
        .iter()
        .map(|key| {
            let argv = [b"BLPOP".as_slice(), key.as_bytes(), b"0"];
            engine.execute(&mut session, &argv, &mut Reply::new()).unwrap().waiter.unwrap()
        })
        .collect();
    let commands: Vec<[&[u8]; 3]> = keys.iter().map(|key| [b"RPUSH", key.as_bytes(), b"v"]).collect();
    let batch: Vec<_> = commands.iter().map(|argv| Request::new(argv)).collect();
    at_most_a_few_seconds(|| {
        engine.execute_transaction(&mut session, &batch, &mut Reply::new()).unwrap();
    });
    assert!(waiters.iter().all(|waiter| matches!(engine.leave(waiter), Slot::Served { .. })));
}

#[test]
fn a_waiter_for_another_type_is_passed_by_and_keeps_its_place() {
    let mut rig = Rig::new();
    let (ordered, list) = (rig.wait("BZPOPMIN k 0"), rig.wait("BLPOP k 0"));
    rig.run("RPUSH k a");
    assert!(rig.told(&list).is_some());
    rig.run("ZADD k 1 m");
    assert!(rig.told(&ordered).is_some());
}
