//! One directory, held open and locked: [`Dir`] over the system's calls.
#![expect(unsafe_code, reason = "dup2 over a shared descriptor has no safe interface")]

use super::file::{OsFile, regular, sync, sync_dir, write_all};
use super::lock::{holder, lock, locked};
use super::making::{PRIVATE_DIR, create_durably};
use crate::error::{Error, Result, shown};
use crate::fs::{Create, Dir, File, ReadFile, SPOOL_PREFIX, errno};
use rustix::fs::{self, AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How the directory is shared with other stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// One store, made if missing.
    Exclusive,
    /// Readers of a directory that must exist; excludes a store.
    Shared,
    /// No lock: for tools that only look.
    Unlocked,
}

const PRIVATE_FILE: u32 = 0o600;

/// A directory held open, and locked unless [`Access::Unlocked`].
#[derive(Debug)]
pub struct OsDir {
    path: PathBuf,
    fd: OwnedFd,
}

impl OsDir {
    /// Opens `path` (following a symbolic link to it once) and takes the lock without waiting.
    pub fn open(path: &Path, access: Access) -> Result<Self> {
        if access == Access::Exclusive {
            create_durably(path).map_err(|error| unusable(path, &error))?;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = retry_on_intr(|| fs::open(path, flags, Mode::empty()))
            .map_err(|errno| unusable(path, &errno.into()))?;
        let operation = match access {
            Access::Exclusive => FlockOperation::NonBlockingLockExclusive,
            Access::Shared => FlockOperation::NonBlockingLockShared,
            Access::Unlocked => return Ok(Self { path: path.to_owned(), fd }),
        };
        match lock(&fd, operation) {
            Ok(()) => Ok(Self { path: path.to_owned(), fd }),
            Err(Errno::WOULDBLOCK) => Err(locked(path, &fd)),
            Err(errno) => Err(unusable(path, &errno.into())),
        }
    }

    /// The process that has the directory locked, where the system tells.
    pub fn holder(&self) -> Option<i32> {
        holder(&self.fd)
    }

    fn stat(&self, name: &str) -> io::Result<Option<fs::Stat>> {
        match fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    fn is_same(&self, name: &str, other: &Path) -> io::Result<bool> {
        let id = |stat: fs::Stat| (stat.st_dev, stat.st_ino);
        let other = fs::statat(&self.fd, other, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(self.stat(name)?.is_some_and(|stat| id(stat) == id(other)))
    }

    fn open_at(&self, name: &str, flags: OFlags, mode: u32) -> io::Result<OwnedFd> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match retry_on_intr(|| fs::openat(&self.fd, name, flags, Mode::from_raw_mode(mode as _))) {
            // A FIFO that nobody reads, a socket, a device that is not there.
            Err(Errno::NXIO) => Err(Errno::INVAL.into()),
            opened => Ok(opened?),
        }
    }

    /// A new file with mode 0600, whatever the umask.
    fn create(&self, name: &str, flags: OFlags) -> io::Result<OwnedFd> {
        let fd = self.open_at(name, flags | OFlags::CREATE | OFlags::EXCL, PRIVATE_FILE)?;
        let mode = Mode::from_raw_mode(PRIVATE_FILE as _);
        if !Mode::from_raw_mode(fs::fstat(&fd)?.st_mode).contains(mode) {
            fs::fchmod(&fd, mode)?;
        }
        Ok(fd)
    }
}

impl Dir for OsDir {
    fn path(&self) -> &Path {
        &self.path
    }

    fn open_append(&self, name: &str, create: Create) -> io::Result<Arc<dyn File>> {
        // NONBLOCK: a FIFO of that name must be refused, not waited for; to a regular file it means nothing.
        let append = OFlags::WRONLY | OFlags::APPEND | OFlags::NONBLOCK;
        let fd = match create {
            Create::Never => self.open_at(name, append, 0)?,
            Create::Missing => match self.create(name, append) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    self.open_at(name, append, 0)?
                }
                created => created?,
            },
            Create::New { mode } => {
                let fd = self.create(name, append)?;
                fs::fchmod(&fd, Mode::from_raw_mode(mode as _))?;
                fd
            }
        };
        regular(&fd)?;
        Ok(Arc::new(OsFile(fd)))
    }

    fn open_read(&self, name: &str) -> io::Result<Box<dyn ReadFile>> {
        // NONBLOCK: a FIFO of that name must be refused, not waited for.
        let fd = self.open_at(name, OFlags::RDONLY | OFlags::NONBLOCK, 0)?;
        regular(&fd)?;
        Ok(Box::new(OsFile(fd)))
    }

    fn size(&self, name: &str) -> io::Result<Option<u64>> {
        Ok(self.stat(name)?.map(|stat| stat.st_size as u64))
    }

