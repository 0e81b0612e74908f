//! Standing still: for a fork, and for going over to another file.
//!
//! A [`Hold`] keeps the log's lock with nobody writing outside it, so that a fork between its begin and end sees
//! a whole tail and no record falls between two files. What is done meanwhile must be short: every feed waits.

use super::commit::{Guard, Shared};
use super::diff::Diff;
use super::fsync::Job;
use super::heading::Heading;
use super::log::Log;
use super::tail::Status;
use super::write::{self, Control};
use crate::error::{Error, Result};
use crate::fs::File;
use std::sync::Arc;

/// The log at rest; dropping it lets it go on.
pub struct Hold<'a> {
    shared: &'a Shared,
    tail: Guard<'a>,
}

/// A file that takes the place of the current one.
pub struct Install {
    pub name: String,
    pub file: Arc<dyn File>,
    /// Its length now.
    pub size: u64,
    /// Bytes of the log in files before it.
    pub before: u64,
    /// What growth is measured against from now on.
    pub base_size: u64,
}

impl<'a> Hold<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        let mut tail = shared.lock();
        while tail.writing {
            tail = shared.wait(tail);
        }
        Self { shared, tail }
    }

    /// Offset of the stream's end; nothing can be fed while the hold lasts.
    pub fn position(&self) -> u64 {
        self.tail.fed
    }

    /// Whether nothing is in the file, nor on its way there.
    pub fn is_fresh(&self) -> bool {
        self.tail.is_fresh()
    }

    /// Goes over to the next file of the log, which is empty. Everything so far must be [`synced`](Self::synced), or what
    /// is appended there could outlive a part of it.
    pub fn go_on(&mut self, name: String, file: Arc<dyn File>) -> Result<()> {
        let (before, base_size) = (self.tail.before + self.tail.size, self.tail.base_size);
        self.install(Install { name, file, size: 0, before, base_size })
    }

    /// Writes and syncs everything, under the lock: flush before the hold to keep this short.
    pub fn synced(mut self) -> Result<Self> {
        while self.tail.syncing || self.tail.writing {
            self.tail = self.shared.wait(self.tail);
        }
        if self.tail.closed || matches!(self.tail.status, Status::Latched { .. }) {
            return Err(self.shared.error(&self.tail));
        }
        if self.tail.buffer.len() > 0 && !self.shared.write_pending(&mut self.tail) {
            return Err(self.shared.error(&self.tail));
        }
        if self.tail.synced < self.tail.written && self.shared.control() != Control::SkipOldSync {
            let result = write::sync(&*self.tail.file, self.shared.control());
            let covers = self.tail.written;
            self.shared.synced(&mut self.tail, covers, result);
            self.shared.publish(&mut self.tail);
        }
        if matches!(self.tail.status, Status::Latched { .. }) {
            return Err(self.shared.error(&self.tail));
        }
        Ok(self)
    }

    /// Goes over to another file. The next record brings a SELECT (D-13); the old file is closed by the
    /// background thread, and what a sync of it still says is ignored. Pending bytes stay pending.
    pub fn install(&mut self, install: Install) -> Result<()> {
        let tail = &mut *self.tail;
        if tail.closed {
            return Err(Error::Closed);
        }
        let old = std::mem::replace(&mut tail.file, install.file);
        self.shared.jobs.push(Job::Retire(old));
        tail.name = install.name.into();
        tail.generation += 1;
        tail.syncing = false;
        tail.size = install.size;
        tail.before = install.before;
        tail.base_size = install.base_size;
        tail.torn = 0;
        tail.heading = Heading::default();
        self.shared.publish(tail);
        Ok(())
    }

    /// Everything fed so far is durable without the pending bytes, because a complete new file holds it: drops
    /// them, or they would be appended twice (D-14), and ends every error state (W-13).
    pub fn covered(&mut self) {
        let tail = &mut *self.tail;
        let was = tail.status;
        if self.shared.control() != Control::KeepBufferAtSwitch {
            tail.buffer.discard();
        }
        tail.heading = Heading::default();
        tail.diff = None;
        tail.written = tail.fed - tail.buffer.len() as u64;
        tail.synced = tail.written;
        tail.status = Status::Sound;
        tail.clock.postponed = None;
        if was != Status::Sound {
            self.shared.events.warning(format!("a rewrite into {} ended the write error", tail.name));
        }
        self.shared.publish(tail);
    }

    /// As [`covered`](Self::covered), but whether the new file will still have its name after a power cut is not
    /// known: what is not synced in the old one is not acknowledged, and nothing more is taken until another
    /// rewrite (or an open) settles it.
    pub fn unproven(&mut self, errno: i32, what: &str) {
        let tail = &mut *self.tail;
        tail.status = Status::Sound;
        self.shared.latch(tail, errno, what);
        self.shared.publish(tail);
    }

    /// A rewrite begins here: whatever is fed from now on is copied to `diff`, where the first record brings its
    /// own SELECT and time, since it will follow a dump that ended in some other database (G-15).
    pub fn begin_difference(&mut self, diff: Arc<Diff>) {
        self.tail.diff = Some(diff);
        self.tail.heading = Heading::default();
    }
}

impl Log {
    /// The rewrite is over.
    pub fn end_difference(&self) {
        self.shared().lock().diff = None;
    }
}
