//! The child's failures, and the difference at every step of the conversation (T-05 to T-07).

use super::*;

#[test]
fn t06_nothing_is_doubled_and_nothing_lost_across_databases() {
    let rig = Rig::on();
    rig.call_in(3, "SELECT 3").unwrap();
    for _ in 0..100 {
        rig.call_in(3, "INCR n").unwrap();
    }
    let (handle, page) = rig.begin(at(Step::Waiting));
    for i in 0..1000 {
        rig.call_in(if i % 2 == 0 { 3 } else { 0 }, "INCR n").unwrap();
        rig.call_in(if i % 2 == 0 { 0 } else { 3 }, &format!("RPUSH l {i}")).unwrap();
        if i == 500 {
            page.resume();
        }
    }
    let done = rig.wait_for(Some(handle)).unwrap();
    assert!(done.difference_bytes > 0);
    for _ in 0..10 {
        rig.call_in(3, "INCR n").unwrap();
    }
    let copy = rig.copy();
    assert_eq!(copy.call_in(3, "GET n").unwrap(), "\"610\"");
    assert_eq!(copy.call_in(0, "GET n").unwrap(), "\"500\"");
    for db in [0, 3] {
        assert_eq!(copy.call_in(db, "LLEN l").unwrap(), "500");
        assert_eq!(copy.call_in(db, "LRANGE l 0 -1"), rig.call_in(db, "LRANGE l 0 -1"));
    }
}

#[test]
fn d14_what_is_pending_at_the_switch_is_not_appended_twice() {
    // A full disk keeps the bytes pending: they are in the difference too.
    let rig = Rig::on();
    rig.ok("SET a 1");
    let (handle, page) = rig.begin(at(Step::Agreed));
    let full = Fault { name: Some(NAME.into()), ..Fault::on(Call::Write, libc::ENOSPC).sticky() };
    rig.faults.add(full);
    assert!(rig.call("INCR n").is_err());
    assert!(rig.call("INCR n").unwrap_err().starts_with("MISCONF"));
    page.resume();
    rig.wait_for(Some(handle)).unwrap();
    rig.faults.clear();
    // W-13: the new file has everything, so the error is over.
    assert_eq!(rig.info("aof_last_write_status"), "ok");
    assert_eq!(rig.info("aof_buffer_length"), "0");
    rig.ok("INCR n");
    assert_eq!(rig.copy().ok("GET n"), "\"2\"");
}

/// The new file against the old one, which went on getting the same bytes until the switch.
#[test]
fn t07_the_new_file_is_the_dump_and_every_byte_fed_since() {
    let steps = [
        Step::Dumping,
        Step::EarlySync,
        Step::Draining,
        Step::Asking,
        Step::Waiting,
        Step::Agreed,
        Step::Synced,
        Step::Done,
    ];
    for step in steps {
        let rig = Rig::on();
        for i in 0..50 {
            rig.ok(&format!("RPUSH l before-{i}"));
        }
        rig.ok("CONFIG SET aof-rewrite-ack-timeout 60000");
        let old = rig.scratch.join("old-file");
        std::fs::hard_link(rig.scratch.join(NAME), &old).unwrap();
        let forked_at = rig.content().len();
        let (handle, page) = rig.begin(at(step));
        until(|| page.reached() == Some(step));
        let mut slowest = Duration::ZERO;
        let huge = "x".repeat(5 << 20);
        for (i, value) in ["first", &huge, "last"].iter().enumerate() {
            let began = Instant::now();
            rig.ok(&format!("RPUSH l {step:?}-{i}-{value}"));
            rig.call_in(3, &format!("RPUSH other {i}")).unwrap();
            slowest = slowest.max(began.elapsed());
        }
        page.resume();
        let done = rig.wait_for(Some(handle)).unwrap();
        let fed = std::fs::read(&old).unwrap().split_off(forked_at);
        assert_eq!(fed.len() as u64, done.difference_bytes, "{step:?}");
        let new = rig.content();
        assert!(new.ends_with(&fed), "{step:?}");
        assert!(fed.starts_with(b"*2\r\n$6\r\nSELECT"), "{step:?}: G-15");
        let dump = &new[..new.len() - fed.len()];
        assert_eq!(dump.split(|&byte| byte == b'*').count(), 3, "{step:?}: SELECT and RPUSH");
        // The child stands still all the while, and the largest value is larger than its pipe: nobody waited for it.
        assert!(slowest < Duration::from_secs(10), "{step:?}: {slowest:?}");
        assert_eq!(rig.copy().ok("LRANGE l 0 -1"), rig.ok("LRANGE l 0 -1"), "{step:?}");
    }
}

