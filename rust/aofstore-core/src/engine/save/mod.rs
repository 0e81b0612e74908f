//! Snapshots as the engine sees them: when one begins, who leads it, what is remembered of it (theme 13).
//!
//! `schedule` has the rules, `job` leads a forked child, `place` writes without one and accounts for both, `ask` is what
//! callers see. INVARIANT: one child at a time, a rewrite's or a save's; and whoever gives a file the dump's name holds
//! `Saves::line`, so that an older dump never comes over a newer one.

mod ask;
mod job;
mod place;
mod schedule;

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use super::core::Core;
use super::rewrite::Ticket;
use crate::aof::Control;
use crate::clock;
use crate::command::{Outcome, errors};
use crate::error::{Error, RewriteCause};
use crate::fs::Dir;
use schedule::{Facts, Schedule, Why};

pub use schedule::Point;

/// Where the dump is, or would be.
#[derive(Clone)]
struct Place {
    dir: Arc<dyn Dir>,
    control: Control,
}

/// What `Core` keeps about snapshots.
#[derive(Default)]
pub(super) struct Saves {
    /// None: a store in memory, or one that is not open yet.
    place: Option<Place>,
    current: Option<Arc<Ticket>>,
    /// Of the current save, or the last one.
    thread: Option<JoinHandle<()>>,
    schedule: Schedule,
    /// Everything was flushed, which is to be saved at once.
    flushed: bool,
    /// ORDER: after the engine's lock, or without it; nobody who has this may ask for that.
    line: Arc<Mutex<()>>,
    /// Changes that the running save has in it.
    covered: u64,
    /// Why the last one in the background failed, if it did.
    failure: Option<Error>,
    pub figures: Figures,
}

/// What INFO shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figures {
    /// Begun.
    pub saves: u64,
    /// Unix milliseconds: of the last good one, at first of the opening.
    pub saved_at_ms: i64,
    saved_at: Instant,
    pub last_seconds: Option<u64>,
    pub last_cow_bytes: u64,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            saves: 0,
            saved_at_ms: clock::now_ms(),
            saved_at: Instant::now(),
            last_seconds: None,
            last_cow_bytes: 0,
        }
    }
}

impl Figures {
    /// CONFIG RESETSTAT.
    pub fn reset(&mut self) {
        self.saves = 0;
    }
}

impl Saves {
    /// The save that runs, for INFO.
    pub fn current(&self) -> Option<&Ticket> {
        self.current.as_deref()
    }

    pub fn is_running(&self) -> bool {
        self.current.is_some()
    }

    pub fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }
}

impl Core {
    /// Snapshots go to `dir` from now on: the store has all that it was opened for.
    pub(super) fn keep_snapshots(&mut self, dir: Arc<dyn Dir>, control: Control) {
        self.saves.place = Some(Place { dir, control });
    }

    /// A turn of the tick: begins what is due.
    pub(super) fn consider_save(&mut self) {
        if self.loading || self.defect.is_some() || self.saves.place.is_none() {
            return;
        }
        let facts = Facts {
            now: Instant::now(),
            busy: self.rewrites.is_running() || self.saves.is_running(),
            failed: self.saves.failure.is_some(),
            changes: self.space.stats.dirty,
            saved_at: self.saves.figures.saved_at,
        };
        let Some(why) = self.saves.schedule.due(&facts, &self.settings.save_points) else { return };
        if let Why::Changes(point) = why {
            let Point { seconds, changes } = point;
            self.events.notice(format!("{changes} changes in {seconds} seconds, saving"));
        }
        if let Err(failure) = self.launch_save() {
            self.save_failed(failure);
        }
    }

    /// MISCONF while snapshots are wanted and the last one failed (M-01).
    pub(super) fn refuse_if_unsaved(&self) -> Outcome {
        if self.saves.failure.is_none() {
            return Ok(());
        }
        self.refuse_unsaved()
    }

    #[cold]
    fn refuse_unsaved(&self) -> Outcome {
        let Some(failure) = self.refusing_failure() else { return Ok(()) };
        let errno = match failure {
            Error::Save { cause: RewriteCause::Errno(errno), .. } => *errno,
            _ => 0,
        };
        self.refused.store(errno, std::sync::atomic::Ordering::Relaxed);
        Err(errors::SNAPSHOTS_FAIL)
    }

    /// Because of which writes are refused.
    pub(super) fn refusing_failure(&self) -> Option<&Error> {
        let wanted =
            !self.settings.save_points.is_empty() && self.settings.is_yes("stop-writes-on-bgsave-error");
        self.saves.failure().filter(|_| wanted)
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
#[path = "../save_tests/mod.rs"]
mod tests;
