//! Who writes, who syncs, who waits: the hand-over between the callers of one log.
//!
//! One lock, one condition. Under `everysec` and `no` a caller writes under the lock. Under `always` the first
//! to arrive leads: it takes all pending bytes, writes and syncs them outside the lock, and whoever fed before it
//! took them is covered by that one sync; the others wait in the line and one of them leads next. Who waits is
//! always woken: every change of `writing`, `syncing`, an offset or the status ends in [`Shared::publish`].

use super::fsync::Jobs;
use super::heading::Heading;
use super::latency::{Kind, Latency};
use super::line::Line;
use super::sync::{AtomicBool, AtomicU64, Condvar, Mutex, MutexGuard, Ordering, lock, now, try_lock, wait};
use super::tail::{Policy, Status, Tail};
use super::write::{self, Control, Failure};
use crate::error::{Error, Result, shown};
use crate::event::Events;
use crate::fs::Dir;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// At most one line about failing writes in more than this (W-03).
const QUIET: Duration = Duration::from_secs(30);

pub(super) type Guard<'a> = MutexGuard<'a, Tail>;

/// What the handle and the worker thread have in common.
pub(super) struct Shared {
    pub(super) tail: Mutex<Tail>,
    turned: Condvar,
    /// Callers that wait for somebody else's sync.
    pub(super) line: Line,
    pub(super) fed: AtomicU64,
    /// Up to here every call may return. Only grows.
    pub(super) acked: AtomicU64,
    pub(super) status: AtomicU64,
    /// A copy of the tail's, for questions that need no lock.
    pub(super) policy: AtomicU64,
    pub(super) child_alive: AtomicBool,
    pub(super) no_fsync_on_rewrite: AtomicBool,
    pub(super) postpone: AtomicBool,
    pub(super) control: AtomicU64,
    /// Somebody is in write(2) with the lock.
    pub(super) at_write: AtomicBool,
    pub(super) latency: Latency,
    pub(super) jobs: Jobs,
    pub(super) events: Arc<Events>,
    pub(super) dir: Arc<dyn Dir>,
}

impl Shared {
    pub(super) fn new(tail: Tail, dir: Arc<dyn Dir>, events: Arc<Events>) -> Self {
        Self {
            turned: Condvar::new(),
            line: Line::default(),
            fed: AtomicU64::new(tail.fed),
            acked: AtomicU64::new(tail.acknowledged(true)),
            status: AtomicU64::new(tail.status.pack()),
            policy: AtomicU64::new(tail.policy as u64),
            child_alive: AtomicBool::new(false),
            no_fsync_on_rewrite: AtomicBool::new(false),
            postpone: AtomicBool::new(false),
            control: AtomicU64::new(0),
            at_write: AtomicBool::new(false),
            latency: Latency::default(),
            jobs: Jobs::default(),
            tail: Mutex::new(tail),
            events,
            dir,
        }
    }

