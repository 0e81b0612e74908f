//! The log as the engine holds it: open, feed, finish, flush, close.
//!
//! The engine calls [`Log::feed`] under its own lock, so the order of records is the order of effects, and
//! [`Log::finish`] when it may wait. Nothing here blocks on the host's interpreter or calls into it.

use super::buffer::{Buffer, Feed};
use super::commit::Shared;
use super::fsync::{self, Job};
use super::heading::Heading;
use super::latency::Sample;
use super::line::Round;
use super::stats::Stats;
use super::switch::Hold;
use super::sync::{AtomicBool, JoinHandle, Mutex, Ordering, lock, spawn};
use super::tail::{Clock, Count, Policy, Status, Tail};
use super::write::Control;
use crate::error::{Error, Result};
use crate::event::Events;
use crate::fs::{Create, Dir, File, errno};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a log is told at open; the first three can change while it runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    pub policy: Policy,
    pub postpone: bool,
    pub no_fsync_on_rewrite: bool,
    /// In milliseconds; 0 = off.
    pub latency_threshold: u64,
    #[doc(hidden)]
    pub control: Control,
}

/// One open append-only file; shared by everything that feeds it.
pub struct Log {
    shared: Arc<Shared>,
    worker: Mutex<Option<JoinHandle<()>>>,
    owner: u32,
    over: AtomicBool,
}

impl Log {
    /// Opens `name` for append, made if missing, and makes its name durable. What the file holds counts as
    /// loaded by the caller; under `always` it is synced first, since whoever wrote it may have died before
    /// doing so and what was loaded can be read from now on.
    pub fn open(dir: Arc<dyn Dir>, name: &str, settings: Settings, events: Arc<Events>) -> Result<Arc<Self>> {
        Self::resume(dir, name, None, settings, events)
    }

    /// The same for the last of several files: the bytes of those before it, and those of the base among them.
    pub fn resume(
        dir: Arc<dyn Dir>,
        name: &str,
        earlier: Option<(u64, u64)>,
        settings: Settings,
        events: Arc<Events>,
    ) -> Result<Arc<Self>> {
        let (file, size) = prepare(&*dir, name, settings).map_err(|error| unopened(&*dir, name, &error))?;
        let synced = if settings.policy == Policy::Always { size } else { 0 };
        let (before, base_size) = earlier.unwrap_or((0, size));
        Self::over(dir, name, file, Sizes { size, synced, before, base_size }, settings, events)
    }

    /// A log over a file that is open already, complete and synced: `size` bytes that a rewrite wrote. It is for
    /// the caller to give the file its `name`.
    pub fn adopt(
        dir: Arc<dyn Dir>,
        name: &str,
        file: Arc<dyn File>,
        size: u64,
        settings: Settings,
        events: Arc<Events>,
    ) -> Result<Arc<Self>> {
        Self::over(
            dir,
            name,
            file,
            Sizes { size, synced: size, before: 0, base_size: size },
            settings,
            events,
        )
    }

