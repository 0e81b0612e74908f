//! Waiting for a sync that the policy does not promise (WAITAOF, `flush`), in slices, with the sync itself left to
//! the background: so whoever waits can be interrupted.

use super::commit::{Guard, Shared};
use super::fsync::Job;
use super::log::Log;
use super::sync::wait_for;
use super::tail::{Policy, Status, Tail};
use crate::error::Result;
use std::sync::Arc;
use std::time::Duration;

/// What became of waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synced {
    Yes,
    NotYet,
    /// It never will be: the log is latched or closed.
    Never,
}

impl Log {
    /// Whether everything up to `end` is synced.
    pub fn synced(&self, end: u64) -> Synced {
        state(&self.shared().lock(), end)
    }

    /// Waits at most `slice` until everything up to `end` is synced. Under `no`, where nobody else would, it has
    /// the background sync it.
    pub fn wait_synced(&self, end: u64, slice: Duration) -> Synced {
        let shared = self.shared();
        let mut tail = shared.lock();
        if tail.policy == Policy::No && state(&tail, end) == Synced::NotYet {
            shared.begin_sync(&mut tail, end);
        }
        if state(&tail, end) == Synced::NotYet {
            tail = shared.wait_at_most(tail, slice);
        }
        state(&tail, end)
    }

    /// Everything fed so far is to be written, and with `sync` synced, under any policy.
    pub fn begin_flush(self: Arc<Self>, sync: bool) -> Flush {
        Flush { end: self.position(), log: self, sync }
    }

    /// `aof_delayed_fsync` begins anew (CONFIG RESETSTAT).
    pub fn reset_delayed_fsync(&self) {
        self.shared().lock().count.delayed_fsync = 0;
    }
}

/// A flush that is under way. Dropping it breaks off nothing but the waiting.
pub struct Flush {
    log: Arc<Log>,
    end: u64,
    sync: bool,
}

impl Flush {
    /// Goes on for at most about `slice`; true when all is where it should be.
    pub fn step(&self, slice: Duration) -> Result<bool> {
        let shared = self.log.shared();
        let mut tail = shared.lock();
        for waited in [false, true] {
            if matches!(tail.status, Status::Latched { .. }) {
                return Err(shared.error(&tail));
            }
            if tail.written >= self.end && (!self.sync || tail.synced >= self.end) {
                return Ok(true);
            }
            if tail.closed {
                return Err(shared.error(&tail));
            }
            if waited {
                break;
            }
            if !tail.writing && tail.written < self.end && !shared.write_pending(&mut tail) {
                return Err(shared.error(&tail));
            }
            if self.sync {
                shared.begin_sync(&mut tail, self.end);
            }
            if tail.writing || self.sync {
                tail = shared.wait_at_most(tail, slice);
            }
        }
        Ok(false)
    }
}

fn state(tail: &Tail, end: u64) -> Synced {
    if tail.synced >= end {
        Synced::Yes
    } else if tail.closed || matches!(tail.status, Status::Latched { .. }) {
        Synced::Never
    } else {
        Synced::NotYet
    }
}

impl Shared {
    fn wait_at_most<'a>(&'a self, mut tail: Guard<'a>, slice: Duration) -> Guard<'a> {
        tail.waiting += 1;
        let mut tail = wait_for(self.turned(), tail, slice);
        tail.waiting -= 1;
        tail
    }

    /// Writes what is pending below `end` and starts a background sync, unless one runs or a write is under way.
    fn begin_sync(&self, tail: &mut Tail, end: u64) {
        if tail.writing || tail.syncing || matches!(tail.status, Status::Latched { .. }) {
            return;
        }
        if tail.written < end && (tail.status != Status::Sound || !self.write_pending(tail)) {
            return;
        }
        tail.syncing = true;
        tail.clock.last_sync = Some(tail.clock.now);
        let file = Arc::clone(&tail.file);
        self.jobs.push(Job::Sync { file, generation: tail.generation, covers: tail.written });
    }
}
