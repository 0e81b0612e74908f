//! A rewrite of a multi-part log: the child writes a base and is told nothing.
//!
//! A sound log goes on in its next increment, from the fork on, so what is changed meanwhile is where it belongs
//! already. A log that failed cannot: what it has is not all there. It, and a log that is being switched on, get an
//! increment of their own, which the leading thread fills from the difference; only when both are complete do they
//! take the place of everything. ORDER: whatever a manifest lists is complete and has its name for certain before the
//! manifest is published; behind its rename there is only forwards.

use std::cell::RefCell;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;

use super::ticket::{Summary, Ticket};
use crate::aof::manifest::Entry;
use crate::aof::names;
use crate::aof::parts::{Anew, Failed, Parts, Proof};
use crate::aof::{Control, Diff, Log, Outlet, Status};
use crate::engine::core::Shared;
use crate::engine::leader::Done;
use crate::error::RewriteCause;
use crate::fs::{Create, Dir, File, ReadFile};
use crate::rewrite::{
    self, Child, Failure, FileOutput, Report, Role, SharedPage, Switch, Task, Temp, Watch, pipes,
};

impl From<Failed> for Failure {
    fn from(failed: Failed) -> Self {
        Self::system(&failed.what, &failed.error)
    }
}

/// How the log gets over to what the child writes.
enum Course {
    /// The log is off: a base is all there will be.
    Alone,
    /// It goes on in this increment; None: in the file it has, which is empty.
    Next { log: Arc<Log>, incr: Option<(Entry, Arc<dyn File>)> },
    /// It gets an increment of its own.
    Apart { entry: Entry, incr: Switch, outlet: Outlet },
}

pub(super) fn carry_out(shared: &Shared, ticket: &Ticket, parts: &Arc<Parts>) -> Done<Summary> {
    let mut apart = false;
    // Between the look at the log and the fork it may fail, or be written to for the first time.
    for _ in 0..MOST_TRIES {
        match Job::prepare(shared, ticket, parts, apart)?.fork(shared, ticket)? {
            Tried::Forked(forked) => return forked.finish(shared, ticket),
            Tried::Impossible => return shared.lock().rewrite_here(ticket.began),
            Tried::Again => {}
            Tried::Unsound => apart = true,
        }
    }
    Err(Failure::new(RewriteCause::Other, "the log did not stand still for a rewrite"))
}

const MOST_TRIES: u32 = 10;

/// What is made before the fork, so that a failure leaves nothing behind.
struct Job {
    parts: Arc<Parts>,
    base: Entry,
    /// What the name of the base says of it.
    snapshot: bool,
    course: Course,
    temp: Temp,
    report: (OwnedFd, OwnedFd),
    page: Arc<SharedPage>,
    incremental_sync: bool,
}

/// What came of a fork.
enum Tried {
    Forked(Box<Forked>),
    /// There is no such thing here.
    Impossible,
    Again,
    Unsound,
}

impl Job {
    fn prepare(shared: &Shared, ticket: &Ticket, parts: &Arc<Parts>, apart: bool) -> Done<Self> {
        let (log, waiting, incremental_sync, snapshot) = {
            let core = shared.lock();
            let sync = core.settings.is_yes("aof-rewrite-incremental-fsync");
            (core.log.clone(), core.rewrites.waiting, sync, core.writes_snapshots())
        };
        if ticket.is_stopped() {
            return Err(stopped());
        }
        let form = names::Form::of(snapshot);
        let (base, course) = match log.filter(|log| !apart && log.status() == Status::Sound) {
            // With nobody waiting: what is left for the moment of the fork is little.
            Some(log) if log.flush(parts.control() != Control::SkipOldSync).is_ok() => {
                let next = parts.begin_next(form, &log.name(), log.is_fresh())?;
                (next.base, Course::Next { log, incr: next.incr })
            }
            log => {
                let on = log.is_some() || waiting || shared.lock().log.is_some();
                let Anew { base, incr } = parts.begin_anew(form, on)?;
                let course = match incr {
                    None => Course::Alone,
                    Some(entry) => {
                        let incr = new_incr(parts, &shared.events)?;
                        let spool = parts.dir().map(Arc::clone);
                        let outlet = Outlet::new(Diff::new(Arc::clone(&shared.events)), spool);
                        Course::Apart { entry, incr, outlet }
                    }
                };
                (base, course)
            }
        };
        let dir = parts.make_dir()?;
        let temp = Temp::create(dir, &parts.base_name(), Role::Rewrite, &shared.events);
        let temp = temp.map_err(|error| Failure::system("cannot make the file of a rewrite", &error))?;
        let report = pipes::report().map_err(|error| Failure::system("no pipe for a rewrite", &error))?;
        let page = SharedPage::new().map_err(|error| Failure::system("no memory for a rewrite", &error))?;
        Ok(Self { parts: Arc::clone(parts), base, snapshot, course, temp, report, page, incremental_sync })
    }

