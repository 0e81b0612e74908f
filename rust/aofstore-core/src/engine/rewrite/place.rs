//! Under the engine's lock: a finished file becomes the log, a rewrite without a child, and the end of any rewrite.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::parts::{Base, cannot_sync, collect, new_incr};
use super::schedule::Why;
use super::ticket::{Summary, Ticket};
use super::{Home, Single};
use crate::aof::manifest::Entry;
use crate::aof::names;
use crate::aof::parts::{Anew, Parts, Proof};
use crate::aof::{Control, Diff, Hold, Install, LatencyKind, Log, Outlet};
use crate::clock;
use crate::engine::core::Core;
use crate::engine::latency::{event, whole_ms};
use crate::engine::leader::Done;
use crate::error::{Error, Result, RewriteCause, shown};
use crate::event::Events;
use crate::fs::Dir;
use crate::rewrite::{Failure, Form, Head, Placed, Role, Switch, Temp, dump};

impl Core {
    pub(super) fn home(&self) -> Done<Home> {
        let why = self.placeless("a store in memory has no directory for a log");
        self.rewrites.home.clone().ok_or_else(|| Failure::new(RewriteCause::Other, why))
    }

    /// What a rewritten file begins with.
    pub(super) fn head(&self) -> Head {
        // A part of a log says by its name that it is a base.
        let says_base = self.settings.get("aof-layout") == Some("single-file");
        Head { second: self.second(), says_base }
    }

    /// Whether a rewritten log begins with a snapshot.
    pub(super) fn writes_snapshots(&self) -> bool {
        self.settings.is_yes("aof-use-rdb-preamble")
    }

    /// How a base is written. To be made with everybody waiting, since it says what moment it is of.
    pub(super) fn base_form(&mut self, snapshot: bool) -> Form {
        if snapshot { self.snapshot_form(true) } else { Form::Resp(self.head()) }
    }

    /// The layout does not change while a store is open.
    pub(super) fn single(&self) -> Done<Single> {
        match self.home()? {
            Home::Single(single) => Ok(single),
            Home::Parts(_) => Err(Failure::new(RewriteCause::Other, "a defect: the log has several files")),
        }
    }

    pub(super) fn events(&self) -> Arc<Events> {
        Arc::clone(&self.events)
    }

    /// The child lives (G-14); the length of the log now.
    pub(super) fn forked(&mut self, ticket: &Ticket, diff: Option<Arc<Diff>>, pid: i32) -> u64 {
        let rewrites = &mut self.rewrites;
        rewrites.schedule.started();
        rewrites.child_alive = true;
        rewrites.diff = diff;
        rewrites.figures.rewrites += 1;
        rewrites.figures.forks += 1;
        self.children_changed();
        let why = if ticket.why == Why::Start { " to switch the log on" } else { "" };
        self.events.notice(format!("background append only file rewriting started by pid {pid}{why}"));
        self.length_before()
    }

    /// Of the log that a rewrite takes the place of: with the log off, of what is there of an earlier one.
    fn length_before(&self) -> u64 {
        match (&self.log, self.home()) {
            (Some(log), _) => log.sizes().0,
            (None, Ok(Home::Single(single))) => single.dir.size(&single.name).ok().flatten().unwrap_or(0),
            (None, Ok(Home::Parts(parts))) => parts.length(),
            (None, Err(_)) => 0,
        }
    }

    pub(in crate::engine) fn fork_took(&mut self, micros: u64) {
        self.rewrites.figures.last_fork_micros = micros;
        self.latency.sample(event::FORK, micros / 1000);
    }

    /// A whole rewrite in this thread; everybody else waits.
    pub(super) fn rewrite_here(&mut self, began: Instant) -> Done<Summary> {
        let bytes_before = self.length_before();
        let (keys, bytes_after) = match self.home()? {
            Home::Single(single) => {
                let (keys, mut switch) = self.dump(&single.dir, &single.name, single.control)?;
                let placed = self.put_in_place(&mut switch, None)?;
                self.remains.leave(placed.old);
                (keys, placed.size)
            }
            Home::Parts(parts) => self.begin_anew(&parts)?,
        };
        let seconds = began.elapsed().as_secs_f64();
        Ok(Summary { seconds, bytes_before, bytes_after, keys, ..Summary::default() })
    }

