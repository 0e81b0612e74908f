//! What goes wrong: theme 5, and the rules of "Decided" about full disks, torn bytes and failed syncs.

use super::tests::{Rig, errno_of};
use super::*;
use crate::aof::Control;
use crate::event::Events;
use crate::fs::fault::{Call, Fault, Mode};
use crate::fs::{Create, Dir};
use std::time::Duration;

const POLICIES: [Policy; 3] = [Policy::Always, Policy::Everysec, Policy::No];

#[test]
fn t14_a_full_disk_refuses_until_the_timer_writes_it_all() {
    for (policy, errno) in
        POLICIES.into_iter().flat_map(|p| [libc::ENOSPC, libc::EDQUOT, libc::EFBIG].map(|e| (p, e)))
    {
        let rig = Rig::new(policy);
        rig.set("a").unwrap();
        rig.plan.add(Fault::on(Call::Write, errno).sticky());
        let before = rig.log.stats().fed;
        let Err(Error::Write { errno: seen, pending_bytes, .. }) = rig.set("b") else {
            panic!("acknowledged although nothing was written");
        };
        assert_eq!((seen, pending_bytes), (errno, rig.log.position() - before));
        assert_eq!(rig.log.status(), Status::Refusing { errno });
        assert_eq!(rig.log.stats().write_status(), "err");
        rig.tick(1100);
        rig.tick(2200);
        assert_eq!(rig.log.status(), Status::Refusing { errno });
        assert_eq!(rig.plan.injected(), 3, "tried again once a second");
        rig.plan.clear();
        rig.tick(2300);
        assert_eq!(rig.log.status(), Status::Refusing { errno });
        rig.tick(3300);
        assert_eq!(rig.log.status(), Status::Sound);
        rig.set("c").unwrap();
        assert_eq!(rig.content(), Rig::expected(&["a", "b", "c"]));
        let stats = rig.log.stats();
        assert_eq!((stats.last_errno, stats.write_errors), (errno, 3));
        if policy == Policy::Always {
            assert_eq!(stats.synced, stats.fed);
        }
        let lines = rig.warnings();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[1].contains("solved"), "{lines:?}");
    }
}

#[test]
fn w03_one_line_in_more_than_thirty_seconds_but_the_errno_is_always_right() {
    let rig = Rig::new(Policy::Everysec);
    rig.plan.add(Fault::on(Call::Write, libc::ENOSPC));
    rig.set("a").unwrap_err();
    rig.plan.add(Fault::on(Call::Write, libc::EDQUOT));
    rig.tick(1100);
    assert_eq!(rig.log.status(), Status::Refusing { errno: libc::EDQUOT }, "W-02");
    assert_eq!(rig.warnings().len(), 1);
    rig.plan.add(Fault::on(Call::Write, libc::EFBIG));
    rig.tick(32_000);
    assert_eq!(rig.log.status(), Status::Refusing { errno: libc::EFBIG });
    assert_eq!(rig.warnings().len(), 1);
}

#[test]
fn t15_a_short_write_is_cut_off_and_the_batch_written_once() {
    for policy in POLICIES {
        let rig = Rig::new(policy);
        rig.set("a").unwrap();
        let before = rig.content();
        rig.plan.add(Fault::on(Call::Write, 0).short(7));
        assert_eq!(errno_of(rig.set("b")), libc::ENOSPC, "W-04");
        assert_eq!(rig.content(), before, "W-05");
        assert!(rig.warnings()[0].contains("short write, 7 of 27 bytes"));
        rig.tick(1100);
        assert_eq!(rig.content(), Rig::expected(&["a", "b"]));
        assert_eq!(rig.log.status(), Status::Sound);
    }
}

#[test]
fn t15_torn_bytes_that_stay_latch_the_log_for_good() {
    for policy in POLICIES {
        let rig = Rig::new(policy);
        rig.set("a").unwrap();
        let before = rig.content().len();
        rig.plan.add(Fault::on(Call::Write, 0).short(7));
        rig.plan.add(Fault::on(Call::SetLen, libc::EIO));
        assert_eq!(errno_of(rig.set("b")), libc::ENOSPC);
        assert_eq!(rig.log.status(), Status::Latched { errno: libc::ENOSPC });
        let stats = rig.log.stats();
        assert_eq!((rig.content().len(), stats.torn_bytes), (before + 7, 7));
        assert_eq!(stats.current_size, rig.content().len() as u64);
        rig.feed("c");
        rig.tick(1100);
        rig.tick(60_000);
        assert_eq!(errno_of(rig.log.flush(false)), libc::ENOSPC);
        assert_eq!(errno_of(rig.log.close()), libc::ENOSPC);
        assert_eq!(rig.content().len(), before + 7, "nothing is appended behind torn bytes");
        assert_eq!(rig.plan.injected(), 2);
    }
}