    #[inline]
    pub(super) fn lock(&self) -> Guard<'_> {
        lock(&self.tail)
    }

    pub(super) fn wait<'a>(&'a self, mut tail: Guard<'a>) -> Guard<'a> {
        tail.waiting += 1;
        let mut tail = wait(&self.turned, tail);
        tail.waiting -= 1;
        tail
    }

    pub(super) fn turned(&self) -> &Condvar {
        &self.turned
    }

    pub(super) fn control(&self) -> Control {
        Control::from_u64(self.control.load(Ordering::Relaxed))
    }

    /// False while a child runs and the user asked for no syncs meanwhile (Y-06).
    pub(super) fn syncs(&self) -> bool {
        let suspended =
            self.no_fsync_on_rewrite.load(Ordering::Relaxed) && self.child_alive.load(Ordering::Relaxed);
        !suspended && self.control() != Control::AckBeforeSync
    }

    /// Makes visible what changed under the lock, and wakes who waits for it.
    #[inline]
    pub(super) fn publish(&self, tail: &mut Tail) {
        let acked = tail.acknowledged(self.syncs());
        if matches!(tail.status, Status::Refusing { .. }) && acked > tail.refused_at {
            tail.status = Status::Sound;
            self.events
                .warning(format!("the write error of {} is solved; writes are taken again", tail.name));
        }
        // ORDER: Release pairs with the Acquire in `Log::is_durable`; who sees the offset sees what it promises.
        if acked > self.acked.load(Ordering::Relaxed) {
            self.acked.store(acked, Ordering::Release);
        }
        self.status.store(tail.status.pack(), Ordering::Release);
        if tail.waiting > 0 {
            self.turned.notify_all();
        }
        if !self.line.is_empty() {
            self.call_line(tail);
        }
    }

    #[cold]
    fn call_line(&self, tail: &Tail) {
        if tail.closed || tail.status != Status::Sound || tail.policy != Policy::Always {
            return self.line.call_all();
        }
        let acked = self.acked.load(Ordering::Relaxed);
        self.line.let_out(acked);
        if !tail.writing && !tail.syncing {
            self.line.call_leader(acked);
        }
    }

    /// Brings the log as far as the policy wants it before a caller that fed up to `end` may answer.
    pub(super) fn reach(&self, end: u64) -> Result<()> {
        self.line.entered(self.acked.load(Ordering::Relaxed));
        let mut tail = self.lock();
        loop {
            if self.acked.load(Ordering::Relaxed) >= end {
                return Ok(());
            }
            if tail.closed || tail.status != Status::Sound {
                return Err(self.error(&tail));
            }
            let leads = tail.policy == Policy::Always;
            if leads && (tail.writing || tail.syncing) {
                let seat = self.line.join(end, self.acked.load(Ordering::Relaxed));
                drop(tail);
                seat.sleep();
                if self.acked.load(Ordering::Acquire) >= end {
                    return Ok(());
                }
                tail = self.lock();
            } else if tail.writing {
                tail = self.wait(tail);
            } else if leads {
                tail = self.lead(tail);
            } else if self.postponed(&mut tail) || self.control() == Control::AckBeforeWrite {
                return Ok(());
            } else {
                self.write_pending(&mut tail);
            }
        }
    }

    /// As [`reach`](Self::reach) if nothing stands in the way and no sync runs, which may hold a write up in the
    /// system. False if not, or if the write failed.
    pub(super) fn reach_at_once(&self, end: u64) -> bool {
        self.at_once().is_some_and(|mut tail| self.write_at_once(&mut tail, end))
    }

    /// The lock if a write under it would be quick: nobody has it, writes have not been slow, and no sync runs.
    #[inline]
    pub(super) fn at_once(&self) -> Option<Guard<'_>> {
        if self.latency.writes_are_slow() {
            return None;
        }
        let tail = try_lock(&self.tail)?;
        let free = !tail.closed && !tail.writing && !tail.syncing;
        (free && tail.status == Status::Sound && tail.policy != Policy::Always).then_some(tail)
    }

    /// Writes what is pending, if that is needed for `end`; false if it failed. With the lock that `at_once` gave.
    #[inline]
    pub(super) fn write_at_once(&self, tail: &mut Tail, end: u64) -> bool {
        self.acked.load(Ordering::Relaxed) >= end
            || self.control() == Control::AckBeforeWrite
            || (tail.status == Status::Sound && self.write_pending(tail))
    }

    /// One round of group commit: everything pending is written, and synced if the policy wants that. Nobody
    /// else may be writing or syncing. Returns whatever came of it; the status says what.
    pub(super) fn lead<'a>(&'a self, mut tail: Guard<'a>) -> Guard<'a> {
        tail.writing = true;
        tail.syncing = true;
        tail = self.gather(tail);
        let began = now();
        tail.count.commits += 1;
        let batch = tail.buffer.take();
        let (file, size, covers) = (Arc::clone(&tail.file), tail.size, tail.written + batch.len() as u64);
        let sync = tail.policy == Policy::Always && self.syncs();
        let n = tail.count.writes;
        drop(tail);

        let control = self.control();
        let start = self.latency.start_write(n);
        let wrote = write::append(&*file, &batch, size, control);
        self.latency.end_write(start, false, self.child_alive.load(Ordering::Relaxed));
        let start = self.latency.start();
        let synced = (wrote.is_ok() && sync).then(|| write::sync(&*file, control));
        if sync {
            self.latency.end(Kind::FsyncAlways, start);
        }

        let mut tail = self.lock();
        tail.writing = false;
        tail.syncing = false;
        self.wrote(&mut tail, batch, wrote);
        if let Some(result) = synced {
            self.synced(&mut tail, covers, result);
        }
        tail.round.over(self.line.len() + 1, began, now());
        self.publish(&mut tail);
        tail
    }

    /// Waits a little for those who were here in the last round, with what they feed next. Nobody writes meanwhile.
    fn gather<'a>(&'a self, mut tail: Guard<'a>) -> Guard<'a> {
        let Some((others, until)) = tail.round.expects(now()) else { return tail };
        drop(tail);
        let acked = self.acked.load(Ordering::Relaxed);
        let came = self.line.expect(others, acked, until);
        if self.control() != Control::LeaveCovered {
            self.line.let_all_out(acked);
        }
        let mut tail = self.lock();
        if !came {
            tail.round.missed();
        }
        tail
    }

    /// Writes what is pending under the lock. Nobody else may be writing. False if it failed.
    pub(super) fn write_pending(&self, tail: &mut Tail) -> bool {
        let start = self.latency.start_write(tail.count.writes);
        self.at_write.store(true, Ordering::Relaxed);
        let result = write::append(&*tail.file, tail.buffer.bytes(), tail.size, self.control());
        self.at_write.store(false, Ordering::Relaxed);
        if start.is_some() {
            self.latency.end_write(start, tail.syncing, self.child_alive.load(Ordering::Relaxed));
        }
        let fine = result.is_ok();
        // Nobody could feed meanwhile, so the vectors need not take turns.
        match result {
            Ok(()) => {
                tail.wrote(tail.buffer.len());
                tail.buffer.clear_written();
            }
            Err(failure) => {
                let batch = tail.buffer.take();
                self.wrote(tail, batch, Err(failure));
            }
        }
        self.publish(tail);
        fine
    }

    /// Syncs all that is written, outside the lock. Nobody else may be syncing.
    pub(super) fn sync_now<'a>(&'a self, mut tail: Guard<'a>) -> Guard<'a> {
        tail.syncing = true;
        tail.clock.last_sync = Some(tail.clock.now);
        let (file, covers, generation) = (Arc::clone(&tail.file), tail.written, tail.generation);
        drop(tail);
        let result = write::sync(&*file, self.control());
        self.sync_done(generation, covers, result)
    }

    /// A sync that ran outside the lock is over. About a file that was replaced meanwhile it says nothing.
    pub(super) fn sync_done(
        &self,
        generation: u64,
        covers: u64,
        result: std::result::Result<(), i32>,
    ) -> Guard<'_> {
        let mut tail = self.lock();
        if tail.generation == generation {
            tail.syncing = false;
            self.synced(&mut tail, covers, result);
            self.publish(&mut tail);
        }
        tail
    }

    fn wrote(&self, tail: &mut Tail, batch: Vec<u8>, result: std::result::Result<(), Failure>) {
        match result {
            Ok(()) => {
                tail.wrote(batch.len());
                tail.buffer.written(batch);
            }
            Err(failure) => {
                tail.clock.postponed = None;
                self.write_failed(tail, batch, &failure);
            }
        }
    }

    #[cold]
    fn write_failed(&self, tail: &mut Tail, batch: Vec<u8>, failure: &Failure) {
        tail.count.write_errors += 1;
        tail.size += failure.kept;
        tail.torn += failure.kept;
        let path = self.path(tail);
        if !failure.cut_off || matches!(tail.status, Status::Latched { .. }) {
            return self.latch(tail, failure.errno, &failure.what);
        }
        tail.buffer.restore(batch);
        tail.refused_at = tail.written;
        tail.clock.last_retry = Some(tail.clock.now);
        tail.count.last_errno = failure.errno;
        tail.status = Status::Refusing { errno: failure.errno };
        let now = tail.clock.now.max(Instant::now());
        if tail.clock.last_line.is_none_or(|line| now.saturating_duration_since(line) > QUIET) {
            tail.clock.last_line = Some(now);
            self.events.warning(format!(
                "{path}: {}; writes are refused and {} bytes tried again every second",
                failure.what,
                tail.buffer.len(),
            ));
        }
    }

    pub(super) fn synced(&self, tail: &mut Tail, covers: u64, result: std::result::Result<(), i32>) {
        match result {
            Ok(()) => {
                tail.count.fsyncs += 1;
                tail.synced = tail.synced.max(covers);
                // What is still behind came after this sync began; the next tick sees it.
                tail.clock.behind = None;
            }
            Err(errno) => {
                let why = io::Error::from_raw_os_error(errno);
                self.latch(tail, errno, &format!("fdatasync failed: {why}"));
            }
        }
    }

    /// Nothing is appended to this file any more. The pending bytes are dropped: they could only be appended
    /// behind what is lost, and memory holds their effect for the rewrite that heals. The caller publishes.
    #[cold]
    pub(super) fn latch(&self, tail: &mut Tail, errno: i32, what: &str) {
        tail.count.last_errno = errno;
        if matches!(tail.status, Status::Latched { .. }) {
            return;
        }
        tail.status = Status::Latched { errno };
        tail.buffer.discard();
        tail.heading = Heading::default();
        let path = self.path(tail);
        self.events.warning(format!(
            "{path}: {what}; nothing more is written to it until a rewrite replaces it or the store is reopened",
        ));
    }

    pub(super) fn path(&self, tail: &Tail) -> String {
        shown(&self.dir.path().join(&*tail.name))
    }

    /// The error of a call whose bytes are not where the policy wants them.
    #[cold]
    pub(super) fn error(&self, tail: &Tail) -> Error {
        if tail.closed {
            return Error::Closed;
        }
        let path = self.dir.path().join(&*tail.name);
        let errno = tail.status.errno().unwrap_or(tail.count.last_errno);
        let (why, pending) = (io::Error::from_raw_os_error(errno), tail.pending());
        let advice = match tail.status {
            Status::Latched { .. } => "call rewrite(), or close the store and open it again",
            _ => "they are kept and tried again every second: make room on the disk",
        };
        let message =
            format!("{}: {why}; {pending} bytes of the log are not safely on disk; {advice}", shown(&path));
        Error::Write { path, errno, pending_bytes: pending, message }
    }
}
