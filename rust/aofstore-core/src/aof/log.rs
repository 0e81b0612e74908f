//! The log as the engine holds it: open, feed, finish, flush, close.
//!
//! The engine calls [`Log::feed`] under its own lock, so the order of records is the order of effects, and
//! [`Log::finish`] when it may wait. Nothing here blocks on the host's interpreter or calls into it.

mod closing;
mod opening;
mod pen;
mod settings;

pub use self::pen::Pen;
pub use self::settings::Settings;
use super::buffer::Feed;
use super::commit::Shared;
use super::heading::Heading;
use super::latency::Sample;
use super::stats::Stats;
use super::switch::Hold;
use super::sync::{AtomicBool, JoinHandle, Mutex, Ordering};
use super::tail::{Policy, Status, Tail};
use crate::error::{Error, Result};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One open append-only file; shared by everything that feeds it.
pub struct Log {
    shared: Arc<Shared>,
    worker: Mutex<Option<JoinHandle<()>>>,
    owner: u32,
    over: AtomicBool,
}

impl Log {
    /// Appends what `body` feeds, as one piece, and returns the offset behind it. No system call is made. If
    /// `body` panics, nothing was fed.
    #[inline]
    pub fn feed(&self, body: impl FnOnce(&mut Feed<'_>)) -> u64 {
        self.feed_at(None, body)
    }

    /// The same, saying when this is (`aof-timestamp-enabled`): before the first record of each second, in one piece with
    /// it, stands a `#TS` line.
    #[inline]
    pub fn feed_at(&self, second: Option<i64>, body: impl FnOnce(&mut Feed<'_>)) -> u64 {
        self.shared.feed(&mut self.shared.lock(), second, body)
    }

    /// Takes the log in hand for one command: see [`Pen`]. None if it could not be written to at once.
    #[inline]
    pub fn pen(&self) -> Option<Pen<'_>> {
        Pen::new(&self.shared)
    }

    /// To be called before the answer goes out to whoever fed up to `end`: hands the bytes to `write(2)` under
    /// `everysec` and `no`, and waits for a sync that covers them under `always`. An error means: applied in
    /// memory, not acknowledged.
    #[inline]
    pub fn finish(&self, end: u64) -> Result<()> {
        let reached = self.reach(end);
        self.left(Duration::ZERO);
        reached
    }

    /// As [`finish`](Self::finish), for a caller that has a way to go yet before it is out of the others' way: it must
    /// call [`left`](Self::left) then.
    #[inline]
    pub fn reach(&self, end: u64) -> Result<()> {
        if self.is_durable(end) {
            return Ok(());
        }
        self.shared.reach(end)
    }

    /// The caller is through, after so long: now the next may come.
    #[inline]
    pub fn left(&self, way: Duration) {
        if !self.shared.line.is_empty() {
            self.shared.line.left(self.shared.acked.load(Ordering::Acquire), way);
        }
    }

    /// As [`finish`](Self::finish) if that takes no more than one quick `write(2)`. False, also when the write
    /// failed, leaves it to `finish`.
    #[inline]
    pub fn try_finish(&self, end: u64) -> bool {
        self.is_durable(end) || self.shared.reach_at_once(end)
    }

    /// For a reader under `always`: waits, while the log is sound, until all that was fed before it is synced.
    /// Never fails: when the log is not sound, reads answer from memory.
    #[inline]
    pub fn settle(&self) {
        let end = self.position();
        if !self.is_durable(end) && self.policy() == Policy::Always {
            drop(self.finish(end));
        }
    }

    /// For bytes that no caller waits for, like those of keys that expired: brings them where the policy wants them.
    pub fn write_out(&self) {
        let end = self.position();
        if !self.is_durable(end) && self.status() == Status::Sound {
            // A failure is in the status from here on, for the next caller.
            drop(self.finish(end));
        }
    }

    /// Whether a write(2) is under way with the log's lock held, so that [`feed`](Self::feed) would wait for it.
    #[inline]
    pub fn is_writing(&self) -> bool {
        self.shared.at_write.load(Ordering::Relaxed)
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Offset behind the last byte fed.
    #[inline]
    pub fn position(&self) -> u64 {
        self.shared.fed.load(Ordering::Acquire)
    }

    /// Whether everything up to `end` is as safe as the policy promises: one compare.
    #[inline]
    pub fn is_durable(&self, end: u64) -> bool {
        self.shared.acked.load(Ordering::Acquire) >= end
    }

    #[inline]
    pub fn status(&self) -> Status {
        Status::unpack(self.shared.status.load(Ordering::Acquire))
    }

    #[inline]
    pub fn policy(&self) -> Policy {
        Policy::from_raw(self.shared.policy.load(Ordering::Relaxed))
    }

    /// Everything fed before is written and, with `sync`, synced, under any policy; never `Ok` otherwise.
    pub fn flush(&self, sync: bool) -> Result<()> {
        self.shared.flush(sync)
    }

    /// To be called about ten times a second with monotonic time. May write and, under `always`, sync.
    pub fn timer(&self, now: Instant) {
        self.shared.timer(now);
    }

    /// Stands still until the result is dropped.
    pub fn hold(&self) -> Hold<'_> {
        Hold::new(&self.shared)
    }

    /// What a call that has to write would be told now, None while it would not fail.
    pub fn failure(&self) -> Option<Error> {
        if self.status() == Status::Sound {
            return None;
        }
        let tail = self.shared.lock();
        (tail.status != Status::Sound && !tail.closed).then(|| self.shared.error(&tail))
    }

    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    /// Whether somebody took the file's name away.
    pub fn is_nameless(&self) -> bool {
        let file = Arc::clone(&self.shared.lock().file);
        file.links().is_ok_and(|links| links == 0)
    }

    /// Length of the log now, all its files together, and what growth is measured from.
    pub fn sizes(&self) -> (u64, u64) {
        let tail = self.shared.lock();
        (tail.before + tail.size, tail.base_size)
    }

    /// The files before this one were replaced by one of `before` bytes: growth is measured from here.
    /// The length of the log now.
    pub fn rebase(&self, before: u64) -> u64 {
        let mut tail = self.shared.lock();
        tail.before = before;
        tail.base_size = before + tail.size;
        tail.base_size
    }

    /// Name of the file that is appended to.
    pub fn name(&self) -> String {
        self.shared.lock().name.to_string()
    }

    /// Whether nothing is in the file, nor on its way there.
    pub fn is_fresh(&self) -> bool {
        self.shared.lock().is_fresh()
    }

    /// Takes the latency samples kept since the last call.
    pub fn drain_latency(&self) -> Vec<Sample> {
        self.shared.latency.drain()
    }
}

impl Shared {
    /// Appends what `body` feeds, and returns the offset behind it.
    #[inline]
    fn feed(&self, tail: &mut Tail, second: Option<i64>, body: impl FnOnce(&mut Feed<'_>)) -> u64 {
        let mut feed = Feed::new(&mut tail.buffer, &mut tail.heading, second);
        body(&mut feed);
        match feed.finish() {
            Ok(added) => {
                tail.fed += added;
                if let Some(diff) = &tail.diff {
                    diff.append(tail.buffer.last(added as usize));
                }
            }
            Err(missing) => {
                // What was done cannot be logged, and nothing after it may be: that would be a hole.
                if let Some(diff) = &tail.diff {
                    diff.spoil();
                }
                tail.fed += missing;
                self.latch(tail, libc::ENOMEM, "no memory for the record");
                self.publish(tail);
            }
        }
        if tail.closed || matches!(tail.status, Status::Latched { .. }) {
            tail.buffer.discard();
            tail.heading = Heading::default();
        }
        self.fed.store(tail.fed, Ordering::Release);
        tail.fed
    }

    fn flush(&self, sync: bool) -> Result<()> {
        let mut tail = self.lock();
        let goal = tail.fed;
        loop {
            if tail.closed || matches!(tail.status, Status::Latched { .. }) {
                return Err(self.error(&tail));
            }
            if tail.written < goal {
                if tail.writing {
                    tail = self.wait(tail);
                } else if !self.write_pending(&mut tail) {
                    return Err(self.error(&tail));
                }
            } else if !sync || tail.synced >= goal {
                return Ok(());
            } else if tail.syncing {
                tail = self.wait(tail);
            } else {
                tail = self.sync_now(tail);
            }
        }
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
#[path = "log_tests.rs"]
pub(super) mod tests;

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
#[path = "error_tests.rs"]
mod error_tests;

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
#[path = "sweep_tests.rs"]
mod sweep;

#[cfg(test)]
#[cfg(feature = "shuttle")]
#[path = "model_tests.rs"]
mod model;
