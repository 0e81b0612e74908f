//! A file being written by a rewrite: one fixed buffer, big writes, a count.
//!
//! The buffer is made before the fork; afterwards nothing here allocates, locks or panics. Like any [`Output`] it takes
//! everything without answering: the first error is kept, what comes later is dropped, and `flush` and `sync` tell.

use std::os::fd::BorrowedFd;
use std::sync::Arc;

use super::snapshot::Output;
use crate::aof::Control;
use crate::fs::{File, errno, os};
use crate::resp::encode;
use crate::sink::{KeySink, Sink};

/// Bytes handed to one `write(2)`: large enough that the call costs nothing, small enough to stay in the cache.
pub const BUFFER: usize = 256 << 10;
/// With incremental syncing on: what may be written before the last such part is on the disk (Redis's
/// `REDIS_AOF_AUTOSYNC_BYTES`).
pub const SYNC_EVERY: u64 = 32 << 20;
/// How often the disk is told to begin with what is there already, so that it works while the walk goes on.
const BEGIN_EVERY: u64 = 4 << 20;
/// `$18446744073709551615\r\n` and what follows the payload.
const LONGEST_FRAME: usize = 25;

/// Where the bytes go. In a forked child it must be a bare descriptor: files behind [`File`] may take locks.
pub trait Target {
    /// One `write(2)`, repeated after EINTR.
    fn write(&self, bytes: &[u8]) -> Result<usize, i32>;
    fn sync(&self) -> Result<(), i32>;
    /// Has the disk begin; false if that cannot be asked for.
    fn begin_writeback(&self, wait_for_last: bool) -> Result<bool, i32>;
}

impl Target for BorrowedFd<'_> {
    fn write(&self, bytes: &[u8]) -> Result<usize, i32> {
        os::bare_write(*self, bytes)
    }

    fn sync(&self) -> Result<(), i32> {
        os::bare_sync(*self)
    }

    fn begin_writeback(&self, wait_for_last: bool) -> Result<bool, i32> {
        os::bare_writeback(*self, wait_for_last)
    }
}

impl Target for Arc<dyn File> {
    fn write(&self, bytes: &[u8]) -> Result<usize, i32> {
        File::write(&**self, bytes).map_err(|error| errno(&error))
    }

    fn sync(&self) -> Result<(), i32> {
        self.sync_data().map_err(|error| errno(&error))
    }

    fn begin_writeback(&self, wait_for_last: bool) -> Result<bool, i32> {
        self.fd().map_or(Ok(false), |fd| fd.begin_writeback(wait_for_last))
    }
}

/// Buffered and counted.
pub struct FileOutput<T> {
    target: T,
    buffer: Box<[u8]>,
    /// INVARIANT: at most the buffer's length.
    at: usize,
    written: u64,
    incremental_sync: bool,
    /// What [`sync`](Self::sync) leaves out: a rule that a test breaks.
    unsynced: bool,
    begun: u64,
    synced: u64,
    failed: Option<i32>,
}

impl<T: Target> FileOutput<T> {
    /// Allocates the buffer; nothing does later.
    pub fn new(target: T, incremental_sync: bool) -> Self {
        Self {
            target,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            at: 0,
            written: 0,
            incremental_sync,
            unsynced: false,
            begun: 0,
            synced: 0,
            failed: None,
        }
    }

    /// Where the bytes go.
    pub fn target(&self) -> &T {
        &self.target
    }

    /// Bytes that the file has taken.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Bytes put so far, those in the buffer included; stands still after an error.
    #[inline]
    pub fn accepted(&self) -> u64 {
        self.written + self.at as u64
    }

    /// The first error.
    #[inline]
    pub fn failed(&self) -> Option<i32> {
        self.failed
    }

    /// Hands over what is in the buffer; whether all went well until now.
    pub fn flush(&mut self) -> bool {
        let buffer = std::mem::take(&mut self.buffer);
        self.send(buffer.get(..self.at).unwrap_or_default());
        self.buffer = buffer;
        self.at = 0;
        self.failed.is_none()
    }

    /// Never synced, if `control` breaks that rule.
    #[must_use]
    pub fn under(mut self, control: Control) -> Self {
        self.unsynced = matches!(control, Control::RenameBeforeSync | Control::ManifestBeforeBase);
        self
    }