#[test]
fn w07_a_write_of_nothing_counts_as_short() {
    let rig = Rig::new(Policy::Everysec);
    rig.plan.add(Fault::on(Call::Write, 0).short(0));
    assert_eq!(errno_of(rig.set("a")), libc::ENOSPC);
    assert!(matches!(rig.log.status(), Status::Refusing { .. }));
    rig.tick(1100);
    assert_eq!(rig.content(), Rig::expected(&["a"]));
}

#[test]
fn w14_a_file_that_somebody_else_changed_is_not_cut() {
    let rig = Rig::new(Policy::Everysec);
    rig.set("a").unwrap();
    let mut foreign = std::fs::OpenOptions::new().append(true).open(rig.scratch.join("log")).unwrap();
    std::io::Write::write_all(&mut foreign, b"foreign").unwrap();
    let before = rig.content();
    rig.plan.add(Fault::on(Call::Write, 0).short(3));
    assert_eq!(errno_of(rig.set("b")), libc::ENOSPC);
    assert_eq!(rig.log.status(), Status::Latched { errno: libc::ENOSPC });
    assert_eq!(rig.content(), [before, b"*3\r".to_vec()].concat());
    assert!(rig.warnings()[0].contains("left as it is"));
}

#[test]
fn w14_a_length_that_cannot_be_read_is_not_trusted() {
    let rig = Rig::new(Policy::Everysec);
    rig.plan.add(Fault::on(Call::Write, 0).short(3));
    rig.plan.add(Fault::on(Call::Stat, libc::EIO));
    assert_eq!(errno_of(rig.set("a")), libc::ENOSPC);
    assert!(matches!(rig.log.status(), Status::Latched { .. }));
    assert_eq!(rig.plan.count(Call::SetLen), 0);
}

#[test]
fn w15_interrupted_calls_are_made_again() {
    for policy in POLICIES {
        let rig = Rig::new(policy);
        rig.plan.add(Fault::on(Call::Write, libc::EINTR));
        rig.plan.add(Fault::on(Call::Sync, libc::EINTR));
        rig.set("a").unwrap();
        rig.plan.add(Fault::on(Call::Write, 0).short(4).nth(1));
        rig.plan.add(Fault::on(Call::SetLen, libc::EINTR));
        rig.set("b").unwrap_err();
        rig.tick(1100);
        rig.log.flush(true).unwrap();
        assert_eq!(rig.log.status(), Status::Sound);
        assert_eq!(rig.content(), Rig::expected(&["a", "b"]));
    }
}

#[test]
fn other_write_errors_latch_at_once() {
    for (policy, errno) in
        POLICIES.into_iter().flat_map(|p| [libc::EIO, libc::EROFS, libc::ESTALE].map(|e| (p, e)))
    {
        let rig = Rig::new(policy);
        rig.set("a").unwrap();
        rig.plan.add(Fault::on(Call::Write, errno));
        assert_eq!(errno_of(rig.set("b")), errno);
        assert_eq!(rig.log.status(), Status::Latched { errno });
        let calls = rig.plan.count(Call::Write);
        assert_eq!(errno_of(rig.set("c")), errno);
        rig.tick(5000);
        assert_eq!(rig.plan.count(Call::Write), calls);
        assert_eq!(rig.content(), Rig::expected(&["a"]));
    }
}

#[test]
fn a_write_that_failed_after_its_effect_latches_instead_of_doubling() {
    let rig = Rig::new(Policy::Everysec);
    rig.set("a").unwrap();
    rig.plan.add(Fault::on(Call::Write, libc::ENOSPC).mode(Mode::FailAfter));
    assert_eq!(errno_of(rig.set("b")), libc::ENOSPC);
    assert!(matches!(rig.log.status(), Status::Latched { .. }), "the length is not what was counted");
    rig.tick(5000);
    assert_eq!(rig.content(), Rig::expected(&["a", "b"]));
}

