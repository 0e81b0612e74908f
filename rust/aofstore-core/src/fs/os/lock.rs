//! The lock on the directory: taking it, and telling who has it.

use crate::error::{Error, shown};
use rustix::fs::{self, FlockOperation};
use rustix::io::{Errno, retry_on_intr};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

const ORPHAN_NAP: Duration = Duration::from_millis(5);
/// Where nobody can tell who has the lock, a store that lives is waited for, too.
const ORPHAN_NAPS: u32 = if cfg!(target_os = "linux") { 200 } else { 20 };

/// Without waiting for a store that lives. A process that is killed in the middle of a fork leaves a child that has
/// the lock for the few instructions until it closes everything: that one is waited for.
pub(super) fn lock(fd: &OwnedFd, operation: FlockOperation) -> rustix::io::Result<()> {
    for _ in 0..ORPHAN_NAPS {
        match retry_on_intr(|| fs::flock(fd, operation)) {
            Err(Errno::WOULDBLOCK) if !holder(fd).is_some_and(lives) => std::thread::sleep(ORPHAN_NAP),
            done => return done,
        }
    }
    retry_on_intr(|| fs::flock(fd, operation))
}

pub(super) fn locked(path: &Path, fd: &OwnedFd) -> Error {
    let pid = holder(fd);
    let by = match pid {
        Some(pid) if pid.cast_unsigned() == std::process::id() => {
            format!("another store in this process ({pid})")
        }
        Some(pid) => format!("process {pid}"),
        None => String::from("another process"),
    };
    let message = format!("the directory {} is in use by {by}; close that store first", shown(path));
    Error::Locked { path: path.to_owned(), pid, message }
}

/// Who holds the flock, from the kernel's own table: unlike a pid written into a file it cannot be stale.
/// `None` where there is no such table, or the holder is outside our pid namespace.
#[cfg(target_os = "linux")]
pub(super) fn holder(fd: &OwnedFd) -> Option<i32> {
    let stat = fs::fstat(fd).ok()?;
    let (major, minor) = (fs::major(stat.st_dev), fs::minor(stat.st_dev));
    let place = format!("{major:02x}:{minor:02x}:{}", stat.st_ino);
    parse_holder(&std::fs::read_to_string("/proc/locks").ok()?, &place)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn holder(_fd: &OwnedFd) -> Option<i32> {
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
pub(super) fn parse_holder(table: &str, place: &str) -> Option<i32> {
    table.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        if fields.next()? != "FLOCK" {
            return None;
        }
        let pid = fields.nth(2)?.parse().ok().filter(|pid| *pid > 0);
        (fields.next()? == place).then_some(pid).flatten()
    })
}