    /// [`flush`](Self::flush), and then makes all of it durable.
    pub fn sync(&mut self) -> bool {
        if self.flush() && !self.unsynced {
            let synced = self.target.sync();
            self.note(synced);
            self.synced = self.written;
        }
        self.failed.is_none()
    }

    /// The target back, the buffer freed; for whoever may free.
    pub fn into_target(self) -> T {
        self.target
    }

    /// What does not fit behind the bytes in the buffer.
    #[cold]
    fn put_beyond(&mut self, bytes: &[u8]) {
        self.flush();
        match self.buffer.get_mut(..bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.at = bytes.len();
            }
            // Straight through, but never more at once than may wait for the disk.
            None => bytes.chunks(BEGIN_EVERY as usize).for_each(|chunk| self.send(chunk)),
        }
        if self.failed.is_some() {
            self.at = 0;
        }
    }

    fn send(&mut self, mut bytes: &[u8]) {
        if self.failed.is_some() || bytes.is_empty() {
            return;
        }
        while !bytes.is_empty() {
            match self.target.write(bytes) {
                // Not told what is wrong, only that it does not go on: a full disk is the least wrong guess.
                Ok(0) => return self.failed = Some(libc::ENOSPC),
                Ok(taken) => {
                    self.written += taken as u64;
                    bytes = bytes.get(taken..).unwrap_or_default();
                }
                Err(errno) => return self.failed = Some(errno),
            }
        }
        if self.incremental_sync {
            self.keep_up();
        }
    }

    /// Keeps the disk busy, and the bytes that wait for it few: one long sync at the end would stall every other writer.
    fn keep_up(&mut self) {
        let wait = self.written - self.synced >= SYNC_EVERY;
        if !wait && self.written - self.begun < BEGIN_EVERY {
            return;
        }
        self.begun = self.written;
        match self.target.begin_writeback(wait) {
            Ok(false) if wait => {
                let synced = self.target.sync();
                self.note(synced);
            }
            begun => self.note(begun.map(drop)),
        }
        if wait {
            self.synced = self.written;
        }
    }

    fn note(&mut self, outcome: Result<(), i32>) {
        if let Err(errno) = outcome {
            self.failed.get_or_insert(errno);
        }
    }
}

impl<T: Target> Sink for FileOutput<T> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        match self.buffer.get_mut(self.at..).and_then(|room| room.get_mut(..bytes.len())) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.at += bytes.len();
            }
            None => self.put_beyond(bytes),
        }
    }
}

impl<T: Target> KeySink for FileOutput<T> {
    #[inline]
    fn key_done(&mut self) -> bool {
        self.failed.is_none()
    }
}

impl<T: Target> Output for FileOutput<T> {
    #[inline]
    fn bulk(&mut self, payload: &[u8]) {
        let room = self.buffer.get_mut(self.at..).unwrap_or_default();
        match frame(room, payload) {
            Some(taken) => self.at += taken,
            None => encode::bulk(self, payload),
        }
    }
}

/// `$<len>\r\n<payload>\r\n` at the start of `room`, for the lengths that nearly all payloads have; None if it is not one
/// of them or does not fit. One look at the room instead of one for each part.
#[inline]
fn frame(room: &mut [u8], payload: &[u8]) -> Option<usize> {
    let room = room.get_mut(..payload.len() + LONGEST_FRAME)?;
    let len = payload.len();
    let (tens, ones) = ((len / 10) as u8, (len % 10) as u8);
    let body = if len < 10 {
        room.first_chunk_mut::<4>()?.copy_from_slice(&[b'$', b'0' + ones, b'\r', b'\n']);
        4
    } else if len < 100 {
        room.first_chunk_mut::<5>()?.copy_from_slice(&[b'$', b'0' + tens, b'0' + ones, b'\r', b'\n']);
        5
    } else if len < 1000 {
        let (hundreds, tens) = (tens_of(tens), tens % 10);
        room.first_chunk_mut::<6>()?.copy_from_slice(&[
            b'$',
            b'0' + hundreds,
            b'0' + tens,
            b'0' + ones,
            b'\r',
            b'\n',
        ]);
        6
    } else {
        return None;
    };
    let rest = room.get_mut(body..)?;
    rest.get_mut(..len)?.copy_from_slice(payload);
    rest.get_mut(len..)?.first_chunk_mut::<2>()?.copy_from_slice(b"\r\n");
    Some(body + len + 2)
}

const fn tens_of(number: u8) -> u8 {
    number / 10
}

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
