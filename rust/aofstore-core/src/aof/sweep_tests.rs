//! Every call of a short life of a log fails once, in every way: whatever was acknowledged must be there.
//!
//! The account of the plan says what the file holds and how much of it is durable, by the pessimist's rule: after
//! a failed sync nothing becomes durable any more, whatever later syncs say. The same sweep must turn red for
//! every broken rule.

use super::tests::Rig;
use super::*;
use crate::aof::Control;
use crate::event::Events;
use crate::fs::fault::{Call, Fault, FaultDir, Made, Mode, Plan};
use crate::fs::os::{Access, OsDir};
use crate::fs::scratch::Scratch;
use std::time::Duration;

/// One life: what was acknowledged, and the stream that was fed.
struct Life {
    acknowledged: Vec<(u64, Policy)>,
    fed: Vec<u8>,
    file: Vec<u8>,
    /// (bytes in the file, bytes durable) at the time of each acknowledgement.
    safe: Vec<(u64, u64)>,
    closed_well: bool,
    injected: u64,
    calls: u64,
}

/// Length of the file and what of it a power cut would leave.
#[derive(Default)]
struct Account {
    length: u64,
    durable: u64,
    lost_trust: bool,
}

impl Account {
    fn add(&mut self, made: &Made) {
        match (made.call, made.result) {
            (Call::Write, Ok(written)) => self.length += written,
            (Call::SetLen, Ok(_)) => self.length = made.bytes,
            (Call::Sync, Ok(_)) if !self.lost_trust => self.durable = self.length,
            (Call::Sync, Err(errno)) if errno != libc::EINTR => self.lost_trust = true,
            _ => {}
        }
    }
}

fn live(policy: Policy, control: Control, fault: Option<Fault>) -> Option<Life> {
    let scratch = Scratch::new();
    let plan = Plan::new();
    plan.record(true);
    if let Some(fault) = fault {
        plan.add(fault);
    }
    let dir = Arc::new(OsDir::open(scratch.path(), Access::Exclusive).unwrap());
    let dir = FaultDir::new(dir, Arc::clone(&plan));
    let settings = Settings { policy, control, ..Settings::default() };
    let log = Log::open(dir, "log", settings, Events::new(64)).ok()?;
    let begin = Instant::now();
    let mut account = Account::default();
    let mut life = Life {
        acknowledged: Vec::new(),
        fed: Vec::new(),
        file: Vec::new(),
        safe: Vec::new(),
        closed_well: false,
        injected: 0,
        calls: 0,
    };
    for i in 0..6_u64 {
        // As the engine does: no writes while the log is not sound.
        if log.status() == Status::Sound {
            let key = format!("key:{i}");
            let end = log.feed(|feed| feed.command(0, ["SET", &key, "value"]));
            if life.fed.is_empty() {
                crate::resp::encode::select(&mut life.fed, 0);
            }
            crate::resp::encode::command(&mut life.fed, ["SET", &key, "value"]);
            let fine = log.finish(end).is_ok();
            plan.take_made().iter().for_each(|made| account.add(made));
            if fine {
                life.acknowledged.push((end, policy));
                life.safe.push((account.length, account.durable));
            }
        }
        log.timer(begin + Duration::from_millis(1100 * (i + 1)));
        Rig::wait_until(|| log.stats().pending_bio_fsync == 0);
    }
    let flushed = log.flush(true).is_ok();
    life.closed_well = log.close().is_ok() && flushed;
    plan.take_made().iter().for_each(|made| account.add(made));
    if life.closed_well {
        life.acknowledged.push((life.fed.len() as u64, Policy::Always));
        life.safe.push((account.length, account.durable));
    }
    (life.injected, life.calls) = (plan.injected(), plan.total());
    life.file = std::fs::read(scratch.join("log")).unwrap();
    Some(life)
}

/// What is wrong with a life, if anything.
fn verdict(life: &Life) -> Option<String> {
    for ((end, policy), (length, durable)) in life.acknowledged.iter().zip(&life.safe) {
        let safe = if *policy == Policy::Always { durable } else { length };
        if safe < end {
            return Some(format!("{end} acknowledged with {safe} safe"));
        }
    }
    let last = life.acknowledged.iter().map(|(end, _)| *end).max().unwrap_or(0) as usize;
    let common = life.file.iter().zip(&life.fed).take_while(|(a, b)| a == b).count();
    if common < last {
        return Some(format!("{last} acknowledged, the file agrees for {common}"));
    }
    // Beyond what agrees there may be nothing: neither foreign bytes nor a record behind a torn one.
    if common < life.file.len() {
        return Some(format!("{} bytes that were never fed", life.file.len() - common));
    }
    None
}

fn faults(nth: u64) -> Vec<Fault> {
    let any = |errno| Fault { call: None, nth, ..Fault::on(Call::Write, errno) };
    let mut faults: Vec<Fault> =
        [libc::EIO, libc::ENOSPC, libc::EDQUOT, libc::EROFS, libc::EINTR].map(any).into();
    faults.extend([libc::EIO, libc::ENOSPC].map(|errno| any(errno).sticky()));
    faults.extend([libc::EIO, libc::ENOSPC].map(|errno| any(errno).mode(Mode::FailAfter)));
    faults.extend([0, 1, 7, 30].map(|len| Fault { nth, ..Fault::on(Call::Write, 0) }.short(len)));
    faults.push(any(libc::EIO).mode(Mode::FailAfter).sticky());
    faults
}

/// Runs everything, or up to so many complaints; returns them and the number of faults that really happened.
fn sweep(control: Control, enough: usize) -> (Vec<String>, u64) {
    let (mut complaints, mut injected) = (Vec::new(), 0);
    for policy in [Policy::Always, Policy::Everysec, Policy::No] {
        let calls = live(policy, control, None).unwrap().calls;
        for fault in (1..=calls).flat_map(faults) {
            if complaints.len() >= enough {
                return (complaints, injected);
            }
            let Some(life) = live(policy, control, Some(fault.clone())) else { continue };
            injected += life.injected;
            if let Some(why) = verdict(&life) {
                complaints.push(format!("{policy:?} {fault:?}: {why}"));
            }
        }
    }
    (complaints, injected)
}

#[test]
fn every_call_may_fail_and_nothing_acknowledged_is_lost() {
    let (complaints, injected) = sweep(Control::None, usize::MAX);
    assert!(complaints.is_empty(), "{} complaints, first: {}", complaints.len(), complaints[0]);
    assert!(injected > 500, "only {injected} faults happened");
}

#[test]
fn the_sweep_sees_every_broken_rule() {
    use Control::{AckBeforeSync, AckBeforeWrite, IgnoreShortWrite, RetryAfterFsyncError, SkipCutOff};
    for control in [AckBeforeSync, AckBeforeWrite, IgnoreShortWrite, RetryAfterFsyncError, SkipCutOff] {
        let (complaints, _) = sweep(control, 1);
        assert!(!complaints.is_empty(), "{control:?} went unnoticed");
    }
}
