//! Makes the directory of a store so that a power cut does not take it away again.

use super::file::sync_dir;
use rustix::fs::{self, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};
use std::io;
use std::path::Path;

/// Mode of every directory that is made here.
pub(super) const PRIVATE_DIR: u32 = 0o700;

/// Makes every missing directory of `path` with mode 0700 and fsyncs the parent of each: without that the
/// whole store can vanish in a power cut, acknowledged writes included.
pub(super) fn create_durably(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let open_parent = || retry_on_intr(|| fs::open(parent, flags, Mode::empty()));
    match retry_on_intr(|| fs::mkdir(path, Mode::from_raw_mode(PRIVATE_DIR as _))) {
        Ok(()) => {
            grant(path)?;
            sync_dir(&open_parent()?)
        }
        Err(Errno::NOENT) if parent != Path::new(".") => {
            create_durably(parent)?;
            create_durably(path)
        }
        // Whoever made it may have died before the fsync. Where the parent cannot be opened or synced, it was
        // not this user who made it.
        Err(_) if path.is_dir() => {
            let _ = open_parent().map(|parent| sync_dir(&parent));
            Ok(())
        }
        // Not a directory: opening it says so better.
        Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Gives a new directory back what the umask took from its owner.
fn grant(path: &Path) -> io::Result<()> {
    let mode = Mode::from_raw_mode(PRIVATE_DIR as _);
    if !Mode::from_raw_mode(fs::stat(path)?.st_mode).contains(mode) {
        fs::chmod(path, mode)?;
    }
    Ok(())
}