    /// With everybody waiting.
    fn fork(self, shared: &Shared, ticket: &Ticket) -> Done<Tried> {
        let Self { parts, base, snapshot, mut course, temp, report: (report, told), page, incremental_sync } =
            self;
        let file = Arc::clone(temp.file());
        let Some(fd) = file.fd() else { return Ok(Tried::Impossible) };
        // ORDER: memory is taken before the locks are.
        let output = FileOutput::new(fd, incremental_sync).under(parts.control());
        let mut core = shared.lock();
        if ticket.is_stopped() {
            return Err(stopped());
        }
        if let Some(defect) = &core.defect {
            return Err(Failure::new(RewriteCause::Other, defect.clone()));
        }
        let keys = rewrite::keys(&core.space);
        let form = core.base_form(snapshot);
        let log = core.log.clone();
        let mut hold = log.as_ref().map(|log| log.hold());
        if let Course::Next { log: prepared, incr } = &course {
            let Some(held) = hold.take() else { return Ok(Tried::Again) };
            // ORDER: nothing of the next file may outlive a part of this one.
            let Ok(held) = held.synced() else { return Ok(Tried::Unsound) };
            let same = log.as_ref().is_some_and(|log| Arc::ptr_eq(log, prepared));
            if !same || (incr.is_none() && !held.is_fresh()) {
                return Ok(Tried::Again);
            }
            hold = Some(held);
        }
        let start = Instant::now();
        let forked = rewrite::fork(Task {
            role: Role::Rewrite,
            space: &core.space,
            output,
            form,
            peer: None,
            report: told,
            shared: &page,
        });
        let micros =
            forked.as_ref().map_or_else(|_| start.elapsed().as_micros() as u64, |child| child.micros);
        // Nothing was fed since the fork: the locks are still held.
        let mut diff = None;
        if forked.is_ok() {
            match (&mut course, &mut hold) {
                (Course::Next { incr: Some((entry, file)), .. }, Some(hold)) => {
                    let gone_on = hold.go_on(entry.name.clone(), Arc::clone(file));
                    gone_on.map_err(|error| Failure::new(RewriteCause::Other, error.to_string()))?;
                }
                (Course::Apart { outlet, .. }, hold) => {
                    if let Some(hold) = hold {
                        hold.begin_difference(Arc::clone(outlet.diff()));
                    }
                    diff = Some(Arc::clone(outlet.diff()));
                }
                _ => {}
            }
        }
        drop(hold);
        core.fork_took(micros);
        let child = match forked {
            Ok(child) => child,
            Err(error) if error.kind() == std::io::ErrorKind::Unsupported => return Ok(Tried::Impossible),
            Err(error) => return Err(Failure::system("cannot fork a rewrite child", &error)),
        };
        let bytes_before = core.forked(ticket, diff, child.pid());
        ticket.started(page, keys);
        Ok(Tried::Forked(Box::new(Forked { child, temp, report, parts, base, course, bytes_before })))
    }
}

/// A child is at work.
struct Forked {
    // Dropped in this order: first the child, which must be gone before its files and pipes are.
    child: Child,
    temp: Temp,
    report: OwnedFd,
    parts: Arc<Parts>,
    base: Entry,
    course: Course,
    bytes_before: u64,
}

impl Forked {
    fn finish(mut self: Box<Self>, shared: &Shared, ticket: &Ticket) -> Done<Summary> {
        let report = self.wait(shared, ticket)?;
        let waited = Instant::now();
        super::job::tell(&shared.events, &report);
        let Self { child, temp, report: _, parts, base, course, bytes_before } = *self;
        let base = Base { temp: Switch::new(temp, report.bytes, parts.control())?, entry: base, parts };
        if ticket.is_stopped() {
            return Err(stopped());
        }
        let (size, difference) = base.become_log(shared, course, ticket)?;
        shared.lock().rewrites.figures.last_cow_bytes = report.cow_bytes;
        let micros = waited.elapsed().as_micros();
        shared.events.verbose(format!("the new log was put in place in {micros} microseconds"));
        Ok(Summary {
            seconds: ticket.began.elapsed().as_secs_f64(),
            bytes_before,
            bytes_after: size,
            keys: report.keys,
            fork_micros: child.micros,
            cow_bytes: report.cow_bytes,
            difference_bytes: difference,
        })
    }

    /// Until the child is gone, moving what is changed meanwhile into the increment that is for it.
    fn wait(&mut self, shared: &Shared, ticket: &Ticket) -> Done<Report> {
        let watch = Watch { child: &self.child, report: &self.report, events: &shared.events };
        let course = RefCell::new(&mut self.course);
        rewrite::wait(watch, || {
            if ticket.is_stopped() {
                return Some(stopped());
            }
            let mut course = course.borrow_mut();
            let Course::Apart { incr, outlet, .. } = &mut **course else { return None };
            incr.take(outlet).err().or_else(|| outlet.diff().is_spoilt().then(rewrite::no_memory))
        })
    }
}

