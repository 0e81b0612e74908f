//! A part of the file in memory, moved along as it is read, and the checksum of what was read.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::fs::{Source, read_some};

use super::super::value::{Bad, Crc, Input, Result};

/// Bytes asked for at once.
const BLOCK: usize = 1 << 20;
/// A window larger than this is given back once the long string is behind it.
const LARGE: usize = 16 * BLOCK;

pub(super) struct Window {
    source: Box<dyn Source>,
    total: u64,
    bytes: Vec<u8>,
    /// File offset of the first byte.
    base: u64,
    /// INVARIANT: `checked` <= `position` <= `filled` <= the length of `bytes`.
    filled: usize,
    position: usize,
    checked: usize,
    crc: Crc,
    /// Set by whoever no longer wants what is read.
    given_up: Option<Arc<AtomicBool>>,
}

impl Window {
    pub fn new(source: Box<dyn Source>, total: u64) -> Self {
        Self {
            source,
            total,
            bytes: Vec::new(),
            base: 0,
            filled: 0,
            position: 0,
            checked: 0,
            crc: Crc::new(),
            given_up: None,
        }
    }

    /// Nothing more is read from the file once another thread sets `given_up`.
    pub fn unless(&mut self, given_up: Arc<AtomicBool>) {
        self.given_up = Some(given_up);
    }

    /// The next bytes without reading them, at least `least` of them if there are as many.
    pub fn peek(&mut self, least: usize) -> Result<&[u8]> {
        let least = least.min(usize::try_from(self.left()).unwrap_or(least));
        if least > self.filled - self.position {
            self.fill(least)?;
        }
        Ok(self.unread())
    }

    /// File offset of what is read next.
    pub const fn offset(&self) -> u64 {
        self.base + self.position as u64
    }

    pub const fn total(&self) -> u64 {
        self.total
    }

    pub const fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    /// Of all that was read so far.
    pub fn checksum(&mut self) -> u64 {
        self.crc.update(self.bytes.get(self.checked..self.position).unwrap_or_default());
        self.checked = self.position;
        self.crc.get()
    }

    /// What is in memory and was not read yet.
    pub fn unread(&self) -> &[u8] {
        self.bytes.get(self.position..self.filled).unwrap_or_default()
    }

    /// Makes `len` bytes from the position on be there.
    #[cold]
    fn fill(&mut self, len: usize) -> Result<()> {
        if len as u64 > self.left() {
            return Err(Bad::Truncated);
        }
        self.move_along();
        let rest = usize::try_from(self.left()).unwrap_or(usize::MAX);
        self.make_room(len.max(BLOCK).min(rest))?;
        while self.filled < len {
            if self.given_up.as_ref().is_some_and(|given_up| given_up.load(Ordering::Relaxed)) {
                return Err(Bad::Io(io::ErrorKind::Interrupted.into()));
            }
            let at = self.base + self.filled as u64;
            let end = rest.min(self.bytes.len());
            let room = self.bytes.get_mut(self.filled..end).unwrap_or_default();
            self.filled += read_some(&mut *self.source, at, room).map_err(Bad::Io)?;
        }
        Ok(())
    }

    /// Forgets what was read.
    fn move_along(&mut self) {
        self.checksum();
        self.bytes.copy_within(self.position..self.filled, 0);
        self.base += self.position as u64;
        self.filled -= self.position;
        (self.position, self.checked) = (0, 0);
    }

    fn make_room(&mut self, wanted: usize) -> Result<()> {
        if self.bytes.len() > LARGE && wanted.max(self.filled) <= BLOCK {
            self.bytes.truncate(BLOCK);
            self.bytes.shrink_to_fit();
        }
        if let Some(more) = wanted.checked_sub(self.bytes.len()) {
            self.bytes.try_reserve_exact(more).map_err(|_| Bad::Memory)?;
            self.bytes.resize(wanted, 0);
        }
        Ok(())
    }
}

impl Input for Window {
    #[inline]
    fn take(&mut self, len: usize) -> Result<&[u8]> {
        if len > self.filled - self.position {
            self.fill(len)?;
        }
        let start = self.position;
        self.position += len;
        Ok(self.bytes.get(start..self.position).unwrap_or_default())
    }

    fn left(&self) -> u64 {
        self.total.saturating_sub(self.offset())
    }
}
