//! The small traits that every durable byte passes through.
//!
//! `aof`, `rdb`, `rewrite` and `engine` see a directory and its files only as [`Dir`], [`File`] and [`ReadFile`];
//! [`os`] is the real one, [`fault`] wraps any of them and fails on plan. Names are single path components, so
//! nothing can leave the directory. An implementation reports every error of the system unchanged and retries
//! none but EINTR: what an error means is the caller's rule.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

pub mod fault;
pub mod os;
pub mod owner;
mod source;

pub use source::{Seekable, Source, head};
pub(crate) use source::{read_full, read_some, read_up_to};

/// What to do when the file to append to is not there, or is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Create {
    /// It must exist.
    Never,
    /// Made with mode 0600 if missing.
    Missing,
    /// It must not exist (`O_EXCL`); made with exactly this mode, whatever the umask.
    New { mode: u32 },
}

/// Begin of the name that a [spool](Dir::spool) has for a moment where there are no files without names; behind it
/// stand the pid and eight hexadecimal digits.
pub const SPOOL_PREFIX: &str = "temp-rewriteaof-spool-";

/// One open, locked directory.
pub trait Dir: Send + Sync {
    /// For messages; never opened again by path.
    fn path(&self) -> &Path;
    /// For appending only; follows no symbolic link.
    fn open_append(&self, name: &str, create: Create) -> io::Result<Arc<dyn File>>;
    fn open_read(&self, name: &str) -> io::Result<Box<dyn ReadFile>>;
    /// Length of a regular file; `None` if there is nothing of that name.
    fn size(&self, name: &str) -> io::Result<Option<u64>>;
    /// Permission bits; `None` if there is nothing of that name.
    fn mode(&self, name: &str) -> io::Result<Option<u32>>;
    /// Every entry whose name is UTF-8, in no order; others are none of ours.
    fn names(&self) -> io::Result<Vec<String>>;
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    fn unlink(&self, name: &str) -> io::Result<()>;
    fn hard_link(&self, from: &str, to: &str) -> io::Result<()>;
    /// A whole small file under a new name, fsynced; on failure the name is gone again. The entry itself is
    /// durable only after [`sync`](Self::sync).
    fn write_new(&self, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// An empty file without a name, for reading and writing, gone when it is closed: room for what need not outlive
    /// the process.
    fn spool(&self) -> io::Result<OwnedFd> {
        Err(io::ErrorKind::Unsupported.into())
    }
    /// A directory in this one; `None` if there is nothing of that name. It is not locked: whoever has this one has it.
    fn subdir(&self, name: &str) -> io::Result<Option<Arc<dyn Dir>>> {
        let _ = name;
        Err(io::ErrorKind::Unsupported.into())
    }
    /// Makes a directory with mode 0700; its name is durable after [`sync`](Self::sync). No error if it is there.
    fn make_subdir(&self, name: &str) -> io::Result<()> {
        let _ = name;
        Err(io::ErrorKind::Unsupported.into())
    }
    /// Removes an empty directory.
    fn remove_subdir(&self, name: &str) -> io::Result<()> {
        let _ = name;
        Err(io::ErrorKind::Unsupported.into())
    }
    /// Moves a file into a directory in this one, under the same name; both may have it for a moment, neither never.
    /// Durable after a [`sync`](Self::sync) of both.
    fn move_into(&self, name: &str, subdir: &str) -> io::Result<()> {
        let _ = (name, subdir);
        Err(io::ErrorKind::Unsupported.into())
    }
    /// Makes created, renamed and removed names durable.
    fn sync(&self) -> io::Result<()>;
    /// Gives the lock up. Only the process that took it may call this: an unlock in a forked copy would
    /// unlock the parent's store.
    fn unlock(&self) -> io::Result<()>;
    /// For a forked copy only: lets go of the descriptor that it shares with the original, or the lock would live
    /// on in the copy after the original was killed. Nothing can be opened in the directory afterwards.
    fn disown(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A file open for appending.
pub trait File: Send + Sync {
    /// One `write(2)`; may take fewer bytes than given.
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;
    /// `fdatasync` or what is as strong. Two of these must never run at once on one file: the system reports a
    /// failed page once per open file, and the second caller would take its loss for success.
    fn sync_data(&self) -> io::Result<()>;
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// The true length now.
    fn size(&self) -> io::Result<u64>;
    /// Names the file has; 0 = somebody removed it and its bytes vanish with the descriptor.
    fn links(&self) -> io::Result<u64> {
        Ok(1)
    }
    /// The descriptor, for a forked child to inherit; `None` where there is none.
    fn fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

/// A file open for reading anywhere.
pub trait ReadFile: Send {
    /// One `pread(2)`; 0 at the end.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;
    fn size(&self) -> io::Result<u64>;
}

/// Writes all of `bytes`, in as many pieces as it takes.
pub fn write_all(file: &dyn File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = file.write(bytes)?;
        if written == 0 {
            return Err(io::Error::from_raw_os_error(libc::ENOSPC));
        }
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}

/// An interrupted call is made again; a file system that never stops interrupting has failed.
const MOST_INTERRUPTIONS: u32 = 10_000;

/// Makes the call again while signals interrupt it (W-15).
pub(crate) fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 0..MOST_INTERRUPTIONS {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
    call()
}

/// The system's error number, or EIO for an error that has none.
pub fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}

/// What the system said, for people: of what is no regular file it says little.
pub fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::EINVAL) => "it is not a regular file; move it aside".to_owned(),
        Some(libc::EISDIR) => "it is a directory and not a file; move it aside".to_owned(),
        Some(libc::ELOOP) => {
            "it is a symbolic link, and none is followed; put the file itself in its place".to_owned()
        }
        _ => error.to_string(),
    }
}

/// A directory of its own for one test, removed afterwards.
#[cfg(test)]
pub(crate) mod scratch {
    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicU32, Ordering};

    pub(crate) struct Scratch(PathBuf);

    impl Scratch {
        pub(crate) fn new() -> Self {
            static NEXT: AtomicU32 = AtomicU32::new(0);
            let name = format!("aofstore-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let path = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        pub(crate) fn path(&self) -> &Path {
            &self.0
        }

        pub(crate) fn join(&self, name: &str) -> PathBuf {
            self.0.join(name)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}
