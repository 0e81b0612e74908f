//! Slow writes and syncs, for the engine's latency monitor.
//!
//! The writer leaves samples here and the engine's monitor fetches them, ten times a second and when asked. With
//! the threshold at 0 nothing is kept and no clock is read but for one write in sixteen, which tells the binding
//! whether writes are quick enough to stay attached to the interpreter.

use crate::clock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Seconds of each kind that wait to be fetched; the oldest go.
const KEPT: usize = 160;
const KINDS: usize = 6;
const SLOW: Duration = Duration::from_micros(50);
const ONE_IN: u64 = 16;

/// What took the time; the names are Redis's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Write,
    WritePendingFsync,
    WriteActiveChild,
    WriteAlone,
    FsyncAlways,
    Fstat,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Write => "aof-write",
            Self::WritePendingFsync => "aof-write-pending-fsync",
            Self::WriteActiveChild => "aof-write-active-child",
            Self::WriteAlone => "aof-write-alone",
            Self::FsyncAlways => "aof-fsync-always",
            Self::Fstat => "aof-fstat",
        }
    }
}

/// The longest of its kind in one second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    pub kind: Kind,
    /// Unix seconds.
    pub at: i64,
    pub ms: u64,
}

#[derive(Debug, Default)]
pub(super) struct Latency {
    threshold_ms: AtomicU64,
    slow: AtomicBool,
    samples: Mutex<Vec<Sample>>,
}

impl Latency {
    pub(super) fn set_threshold(&self, ms: u64) {
        self.threshold_ms.store(ms, Ordering::Relaxed);
    }

    /// Whether the last write that was timed took long.
    #[inline]
    pub(super) fn writes_are_slow(&self) -> bool {
        self.slow.load(Ordering::Relaxed)
    }

    /// Starts the clock of the `n`-th write, if it is one to time.
    #[inline]
    pub(super) fn start_write(&self, n: u64) -> Option<Instant> {
        let wanted = n.is_multiple_of(ONE_IN) || self.writes_are_slow() || self.monitoring();
        wanted.then(Instant::now)
    }

    /// The write is over, failed or not; exactly one of the three reasons is sampled beside it.
    #[inline]
    pub(super) fn end_write(&self, start: Option<Instant>, syncing: bool, child: bool) {
        let Some(start) = start else { return };
        let took = start.elapsed();
        self.slow.store(took >= SLOW, Ordering::Relaxed);
        self.sample(Kind::Write, took);
        self.sample(
            match (syncing, child) {
                (true, _) => Kind::WritePendingFsync,
                (false, true) => Kind::WriteActiveChild,
                (false, false) => Kind::WriteAlone,
            },
            took,
        );
    }

    /// Starts the clock of anything but a write.
    pub(super) fn start(&self) -> Option<Instant> {
        self.monitoring().then(Instant::now)
    }

    pub(super) fn end(&self, kind: Kind, start: Option<Instant>) {
        if let Some(start) = start {
            self.sample(kind, start.elapsed());
        }
    }

    pub(super) fn drain(&self) -> Vec<Sample> {
        std::mem::take(&mut *self.samples.lock().unwrap_or_else(PoisonError::into_inner))
    }

    #[inline]
    fn monitoring(&self) -> bool {
        self.threshold_ms.load(Ordering::Relaxed) != 0
    }

    fn sample(&self, kind: Kind, took: Duration) {
        let threshold = self.threshold_ms.load(Ordering::Relaxed);
        let ms = took.as_millis() as u64;
        if threshold == 0 || ms < threshold {
            return;
        }
        let at = clock::now_ms() / 1000;
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let mut recent = samples.iter_mut().rev().take(KINDS);
        if let Some(last) = recent.find(|last| (last.kind, last.at) == (kind, at)) {
            last.ms = last.ms.max(ms);
            return;
        }
        if samples.len() >= KEPT * KINDS {
            samples.remove(0);
        }
        samples.push(Sample { kind, at, ms });
    }
}