    /// The keyspace in a file of its own, with the mode of `like`; how many keys it has.
    fn dump(&mut self, dir: &Arc<dyn Dir>, like: &str, control: Control) -> Done<(u64, Switch)> {
        let planned = Temp::plan(&**dir, like, Role::Rewrite);
        let (name, mode) = planned.map_err(|error| Failure::system("cannot look at the log", &error))?;
        let place =
            dump::Place { dir: &**dir, name: &name, mode, role: Role::Rewrite, control: Control::None };
        let incremental_sync = self.settings.is_yes("aof-rewrite-incremental-fsync");
        let form = self.base_form(self.writes_snapshots());
        let dumped = self.dump_here(place, form, incremental_sync)?;
        let temp = Temp::adopt(dir, name, dumped.file, &self.events);
        self.rewrites.schedule.started();
        self.rewrites.figures.rewrites += 1;
        Ok((dumped.keys, Switch::new(temp, dumped.bytes, control)?))
    }

    /// Keys in the new base, and length of the log.
    fn begin_anew(&mut self, parts: &Arc<Parts>) -> Done<(u64, u64)> {
        let on = self.log.is_some() || self.rewrites.waiting;
        let Anew { base, incr } = parts.begin_anew(names::Form::of(self.writes_snapshots()), on)?;
        let dir = Arc::clone(parts.make_dir()?);
        let (keys, temp) = self.dump(&dir, &parts.base_name(), parts.control())?;
        let mut base = Base { temp, entry: base, parts: Arc::clone(parts) };
        let new = incr.is_some().then(|| new_incr(parts, &self.events)).transpose()?;
        let size = base.place()?;
        let proof = if let (Some(entry), Some(mut new)) = (incr, new) {
            self.go_over(&base, size, entry, &mut new, None)?.0
        } else {
            let anew = Anew { base: base.entry.clone(), incr: None };
            base.published(parts.finish_anew(anew, clock::now_ms()))?
        };
        self.remains.leave(collect(parts, proof, self.settings.is_yes("aof-disable-auto-gc")));
        Ok((keys, size))
    }

    /// Base and increment take the place of all the log has; both are complete but for `rest`. Whether that is certain,
    /// and the length of the increment.
    pub(super) fn go_over(
        &mut self,
        base: &Base,
        base_size: u64,
        entry: Entry,
        incr: &mut Switch,
        rest: Option<&mut Outlet>,
    ) -> Done<(Proof, u64)> {
        let parts = &base.parts;
        let undone = |failure| {
            base.undo();
            failure
        };
        let dir = parts.make_dir()?;
        let log = self.log_to_be(dir, &entry.name, parts.control(), incr).map_err(undone)?;
        let mut hold = log.as_ref().map(|log| log.hold());
        let placed = incr.place(&entry.name, rest, None, false).map_err(undone)?;
        let name = entry.name.clone();
        let published = if let Some(errno) = placed.unproven {
            Err(Failure::new(RewriteCause::Errno(errno), cannot_sync(errno)))
        } else {
            let anew = Anew { base: base.entry.clone(), incr: Some(entry) };
            parts.finish_anew(anew, clock::now_ms()).map_err(Failure::from)
        };
        let proof = published.map_err(|failure| {
            let _ = dir.unlink(&name);
            undone(failure)
        })?;
        if let Some(hold) = &mut hold {
            let (file, size) = (Arc::clone(incr.temp().file()), placed.size);
            let install = Install { name, file, size, before: base_size, base_size: base_size + size };
            let unproven = match proof {
                Proof::Certain => None,
                Proof::Unproven(errno) => Some(errno),
            };
            install_in(hold, install, unproven)?;
        }
        drop(hold);
        self.switched(log);
        self.sample(&placed);
        Ok((proof, placed.size))
    }

    /// Makes a finished file the log, or only gives it the log's name if that is off.
    pub(super) fn put_in_place(&mut self, switch: &mut Switch, rest: Option<&mut Outlet>) -> Done<Placed> {
        let home = self.single()?;
        let nameless = self.log.as_ref().is_some_and(|log| log.is_nameless());
        let ours = self.rewrites.ours && !nameless;
        let keep = (!ours).then(clock::now_ms);
        let log = self.log_to_be(&home.dir, &home.name, home.control, switch)?;
        let mut hold = log.as_ref().map(|log| log.hold());
        let placed = switch.place(&home.name, rest, keep, self.log.is_none())?;
        self.rewrites.ours = true;
        if let Some(hold) = &mut hold {
            let (file, size) = (Arc::clone(switch.temp().file()), placed.size);
            let install = Install { name: home.name.clone(), file, size, before: 0, base_size: size };
            install_in(hold, install, placed.unproven)?;
        }
        drop(hold);
        self.switched(log);
        self.sample(&placed);
        Ok(placed)
    }

