//! Every call of a rewrite and its switch fails once; and healing (D-21, W-13, "Decided").

use super::*;
use crate::aof::Status;
use crate::fs::fault::Mode;

fn status(rig: &Rig) -> Status {
    rig.engine.shared.lock().log.as_ref().unwrap().status()
}

fn latched(rig: &Rig) -> bool {
    matches!(status(rig), Status::Latched { .. })
}

/// One life with a rewrite in it; how many calls there were, and how many faults.
fn live(background: bool, policy: &str, fault: Option<Fault>) -> (u64, u64) {
    let rig = Rig::with(&[("appendonly", "yes"), ("appendfsync", policy)]);
    let mut told = 0;
    let mut call = |line: &str| told += u64::from(rig.call(line).is_ok());
    for _ in 0..10 {
        call("INCR n");
    }
    let before = rig.faults.total();
    let case = format!("{background} {policy} {fault:?}");
    if let Some(fault) = fault {
        rig.faults.add(fault);
    }
    let outcome = if background {
        let plan = at(Step::Agreed);
        SharedPage::set_default(Some(plan));
        let begun = rig.engine.begin_rewrite();
        SharedPage::set_default(None);
        begun.and_then(|begun| {
            let Begun::Started(handle) = begun else { panic!("scheduled") };
            let page = SharedPage::latest().unwrap();
            until(|| page.reached() == Some(Step::Agreed));
            call("INCR n");
            page.resume();
            rig.wait_for(Some(handle))
        })
    } else {
        call("INCR n");
        rig.engine.rewrite_now()
    };
    call("INCR n");
    let (calls, injected) = (rig.faults.total() - before, rig.faults.injected());
    rig.faults.clear();
    if let Ok(done) = &outcome {
        assert!(done.bytes_after > 0);
    }
    // What was acknowledged is there, whatever it was that failed; what was not may be there too.
    let least = told;
    let found = |rig: &Rig| rig.copy().ok("GET n").trim_matches('"').parse::<u64>().unwrap();
    let now = found(&rig);
    assert!(now >= least && now <= 12, "{case}: {now} of {least}");
    // No leftovers but what could not be removed, and the next rewrite mends everything.
    rig.rewrite().unwrap_or_else(|error| panic!("{case}: {error}"));
    assert_eq!(status(&rig), Status::Sound, "{case}");
    rig.ok("SET end 1");
    let memory = rig.ok("GET n");
    assert_eq!(rig.copy().ok("GET n"), memory, "{case}");
    rig.engine.close().unwrap();
    assert_eq!(rig.copy().names(), [NAME], "{case}");
    (calls, injected)
}

#[test]
fn d21_every_call_may_fail_once() {
    for (background, policy) in [(true, "everysec"), (false, "always")] {
        let (calls, _) = live(background, policy, None);
        assert!(calls > 8, "{calls}");
        let mut injected = 0;
        for nth in 1..=calls {
            for mode in [Mode::Fail, Mode::FailAfter] {
                for errno in [libc::EIO, libc::ENOSPC, libc::EINTR] {
                    if errno != libc::EIO && mode == Mode::FailAfter {
                        continue;
                    }
                    let fault = Fault { call: None, ..Fault::on(Call::Open, errno) }.nth(nth).mode(mode);
                    injected += live(background, policy, Some(fault)).1;
                }
            }
        }
        assert!(injected >= calls, "{injected} faults of {calls} calls");
    }
}

#[test]
fn a_rename_that_fails_after_its_effect_goes_forward() {
    let rig = Rig::on();
    rig.ok("SET a 1");
    rig.faults.add(Fault::on(Call::Rename, libc::EIO).mode(Mode::FailAfter));
    rig.rewrite().unwrap();
    rig.ok("SET b 2");
    assert_eq!(rig.copy().ok("EXISTS a b"), "2");
}

