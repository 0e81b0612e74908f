//! What a command may promise: clocks, watches and locks seen from the engine.

use std::sync::Arc;
use std::time::Duration;

use crate::aof::Control;
use crate::command::Reply;
use crate::command::transcripts::{render, split};
use crate::engine::{Done, Engine, Request, Session, Settings};
use crate::error::Result;
use crate::fs::os::{Access, OsDir};
use crate::fs::scratch::Scratch;

fn opened(scratch: &Scratch) -> Engine {
    let engine = Engine::new(Settings::default());
    let dir = Arc::new(OsDir::open(scratch.path(), Access::Exclusive).unwrap());
    engine.start_log(dir, "log", Control::None).unwrap();
    engine
}

fn execute(engine: &Engine, session: &mut Session, line: &str) -> Result<(String, Done)> {
    let words = split(line);
    let argv: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    let mut reply = Reply::new();
    let done = engine.execute(session, &argv, &mut reply)?;
    let told = done.outcome.as_ref().map_or_else(|error| error.text().to_owned(), |()| render(&reply));
    Ok((told, done))
}

#[test]
fn a_key_that_had_expired_before_watch_and_is_set_again_has_changed() {
    let scratch = Scratch::new();
    let engine = opened(&scratch);
    let (mut own, mut other) = (Session::connection(0), Session::connection(0));
    execute(&engine, &mut own, "DEBUG SET-ACTIVE-EXPIRE 0").unwrap();
    execute(&engine, &mut own, "SET k old PXAT 1").unwrap();
    execute(&engine, &mut own, "WATCH k").unwrap();
    // Its removal alone is no change ...
    assert_eq!(execute(&engine, &mut other, "GET k").unwrap().0, "(nil)");
    execute(&engine, &mut own, "MULTI").unwrap();
    assert_eq!(execute(&engine, &mut own, "EXEC").unwrap().0, "(empty array)");
    // ... a new value is.
    for change in ["SET k theirs", "RENAME x k"] {
        for line in ["SET x theirs", "SET k old PXAT 1", "WATCH k"] {
            execute(&engine, &mut own, line).unwrap();
        }
        execute(&engine, &mut other, change).unwrap();
        for line in ["MULTI", "SET k mine"] {
            execute(&engine, &mut own, line).unwrap();
        }
        assert_eq!(execute(&engine, &mut own, "EXEC").unwrap().0, "(nil)");
        assert_eq!(execute(&engine, &mut own, "GET k").unwrap().0, "\"theirs\"");
    }
}

#[test]
fn nothing_expires_in_the_middle_of_a_transaction() {
    let scratch = Scratch::new();
    let engine = opened(&scratch);
    let mut session = Session::connection(0);
    execute(&engine, &mut session, "DEBUG SET-ACTIVE-EXPIRE 0").unwrap();
    execute(&engine, &mut session, "MULTI").unwrap();
    execute(&engine, &mut session, "SET k v PX 1").unwrap();
    for _ in 0..20_000 {
        execute(&engine, &mut session, "INCR n").unwrap();
    }
    execute(&engine, &mut session, "GET k").unwrap();
    let (told, _) = execute(&engine, &mut session, "EXEC").unwrap();
    assert!(told.ends_with("\"v\""), "{}", &told[told.len() - 40..]);
    std::thread::sleep(Duration::from_millis(5));
    assert_eq!(execute(&engine, &mut session, "GET k").unwrap().0, "(nil)");
}

#[test]
fn a_flushed_database_is_freed_behind_the_lock() {
    let scratch = Scratch::new();
    let engine = opened(&scratch);
    let mut session = Session::connection(0);
    for line in ["SET k v", "FLUSHALL"] {
        execute(&engine, &mut session, line).unwrap();
    }
    assert!(engine.shared.lock().space.take_waste().is_empty());
    let mut core = engine.shared.lock();
    let mut reply = Reply::new();
    for argv in [[b"SET".as_slice(), b"k", b"v"].as_slice(), &[b"FLUSHDB"]] {
        let done = core.guarded(|core| core.one(&mut session, argv, &mut reply)).unwrap();
        assert_eq!(done.waste.len(), usize::from(argv == [b"FLUSHDB"]));
    }
}