    fn mode(&self, name: &str) -> io::Result<Option<u32>> {
        // The width of these types differs between systems, hence the casts.
        Ok(self.stat(name)?.map(|stat| Mode::from_raw_mode(stat.st_mode).as_raw_mode() as _))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::Dir::read_from(&self.fd)? {
            if let Ok(name) = entry?.file_name().to_str()
                && name != "."
                && name != ".."
            {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(fs::renameat(&self.fd, from, &self.fd, to)?)
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        Ok(fs::unlinkat(&self.fd, name, AtFlags::empty())?)
    }

    fn hard_link(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(fs::linkat(&self.fd, from, &self.fd, to, AtFlags::empty())?)
    }

    fn write_new(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let fd = self.create(name, OFlags::WRONLY)?;
        let written = write_all(&fd, bytes).and_then(|()| sync(&fd));
        if written.is_err() {
            // Best effort: the error that matters is the one already here.
            let _ = self.unlink(name);
        }
        written
    }

    fn spool(&self) -> io::Result<OwnedFd> {
        #[cfg(target_os = "linux")]
        match self.open_at(".", OFlags::RDWR | OFlags::TMPFILE, PRIVATE_FILE) {
            Ok(fd) => return Ok(fd),
            // Not every file system has files without names.
            Err(error) if matches!(errno(&error), libc::EOPNOTSUPP | libc::EISDIR | libc::ENOENT) => {}
            Err(error) => return Err(error),
        }
        let name = format!("{}{}-{:08x}", SPOOL_PREFIX, std::process::id(), fastrand::u32(..));
        let fd = self.create(&name, OFlags::RDWR)?;
        self.unlink(&name)?;
        Ok(fd)
    }

    fn subdir(&self, name: &str) -> io::Result<Option<Arc<dyn Dir>>> {
        // Through a symbolic link too: people put a log on another disk like that.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match retry_on_intr(|| fs::openat(&self.fd, name, flags, Mode::empty())) {
            Ok(fd) => Ok(Some(Arc::new(Self { path: self.path.join(name), fd }))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    fn make_subdir(&self, name: &str) -> io::Result<()> {
        let mode = Mode::from_raw_mode(PRIVATE_DIR as _);
        match retry_on_intr(|| fs::mkdirat(&self.fd, name, mode)) {
            Ok(()) => Ok(fs::chmodat(&self.fd, name, mode, AtFlags::empty())?),
            Err(Errno::EXIST) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    fn remove_subdir(&self, name: &str) -> io::Result<()> {
        Ok(fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR)?)
    }

    fn move_into(&self, name: &str, subdir: &str) -> io::Result<()> {
        let target = Path::new(subdir).join(name);
        match fs::linkat(&self.fd, name, &self.fd, &target, AtFlags::empty()) {
            // A move that was interrupted here before.
            Err(Errno::EXIST) if self.is_same(name, &target)? => {}
            // Not every file system has second names.
            Err(Errno::PERM | Errno::NOTSUP | Errno::NOSYS) => {
                return Ok(fs::renameat(&self.fd, name, &self.fd, &target)?);
            }
            linked => linked?,
        }
        if let Some(subdir) = self.subdir(subdir)? {
            // ORDER: a power cut may bring back an old name, but must never leave none.
            subdir.sync()?;
        }
        self.unlink(name)
    }

    fn sync(&self) -> io::Result<()> {
        sync_dir(&self.fd)
    }

    fn unlock(&self) -> io::Result<()> {
        Ok(retry_on_intr(|| fs::flock(&self.fd, FlockOperation::Unlock))?)
    }

    fn disown(&self) -> io::Result<()> {
        // Another directory takes the number's place: a closed number could be given out again before our drop.
        let root = fs::open("/", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        // SAFETY: dup2 takes any two numbers; both are open descriptors of ours, which stay owned as they are.
        if unsafe { libc::dup2(root.as_raw_fd(), self.fd.as_raw_fd()) } < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(rustix::io::fcntl_setfd(&self.fd, rustix::io::FdFlags::CLOEXEC)?)
    }
}

fn unusable(path: &Path, error: &io::Error) -> Error {
    let errno = errno(error);
    let shown = shown(path);
    let message = match errno {
        libc::ENOTDIR => format!("{shown} is not a directory; a store needs a directory of its own"),
        libc::EACCES | libc::EPERM => {
            format!("no permission for the directory {shown}: {error}; give this user access to it")
        }
        libc::EROFS => format!("the directory {shown} is on a read-only file system; mount it writable"),
        _ => format!("cannot open the directory {shown}: {error}"),
    };
    Error::Open { path: path.to_owned(), errno, message }
}
