//! The thread that leads one background rewrite: makes the files, forks, serves the child, puts its file in place.
//!
//! `leader` runs it. It takes the engine's lock only for the fork and for the switch, and ends in
//! [`Core::end_rewrite`].

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Home;
use super::schedule::Why;
use super::ticket::{Summary, Ticket};
use crate::aof::{Diff, Outlet};
use crate::engine::birth::{self, AtWork, Cradle};
use crate::engine::core::{Core, Shared};
use crate::engine::leader::{self, Done, Errand};
use crate::error::{Error, Result};
use crate::event::Events;
use crate::rewrite::{self, ChildEnds, Failure, FileOutput, ParentEnds, Peer, Report, Role, Switch, pipes};

const ERRAND: Errand = Errand { name: "aofstore-rewrite", carry_out, end: Core::end_rewrite };

impl Core {
    /// Starts the thread of a rewrite. It waits for the lock, and for the end of the rewrite before it.
    pub(super) fn launch(&mut self, why: Why) -> Result<Arc<Ticket>> {
        let shared = self.rewrites.shared.upgrade().ok_or(Error::Closed)?;
        let ticket = Ticket::new(why);
        match leader::start(ERRAND, shared, &ticket, self.rewrites.thread.take()) {
            Ok(thread) => self.rewrites.thread = Some(thread),
            // As a fork that is refused.
            Err(error) => {
                let failure = Failure::system("no thread for a rewrite", &error);
                return self.account(&ticket, Err(failure)).map(|_| ticket);
            }
        }
        self.rewrites.current = Some(Arc::clone(&ticket));
        Ok(ticket)
    }
}

fn carry_out(shared: &Shared, ticket: &Ticket) -> Done<Summary> {
    let home = shared.lock().home()?;
    if let Home::Parts(parts) = home {
        return super::parts::carry_out(shared, ticket, &parts);
    }
    let job = Job::prepare(shared, ticket)?;
    let Some(forked) = job.fork(shared, ticket)? else {
        return shared.lock().rewrite_here(ticket.began);
    };
    forked.finish(shared, ticket)
}

/// What is made before the fork, so that a failure leaves nothing behind.
struct Job {
    cradle: Cradle,
    spool: OwnedFd,
    ends: (ParentEnds, ChildEnds),
    incremental_sync: bool,
    ack_timeout: Duration,
}

impl Job {
    fn prepare(shared: &Shared, ticket: &Ticket) -> Done<Self> {
        let (home, incremental_sync, ack_timeout) = {
            let core = shared.lock();
            let ms = core.settings.int("aof-rewrite-ack-timeout").max(1) as u64;
            (core.single()?, core.settings.is_yes("aof-rewrite-incremental-fsync"), Duration::from_millis(ms))
        };
        birth::go_on(ticket, Role::Rewrite)?;
        let cradle = Cradle::make(&home.dir, &home.name, Role::Rewrite, &shared.events)?;
        let made = |what: &'static str| move |error: io::Error| Failure::system(what, &error);
        Ok(Self {
            cradle,
            spool: home.dir.spool().map_err(made("cannot make room for the difference of a rewrite"))?,
            ends: pipes::difference().map_err(made("no pipes for a rewrite"))?,
            incremental_sync,
            ack_timeout,
        })
    }

    /// With everybody waiting. None where there is no such thing as a fork.
    fn fork(self, shared: &Shared, ticket: &Ticket) -> Done<Option<Forked>> {
        let Self { cradle, spool, ends: (parent, child), incremental_sync, ack_timeout } = self;
        let file = Arc::clone(cradle.file());
        let Some(fd) = file.fd() else { return Ok(None) };
        // ORDER: memory is taken before the locks are.
        let output = FileOutput::new(fd, incremental_sync);
        let outlet = Outlet::new(Diff::new(Arc::clone(&shared.events)), Some(Arc::clone(cradle.dir())));
        let mut core = shared.lock();
        birth::admit(&core, ticket, Role::Rewrite)?;
        let snapshot = core.writes_snapshots();
        let form = core.base_form(snapshot);
        let log = core.log.clone();
        let mut hold = log.as_ref().map(|log| log.hold());
        let peer = Peer { ends: child, spool: spool.as_fd(), ack_timeout };
        let birth = cradle.fork(&core, output, form, Some(peer));
        if let (true, Some(hold)) = (birth.succeeded(), &mut hold) {
            // Nothing was fed since the fork: the locks are still held.
            hold.begin_difference(Arc::clone(outlet.diff()));
        }
        drop(hold);
        let Some(child) = birth.child(&mut core)? else { return Ok(None) };
        let bytes_before = core.forked(ticket, Some(Arc::clone(outlet.diff())), child.pid());
        Ok(Some(Forked { at_work: child.tell(ticket), parent, outlet, bytes_before }))
    }
}

/// A child is at work.
struct Forked {
    // First the child, which must be gone before its pipes are.
    at_work: AtWork,
    parent: ParentEnds,
    outlet: Outlet,
    bytes_before: u64,
}

impl Forked {
    fn finish(mut self, shared: &Shared, ticket: &Ticket) -> Done<Summary> {
        let events = &*shared.events;
        let watch = self.at_work.watch(events);
        let stop = || birth::stopped(ticket, Role::Rewrite);
        let report = rewrite::pump(watch, &self.parent, &mut self.outlet, stop)?;
        let pumped = Instant::now();
        tell(events, &report);
        let control = shared.lock().single()?.control;
        let mut switch = Switch::new(self.at_work.temp, report.bytes, control)?;
        let early = switch.approach(&mut self.outlet)?;
        let mut core = shared.lock();
        birth::go_on(ticket, Role::Rewrite)?;
        let placed = core.put_in_place(&mut switch, Some(&mut self.outlet))?;
        core.rewrites.figures.last_cow_bytes = report.cow_bytes;
        drop(core);
        ticket.leave(placed.old);
        let residue = early + placed.appended;
        events.notice(format!("{residue} bytes of the difference were appended to the new log"));
        events.verbose(format!(
            "the new log was put in place in {} microseconds",
            pumped.elapsed().as_micros()
        ));
        Ok(Summary {
            seconds: ticket.began.elapsed().as_secs_f64(),
            bytes_before: self.bytes_before,
            bytes_after: placed.size,
            keys: report.keys,
            fork_micros: self.at_work.child.micros,
            cow_bytes: report.cow_bytes,
            difference_bytes: report.diff_bytes + residue,
        })
    }
}

/// What the child may not say itself.
pub(super) fn tell(events: &Events, report: &Report) {
    let mb = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    events.notice(format!(
        "the rewrite child wrote {} keys and {:.2} MB of difference",
        report.keys,
        mb(report.diff_bytes)
    ));
    if report.cow_bytes >= 1 << 20 {
        events.notice(format!("{} MB of memory were copied for the rewrite", report.cow_bytes >> 20));
    }
}
