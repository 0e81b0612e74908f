//! Figures about one log, for INFO and tests: a copy taken under the lock.

use super::commit::Shared;
use super::sync::Ordering;
use super::tail::{Policy, Status};

/// Offsets count bytes of the current file; the rest is Redis's INFO vocabulary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    pub name: String,
    pub policy: Policy,
    pub status: Status,
    /// Length of the log, the files before this one too.
    pub current_size: u64,
    /// Its length after the last rewrite or load.
    pub base_size: u64,
    /// Bytes fed and not yet handed to the system.
    pub buffer_length: u64,
    pub buffer_capacity: u64,
    /// Everything below is synced.
    pub synced_size: u64,
    /// 1 while a sync runs outside a caller's commit.
    pub pending_bio_fsync: u64,
    pub delayed_fsync: u64,
    /// For how long written bytes have waited for a sync, as the timer saw it.
    pub lag_ms: u64,
    pub writes: u64,
    pub fsyncs: u64,
    /// Rounds of group commit; under `always` fewer than calls.
    pub commits: u64,
    pub write_errors: u64,
    /// Of the last failure, also when it is over; 0 = never.
    pub last_errno: i32,
    /// Torn bytes at the end of the file that could not be cut off.
    pub torn_bytes: u64,
    /// Offsets of the stream, which go on over a switch to another file.
    pub fed: u64,
    pub written: u64,
    pub synced: u64,
    pub syncing_suspended: bool,
}

impl Stats {
    /// `aof_last_write_status`.
    pub fn write_status(&self) -> &'static str {
        if self.status == Status::Sound { "ok" } else { "err" }
    }
}

impl Shared {
    pub(super) fn stats(&self) -> Stats {
        let tail = self.lock();
        Stats {
            name: tail.name.to_string(),
            policy: tail.policy,
            status: tail.status,
            current_size: tail.before + tail.size,
            base_size: tail.base_size,
            buffer_length: tail.buffer.len() as u64,
            buffer_capacity: tail.buffer.capacity() as u64,
            synced_size: (tail.before + tail.size).saturating_sub(tail.written - tail.synced + tail.torn),
            pending_bio_fsync: u64::from(tail.syncing && !tail.writing),
            delayed_fsync: tail.count.delayed_fsync,
            lag_ms: tail.clock.behind.map_or(0, |since| (tail.clock.now - since).as_millis() as u64),
            writes: tail.count.writes,
            fsyncs: tail.count.fsyncs,
            commits: tail.count.commits,
            write_errors: tail.count.write_errors,
            last_errno: tail.count.last_errno,
            torn_bytes: tail.torn,
            fed: tail.fed,
            written: tail.written,
            synced: tail.synced,
            syncing_suspended: self.no_fsync_on_rewrite.load(Ordering::Relaxed)
                && self.child_alive.load(Ordering::Relaxed),
        }
    }
}
