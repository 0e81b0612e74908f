//! The log switched on and off while the store is open (theme 1, T-09, T-20, T-21).

use super::*;
use crate::command::testing::shown;
use crate::engine::Slot;
use crate::engine::rewrite::{Ticket, Why};

fn kept(rig: &Rig) -> Option<String> {
    rig.names().into_iter().find(|name| name.starts_with("appendonly.aof.old-"))
}

#[test]
fn t09_with_the_log_off_a_rewrite_is_a_dump_of_the_moment_of_the_fork() {
    let rig = Rig::off();
    rig.ok("SET a 1");
    rig.call_in(7, "SET b 2").unwrap();
    let (handle, page) = rig.begin(at(Step::Dumping));
    rig.ok("SET late 1");
    page.resume();
    let done = rig.wait_for(Some(handle)).unwrap();
    assert_eq!((done.keys, done.difference_bytes), (2, 0));
    rig.ok("SET later 1");
    assert_eq!(rig.names(), [NAME]);
    let copy = rig.copy();
    assert_eq!((copy.ok("GET a"), copy.ok("EXISTS late later")), ("\"1\"".into(), "0".into()));
    assert_eq!(copy.call_in(7, "GET b").unwrap(), "\"2\"");
    drop(copy);
    // Once more over its own file: nothing to keep of that.
    rig.engine.rewrite_now().unwrap();
    assert_eq!(rig.names(), [NAME]);
    assert_eq!(rig.copy().ok("EXISTS late later"), "2");
    assert_eq!(rig.info("aof_enabled"), "0");
}

#[test]
fn t09_s16_switching_on_kills_the_dump_and_begins_anew() {
    let rig = Rig::off();
    rig.ok("SET a 1");
    let (dump, page) = rig.begin(at(Step::Dumping));
    rig.ok("SET late 1");
    rig.ok("CONFIG SET appendonly yes");
    let stopped = rig.wait_for(Some(dump)).unwrap_err();
    assert!(
        matches!(stopped, Error::Rewrite { cause: RewriteCause::Signal(libc::SIGKILL), .. }),
        "{stopped:?}"
    );
    assert!(page.pid() > 0);
    assert_eq!(rig.info("aof_last_bgrewrite_status"), "ok", "S-05: a deliberate end is no error");
    assert_eq!(rig.engine.persistence_error(), None);
    rig.wait().unwrap();
    assert_eq!((rig.info("aof_enabled"), rig.info("aof_waits_for_rewrite")), ("1".into(), "0".into()));
    rig.ok("SET last 1");
    assert_eq!(rig.copy().ok("EXISTS a late last"), "3");
}

#[test]
fn t21_s18_s20_no_file_is_touched_before_the_new_one_is_whole() {
    let rig = Rig::off();
    let old = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$3\r\nold\r\n$1\r\n1\r\n";
    std::fs::write(rig.scratch.join(NAME), old).unwrap();
    rig.ok("SET a 1");
    SharedPage::set_default(Some(at(Step::Waiting)));
    assert_eq!(rig.ok("CONFIG SET appendonly yes"), "OK");
    SharedPage::set_default(None);
    rig.ok("SET b 2");
    assert_eq!((rig.info("aof_enabled"), rig.info("aof_waits_for_rewrite")), ("1".into(), "1".into()));
    assert_eq!(rig.ok("CONFIG GET appendonly"), "{\"appendonly\": \"yes\"}");
    assert_eq!(rig.content(), old);
    assert_eq!(rig.copy().ok("EXISTS old a b"), "1");
    let page = SharedPage::latest().unwrap();
    page.resume();
    rig.wait().unwrap();
    rig.ok("SET c 3");
    let copy = rig.copy();
    assert_eq!((copy.ok("EXISTS old"), copy.ok("EXISTS a b c")), ("0".into(), "3".into()));
    let kept = kept(&rig).unwrap();
    assert_eq!(std::fs::read(rig.scratch.join(&kept)).unwrap(), old);
    // It was loaded from or written by this store: no copy the next time.
    rig.ok("CONFIG SET appendonly no");
    rig.ok("CONFIG SET appendonly yes");
    rig.wait().unwrap();
    assert_eq!(rig.names(), [NAME.to_owned(), kept]);
}

