//! How a log ends: everything saved that can be, the thread over, the file let go of.

use std::io;
use std::sync::Arc;

use super::super::commit::Shared;
use super::super::fsync::Job;
use super::super::sync::{Ordering, lock};
use super::Log;
use crate::error::Result;
use crate::fs::File;

impl Log {
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

impl Shared {
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
