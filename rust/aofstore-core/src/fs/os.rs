//! The real directory: descriptors relative to one locked directory, over libc.
//!
//! Opened by `engine` and the tools only. Nothing is opened by path after the directory itself, so a directory
//! that is renamed or replaced meanwhile cannot redirect us. The lock is `flock` on the directory's descriptor:
//! there is no lock file to leave behind, and a second open in the same process conflicts as well.
#![expect(
    unsafe_code,
    reason = "the signal mask of a thread, dup2 over a shared descriptor and sync_file_range have no safe interface"
)]
#![expect(clippy::disallowed_methods, reason = "this is the room where files are touched")]

use super::{Create, Dir, File, ReadFile};
use crate::error::{Error, Result};
use rustix::fs::{self, AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

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

const ORPHAN_NAP: Duration = Duration::from_millis(5);
/// Where nobody can tell who has the lock, a store that lives is waited for, too.
const ORPHAN_NAPS: u32 = if cfg!(target_os = "linux") { 200 } else { 20 };
const PRIVATE_DIR: u32 = 0o700;
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
        Ok(retry_on_intr(|| fs::openat(&self.fd, name, flags, Mode::from_raw_mode(mode as _)))?)
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
        let append = OFlags::WRONLY | OFlags::APPEND;
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
            Err(error) if matches!(super::errno(&error), libc::EOPNOTSUPP | libc::EISDIR | libc::ENOENT) => {}
            Err(error) => return Err(error),
        }
        let name = format!("{}{}-{:08x}", super::SPOOL_PREFIX, std::process::id(), fastrand::u32(..));
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

struct OsFile(OwnedFd);

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

fn regular(fd: &OwnedFd) -> io::Result<()> {
    if fs::FileType::from_raw_mode(fs::fstat(fd)?.st_mode) == fs::FileType::RegularFile {
        return Ok(());
    }
    Err(Errno::INVAL.into())
}

fn write_all(fd: &OwnedFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = retry_on_intr(|| rustix::io::write(fd, bytes))?;
        if written == 0 {
            return Err(Errno::NOSPC.into());
        }
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}

/// [`File::write`] on a bare descriptor. Like the other `bare` calls it allocates nothing and takes no lock: they are for a
/// forked child.
pub fn bare_write(fd: BorrowedFd<'_>, bytes: &[u8]) -> std::result::Result<usize, i32> {
    retry_on_intr(|| rustix::io::write(fd, bytes)).map_err(Errno::raw_os_error)
}

/// [`File::sync_data`] on a bare descriptor.
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
        let before = if wait { libc::SYNC_FILE_RANGE_WAIT_BEFORE } else { 0 };
        // SAFETY: the descriptor is borrowed, so it is open; no memory is passed.
        let begun = retry_on_intr(|| unsafe {
            match libc::sync_file_range(fd.as_raw_fd(), 0, 0, before | libc::SYNC_FILE_RANGE_WRITE) {
                0 => Ok(()),
                _ => Err(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO)),
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

fn sync(fd: &OwnedFd) -> io::Result<()> {
    bare_sync(fd.as_fd()).map_err(io::Error::from_raw_os_error)
}

/// Some file systems cannot sync a directory and order names by themselves; their EINVAL is no failure.
fn sync_dir(fd: &OwnedFd) -> io::Result<()> {
    match retry_on_intr(|| fs::fsync(fd)) {
        Ok(()) | Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Makes every missing directory of `path` with mode 0700 and fsyncs the parent of each: without that the
/// whole store can vanish in a power cut, acknowledged writes included.
fn create_durably(path: &Path) -> io::Result<()> {
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

fn unusable(path: &Path, error: &io::Error) -> Error {
    let errno = super::errno(error);
    let shown = path.display();
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

/// Without waiting for a store that lives. A process that is killed in the middle of a fork leaves a child that has
/// the lock for the few instructions until it closes everything: that one is waited for.
fn lock(fd: &OwnedFd, operation: FlockOperation) -> rustix::io::Result<()> {
    for _ in 0..ORPHAN_NAPS {
        match retry_on_intr(|| fs::flock(fd, operation)) {
            Err(Errno::WOULDBLOCK) if !holder(fd).is_some_and(lives) => std::thread::sleep(ORPHAN_NAP),
            done => return done,
        }
    }
    retry_on_intr(|| fs::flock(fd, operation))
}

fn locked(path: &Path, fd: &OwnedFd) -> Error {
    let pid = holder(fd);
    let by = match pid {
        Some(pid) if pid.cast_unsigned() == std::process::id() => {
            String::from("another store in this process")
        }
        Some(pid) => format!("process {pid}"),
        None => String::from("another process"),
    };
    let message = format!("the directory {} is in use by {by}; close that store first", path.display());
    Error::Locked { path: path.to_owned(), pid, message }
}

/// Who holds the flock, from the kernel's own table: unlike a pid written into a file it cannot be stale.
/// `None` where there is no such table, or the holder is outside our pid namespace.
#[cfg(target_os = "linux")]
fn holder(fd: &OwnedFd) -> Option<i32> {
    let stat = fs::fstat(fd).ok()?;
    let (major, minor) = (fs::major(stat.st_dev), fs::minor(stat.st_dev));
    let place = format!("{major:02x}:{minor:02x}:{}", stat.st_ino);
    parse_holder(&std::fs::read_to_string("/proc/locks").ok()?, &place)
}

#[cfg(not(target_os = "linux"))]
fn holder(_fd: &OwnedFd) -> Option<i32> {
    None
}

/// Whether the process runs: one that is dead but was not waited for does not.
#[cfg(target_os = "linux")]
fn lives(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    // `1234 (any name) S ...`
    let state = stat.ok().and_then(|stat| stat.rsplit_once(") ")?.1.chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}

#[cfg(not(target_os = "linux"))]
fn lives(_: i32) -> bool {
    true
}

/// `1: FLOCK  ADVISORY  WRITE 1234 fe:00:5375625 0 EOF`; a line with `->` is somebody waiting.
#[cfg(target_os = "linux")]
fn parse_holder(table: &str, place: &str) -> Option<i32> {
    table.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        if fields.next()? != "FLOCK" {
            return None;
        }
        let pid = fields.nth(2)?.parse().ok().filter(|pid| *pid > 0);
        (fields.next()? == place).then_some(pid).flatten()
    })
}

/// Runs `body` with every signal blocked for this thread, so that threads it starts never run the host's
/// handlers and SIGXFSZ cannot kill the host from one of them.
pub fn with_signals_blocked<R>(body: impl FnOnce() -> R) -> R {
    let _restore = SignalMask::block_all();
    body()
}

struct SignalMask(libc::sigset_t);

impl SignalMask {
    fn block_all() -> Self {
        // SAFETY: sigset_t is plain data that sigfillset and pthread_sigmask initialise; both sets live on this
        // stack for the whole call, and the only effect is on the calling thread's mask.
        unsafe {
            let mut all: libc::sigset_t = std::mem::zeroed();
            let mut before: libc::sigset_t = std::mem::zeroed();
            libc::sigfillset(&raw mut all);
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, &raw mut before);
            Self(before)
        }
    }
}

impl Drop for SignalMask {
    fn drop(&mut self) {
        // SAFETY: `self.0` was filled in by pthread_sigmask; a null old set is allowed.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, std::ptr::null_mut());
        }
    }
}

#[cfg(test)]
#[path = "os_tests.rs"]
mod tests;
