//! Waiting for a sync that the policy does not promise (WAITAOF).

use super::commit::Shared;
use super::fsync::Job;
use super::log::Log;
use super::sync::wait_for;
use super::tail::{Policy, Status, Tail};
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
            tail.waiting += 1;
            tail = wait_for(shared.turned(), tail, slice);
            tail.waiting -= 1;
        }
        state(&tail, end)
    }

    /// `aof_delayed_fsync` begins anew (CONFIG RESETSTAT).
    pub fn reset_delayed_fsync(&self) {
        self.shared().lock().count.delayed_fsync = 0;
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
    /// Writes what is pending below `end` and starts a background sync, unless one runs or a write is under way.
    fn begin_sync(&self, tail: &mut Tail, end: u64) {
        if tail.writing || tail.syncing || tail.status != Status::Sound {
            return;
        }
        if tail.written < end && !self.write_pending(tail) {
            return;
        }
        tail.syncing = true;
        tail.clock.last_sync = Some(tail.clock.now);
        let file = Arc::clone(&tail.file);
        self.jobs.push(Job::Sync { file, generation: tail.generation, covers: tail.written });
    }
}