#[test]
fn p3_a_long_command_does_not_hold_up_the_sync() {
    let scratch = Scratch::new();
    let engine = opened(&scratch);
    let mut session = Session::connection(0);
    let log = engine.log().unwrap().unwrap();
    let wait_for_sync = || {
        let began = std::time::Instant::now();
        while log.stats().synced < log.position() && began.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(log.stats().synced, log.position());
    };
    for line in ["SET a 1", "SET b 1"] {
        let (_, done) = execute(&engine, &mut session, line).unwrap();
        done.due.unwrap().settle().unwrap();
        let busy = (line == "SET b 1").then(|| engine.shared.lock());
        wait_for_sync();
        drop(busy);
    }
}

/// A big value of every type, under keys called so, and two small ones.
fn big(engine: &Engine, session: &mut Session) {
    let numbers: Vec<String> = (0..100).map(|n| format!("{n}")).collect();
    let pairs: Vec<String> = numbers.iter().map(|n| format!("{n} {n}")).collect();
    for line in [
        "FLUSHALL".to_owned(),
        format!("RPUSH list {}", numbers.join(" ")),
        format!("SADD set {}", numbers.join(" ")),
        format!("HSET hash {}", pairs.join(" ")),
        format!("ZADD zset {}", pairs.join(" ")),
        format!("SET text {}", "x".repeat(100 << 10)),
        "SET small 1".to_owned(),
        "RPUSH few 1 2 3".to_owned(),
    ] {
        execute(engine, session, &line).unwrap();
    }
}

#[test]
fn a_big_value_is_freed_behind_the_lock() {
    let engine = Engine::new(Settings::default());
    let mut session = Session::connection(0);
    for (line, pieces) in [
        ("DEL list set hash zset text small few", 5),
        ("UNLINK zset few", 1),
        ("SET hash v", 1),
        ("SET text v", 1),
        ("SET text 5", 1),
        ("SET hash 5", 1),
        ("MSET list 1 set 2", 2),
        ("GETDEL text", 1),
        ("GETSET text v", 1),
        ("RENAME small hash", 1),
        ("COPY small zset REPLACE", 1),
        ("EXPIRE list -1", 1),
        ("PEXPIREAT text 1", 1),
        ("SUNIONSTORE hash few-not set", 1),
        ("ZUNIONSTORE zset 1 none", 1),
        ("SORT few BY nosort STORE list", 1),
        ("LTRIM list 1 0", 1),
        ("SPOP set 100", 1),
        ("FLUSHDB", 1),
        ("SET small v", 0),
        ("DEL few small", 0),
        ("LTRIM list 0 97", 0),
    ] {
        big(&engine, &mut session);
        let (told, done) = execute(&engine, &mut session, line).unwrap();
        assert!(done.outcome.is_ok(), "{line}: {told}");
        assert_eq!(done.waste.len(), pieces, "{line}");
    }
}

#[test]
fn a_big_value_that_expired_is_freed_behind_the_lock() {
    let engine = Engine::new(Settings::default());
    let mut session = Session::connection(0);
    big(&engine, &mut session);
    execute(&engine, &mut session, "DEBUG SET-ACTIVE-EXPIRE 0").unwrap();
    execute(&engine, &mut session, "PEXPIRE hash 1").unwrap();
    std::thread::sleep(Duration::from_millis(3));
    assert_eq!(execute(&engine, &mut session, "EXISTS hash").unwrap().1.waste.len(), 1);

    execute(&engine, &mut session, "PEXPIRE list 1").unwrap();
    std::thread::sleep(Duration::from_millis(3));
    let mut core = engine.shared.lock();
    core.space.expire_cycle(crate::clock::now_ms(), 1, &mut || true);
    assert_eq!(core.space.take_waste().len(), 1);
}

#[test]
fn a_pipeline_and_a_transaction_free_big_values_behind_the_lock() {
    let engine = Engine::new(Settings::default());
    let mut session = Session::connection(0);
    let lines = [[b"DEL".as_slice(), b"hash"], [b"UNLINK", b"zset"]];
    let batch: Vec<_> = lines.iter().map(|argv| Request::new(argv)).collect();
    for transaction in [true, false] {
        big(&engine, &mut session);
        let mut reply = Reply::new();
        let done = engine
            .try_execute_batch(&mut session, &batch, transaction, &mut reply)
            .unwrap()
            .unwrap()
            .unwrap();
        assert_eq!(done.waste.len(), 2);
    }
}
