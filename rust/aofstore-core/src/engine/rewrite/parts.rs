//! A rewrite of a multi-part log: the child writes a base and is told nothing.
//!
//! A sound log goes on in its next increment, from the fork on, so what is changed meanwhile is where it belongs
//! already. A log that failed cannot: what it has is not all there. It, and a log that is being switched on, get an
//! increment of their own, which the leading thread fills from the difference; only when both are complete do they
//! take the place of everything. ORDER: whatever a manifest lists is complete and has its name for certain before the
//! manifest is published; behind its rename there is only forwards.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Instant;

use super::ticket::{Summary, Ticket};
use crate::aof::manifest::Entry;
use crate::aof::names;
use crate::aof::parts::{Anew, Failed, Parts, Proof};
use crate::aof::{Control, Diff, Hold, Log, Outlet, Status};
use crate::engine::birth::{self, AtWork, Cradle};
use crate::engine::core::Shared;
use crate::engine::leader::Done;
use crate::error::RewriteCause;
use crate::fs::{Create, Dir, File, ReadFile};
use crate::rewrite::{self, Failure, FileOutput, Report, Role, Switch, Temp};

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
    cradle: Cradle,
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
        birth::go_on(ticket, Role::Rewrite)?;
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
        let cradle = Cradle::make(dir, &parts.base_name(), Role::Rewrite, &shared.events)?;
        Ok(Self { parts: Arc::clone(parts), base, snapshot, course, cradle, incremental_sync })
    }

    /// With everybody waiting.
    fn fork(self, shared: &Shared, ticket: &Ticket) -> Done<Tried> {
        let Self { parts, base, snapshot, mut course, cradle, incremental_sync } = self;
        let file = Arc::clone(cradle.file());
        let Some(fd) = file.fd() else { return Ok(Tried::Impossible) };
        // ORDER: memory is taken before the locks are.
        let output = FileOutput::new(fd, incremental_sync).under(parts.control());
        let mut core = shared.lock();
        birth::admit(&core, ticket, Role::Rewrite)?;
        let form = core.base_form(snapshot);
        let log = core.log.clone();
        let mut hold = match course.hold(log.as_ref()) {
            Ok(hold) => hold,
            Err(again) => return Ok(again),
        };
        let birth = cradle.fork(&core, output, form, None);
        // Nothing was fed since the fork: the locks are still held.
        let diff = if birth.succeeded() { course.begin(hold.as_mut())? } else { None };
        drop(hold);
        let Some(child) = birth.child(&mut core)? else { return Ok(Tried::Impossible) };
        let bytes_before = core.forked(ticket, diff, child.pid());
        let at_work = child.tell(ticket);
        Ok(Tried::Forked(Box::new(Forked { at_work, parts, base, course, bytes_before })))
    }
}

impl Course {
    /// Has the log stand still, unless it is not any more what this was prepared for.
    fn hold<'a>(&self, log: Option<&'a Arc<Log>>) -> Result<Option<Hold<'a>>, Tried> {
        let hold = log.map(|log| log.hold());
        let Self::Next { log: prepared, incr } = self else { return Ok(hold) };
        let Some(held) = hold else { return Err(Tried::Again) };
        // ORDER: nothing of the next file may outlive a part of this one.
        let Ok(held) = held.synced() else { return Err(Tried::Unsound) };
        let same = log.is_some_and(|log| Arc::ptr_eq(log, prepared));
        if !same || (incr.is_none() && !held.is_fresh()) {
            return Err(Tried::Again);
        }
        Ok(Some(held))
    }

    /// The child is there: what is fed from now on goes where it belongs. The difference, if there is to be one.
    fn begin(&mut self, hold: Option<&mut Hold<'_>>) -> Done<Option<Arc<Diff>>> {
        match (self, hold) {
            (Self::Next { incr: Some((entry, file)), .. }, Some(hold)) => {
                let gone_on = hold.go_on(entry.name.clone(), Arc::clone(file));
                gone_on.map_err(|error| Failure::new(RewriteCause::Other, error.to_string()))?;
                Ok(None)
            }
            (Self::Apart { outlet, .. }, hold) => {
                if let Some(hold) = hold {
                    hold.begin_difference(Arc::clone(outlet.diff()));
                }
                Ok(Some(Arc::clone(outlet.diff())))
            }
            _ => Ok(None),
        }
    }
}

/// A child is at work.
struct Forked {
    // First the child, which must be gone before its files are.
    at_work: AtWork,
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
        let Self { at_work: AtWork { child, temp, report: _ }, parts, base, course, bytes_before } = *self;
        let base = Base { temp: Switch::new(temp, report.bytes, parts.control())?, entry: base, parts };
        birth::go_on(ticket, Role::Rewrite)?;
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
        let watch = self.at_work.watch(&shared.events);
        let course = RefCell::new(&mut self.course);
        rewrite::wait(watch, || {
            birth::stopped(ticket, Role::Rewrite).or_else(|| {
                let mut course = course.borrow_mut();
                let Course::Apart { incr, outlet, .. } = &mut **course else { return None };
                incr.take(outlet).err().or_else(|| outlet.diff().is_spoilt().then(rewrite::no_memory))
            })
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
                if let Some(stopped) = birth::stopped(ticket, Role::Rewrite) {
                    self.undo();
                    return Err(stopped);
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