#[test]
fn t07_what_comes_after_the_answer_is_the_parents_to_append() {
    let rig = Rig::on();
    rig.ok("SET a 1");
    let (handle, page) = rig.begin(at(Step::Agreed));
    until(|| page.reached() == Some(Step::Agreed));
    let huge = "x".repeat(3 << 20);
    rig.ok(&format!("SET late {huge}"));
    assert!(rig.info("aof_rewrite_buffer_length").parse::<u64>().unwrap() > 3 << 20);
    let received = page.bytes_received();
    page.resume();
    let done = rig.wait_for(Some(handle)).unwrap();
    assert!(done.difference_bytes > received + (3 << 20));
    assert_eq!(rig.info("aof_rewrite_buffer_length"), "0");
    assert!(rig.info("aof_rewrite_buffer_memory_peak").parse::<u64>().unwrap() > 3 << 20);
    assert!(rig.events().iter().any(|text| text.contains("bytes of the difference were appended")));
}

#[track_caller]
fn failed_well(rig: &Rig, handle: RewriteHandle, cause: RewriteCause) {
    let failed = rig.wait_for(Some(handle)).unwrap_err();
    assert!(matches!(&failed, Error::Rewrite { cause: found, .. } if *found == cause), "{failed:?}");
    assert_eq!(rig.info("aof_last_bgrewrite_status"), "err");
    assert_eq!(rig.engine.persistence_error(), Some(failed));
    assert_eq!(rig.names(), [NAME]);
    rig.ok("INCR n");
    assert_eq!(rig.copy().ok("GET n"), rig.ok("GET n"));
    rig.rewrite().unwrap();
    assert_eq!(rig.info("aof_last_bgrewrite_status"), "ok");
    assert_eq!(rig.engine.persistence_error(), None);
    assert_eq!(rig.copy().ok("GET n"), rig.ok("GET n"));
}

#[test]
fn t05_a_child_that_dies_leaves_the_old_file_complete() {
    for step in [Step::Dumping, Step::Draining, Step::Waiting, Step::Agreed, Step::Synced] {
        let rig = Rig::on();
        rig.ok("INCR n");
        let (handle, page) = rig.begin(at(step));
        until(|| page.reached() == Some(step));
        for _ in 0..500 {
            rig.ok("INCR n");
        }
        let pid = rustix::process::Pid::from_raw(page.pid()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        failed_well(&rig, handle, RewriteCause::Signal(libc::SIGKILL));
    }
}

#[test]
fn t05_a_child_that_gives_up_leaves_the_old_file_complete() {
    let rig = Rig::on();
    rig.ok("INCR n");
    let (handle, _) = rig.begin(Plan { exit: Some((Step::Draining, 1)), ..Plan::default() });
    failed_well(&rig, handle, RewriteCause::Exit(1));
    let (handle, _) = rig.begin(Plan { fail: Some((Step::Dumping, libc::ENOSPC)), ..Plan::default() });
    failed_well(&rig, handle, RewriteCause::Errno(libc::ENOSPC));
    let (handle, _) = rig.begin(Plan { panic: Some(Step::Dumping), ..Plan::default() });
    failed_well(&rig, handle, RewriteCause::Exit(crate::rewrite::DEFECT));
}

#[test]
fn t05_a_file_that_somebody_removed_is_not_put_in_place() {
    let rig = Rig::on();
    rig.ok("INCR n");
    let (handle, page) = rig.begin(at(Step::Agreed));
    until(|| page.reached() == Some(Step::Agreed));
    let temp = rig.names().into_iter().find(|name| name.starts_with("temp-")).unwrap();
    std::fs::remove_file(rig.scratch.join(&temp)).unwrap();
    page.resume();
    failed_well(&rig, handle, RewriteCause::Errno(libc::ENOENT));
}

#[test]
fn a_file_that_somebody_wrote_to_is_not_put_in_place() {
    let rig = Rig::on();
    rig.ok("INCR n");
    let (handle, page) = rig.begin(at(Step::Done));
    until(|| page.reached() == Some(Step::Done));
    let temp = rig.names().into_iter().find(|name| name.starts_with("temp-")).unwrap();
    std::fs::write(rig.scratch.join(&temp), "foreign").unwrap();
    page.resume();
    failed_well(&rig, handle, RewriteCause::Other);
}

#[test]
fn y06_syncs_are_suspended_while_the_child_lives_if_so_asked() {
    let rig =
        Rig::with(&[("appendonly", "yes"), ("appendfsync", "always"), ("no-appendfsync-on-rewrite", "yes")]);
    rig.ok("SET a 1");
    let (handle, page) = rig.begin(at(Step::Dumping));
    let before = rig.faults.count(Call::Sync);
    rig.ok("SET b 2");
    assert_eq!(rig.faults.count(Call::Sync), before);
    page.resume();
    rig.wait_for(Some(handle)).unwrap();
    let before = rig.faults.count(Call::Sync);
    rig.ok("SET c 3");
    assert_eq!(rig.faults.count(Call::Sync), before + 1);
}
