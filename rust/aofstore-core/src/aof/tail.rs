//! The end of the log under its one lock: offsets, the file, and whether it is sound.
//!
//! Offsets count the bytes of the stream, from the length of the file at open, and never fall; a switch to
//! another file changes `size`, not them. INVARIANT: synced <= written <= fed, and written + what a writer holds
//! + the buffer = fed unless the log is latched.

use super::buffer::Buffer;
use super::diff::Diff;
use super::heading::Heading;
use super::line::Round;
use crate::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// When the log is synced (`appendfsync`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Policy {
    Always,
    #[default]
    Everysec,
    No,
}

impl Policy {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Everysec => "everysec",
            Self::No => "no",
        }
    }

    pub(super) const fn from_raw(raw: u64) -> Self {
        match raw {
            0 => Self::Always,
            1 => Self::Everysec,
            _ => Self::No,
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Always, Self::Everysec, Self::No]
            .into_iter()
            .find(|policy| policy.name().eq_ignore_ascii_case(name))
    }
}

/// Whether the log takes what it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Sound,
    /// The disk is full (ENOSPC, EDQUOT, EFBIG). The file is whole, the bytes are kept and tried again every
    /// second; writes are to be refused until then.
    Refusing {
        errno: i32,
    },
    /// The file cannot be trusted any more; nothing is appended until another one takes its place.
    Latched {
        errno: i32,
    },
}

impl Status {
    pub const fn errno(self) -> Option<i32> {
        match self {
            Self::Sound => None,
            Self::Refusing { errno } | Self::Latched { errno } => Some(errno),
        }
    }

    pub(super) const fn pack(self) -> u64 {
        match self {
            Self::Sound => 0,
            Self::Refusing { errno } => 1 << 32 | errno.cast_unsigned() as u64,
            Self::Latched { errno } => 2 << 32 | errno.cast_unsigned() as u64,
        }
    }

    pub(super) const fn unpack(raw: u64) -> Self {
        let errno = raw as u32 as i32;
        match raw >> 32 {
            0 => Self::Sound,
            1 => Self::Refusing { errno },
            _ => Self::Latched { errno },
        }
    }
}

pub(super) struct Tail {
    pub(super) buffer: Buffer,
    pub(super) heading: Heading,
    /// A rewrite runs: it gets a copy of every byte that is fed, whatever becomes of the file (P-03).
    pub(super) diff: Option<Arc<Diff>>,
    pub(super) file: Arc<dyn File>,
    pub(super) name: Arc<str>,
    /// Which file this is: results about an older one no longer matter.
    pub(super) generation: u64,
    pub(super) policy: Policy,
    pub(super) status: Status,
    pub(super) closed: bool,
    /// `written` when the disk became full: past it, the error is over.
    pub(super) refused_at: u64,
    /// Threads in [`Shared::wait`](super::commit::Shared::wait); waking nobody still costs a system call.
    pub(super) waiting: u32,
    /// Somebody has taken the pending bytes and writes them outside the lock: nobody else may write.
    pub(super) writing: bool,
    /// Somebody syncs outside the lock. INVARIANT: never two at once on one file; the system tells a failure to
    /// only one of them, and the other would acknowledge what is lost.
    pub(super) syncing: bool,
    pub(super) fed: u64,
    pub(super) written: u64,
    pub(super) synced: u64,
    /// Length of the file, torn bytes included.
    pub(super) size: u64,
    /// Bytes of the log in files before this one.
    pub(super) before: u64,
    pub(super) base_size: u64,
    pub(super) torn: u64,
    pub(super) clock: Clock,
    pub(super) round: Round,
    pub(super) count: Count,
}

/// Monotonic times; `now` is what the timer said last.
#[derive(Debug)]
pub(super) struct Clock {
    pub(super) now: Instant,
    pub(super) last_sync: Option<Instant>,
    pub(super) last_retry: Option<Instant>,
    pub(super) last_line: Option<Instant>,
    pub(super) last_notice: Option<Instant>,
    pub(super) last_look: Option<Instant>,
    pub(super) postponed: Option<Instant>,
    /// The tick that first saw written bytes unsynced.
    pub(super) behind: Option<Instant>,
}

impl Clock {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            now,
            last_sync: None,
            last_retry: None,
            last_line: None,
            last_notice: None,
            last_look: None,
            postponed: None,
            behind: None,
        }
    }

    /// Whether `period` has passed since `mark`; never set counts as long ago.
    pub(super) fn passed(&self, mark: Option<Instant>, period: Duration) -> bool {
        mark.is_none_or(|mark| self.now.saturating_duration_since(mark) >= period)
    }
}

#[derive(Debug, Default)]
pub(super) struct Count {
    pub(super) writes: u64,
    pub(super) fsyncs: u64,
    pub(super) commits: u64,
    pub(super) delayed_fsync: u64,
    pub(super) write_errors: u64,
    /// Survives the end of the error, for `last_persistence_error`.
    pub(super) last_errno: i32,
}

impl Tail {
    /// Up to where a call may be acknowledged. `syncs` is false while syncing is suspended.
    pub(super) fn acknowledged(&self, syncs: bool) -> u64 {
        if self.policy == Policy::Always && syncs { self.synced } else { self.written }
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.size == 0 && !self.writing && self.buffer.len() == 0
    }

    /// So many bytes more are in the file.
    #[inline]
    pub(super) fn wrote(&mut self, count: usize) {
        self.clock.postponed = None;
        self.written += count as u64;
        self.size += count as u64;
        self.count.writes += 1;
    }

    /// Bytes that are not where they should be, for `AofWriteError.pending_bytes`.
    pub(super) fn pending(&self) -> u64 {
        match self.status {
            Status::Latched { .. } => self.fed - self.synced,
            _ => self.fed - self.acknowledged(true),
        }
    }
}
