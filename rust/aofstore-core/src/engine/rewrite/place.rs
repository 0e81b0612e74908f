//! Under the engine's lock: a finished file becomes the log, a rewrite without a child, and the end of any rewrite.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::schedule::Why;
use super::ticket::{Summary, Ticket};
use super::{Figures, Home, Single};
use crate::aof::{Control, Diff, Install, LatencyKind, Log, Outlet};
use crate::clock;
use crate::engine::core::Core;
use crate::engine::latency::{event, whole_ms};
use crate::engine::leader::Done;
use crate::error::{Error, Result, RewriteCause};
use crate::event::Events;
use crate::rewrite::{Failure, Form, Head, Placed, Role, Switch, Temp, dump};

impl Core {
    pub(super) fn home(&self) -> Done<Home> {
        let why = if self.view {
            "a store that was opened to be read only writes no files; `aofstore restore` writes a copy of it"
        } else {
            "a store in memory has no directory for a log"
        };
        self.rewrites.home.clone().ok_or_else(|| Failure::new(RewriteCause::Other, why))
    }

    /// What a rewritten file begins with.
    pub(super) fn head(&self) -> Head {
        // A part of a log says by its name that it is a base.
        let says_base = self.settings.get("aof-layout") == Some("single-file");
        Head { second: self.second(), says_base }
    }

    pub(super) fn single(&self) -> Done<Single> {
        match self.home()? {
            Home::Single(single) => Ok(single),
            Home::Parts(_) => {
                Err(Failure::new(RewriteCause::Other, "a multi-part log cannot be rewritten yet"))
            }
        }
    }

    pub(super) fn events(&self) -> Arc<Events> {
        Arc::clone(&self.events)
    }

    /// The child lives (G-14); the length of the log now.
    pub(super) fn forked(&mut self, ticket: &Ticket, diff: Arc<Diff>, pid: i32) -> u64 {
        let rewrites = &mut self.rewrites;
        rewrites.schedule.started();
        rewrites.child_alive = true;
        rewrites.diff = Some(diff);
        rewrites.figures.rewrites += 1;
        rewrites.figures.forks += 1;
        self.children_changed();
        let why = if ticket.why == Why::Start { " to switch the log on" } else { "" };
        self.events.notice(format!("background append only file rewriting started by pid {pid}{why}"));
        self.log.as_ref().map_or(0, |log| log.sizes().0)
    }

    pub(in crate::engine) fn fork_took(&mut self, micros: u64) {
        self.rewrites.figures.last_fork_micros = micros;
        self.latency.sample(event::FORK, micros / 1000);
    }

    /// A whole rewrite in this thread; everybody else waits.
    pub(super) fn rewrite_here(&mut self, began: Instant) -> Done<Summary> {
        let home = self.single()?;
        let bytes_before = self.log.as_ref().map_or(0, |log| log.sizes().0);
        let planned = Temp::plan(&*home.dir, &home.name, Role::Rewrite);
        let (name, mode) = planned.map_err(|error| Failure::system("cannot look at the log", &error))?;
        let place =
            dump::Place { dir: &*home.dir, name: &name, mode, role: Role::Rewrite, control: Control::None };
        let incremental_sync = self.settings.is_yes("aof-rewrite-incremental-fsync");
        let dumped = dump::dump(&self.space, place, Form::Resp(self.head()), incremental_sync, |_, _| true)
            .map_err(|failed| Failure::new(RewriteCause::Errno(failed.errno), failed.message))?;
        let temp = Temp::adopt(&home.dir, name, dumped.file, &self.events);
        self.rewrites.schedule.started();
        self.rewrites.figures.rewrites += 1;
        let mut switch = Switch::new(temp, dumped.bytes, home.control)?;
        let placed = self.put_in_place(&mut switch, None)?;
        Ok(Summary {
            seconds: began.elapsed().as_secs_f64(),
            bytes_before,
            bytes_after: placed.size,
            keys: dumped.keys,
            ..Summary::default()
        })
    }

    /// Makes a finished file the log, or only gives it the log's name if that is off.
    pub(super) fn put_in_place(&mut self, switch: &mut Switch, rest: Option<&mut Outlet>) -> Done<Placed> {
        let home = self.single()?;
        let nameless = self.log.as_ref().is_some_and(|log| log.is_nameless());
        let ours = self.rewrites.ours && !nameless;
        let keep = (!ours).then(clock::now_ms);
        let log = self.log_to_be(&home, switch)?;
        let mut hold = log.as_ref().map(|log| log.hold());
        let placed = switch.place(&home.name, rest, keep, self.log.is_none())?;
        self.rewrites.ours = true;
        if let Some(hold) = &mut hold {
            let file = Arc::clone(switch.temp().file());
            let install = Install {
                name: home.name.clone(),
                file,
                size: placed.size,
                before: 0,
                base_size: placed.size,
            };
            let installed = hold.install(install);
            installed.map_err(|error| Failure::new(RewriteCause::Other, error.to_string()))?;
            match placed.unproven {
                None => hold.covered(),
                Some(errno) => {
                    let why = std::io::Error::from_raw_os_error(errno);
                    hold.unproven(errno, &format!("its directory cannot be synced: {why}"));
                }
            }
        }
        drop(hold);
        if self.rewrites.waiting {
            self.rewrites.waiting = false;
            self.log = log;
            // The child that wrote it is gone; another may live.
            self.rewrites.child_alive = false;
            self.children_changed();
        }
        self.latency.sample(event::AOF_REWRITE_DIFF_WRITE, whole_ms(placed.append_took));
        self.latency.sample(LatencyKind::Fstat.name(), whole_ms(placed.stat_took));
        self.latency.sample(event::AOF_RENAME, whole_ms(placed.rename_took));
        Ok(placed)
    }

    /// The log that is to take the file over: the one there is, a new one if it is being switched on, or none.
    /// ORDER: made before the rename, since it needs a thread, which can be refused.
    fn log_to_be(&self, home: &Single, switch: &Switch) -> Done<Option<Arc<Log>>> {
        if !self.rewrites.waiting {
            return Ok(self.log.clone());
        }
        let (dir, file) = (Arc::clone(&home.dir), Arc::clone(switch.temp().file()));
        let settings = self.log_settings(home.control);
        let log = Log::adopt(dir, &home.name, file, 0, settings, self.events());
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
            let Figures { last_failed, last_seconds, .. } = &mut self.rewrites.figures;
            (*last_failed, *last_seconds) = (outcome.is_err(), Some(ticket.began.elapsed().as_secs()));
        }
        match outcome {
            Ok(summary) => {
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
                Err(self.rewrite_error(failure))
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
                Error::Rewrite { message: format!("{}: {what}", path.display()), path, cause }
            }
        }
    }
}
