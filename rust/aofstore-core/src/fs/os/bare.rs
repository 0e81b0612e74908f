//! Calls on a bare descriptor, for a forked child: they allocate nothing and take no lock.
#![cfg_attr(target_os = "linux", expect(unsafe_code, reason = "sync_file_range has no safe interface"))]

use rustix::fs;
use rustix::io::{Errno, retry_on_intr};
use std::os::fd::BorrowedFd;

/// [`File::write`](crate::fs::File::write) on a bare descriptor.
pub fn bare_write(fd: BorrowedFd<'_>, bytes: &[u8]) -> std::result::Result<usize, i32> {
    retry_on_intr(|| rustix::io::write(fd, bytes)).map_err(Errno::raw_os_error)
}

/// [`File::sync_data`](crate::fs::File::sync_data) on a bare descriptor.
pub fn bare_sync(fd: BorrowedFd<'_>) -> std::result::Result<(), i32> {
    #[cfg(target_vendor = "apple")]
    // fsync there stops at the drive's cache (Y-02).
    let synced = retry_on_intr(|| fs::fcntl_fullfsync(fd));
    #[cfg(not(target_vendor = "apple"))]
    let synced = retry_on_intr(|| fs::fdatasync(fd));
    synced.map_err(Errno::raw_os_error)
}

/// Has the disk begin with what was written to the file; with `wait`, first waits for what it began with before. This makes
/// nothing durable, but an error it reports is of bytes that are lost. False: the system has no such call.
pub fn bare_writeback(fd: BorrowedFd<'_>, wait: bool) -> std::result::Result<bool, i32> {
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::AsRawFd;

        let before = if wait { libc::SYNC_FILE_RANGE_WAIT_BEFORE } else { 0 };
        // SAFETY: the descriptor is borrowed, so it is open; no memory is passed.
        let begun = retry_on_intr(|| unsafe {
            match libc::sync_file_range(fd.as_raw_fd(), 0, 0, before | libc::SYNC_FILE_RANGE_WRITE) {
                0 => Ok(()),
                _ => Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)),
            }
        });
        match begun {
            Ok(()) => Ok(true),
            Err(Errno::NOSYS | Errno::INVAL | Errno::SPIPE | Errno::PERM) => Ok(false),
            Err(errno) => Err(errno.raw_os_error()),
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (fd, wait);
        Ok(false)
    }
}
