//! Every call of a save fails once.

use super::*;

/// A life with a good save, one more change, and a save with a fault in it; how many calls that had, and faults.
fn live(background: bool, fault: Option<Fault>) -> (u64, u64) {
    let rig = Rig::off();
    rig.ok("SET a 1");
    rig.ok("SAVE");
    rig.ok("SET b 1");
    let case = format!("{background} {fault:?}");
    let before = rig.faults.total();
    if let Some(fault) = fault {
        rig.faults.add(fault);
    }
    let told = if background {
        let begun = rig.call("BGSAVE").is_ok();
        rig.wait_save();
        begun && status(&rig) == "ok"
    } else {
        rig.call("SAVE").is_ok()
    };
    let (calls, injected) = (rig.faults.total() - before, rig.faults.injected());
    rig.faults.clear();
    let found = keys(&rig);
    assert!(found == 2 || (found == 1 && !told), "{case}: {found} keys, told {told}");
    assert_eq!(rig.info("rdb_changes_since_last_save"), if told { "0" } else { "1" }, "{case}");
    // The next save mends everything.
    rig.ok("SAVE");
    assert_eq!((keys(&rig), status(&rig)), (2, "ok".into()), "{case}");
    let left = temps(&rig);
    assert!(left.is_empty() || injected > 0, "{case}: {left:?}");
    let scratch = std::sync::Arc::clone(&rig.scratch);
    rig.engine.close().unwrap();
    assert_eq!(Rig::open(scratch, &[]).names(), [DUMP], "{case}");
    (calls, injected)
}

#[test]
fn every_call_may_fail_once_and_there_is_always_a_whole_dump() {
    for background in [true, false] {
        let (calls, _) = live(background, None);
        assert!(calls > 5, "{calls}");
        let mut injected = 0;
        for nth in 1..=calls {
            for (mode, errno) in [
                (Mode::Fail, libc::EIO),
                (Mode::FailAfter, libc::EIO),
                (Mode::Fail, libc::ENOSPC),
                (Mode::Fail, libc::EINTR),
            ] {
                let fault = Fault { call: None, ..Fault::on(Call::Open, errno) }.nth(nth).mode(mode);
                injected += live(background, Some(fault)).1;
            }
        }
        assert!(injected >= calls, "{injected} faults of {calls} calls");
    }
}

/// The order in which a save makes its bytes and its name durable, and the two ways to break it.
#[test]
fn a_save_syncs_the_file_before_it_has_the_name_and_the_directory_after() {
    for (control, expected) in [
        (Control::None, "write sync rename sync-dir"),
        (Control::RenameBeforeSync, "write rename sync sync-dir"),
        (Control::SkipDirSync, "write sync rename"),
    ] {
        let rig = Rig::off();
        rig.ok("SET a 1");
        rig.engine.shared.lock().saves.place.as_mut().unwrap().control = control;
        rig.faults.record(true);
        rig.ok("SAVE");
        let made = rig.faults.take_made();
        let order: Vec<&str> = made
            .iter()
            .filter_map(|made| match made.call {
                Call::Write => Some("write"),
                Call::Sync => Some("sync"),
                Call::Rename => Some("rename"),
                Call::SyncDir => Some("sync-dir"),
                _ => None,
            })
            .collect();
        assert_eq!(order.join(" "), expected);
    }
}
