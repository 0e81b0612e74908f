//! The end of a store: closed under work, or broken by a defect.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::command::Reply;
use crate::engine::{Done, Session, Settings, Slot};
use crate::fs::os::{Access, OsDir};
use crate::fs::scratch::Scratch;

fn call(engine: &Engine, argv: &[&[u8]]) -> Result<Done> {
    let mut reply = Reply::new();
    let done = engine.execute(&mut Session::view(0), argv, &mut reply)?;
    if let Some(due) = &done.due {
        due.settle()?;
    }
    Ok(done)
}

fn opened(scratch: &Scratch) -> Engine {
    let engine = Engine::new(Settings::default());
    let dir = Arc::new(OsDir::open(scratch.path(), Access::Exclusive).unwrap());
    engine.start_log(dir, "log", aof::Control::None).unwrap();
    engine
}

#[test]
fn every_call_that_was_answered_while_the_store_closed_is_in_the_log() {
    for round in 0..30 {
        let scratch = Scratch::new();
        let engine = opened(&scratch);
        let told: u64 = std::thread::scope(|scope| {
            let hammer = || {
                let mut told = 0;
                while call(&engine, &[b"INCR", b"n"]).is_ok() {
                    told += 1;
                }
                told
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(hammer)).collect();
            std::thread::sleep(Duration::from_micros(200 * round));
            engine.close().unwrap();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        let log = std::fs::read_to_string(scratch.join("log")).unwrap();
        assert_eq!(log.matches("INCR").count() as u64, told);
    }
}

#[test]
fn a_defect_wakes_who_waits_and_who_was_about_to_be_served() {
    let engine = Engine::new(Settings::default());
    let waits = |list: &[u8]| call(&engine, &[b"BLPOP", list, b"0"]).unwrap().waiter.unwrap();
    let (waiting, served) = (waits(b"a"), waits(b"b"));
    let broken = engine.shared.lock().guarded(|core| -> Result<()> {
        core.gathered.begin();
        let (mut reply, argv) = (Reply::new(), [b"RPUSH".as_slice(), b"b", b"x"]);
        let spec = crate::command::lookup(b"RPUSH").unwrap();
        core.call(0, spec, &argv, &mut reply, None).unwrap();
        core.serve_waiters();
        panic!("between the pop and its record")
    });
    assert!(matches!(broken, Err(Error::Internal(_))));
    for waiter in [waiting, served] {
        assert!(!waiter.sleep(Duration::from_secs(10)));
        assert!(matches!(engine.leave(&waiter), Slot::Closed));
    }
    assert!(matches!(engine.refusal(), Error::Internal(_)));
    assert!(matches!(call(&engine, &[b"PING"]), Err(Error::Internal(_))));
    engine.close().unwrap();
    assert!(matches!(call(&engine, &[b"PING"]), Err(Error::Closed)));
}

#[test]
fn keys_that_expire_unasked_reach_the_file() {
    let scratch = Scratch::new();
    let engine = opened(&scratch);
    call(&engine, &[b"SET", b"k", b"v", b"PX", b"1"]).unwrap();
    let log = || std::fs::read_to_string(scratch.join("log")).unwrap();
    for _ in 0..100 {
        std::thread::sleep(Duration::from_millis(50));
        if log().contains("DEL") {
            return;
        }
    }
    panic!("no DEL in {}", log());
}