#[test]
fn t16_a_failed_sync_under_always_is_never_retried() {
    for errno in [libc::EIO, libc::ENOSPC, libc::EDQUOT] {
        let rig = Rig::new(Policy::Always);
        rig.set("a").unwrap();
        rig.plan.add(Fault::on(Call::Sync, errno));
        assert_eq!(errno_of(rig.set("b")), errno);
        assert_eq!(rig.log.status(), Status::Latched { errno });
        let syncs = rig.plan.count(Call::Sync);
        rig.tick(5000);
        assert_eq!(errno_of(rig.log.flush(true)), errno);
        assert_eq!(errno_of(rig.set("c")), errno);
        rig.log.settle();
        assert_eq!(errno_of(rig.log.close()), errno);
        rig.log.close().unwrap();
        assert_eq!(rig.plan.count(Call::Sync), syncs);
    }
}

#[test]
fn y11_a_failed_background_sync_latches_and_a_later_success_changes_nothing() {
    let rig = Rig::new(Policy::Everysec);
    rig.set("a").unwrap();
    rig.plan.add(Fault::on(Call::Sync, libc::EIO));
    rig.tick(0);
    rig.quiet();
    assert_eq!(rig.log.status(), Status::Latched { errno: libc::EIO });
    assert_eq!(rig.log.stats().synced, 0);
    rig.tick(2000);
    rig.tick(4000);
    rig.quiet();
    assert_eq!(errno_of(rig.set("b")), libc::EIO);
    assert_eq!(errno_of(rig.log.flush(true)), libc::EIO);
    assert_eq!(rig.plan.count(Call::Sync), 1);
    let Err(Error::Write { pending_bytes, .. }) = rig.log.close() else { panic!("closed well") };
    assert_eq!(pending_bytes, rig.log.position(), "nothing was ever synced");
    assert_eq!(rig.warnings().len(), 1);
}

#[test]
fn a_flush_behind_a_failing_background_sync_fails_too() {
    let rig = Rig::new(Policy::Everysec);
    rig.set("a").unwrap();
    rig.plan.add(Fault { delay_ms: 50, ..Fault::on(Call::Sync, libc::EIO) });
    rig.tick(0);
    rig.set("b").unwrap();
    // The system would tell a second fdatasync nothing of the first one's loss, so there must be none.
    assert_eq!(errno_of(rig.log.flush(true)), libc::EIO);
    assert_eq!(rig.plan.count(Call::Sync), 1);
}

#[test]
fn a_failure_reaches_every_waiter() {
    let rig = Rig::new(Policy::Always);
    rig.plan.add(Fault { delay_ms: 30, ..Fault::on(Call::Sync, libc::EIO) });
    std::thread::scope(|scope| {
        let rig = &rig;
        let threads: Vec<_> = (0..8).map(|i| scope.spawn(move || rig.set(&i.to_string()))).collect();
        for thread in threads {
            assert_eq!(errno_of(thread.join().unwrap()), libc::EIO);
        }
    });
    assert_eq!(rig.plan.count(Call::Sync), 1);
}

#[test]
fn a_full_disk_fails_the_waiters_and_keeps_their_bytes_in_order() {
    let rig = Rig::new(Policy::Always);
    rig.plan.add(Fault { delay_ms: 30, ..Fault::on(Call::Write, libc::ENOSPC) });
    std::thread::scope(|scope| {
        let rig = &rig;
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(move || rig.set("k"))).collect();
        for thread in threads {
            assert_eq!(errno_of(thread.join().unwrap()), libc::ENOSPC);
        }
    });
    rig.tick(1100);
    assert_eq!(rig.log.status(), Status::Sound);
    assert_eq!(rig.content(), Rig::expected(&["k"; 8]));
    assert_eq!(rig.log.stats().synced, rig.log.stats().fed);
}

#[test]
fn w13_a_complete_new_file_ends_every_error() {
    for fault in [Fault::on(Call::Write, libc::ENOSPC), Fault::on(Call::Write, libc::EIO)] {
        let rig = Rig::new(Policy::Everysec);
        rig.plan.add(fault);
        rig.set("a").unwrap_err();
        let file = rig.dir.open_append("new", Create::Missing).unwrap();
        let mut hold = rig.log.hold();
        hold.install(super::super::Install { name: "new".into(), file, size: 0, before: 0, base_size: 0 })
            .unwrap();
        hold.covered();
        drop(hold);
        assert_eq!(rig.log.status(), Status::Sound);
        rig.set("b").unwrap();
        assert_eq!(std::fs::read(rig.scratch.join("new")).unwrap(), Rig::expected(&["b"]));
        assert_eq!(rig.content(), b"");
    }
}