#[test]
fn p23_in_wait_rewrite_everything_is_in_the_difference() {
    let rig = Rig::off();
    rig.ok("SET n 0");
    SharedPage::set_default(Some(at(Step::Agreed)));
    rig.ok("CONFIG SET appendonly yes");
    SharedPage::set_default(None);
    let page = SharedPage::latest().unwrap();
    for _ in 0..100 {
        rig.ok("INCR n");
    }
    until(|| page.reached() == Some(Step::Agreed));
    for _ in 0..100 {
        rig.ok("INCR n");
        rig.call_in(5, "INCR m").unwrap();
    }
    page.resume();
    rig.wait().unwrap();
    rig.ok("INCR n");
    let copy = rig.copy();
    assert_eq!(copy.ok("GET n"), "\"201\"");
    assert_eq!(copy.call_in(5, "GET m").unwrap(), "\"100\"");
}

#[test]
fn s15_a_start_that_cannot_begin_stays_off() {
    let rig = Rig::off();
    rig.ok("SET a 1");
    SharedPage::set_default(Some(Plan { refuse: Some(libc::EAGAIN), ..Plan::default() }));
    let refused = rig.call("CONFIG SET appendonly yes").unwrap_err();
    SharedPage::set_default(None);
    assert!(refused.contains("cannot fork"), "{refused}");
    assert_eq!(rig.ok("CONFIG GET appendonly"), "{\"appendonly\": \"no\"}");
    assert_eq!((rig.info("aof_enabled"), rig.info("aof_rewrite_scheduled")), ("0".into(), "0".into()));
    assert!(rig.names().is_empty());
    rig.ok("CONFIG SET appendonly yes");
    rig.wait().unwrap();
    assert_eq!(rig.copy().ok("GET a"), "\"1\"");
}

#[test]
fn s19_d22_a_failed_start_is_tried_again() {
    let rig = Rig::off();
    rig.ok("SET a 1");
    SharedPage::set_default(Some(Plan { exit: Some((Step::Waiting, 1)), ..Plan::default() }));
    rig.ok("CONFIG SET appendonly yes");
    SharedPage::set_default(None);
    assert!(rig.wait().is_err());
    assert_eq!(
        (rig.info("aof_waits_for_rewrite"), rig.info("aof_rewrite_scheduled")),
        ("1".into(), "1".into())
    );
    assert!(matches!(
        rig.engine.persistence_error(),
        Some(Error::Rewrite { cause: RewriteCause::Exit(1), .. })
    ));
    rig.ok("SET b 2");
    let began = Instant::now();
    until(|| rig.info("aof_waits_for_rewrite") == "0");
    assert!(began.elapsed() > Duration::from_millis(600), "after about a second");
    // The log is on a moment before the rewrite is over.
    until(|| rig.engine.persistence_error().is_none());
    rig.ok("SET c 3");
    assert_eq!(rig.copy().ok("EXISTS a b c"), "3");
}

#[test]
fn s17_behind_another_child_the_start_is_scheduled() {
    let rig = Rig::off();
    let page = rig.begin_save(at(Step::Dumping));
    rig.ok("CONFIG SET appendonly yes");
    rig.ok("SET a 1");
    assert_eq!(
        (rig.info("aof_waits_for_rewrite"), rig.info("aof_rewrite_scheduled")),
        ("1".into(), "1".into())
    );
    page.resume();
    until(|| rig.info("aof_waits_for_rewrite") == "0");
    assert_eq!(rig.copy().ok("GET a"), "\"1\"");
}

