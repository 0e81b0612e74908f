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
use crate::engine::core::{Core, Shared};
use crate::engine::leader::{self, Done, Errand};
use crate::error::{Error, Result, RewriteCause};
use crate::event::Events;
use crate::rewrite::{
    self, Child, ChildEnds, Failure, FileOutput, ParentEnds, Peer, Report, Role, SharedPage, Switch, Task,
    Temp, Watch, pipes,
};

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
    let stop = || ticket.is_stopped().then(|| Failure::stopped("the rewrite was stopped"));
    let job = Job::prepare(shared, ticket)?;
    let Some(forked) = job.fork(shared, ticket)? else {
        return shared.lock().rewrite_here(ticket.began);
    };
    forked.finish(shared, ticket, &shared.events, stop)
}

/// What is made before the fork, so that a failure leaves nothing behind.
struct Job {
    temp: Temp,
    spool: OwnedFd,
    ends: (ParentEnds, ChildEnds),
    report: (OwnedFd, OwnedFd),
    page: Arc<SharedPage>,
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
        if ticket.is_stopped() {
            return Err(Failure::stopped("the rewrite was stopped"));
        }
        let temp = Temp::create(&home.dir, &home.name, Role::Rewrite, &shared.events);
        let temp = temp.map_err(|error| Failure::system("cannot make the file of a rewrite", &error))?;
        let made = |what: &'static str| move |error: io::Error| Failure::system(what, &error);
        Ok(Self {
            temp,
            spool: home.dir.spool().map_err(made("cannot make room for the difference of a rewrite"))?,
            ends: pipes::difference().map_err(made("no pipes for a rewrite"))?,
            report: pipes::report().map_err(made("no pipe for a rewrite"))?,
            page: SharedPage::new().map_err(made("no memory for a rewrite"))?,
            incremental_sync,
            ack_timeout,
        })
    }

    /// With everybody waiting. None where there is no such thing as a fork.
    fn fork(self, shared: &Shared, ticket: &Ticket) -> Done<Option<Forked>> {
        let Self { temp, spool, ends: (parent, child), report: (report, told), page, .. } = self;
        let file = Arc::clone(temp.file());
        let Some(fd) = file.fd() else { return Ok(None) };
        // ORDER: memory is taken before the locks are.
        let output = FileOutput::new(fd, self.incremental_sync);
        let outlet = Outlet::new(Diff::new(Arc::clone(&shared.events)), Some(Arc::clone(temp.dir())));
        let mut core = shared.lock();
        if ticket.is_stopped() {
            return Err(Failure::stopped("the rewrite was stopped"));
        }
        if let Some(defect) = &core.defect {
            return Err(Failure::new(RewriteCause::Other, defect.clone()));
        }
        let keys = rewrite::keys(&core.space);
        let snapshot = core.writes_snapshots();
        let form = core.base_form(snapshot);
        let log = core.log.clone();
        let mut hold = log.as_ref().map(|log| log.hold());
        let start = Instant::now();
        let forked = rewrite::fork(Task {
            role: Role::Rewrite,
            space: &core.space,
            output,
            form,
            peer: Some(Peer { ends: child, spool: spool.as_fd(), ack_timeout: self.ack_timeout }),
            report: told,
            shared: &page,
        });
        let micros =
            forked.as_ref().map_or_else(|_| start.elapsed().as_micros() as u64, |child| child.micros);
        if let (Ok(_), Some(hold)) = (&forked, &mut hold) {
            // Nothing was fed since the fork: the locks are still held.
            hold.begin_difference(Arc::clone(outlet.diff()));
        }
        drop(hold);
        core.fork_took(micros);
        let child = match forked {
            Ok(child) => child,
            Err(error) if error.kind() == io::ErrorKind::Unsupported => return Ok(None),
            Err(error) => return Err(Failure::system("cannot fork a rewrite child", &error)),
        };
        let bytes_before = core.forked(ticket, Some(Arc::clone(outlet.diff())), child.pid());
        ticket.started(page, keys);
        Ok(Some(Forked { child, temp, parent, report, outlet, bytes_before }))
    }
}

/// A child is at work.
struct Forked {
    // Dropped in this order: first the child, which must be gone before its files and pipes are.
    child: Child,
    temp: Temp,
    parent: ParentEnds,
    report: OwnedFd,
    outlet: Outlet,
    bytes_before: u64,
}

impl Forked {
    fn finish(
        mut self,
        shared: &Shared,
        ticket: &Ticket,
        events: &Events,
        stop: impl Fn() -> Option<Failure>,
    ) -> Done<Summary> {
        let watch = Watch { child: &self.child, report: &self.report, events };
        let report = rewrite::pump(watch, &self.parent, &mut self.outlet, &stop)?;
        let pumped = Instant::now();
        tell(events, &report);
        let control = shared.lock().single()?.control;
        let mut switch = Switch::new(self.temp, report.bytes, control)?;
        let early = switch.approach(&mut self.outlet)?;
        let mut core = shared.lock();
        if let Some(failure) = stop() {
            return Err(failure);
        }
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
            fork_micros: self.child.micros,
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
