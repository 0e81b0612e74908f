//! Saves without a child, the dump's name, and the accounts of any save (C-09 to C-12).

use std::sync::PoisonError;
use std::time::Instant;

use super::Place;
use crate::clock;
use crate::engine::core::Core;
use crate::engine::leader::Done;
use crate::engine::rewrite::{Summary, Ticket};
use crate::engine::snapshot;
use crate::error::{Error, Result, RewriteCause, shown};
use crate::rdb::value::Version;
use crate::rewrite::{Failure, Form, Placed, Role, Switch, Temp, dump};

/// As Redis's `rdb-save-incremental-fsync`, which nobody turns off.
pub(super) const INCREMENTAL_SYNC: bool = true;

/// Gives a finished file the dump's name. Whoever calls has the line.
pub(super) fn place(switch: &mut Switch, name: &str) -> Done<Placed> {
    let placed = switch.place(name, None, None, true)?;
    match placed.unproven {
        None => Ok(placed),
        Some(errno) => {
            let error = std::io::Error::from_raw_os_error(errno);
            Err(Failure::system(&format!("cannot sync the directory of {name}"), &error))
        }
    }
}

impl Core {
    /// Where the dump is, and its name.
    pub(super) fn dump_place(&self) -> Done<(Place, String)> {
        let why = self.placeless("a store in memory has no directory for a snapshot");
        let place = self.saves.place.clone().ok_or_else(|| Failure::new(RewriteCause::Other, why))?;
        Ok((place, self.settings.get("dbfilename").unwrap_or_default().to_owned()))
    }

    /// A snapshot as the settings want it, said to be of now.
    pub(super) fn dump_form(&mut self) -> Form {
        self.snapshot_form(false)
    }

    /// The same; with `aof_base`, commands follow.
    pub(in crate::engine) fn snapshot_form(&mut self, aof_base: bool) -> Form {
        let version = Version::from_number(self.settings.limits.rdb_version).unwrap_or_default();
        snapshot::form(&self.settings, version, None, self.space.memory() as u64, aof_base)
    }

    /// The child lives (C-03, C-04).
    pub(super) fn save_forked(&mut self, pid: i32) {
        self.saves.schedule.started();
        self.saves.covered = self.space.stats.dirty;
        self.saves.figures.saves += 1;
        self.rewrites.figures.forks += 1;
        self.events.notice(format!("background saving started by pid {pid}"));
    }

    /// A whole save in this thread; everybody else waits.
    pub(super) fn save_here(&mut self, began: Instant) -> Done<Summary> {
        self.saves.schedule.started();
        self.saves.covered = self.space.stats.dirty;
        self.saves.figures.saves += 1;
        let (Place { dir, control }, name) = self.dump_place()?;
        let form = self.dump_form();
        let planned = Temp::plan(&*dir, &name, Role::Save);
        let (temp, mode) =
            planned.map_err(|error| Failure::system("cannot look at the last dump", &error))?;
        let line = std::sync::Arc::clone(&self.saves.line);
        let _line = line.lock().unwrap_or_else(PoisonError::into_inner);
        let place = dump::Place { dir: &*dir, name: &temp, mode, role: Role::Save, control };
        let dumped = self.dump_here(place, form, INCREMENTAL_SYNC)?;
        let temp = Temp::adopt(&dir, temp, dumped.file, &self.events);
        let mut switch = Switch::new(temp, dumped.bytes, control)?;
        let placed = self::place(&mut switch, &name)?;
        self.remains.leave(placed.old);
        let seconds = began.elapsed().as_secs_f64();
        Ok(Summary { seconds, bytes_after: placed.size, keys: dumped.keys, ..Summary::default() })
    }

    /// SAVE, and what is like it. As in Redis its failure refuses no writes, since whoever asked is told.
    pub(super) fn save_now(&mut self) -> Result<Summary> {
        match self.save_here(Instant::now()) {
            Ok(summary) => {
                self.saved(&summary);
                Ok(summary)
            }
            Err(failure) if failure.deliberate => {
                self.events.notice(failure.what.clone());
                Err(self.save_error(failure))
            }
            Err(failure) => {
                self.events.warning(format!("a save failed: {}", failure.what));
                Err(self.save_error(failure))
            }
        }
    }

    /// The one way out of every save in the background, whatever came of it.
    pub(super) fn end_save(&mut self, ticket: &Ticket, outcome: Done<Summary>) {
        self.rewrites.saving = false;
        self.children_changed();
        self.saves.figures.last_seconds = Some(ticket.began.elapsed().as_secs());
        if self.saves.current.as_deref().is_some_and(|current| std::ptr::eq(current, ticket)) {
            self.saves.current = None;
        }
        let told = match outcome {
            Ok(summary) => {
                self.saved(&summary);
                Ok(summary)
            }
            Err(failure) => Err(self.save_failed(failure)),
        };
        ticket.ended(told);
    }

    /// One in the background; being stopped on purpose is no failure (C-11).
    pub(super) fn save_failed(&mut self, failure: Failure) -> Error {
        let deliberate = failure.deliberate;
        if deliberate {
            self.events.notice(failure.what.clone());
        } else {
            self.events.warning(format!("a background save failed, the last dump stays: {}", failure.what));
        }
        let error = self.save_error(failure);
        if !deliberate {
            self.saves.failure = Some(error.clone());
        }
        error
    }

    fn saved(&mut self, summary: &Summary) {
        let dirty = &mut self.space.stats.dirty;
        *dirty = dirty.saturating_sub(self.saves.covered);
        let figures = &mut self.saves.figures;
        (figures.saved_at_ms, figures.saved_at) = (clock::now_ms(), Instant::now());
        if summary.fork_micros > 0 {
            figures.last_cow_bytes = summary.cow_bytes;
        }
        self.saves.failure = None;
        let Summary { keys, bytes_after, cow_bytes, .. } = summary;
        self.events.notice(format!("snapshot of {keys} keys saved, {bytes_after} bytes"));
        if *cow_bytes >= 1 << 20 {
            self.events.notice(format!("{} MB of memory were copied for the save", cow_bytes >> 20));
        }
    }

    pub(super) fn save_error(&self, failure: Failure) -> Error {
        let Failure { cause, what, .. } = failure;
        match self.dump_place() {
            Err(_) => Error::Save { path: std::path::PathBuf::new(), cause, message: what },
            Ok((place, name)) => {
                let path = place.dir.path().join(name);
                Error::Save { message: format!("{}: {what}", shown(&path)), path, cause }
            }
        }
    }
}
