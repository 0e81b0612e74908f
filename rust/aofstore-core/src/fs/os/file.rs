//! One open file, and what makes a file or a directory durable.

use super::bare::bare_sync;
use crate::fs::{File, ReadFile};
use rustix::fs;
use rustix::io::{Errno, retry_on_intr};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

pub(super) struct OsFile(pub(super) OwnedFd);

impl File for OsFile {
    #[inline]
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(retry_on_intr(|| rustix::io::write(&self.0, bytes))?)
    }

    fn sync_data(&self) -> io::Result<()> {
        sync(&self.0)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        Ok(retry_on_intr(|| fs::ftruncate(&self.0, len))?)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(fs::fstat(&self.0)?.st_size as u64)
    }

    fn links(&self) -> io::Result<u64> {
        Ok(fs::fstat(&self.0)?.st_nlink as _)
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.0.as_fd())
    }
}

impl ReadFile for OsFile {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        Ok(retry_on_intr(|| rustix::io::pread(&self.0, &mut *into, offset))?)
    }

    fn size(&self) -> io::Result<u64> {
        File::size(self)
    }
}

pub(super) fn regular(fd: &OwnedFd) -> io::Result<()> {
    match fs::FileType::from_raw_mode(fs::fstat(fd)?.st_mode) {
        fs::FileType::RegularFile => Ok(()),
        fs::FileType::Directory => Err(Errno::ISDIR.into()),
        _ => Err(Errno::INVAL.into()),
    }
}

pub(super) fn write_all(fd: &OwnedFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = retry_on_intr(|| rustix::io::write(fd, bytes))?;
        if written == 0 {
            return Err(Errno::NOSPC.into());
        }
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}

pub(super) fn sync(fd: &OwnedFd) -> io::Result<()> {
    bare_sync(fd.as_fd()).map_err(io::Error::from_raw_os_error)
}

/// Some file systems cannot sync a directory and order names by themselves; their EINVAL is no failure.
pub(super) fn sync_dir(fd: &OwnedFd) -> io::Result<()> {
    match retry_on_intr(|| fs::fsync(fd)) {
        Ok(()) | Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}
