//! The part of a file that a reader holds.
//!
//! It grows only as data arrives and never beyond what the file still holds, so no header can make it allocate.

use std::io;
use std::ops::Range;

use crate::fs::{Source, read_some};

/// Bytes asked for at once.
pub(super) const BLOCK: usize = 1 << 20;
/// A window larger than this is given back once the long command is behind it.
pub(super) const LARGE: usize = 16 * BLOCK;

pub(super) struct Window {
    pub(super) source: Box<dyn Source>,
    /// The file's length, as given.
    total: u64,
    bytes: Vec<u8>,
    /// File offset of the first byte.
    base: u64,
    /// How many of the bytes hold data.
    filled: usize,
}

/// Bytes of the file that could not be had.
pub(super) struct Missing {
    pub(super) at: u64,
    pub(super) why: String,
}

impl Missing {
    pub(super) fn unread(at: u64, error: &io::Error) -> Self {
        Self { at, why: format!("cannot be read: {error}") }
    }
}

impl Window {
    pub(super) fn new(source: Box<dyn Source>, start: u64, total: u64) -> Self {
        Self { source, total: total.max(start), bytes: Vec::new(), base: start, filled: 0 }
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// File offset of the byte at an index.
    #[inline]
    pub(super) fn offset(&self, at: usize) -> u64 {
        self.base + at as u64
    }

    /// The data from an index on.
    #[inline]
    pub(super) fn rest(&self, at: usize) -> &[u8] {
        self.bytes.get(at..self.filled).unwrap_or_default()
    }

    #[inline]
    pub(super) fn slice(&self, range: Range<usize>) -> &[u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    /// All there is from an index on; behind the data it is of no meaning.
    #[inline]
    pub(super) fn from(&self, at: usize) -> &[u8] {
        self.bytes.get(at..).unwrap_or_default()
    }

    /// Before anything was read only.
    pub(super) fn begin_at(&mut self, start: u64) {
        self.total = self.total.max(start);
        self.base = start;
    }

    /// The index of the byte at a file offset; what is held is dropped if the byte is not behind it or in it.
    pub(super) fn seek(&mut self, offset: u64) -> usize {
        let near = offset.checked_sub(self.base).map(|at| at as usize).filter(|&at| at <= self.filled);
        if near.is_none() {
            (self.base, self.filled) = (offset, 0);
        }
        near.unwrap_or(0)
    }

    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    /// Drops what stands before an index, which becomes 0.
    fn begin_with(&mut self, at: usize) {
        if at > 0 {
            self.bytes.copy_within(at..self.filled, 0);
            self.base += at as u64;
            self.filled -= at;
        }
    }

    /// Drops what stands before the index `begin`, which becomes 0, and reads until `need` bytes are there.
    pub(super) fn fill(&mut self, begin: usize, need: usize) -> Result<(), Missing> {
        self.begin_with(begin);
        if self.bytes.len() > LARGE && need <= BLOCK && self.filled <= BLOCK {
            self.bytes.truncate(BLOCK);
            self.bytes.shrink_to_fit();
        }
        while self.filled < need {
            self.grow()?;
            let at = self.offset(self.filled);
            // Not a byte beyond `total`: whoever appends there has not finished. And not a whole large window at once:
            // it is to be given back.
            let rest = usize::try_from(self.total - at).unwrap_or(usize::MAX);
            let asked = (need - self.filled).max(BLOCK).min(rest);
            let end = (self.filled + asked).min(self.bytes.len());
            let room = self.bytes.get_mut(self.filled..end).unwrap_or_default();
            match read_some(&mut *self.source, at, room) {
                Ok(read) => self.filled += read,
                Err(error) => return Err(Missing::unread(at, &error)),
            }
        }
        Ok(())
    }

    /// Makes room: one block, or as much again as has arrived, but no more than the file still holds.
    fn grow(&mut self) -> Result<(), Missing> {
        if self.filled < self.bytes.len() {
            return Ok(());
        }
        let rest = usize::try_from(self.total - self.offset(self.filled)).unwrap_or(usize::MAX);
        let more = self.filled.max(BLOCK).min(rest);
        if self.bytes.try_reserve_exact(more).is_err() {
            return Err(Missing { at: self.base, why: "not enough memory to read this command".to_owned() });
        }
        self.bytes.resize(self.filled + more, 0);
        Ok(())
    }
}