    /// The log that was being switched on is on.
    fn switched(&mut self, log: Option<Arc<Log>>) {
        if self.rewrites.waiting {
            self.rewrites.waiting = false;
            self.log = log;
            // The child that wrote it is gone; another may live.
            self.rewrites.child_alive = false;
            self.children_changed();
        }
    }

    fn sample(&mut self, placed: &Placed) {
        self.latency.sample(event::AOF_REWRITE_DIFF_WRITE, whole_ms(placed.append_took));
        self.latency.sample(LatencyKind::Fstat.name(), whole_ms(placed.stat_took));
        self.latency.sample(event::AOF_RENAME, whole_ms(placed.rename_took));
    }

    /// The log that is to take the file over: the one there is, a new one if it is being switched on, or none.
    /// ORDER: made before the rename, since it needs a thread, which can be refused.
    fn log_to_be(
        &self,
        dir: &Arc<dyn Dir>,
        name: &str,
        control: Control,
        switch: &Switch,
    ) -> Done<Option<Arc<Log>>> {
        if !self.rewrites.waiting {
            return Ok(self.log.clone());
        }
        let (dir, file) = (Arc::clone(dir), Arc::clone(switch.temp().file()));
        let log = Log::adopt(dir, name, file, self.log_settings(control), self.events());
        log.map(Some).map_err(|error| Failure::new(RewriteCause::Other, error.to_string()))
    }

    /// The one way out of every rewrite, whatever came of it (D-19).
    pub(super) fn end_rewrite(&mut self, ticket: &Ticket, outcome: Done<Summary>) {
        self.rewrites.child_alive = false;
        if let Some(diff) = self.rewrites.diff.take() {
            self.rewrites.figures.most_in_memory = diff.most();
        }
        if let Some(log) = &self.log {
            log.end_difference();
        }
        self.children_changed();
        let outcome = self.account(ticket, outcome);
        if self.rewrites.current.as_deref().is_some_and(|current| std::ptr::eq(current, ticket)) {
            self.rewrites.last = self.rewrites.current.take();
            self.rewrites.untold = true;
        }
        ticket.ended(outcome);
    }

    /// Figures, log records, and what is to be tried again.
    pub(super) fn account(&mut self, ticket: &Ticket, outcome: Done<Summary>) -> Result<Summary> {
        let deliberate = matches!(&outcome, Err(failure) if failure.deliberate);
        if !deliberate {
            self.rewrites.figures.last_seconds = Some(ticket.began.elapsed().as_secs());
        }
        match outcome {
            Ok(summary) => {
                self.rewrites.failure = None;
                self.rewrites.schedule.succeeded();
                let (before, after) = (summary.bytes_before, summary.bytes_after);
                self.events
                    .notice(format!("append only file rewritten: {before} bytes before, {after} bytes now"));
                Ok(summary)
            }
            Err(failure) if deliberate => {
                self.events.notice(failure.what.clone());
                Err(self.rewrite_error(failure))
            }
            Err(failure) => {
                self.give_up_start(ticket);
                let again = self.rewrites.waiting;
                self.rewrites.schedule.failed(Instant::now(), again);
                self.events.warning(format!("a rewrite failed, the log stays as it was: {}", failure.what));
                let error = self.rewrite_error(failure);
                self.rewrites.failure = Some(error.clone());
                Err(error)
            }
        }
    }

    /// A log that could not even begin to be switched on stays off (S-15).
    fn give_up_start(&mut self, ticket: &Ticket) {
        if ticket.why == Why::Start && !ticket.has_started() {
            self.rewrites.waiting = false;
            self.rewrites.schedule.forget();
            self.settings.set_appendonly(false);
        }
    }

    pub(super) fn rewrite_error(&self, failure: Failure) -> Error {
        let Failure { cause, what, .. } = failure;
        match &self.rewrites.home {
            None => Error::Rewrite { path: PathBuf::new(), cause, message: what },
            Some(home) => {
                let path = home.path();
                Error::Rewrite { message: format!("{}: {what}", shown(&path)), path, cause }
            }
        }
    }
}

/// The log goes over to a file that holds all it has been fed, and is sound again; unless its name is not certain.
fn install_in(hold: &mut Hold<'_>, install: Install, unproven: Option<i32>) -> Done<()> {
    let installed = hold.install(install);
    installed.map_err(|error| Failure::new(RewriteCause::Other, error.to_string()))?;
    match unproven {
        None => hold.covered(),
        Some(errno) => {
            let why = std::io::Error::from_raw_os_error(errno);
            hold.unproven(errno, &format!("its directory cannot be synced: {why}"));
        }
    }
    Ok(())
}
