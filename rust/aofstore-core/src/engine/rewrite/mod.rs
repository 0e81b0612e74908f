//! Rewrites as the engine sees them: when they begin, who leads them, how their file becomes the log.
//!
//! `schedule` has the rules, `job` is the thread that leads a forked child, `place` puts a finished file in its
//! place under the engine's lock, `modes` switches the log on and off, `begin` is what callers ask. INVARIANT: at
//! most one rewrite is current; a new thread waits for the end of the one before it, so there are never two
//! children, and never a child without its thread.

mod begin;
mod job;
mod modes;
mod parts;
mod place;
mod schedule;
mod ticket;

use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Instant;

use super::core::{Core, Shared};
use crate::aof::parts::Parts;
use crate::aof::{Control, Diff, Status};
use crate::error::Error;
use crate::fs::Dir;
use schedule::{Facts, Schedule};

pub use begin::{Begun, RewriteHandle, Waited};
pub(super) use schedule::Why;
pub(super) use ticket::Ticket;
pub use ticket::{Progress, Summary};

/// Where the log is, or would be, and in which layout.
#[derive(Clone)]
pub(super) enum Home {
    /// One file, which a rewrite replaces.
    Single(Single),
    /// A base, increments and a manifest.
    Parts(Arc<Parts>),
}

#[derive(Clone)]
pub(super) struct Single {
    pub dir: Arc<dyn Dir>,
    pub name: String,
    pub control: Control,
}

impl Home {
    pub fn single(dir: Arc<dyn Dir>, name: &str, control: Control) -> Self {
        Self::Single(Single { dir, name: name.to_owned(), control })
    }

    /// The file that tells all, for messages.
    fn path(&self) -> PathBuf {
        match self {
            Self::Single(single) => single.dir.path().join(&single.name),
            Self::Parts(parts) => parts.path(),
        }
    }

    /// The directory of the store, where snapshots go.
    fn around(&self) -> (Arc<dyn Dir>, Control) {
        match self {
            Self::Single(single) => (Arc::clone(&single.dir), single.control),
            Self::Parts(parts) => (Arc::clone(parts.home()), parts.control()),
        }
    }

    /// The directories that rewrites leave temporary files in.
    fn dirs(&self) -> Vec<&Arc<dyn Dir>> {
        match self {
            Self::Single(single) => vec![&single.dir],
            Self::Parts(parts) => parts.dir().into_iter().chain([parts.home()]).collect(),
        }
    }
}

/// What `Core` keeps about rewrites.
#[derive(Default)]
pub(super) struct Rewrites {
    pub shared: Weak<Shared>,
    /// None: a store in memory, or one that is not open yet.
    pub home: Option<Home>,
    /// The log is on, but its file is not there before a rewrite has succeeded (`WAIT_REWRITE`).
    pub waiting: bool,
    /// The single file was read or written by this store: it may be replaced without a copy.
    pub ours: bool,
    /// Of the rewrite that runs; while `waiting` everything is fed here.
    pub diff: Option<Arc<Diff>>,
    current: Option<Arc<Ticket>>,
    /// Of the current rewrite, or the last one.
    thread: Option<JoinHandle<()>>,
    last: Option<Arc<Ticket>>,
    /// Nobody was told of the last outcome yet.
    untold: bool,
    /// Why the last one failed, if it did; one that was stopped on purpose is none.
    failure: Option<Error>,
    schedule: Schedule,
    child_alive: bool,
    /// Files whose history is no longer to be kept.
    pub unwanted: Option<Arc<Parts>>,
    /// A child that saves a snapshot.
    pub saving: bool,
    pub figures: Figures,
}

/// What INFO shows.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Figures {
    /// Children forked.
    pub forks: u64,
    pub last_fork_micros: u64,
    /// Rewrites begun.
    pub rewrites: u64,
    pub last_seconds: Option<u64>,
    pub last_cow_bytes: u64,
    pub most_in_memory: u64,
}

impl Figures {
    /// CONFIG RESETSTAT.
    pub fn reset(&mut self) {
        (self.forks, self.last_fork_micros, self.rewrites) = (0, 0, 0);
    }
}

impl Rewrites {
    pub fn new(shared: Weak<Shared>) -> Self {
        Self { shared, ..Self::default() }
    }

    pub fn is_running(&self) -> bool {
        self.current.is_some()
    }

    pub fn is_scheduled(&self) -> bool {
        self.schedule.is_wanted()
    }

    pub fn failures_in_a_row(&self) -> u32 {
        self.schedule.failures()
    }

    /// The rewrite that runs, or the last one if nobody was told of its outcome; not of one that is scheduled because
    /// somebody asked for it.
    fn worth_waiting_for(&self) -> Option<Arc<Ticket>> {
        let awaited = self.is_scheduled() && self.schedule.failures() == 0;
        let last = self.last.as_ref().filter(|_| self.untold && !awaited);
        self.current.as_ref().or(last).cloned()
    }

    pub fn progress(&self) -> Option<Progress> {
        self.current.as_ref().map(|ticket| ticket.progress())
    }

    /// Why the last one failed, if it did.
    pub fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }

    /// Whether a child shares the memory: then nothing is moved in it without need.
    pub fn has_child(&self) -> bool {
        self.child_alive || self.saving
    }
}

impl Core {
    /// A turn of the tick: begins what is due.
    pub(super) fn consider_rewrite(&mut self) {
        if self.loading || self.defect.is_some() || self.rewrites.home.is_none() {
            return;
        }
        let status = self.log.as_ref().map(|log| log.status());
        let latched = matches!(status, Some(Status::Latched { .. }));
        let facts = Facts {
            now: Instant::now(),
            busy: self.rewrites.is_running() || self.rewrites.saving,
            latched,
            log: self.log.as_ref().map(|log| log.sizes()),
            percentage: self.settings.int("auto-aof-rewrite-percentage").max(0) as u64,
            min_size: self.settings.int("auto-aof-rewrite-min-size").max(0) as u64,
        };
        let Some(why) = self.rewrites.schedule.due(&facts) else { return };
        let events = self.events();
        match why {
            Why::Growth(percent) => {
                events.notice(format!("starting a rewrite of the log, which grew by {percent}%"));
            }
            Why::Healing => events.notice("starting a rewrite to replace a log that cannot be trusted"),
            _ => {}
        }
        // A failure is accounted for already.
        drop(self.launch(why));
    }

    /// After a child has begun or ended.
    pub(super) fn children_changed(&mut self) {
        let alive = self.rewrites.has_child();
        self.space.set_resize_allowed(!alive);
        if let Some(log) = &self.log {
            log.set_child_alive(alive);
        }
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
#[path = "../rewrite_tests/mod.rs"]
pub(super) mod tests;