/// A base that is complete and has no name yet.
pub(super) struct Base {
    pub temp: Switch,
    pub entry: Entry,
    pub parts: Arc<Parts>,
}

impl Base {
    /// Length of the log then, and of what came from a difference.
    fn become_log(mut self, shared: &Shared, course: Course, ticket: &Ticket) -> Done<(u64, u64)> {
        let parts = Arc::clone(&self.parts);
        let (proof, size, difference) = match course {
            Course::Alone => {
                let size = self.place()?;
                let anew = Anew { base: self.entry.clone(), incr: None };
                let proof = self.published(parts.finish_anew(anew, crate::clock::now_ms()))?;
                (proof, size, 0)
            }
            Course::Next { log, incr } => {
                let first = incr.map_or_else(|| log.name(), |(entry, _)| entry.name);
                let (proof, base) = self.follow(&first)?;
                let size = log.rebase(base);
                if let Proof::Unproven(errno) = proof {
                    log.hold().unproven(errno, &cannot_sync(errno));
                }
                (proof, size, size - base)
            }
            Course::Apart { entry, mut incr, mut outlet } => {
                incr.approach(&mut outlet)?;
                let size = self.place()?;
                let mut core = shared.lock();
                if ticket.is_stopped() {
                    self.undo();
                    return Err(stopped());
                }
                let done = core.go_over(&self, size, entry, &mut incr, Some(&mut outlet))?;
                (done.0, size + done.1, done.1)
            }
        };
        let keep = shared.lock().settings.is_yes("aof-disable-auto-gc");
        ticket.leave(collect(&parts, proof, keep));
        Ok((size, difference))
    }

    /// The base takes the place of what was before the increment `first`; its length.
    fn follow(&mut self, first: &str) -> Done<(Proof, u64)> {
        let parts = Arc::clone(&self.parts);
        let size = self.place()?;
        let proof = self.published(parts.finish_next(self.entry.clone(), first))?;
        if parts.control() == Control::ManifestBeforeBase {
            // Too late: that is what this control is for.
            let synced = self.temp.temp().file().sync_data();
            synced.map_err(|error| Failure::system("cannot sync the base", &error))?;
        }
        Ok((proof, size))
    }

    /// Gives it its name, for certain; its length.
    pub(super) fn place(&mut self) -> Done<u64> {
        let placed = self.temp.place(&self.entry.name, None, None, false)?;
        match placed.unproven {
            None => Ok(placed.size),
            Some(errno) => {
                self.undo();
                Err(Failure::new(RewriteCause::Errno(errno), cannot_sync(errno)))
            }
        }
    }

    pub(super) fn published<T>(&self, outcome: Result<T, Failed>) -> Done<T> {
        outcome.map_err(|failed| {
            self.undo();
            failed.into()
        })
    }

    /// No manifest lists it as data: what is in the way of the next is removed, or at the next open.
    pub(super) fn undo(&self) {
        if let Some(dir) = self.parts.dir() {
            let _ = dir.unlink(&self.entry.name);
        }
    }
}

/// The history goes, if it is certain that it is history; its bytes with what is returned.
pub(super) fn collect(parts: &Parts, proof: Proof, keep: bool) -> Vec<Box<dyn ReadFile>> {
    let certain = proof == Proof::Certain || parts.control() == Control::DeleteUnproven;
    if certain && !keep { parts.collect() } else { Vec::new() }
}

/// The empty increment of a log that cannot go on in the one it has, under a name that nobody loads.
pub(super) fn new_incr(parts: &Parts, events: &Arc<crate::event::Events>) -> Done<Switch> {
    let dir: &Arc<dyn Dir> = parts.make_dir()?;
    let name = parts.names().temp_incr();
    let failed = |error: &std::io::Error| Failure::system(&format!("cannot make {name}"), error);
    if dir.size(&name).map_err(|error| failed(&error))?.is_some() {
        // Of a store that died; nobody else is here.
        dir.unlink(&name).map_err(|error| failed(&error))?;
    }
    let made = dir.open_append(&name, Create::New { mode: 0o600 });
    let file = made.map_err(|error| {
        let _ = dir.unlink(&name);
        failed(&error)
    })?;
    Switch::new(Temp::adopt(dir, name, file, events), 0, parts.control())
}

pub(super) fn cannot_sync(errno: i32) -> String {
    let why = std::io::Error::from_raw_os_error(errno);
    format!("the directory of the log cannot be synced: {why}")
}

fn stopped() -> Failure {
    Failure::stopped("the rewrite was stopped")
}