#[test]
fn t20_stopping_ends_the_rewrite_and_saves_the_log() {
    let rig = Rig::on();
    rig.ok("SET a 1");
    let (handle, page) = rig.begin(at(Step::Draining));
    rig.ok("SET b 2");
    rig.ok("CONFIG SET appendonly no");
    // When the call is back the child is gone (S-04).
    assert_eq!(rig.info("aof_rewrite_in_progress"), "0");
    let pid = rustix::process::Pid::from_raw(page.pid()).unwrap();
    assert_eq!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH));
    assert!(rig.wait_for(Some(handle)).is_err());
    assert_eq!((rig.info("aof_enabled"), rig.info("aof_last_bgrewrite_status")), ("0".into(), "ok".into()));
    assert_eq!(rig.names(), [NAME]);
    rig.ok("SET c 3");
    assert_eq!(rig.copy().ok("EXISTS a b c"), "2");
}

#[test]
fn t20_stopping_leaves_a_save_alone() {
    let rig = Rig::on();
    rig.ok("SET a 1");
    let page = rig.begin_save(at(Step::Dumping));
    rig.ok("CONFIG SET appendonly no");
    assert_eq!((rig.info("aof_enabled"), rig.info("rdb_bgsave_in_progress")), ("0".into(), "1".into()));
    page.resume();
    rig.wait_save();
    assert_eq!(rig.info("rdb_last_bgsave_status"), "ok");
    assert_eq!(rig.names(), [NAME, "dump.rdb"]);
}

#[test]
fn s09_stopping_forgets_what_was_scheduled() {
    let rig = Rig::on();
    let page = rig.begin_save(at(Step::Dumping));
    rig.ok("BGREWRITEAOF");
    rig.ok("CONFIG SET appendonly no");
    page.resume();
    rig.wait_save();
    std::thread::sleep(Duration::from_millis(250));
    assert_eq!((rig.info("aof_rewrite_scheduled"), rig.info("aof_rewrites")), ("0".into(), "0".into()));
}

#[test]
fn s01_s10_a_stop_that_cannot_save_says_so_and_leaves_a_store_in_memory() {
    let rig = Rig::on();
    rig.ok("SET a 1");
    rig.faults.add(Fault::on(Call::Write, libc::ENOSPC).sticky());
    assert!(rig.call("SET b 2").is_err());
    let told = rig.call("CONFIG SET appendonly no").unwrap_err();
    assert!(told.contains("not safely on disk"), "{told}");
    rig.faults.clear();
    rig.ok("SET c 3");
    assert_eq!((rig.info("aof_enabled"), rig.info("aof_last_write_status")), ("0".into(), "ok".into()));
    rig.ok("CONFIG SET appendonly yes");
    rig.wait().unwrap();
    assert_eq!(rig.copy().ok("EXISTS a b c"), "3");
}

#[test]
fn s24_the_same_value_again_does_nothing() {
    let rig = Rig::on();
    rig.ok("CONFIG SET appendonly yes");
    assert_eq!(rig.info("aof_rewrites"), "0");
    rig.ok("CONFIG SET appendonly no");
    rig.ok("CONFIG SET appendonly no");
    rig.ok("CONFIG SET appendonly yes appendfsync always");
    rig.ok("CONFIG SET appendonly yes");
    rig.wait().unwrap();
    assert_eq!(rig.info("aof_rewrites"), "1");
    assert_eq!(rig.ok("CONFIG GET appendfsync"), "{\"appendfsync\": \"always\"}");
    let before = rig.faults.count(Call::Sync);
    rig.ok("SET a 1");
    assert_eq!(rig.faults.count(Call::Sync), before + 1);
}

#[test]
fn s23_closing_while_the_log_is_being_switched_on_writes_it() {
    let rig = Rig::off();
    rig.ok("SET a 1");
    SharedPage::set_default(Some(at(Step::Dumping)));
    rig.ok("CONFIG SET appendonly yes");
    SharedPage::set_default(None);
    rig.ok("SET b 2");
    rig.engine.close().unwrap();
    assert_eq!(rig.names(), [NAME]);
    assert_eq!(rig.copy().ok("EXISTS a b"), "2");
}

#[test]
fn s23_closing_says_if_it_could_not() {
    let rig = Rig::off();
    rig.ok("SET a 1");
    let _page = rig.begin_save(at(Step::Dumping));
    rig.ok("CONFIG SET appendonly yes");
    rig.faults.add(Fault::on(Call::Rename, libc::EIO));
    let told = rig.engine.close().unwrap_err();
    assert!(matches!(told, Error::Rewrite { cause: RewriteCause::Errno(libc::EIO), .. }), "{told:?}");
    assert!(rig.names().is_empty());
}