#[test]
fn a_directory_that_cannot_be_synced_after_the_rename_latches_and_is_healed() {
    let rig = Rig::on();
    rig.ok("SET a 1");
    let old = rig.content();
    rig.faults.add(Fault::on(Call::SyncDir, libc::EIO));
    rig.rewrite().unwrap();
    assert!(rig.content() != old || old.len() == rig.content().len(), "the new file has the name");
    assert_eq!(status(&rig), Status::Latched { errno: libc::EIO });
    assert!(rig.call("SET b 2").unwrap_err().starts_with("MISCONF"));
    assert_eq!(rig.ok("GET a"), "\"1\"");
    assert_eq!(rig.copy().ok("GET a"), "\"1\"");
    until(|| !latched(&rig));
    rig.ok("SET b 2");
    assert_eq!(rig.copy().ok("EXISTS a b"), "2");
}

#[test]
fn a_latched_log_heals_by_itself_with_pauses_and_says_so() {
    let rig = Rig::on();
    rig.ok("SET a 1");
    rig.faults.add(Fault::on(Call::Write, libc::EIO));
    assert!(rig.call("SET b 2").is_err());
    assert!(latched(&rig));
    // The first attempt fails.
    rig.faults.add(Fault::on(Call::Rename, libc::EIO));
    let began = Instant::now();
    assert!(rig.call("SET c 3").unwrap_err().starts_with("MISCONF"));
    until(|| rig.info("aof_last_bgrewrite_status") == "err");
    assert!(began.elapsed() > Duration::from_millis(2800), "{:?}", began.elapsed());
    assert!(latched(&rig));
    assert_eq!(rig.info("aof_rewrites_consecutive_failures"), "1");
    until(|| !latched(&rig));
    assert!(began.elapsed() > Duration::from_millis(3700), "{:?}", began.elapsed());
    rig.ok("SET d 4");
    assert_eq!(rig.info("aof_latched"), "0");
    // What was not acknowledged was in memory, and memory is the truth.
    assert_eq!(rig.copy().ok("EXISTS a b d"), "3");
    let events = rig.events().join("\n");
    assert!(events.contains("replace a log that cannot be trusted"), "{events}");
    assert!(events.contains("ended the write error"), "{events}");
}

#[test]
fn t16_a_rewrite_by_hand_heals_at_once() {
    for background in [true, false] {
        let rig = Rig::with(&[("appendonly", "yes"), ("appendfsync", "always")]);
        rig.ok("SET a 1");
        rig.faults.add(Fault::on(Call::Sync, libc::EIO));
        assert!(rig.call("SET b 2").is_err());
        assert!(rig.call("SET c 3").unwrap_err().starts_with("MISCONF"));
        if background { rig.rewrite() } else { rig.engine.rewrite_now() }.unwrap();
        rig.ok("SET d 4");
        assert_eq!(rig.copy().ok("EXISTS a b d"), "3");
    }
}

#[test]
fn w13_a_rewrite_ends_the_refusal_of_a_full_disk_too() {
    let rig = Rig::on();
    rig.ok("SET a 1");
    let full = Fault { name: Some(NAME.into()), ..Fault::on(Call::Write, libc::ENOSPC).sticky() };
    rig.faults.add(full);
    assert!(rig.call("SET b 2").is_err());
    rig.engine.rewrite_now().unwrap();
    rig.faults.clear();
    rig.ok("SET c 3");
    assert_eq!(rig.copy().ok("EXISTS a b c"), "3");
}

#[test]
fn an_old_file_that_cannot_be_kept_is_not_replaced() {
    let rig = Rig::off();
    std::fs::write(rig.scratch.join(NAME), "precious").unwrap();
    rig.ok("SET a 1");
    rig.faults.add(Fault::on(Call::Link, libc::EPERM));
    let told = rig.engine.rewrite_now().unwrap_err();
    assert!(matches!(told, Error::Rewrite { cause: RewriteCause::Errno(libc::EPERM), .. }), "{told:?}");
    assert_eq!((rig.content(), rig.names()), (b"precious".to_vec(), vec![NAME.to_owned()]));
    rig.faults.add(Fault::on(Call::Rename, libc::EIO));
    assert!(rig.engine.rewrite_now().is_err());
    assert_eq!((rig.content(), rig.names()), (b"precious".to_vec(), vec![NAME.to_owned()]));
}