    fn over(
        dir: Arc<dyn Dir>,
        name: &str,
        file: Arc<dyn File>,
        Sizes { size, synced, before, base_size }: Sizes,
        settings: Settings,
        events: Arc<Events>,
    ) -> Result<Arc<Self>> {
        let tail = Tail {
            buffer: Buffer::default(),
            heading: Heading::default(),
            diff: None,
            file,
            name: name.into(),
            generation: 0,
            policy: settings.policy,
            status: Status::Sound,
            closed: false,
            refused_at: 0,
            waiting: 0,
            writing: false,
            syncing: false,
            fed: size,
            written: size,
            synced,
            size,
            before,
            base_size,
            torn: 0,
            clock: Clock::new(Instant::now()),
            round: Round::default(),
            count: Count::default(),
        };
        let shared = Arc::new(Shared::new(tail, dir, events));
        shared.no_fsync_on_rewrite.store(settings.no_fsync_on_rewrite, Ordering::Relaxed);
        shared.postpone.store(settings.postpone, Ordering::Relaxed);
        shared.control.store(settings.control as u64, Ordering::Relaxed);
        shared.latency.set_threshold(settings.latency_threshold);
        let theirs = Arc::clone(&shared);
        let worker = spawn("aofstore-fsync", move || fsync::work(&theirs))
            .map_err(|error| unopened(&*shared.dir, name, &error))?;
        Ok(Arc::new(Self {
            shared,
            worker: Mutex::new(Some(worker)),
            owner: std::process::id(),
            over: AtomicBool::new(false),
        }))
    }

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
        let mut tail = self.shared.lock();
        let tail = &mut *tail;
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
                self.shared.latch(tail, libc::ENOMEM, "no memory for the record");
                self.shared.publish(tail);
            }
        }
        if tail.closed || matches!(tail.status, Status::Latched { .. }) {
            tail.buffer.discard();
            tail.heading = Heading::default();
        }
        self.shared.fed.store(tail.fed, Ordering::Release);
        tail.fed
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
        self.is_durable(end) || (!self.shared.latency.writes_are_slow() && self.shared.reach_at_once(end))
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

    /// Changes `appendfsync`. Going to `always` syncs first what is pending (Y-16); if that fails the policy
    /// stays and the log is latched.
    pub fn set_policy(&self, policy: Policy) -> Result<()> {
        let before = self.shared.replace_policy(policy);
        if policy == Policy::Always
            && before != policy
            && let Err(error) = self.flush(true)
        {
            self.shared.replace_policy(before);
            return Err(error);
        }
        Ok(())
    }

    pub fn set_postpone(&self, on: bool) {
        self.shared.postpone.store(on, Ordering::Relaxed);
    }

    pub fn set_no_fsync_on_rewrite(&self, on: bool) {
        self.shared.no_fsync_on_rewrite.store(on, Ordering::Relaxed);
    }

    /// Tells whether a rewrite or save child runs (Y-06).
    pub fn set_child_alive(&self, alive: bool) {
        let before = self.shared.child_alive.swap(alive, Ordering::Relaxed);
        let suspends = self.shared.no_fsync_on_rewrite.load(Ordering::Relaxed);
        if alive && !before && suspends && self.policy() == Policy::Always {
            self.shared.events.warning(
                "no-appendfsync-on-rewrite is on: until the child ends, writes are acknowledged without a sync",
            );
        }
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

    pub fn set_latency_threshold(&self, ms: u64) {
        self.shared.latency.set_threshold(ms);
    }

    /// Takes the latency samples kept since the last call.
    pub fn drain_latency(&self) -> Vec<Sample> {
        self.shared.latency.drain()
    }

    #[doc(hidden)]
    pub fn set_control(&self, control: Control) {
        self.shared.control.store(control as u64, Ordering::Relaxed);
    }

    /// Flushes, syncs, ends the thread and lets go of the file, in any state; then reports what was not saved.
    /// Only the first call does anything.
    pub fn close(&self) -> Result<()> {
        if self.over.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let saved = self.shared.flush(true);
        self.shared.retire();
        self.shared.jobs.push(Job::Stop);
        let worker = lock(&self.worker).take();
        if let Some(worker) = worker {
            // It has nothing left to report: a panic there would have been ours and is already lost.
            drop(worker.join());
        }
        saved
    }

    /// For a forked copy of the process: from now on this handle does nothing when it goes. Takes no lock, since
    /// whoever held one was not copied.
    pub fn abandon(&self) {
        self.over.store(true, Ordering::Release);
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if self.owner == std::process::id() {
            // A failure was reported as an event when it happened; there is nobody to return it to.
            drop(self.close());
        } else if let Ok(worker) = self.worker.get_mut() {
            // The thread does not exist in this process; its handle must not be touched.
            std::mem::forget(worker.take());
        }
    }
}

struct Sizes {
    size: u64,
    synced: u64,
    before: u64,
    base_size: u64,
}

impl Shared {
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

    /// Waits for who is out with the file, then lets go of it.
    fn retire(&self) {
        let mut tail = self.lock();
        while tail.writing || tail.syncing {
            tail = self.wait(tail);
        }
        tail.closed = true;
        tail.file = Arc::new(Gone);
        tail.buffer.discard();
        self.publish(&mut tail);
    }

    fn replace_policy(&self, policy: Policy) -> Policy {
        let mut tail = self.lock();
        self.policy.store(policy as u64, Ordering::Relaxed);
        let before = std::mem::replace(&mut tail.policy, policy);
        self.publish(&mut tail);
        before
    }
}

/// The place of a file that was closed.
struct Gone;

impl File for Gone {
    fn write(&self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::from_raw_os_error(libc::EBADF))
    }

    fn sync_data(&self) -> io::Result<()> {
        Err(io::Error::from_raw_os_error(libc::EBADF))
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        Err(io::Error::from_raw_os_error(libc::EBADF))
    }

    fn size(&self) -> io::Result<u64> {
        Err(io::Error::from_raw_os_error(libc::EBADF))
    }
}

fn prepare(dir: &dyn Dir, name: &str, settings: Settings) -> io::Result<(Arc<dyn File>, u64)> {
    let file = dir.open_append(name, Create::Missing)?;
    let size = file.size()?;
    if size > 0 && settings.policy == Policy::Always {
        super::write::sync(&*file, settings.control).map_err(io::Error::from_raw_os_error)?;
    }
    // Also when the file was there: whoever made it may have died before this line.
    if settings.control != Control::SkipDirSync {
        dir.sync()?;
    }
    Ok((file, size))
}

fn unopened(dir: &dyn Dir, name: &str, error: &io::Error) -> Error {
    let path: PathBuf = dir.path().join(name);
    let message = format!("cannot open {} for appending: {error}", path.display());
    Error::Open { path, errno: errno(error), message }
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