#[test]
fn many_turns_on_and_off_lose_nothing() {
    let rig = Rig::off();
    let mut n = 0;
    for round in 0..20 {
        rig.ok("CONFIG SET appendonly yes");
        for _ in 0..5 {
            rig.ok("INCR n");
            n += 1;
        }
        if round % 3 == 0 {
            // Perhaps over already.
            drop(rig.wait());
        }
        rig.ok("INCR n");
        n += 1;
        if round < 19 {
            rig.ok("CONFIG SET appendonly no");
        }
    }
    rig.engine.close().unwrap();
    assert_eq!(rig.names(), [NAME]);
    assert_eq!(rig.copy().ok("GET n"), format!("\"{n}\""));
}

#[test]
fn who_wants_it_safe_while_the_log_is_being_switched_on_waits_for_the_log() {
    let rig = Rig::off();
    SharedPage::set_default(Some(at(Step::Waiting)));
    rig.ok("CONFIG SET appendonly yes");
    SharedPage::set_default(None);
    rig.ok("SET a 1");
    let mut flush = rig.engine.begin_flush(true).unwrap().unwrap();
    assert!(!flush.step(Duration::from_millis(10)).unwrap());
    let mut reply = Reply::new();
    let argv: [&[u8]; 4] = [b"WAITAOF", b"1", b"0", b"0"];
    let waiter = rig.engine.execute(&mut Session::view(0), &argv, &mut reply).unwrap().waiter.unwrap();
    assert!(waiter.sleep(Duration::from_millis(20)));
    SharedPage::latest().unwrap().resume();
    while !flush.step(Duration::from_millis(50)).unwrap() {}
    while waiter.sleep(Duration::from_millis(50)) {}
    let Slot::Served { reply, .. } = rig.engine.leave(&waiter) else { panic!("not served") };
    assert_eq!(shown(&reply), "[1, 0]");
    assert_eq!(rig.copy().ok("GET a"), "\"1\"");
}

#[test]
fn a_flush_that_cannot_have_its_log_says_so_and_presses_for_it() {
    let rig = Rig::off();
    let failing = Plan { exit: Some((Step::Dumping, 1)), ..Plan::default() };
    SharedPage::set_default(Some(failing));
    rig.ok("CONFIG SET appendonly yes");
    assert!(rig.wait().is_err());
    assert!(rig.engine.flush(true).is_err(), "a second attempt, at once");
    SharedPage::set_default(None);
    rig.engine.flush(true).unwrap();
    assert_eq!(rig.info("aof_waits_for_rewrite"), "0");
}

#[test]
fn what_was_kept_before_stays() {
    let rig = Rig::off();
    std::fs::write(rig.scratch.join(NAME), "new").unwrap();
    let now = crate::clock::now_ms();
    let older: Vec<String> = (now..now + 3000).map(|ms| format!("{NAME}.old-{ms}")).collect();
    for name in &older {
        std::fs::write(rig.scratch.join(name), "older").unwrap();
    }
    rig.engine.rewrite_now().unwrap();
    let read = |name: &String| std::fs::read_to_string(rig.scratch.join(name)).unwrap();
    assert!(older.iter().all(|name| read(name) == "older"));
    let fresh: Vec<String> =
        rig.names().into_iter().filter(|name| name.contains(".old-") && !older.contains(name)).collect();
    assert_eq!(fresh.iter().map(read).collect::<Vec<_>>(), ["new"]);
}

#[test]
fn who_waits_for_a_child_that_the_end_of_the_store_forestalls_is_told_of_that_end() {
    let stopped = Error::RewriteInProgress;
    for (close, told) in [(true, Error::Closed), (false, stopped.clone())] {
        let ticket = Ticket::new(Why::Asked);
        if close {
            ticket.close();
        } else {
            ticket.stop();
        }
        ticket.ended(Err(stopped.clone()));
        assert_eq!(ticket.wait_started(), Err(told));
    }
}