#[test]
fn close_reports_what_a_full_disk_kept_from_it() {
    let rig = Rig::new(Policy::Everysec);
    rig.plan.add(Fault::on(Call::Write, libc::ENOSPC).sticky());
    rig.set("a").unwrap_err();
    assert_eq!(errno_of(rig.log.close()), libc::ENOSPC);
    rig.log.close().unwrap();
}

#[test]
fn a_removed_file_latches_the_log() {
    let rig = Rig::new(Policy::Everysec);
    rig.set("a").unwrap();
    rig.dir.unlink("log").unwrap();
    rig.tick(1100);
    assert_eq!(rig.log.status(), Status::Latched { errno: libc::ENOENT });
}

#[test]
fn open_failures_name_the_file() {
    let rig = Rig::new(Policy::Everysec);
    for call in [Call::Open, Call::Stat, Call::SyncDir] {
        rig.plan.add(Fault::on(call, libc::EMFILE));
        let opened = Log::open(Arc::clone(&rig.dir) as _, "other", Settings::default(), Events::new(4));
        let Some(Error::Open { errno, message, path }) = opened.err() else { panic!("opened") };
        assert_eq!((errno, path), (libc::EMFILE, rig.scratch.join("other")));
        assert!(message.contains("other"), "{message}");
    }
}

#[test]
fn the_threads_of_the_log_end_with_it() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let rig = Rig::new(Policy::Everysec);
    let worker = Arc::downgrade(&rig.log.shared);
    rig.log.close().unwrap();
    let Rig { log, .. } = rig;
    drop(log);
    assert_eq!(worker.strong_count(), 0, "a thread still holds the log");
}

/// Every control must be seen by the kind of check that crash tests make; else those tests prove nothing.
#[test]
fn broken_rules_show() {
    let rig = Rig::new(Policy::Always);
    rig.log.set_control(Control::AckBeforeSync);
    rig.set("a").unwrap();
    assert_eq!(rig.plan.count(Call::Sync), 0);

    let rig = Rig::new(Policy::Everysec);
    rig.log.set_control(Control::AckBeforeWrite);
    rig.set("a").unwrap();
    assert_eq!(rig.content(), b"");

    let rig = Rig::new(Policy::Always);
    rig.log.set_control(Control::RetryAfterFsyncError);
    rig.plan.add(Fault::on(Call::Sync, libc::EIO));
    rig.set("a").unwrap();

    let rig = Rig::new(Policy::Everysec);
    rig.log.set_control(Control::IgnoreShortWrite);
    rig.plan.add(Fault::on(Call::Write, 0).short(3));
    rig.set("a").unwrap();
    assert_eq!(rig.content(), b"*2\r");

    let rig = Rig::new(Policy::Everysec);
    rig.log.set_control(Control::SkipCutOff);
    rig.plan.add(Fault::on(Call::Write, 0).short(3));
    rig.set("a").unwrap_err();
    rig.tick(1100);
    assert_eq!(rig.content(), [b"*2\r".to_vec(), Rig::expected(&["a"])].concat());

    let rig = Rig::with(Settings { control: Control::SkipDirSync, ..Settings::default() });
    assert_eq!(rig.plan.count(Call::SyncDir), 0);
    assert_eq!(Control::from_name("ack_before_sync"), Some(Control::AckBeforeSync));
}

#[test]
fn the_real_limits_of_a_process_are_a_full_disk() {
    // /dev/full is no regular file and a size limit is for the whole process, so this uses a child.
    if std::env::var_os("AOFSTORE_FSIZE_CHILD").is_none() {
        let name = "aof::log::error_tests::the_real_limits_of_a_process_are_a_full_disk";
        let test = std::env::current_exe().unwrap();
        let limited = format!("trap '' XFSZ; ulimit -f 8; exec '{}' --exact {name}", test.display());
        let run =
            std::process::Command::new("sh").args(["-c", &limited]).env("AOFSTORE_FSIZE_CHILD", "1").output();
        let run = run.unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
        return;
    }
    let rig = Rig::new(Policy::Everysec);
    let value = "x".repeat(3000);
    let results: Vec<_> = (0..4).map(|_| rig.set(&value)).collect();
    let refused = results.iter().position(Result::is_err).unwrap();
    assert_eq!(rig.content(), Rig::expected(&vec![value.as_str(); refused]));
    assert!(matches!(rig.log.status(), Status::Refusing { .. }));
    rig.tick(1100);
    assert_eq!(rig.log.status(), Status::Refusing { errno: libc::ENOSPC });
    std::thread::sleep(Duration::from_millis(1));
    assert_eq!(rig.content(), Rig::expected(&vec![value.as_str(); refused]));
}
