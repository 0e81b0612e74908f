//! The first things a child does: lets go of all that is the host's.
//!
//! Called once, in the child, before anything else. INVARIANT: afterwards no handler of the host can run, no
//! descriptor but the child's own is open (the host's sockets and the directory's lock are free as soon as the
//! host lets go of them), and the child does not outlive the thread that forked it. Each part is best effort:
//! a system that refuses one leaves a child that is less polite, not one that fails.

#![expect(
    unsafe_code,
    reason = "signal actions, and closing descriptors that others own, have no safe interface"
)]

use super::fork::leave;
use super::form::Role;
use rustix::process::{Pid, getppid};
use std::ptr::null_mut;

/// Signals whose business the host is: a Ctrl-C or a hang-up meant for the host's group, and those that would kill
/// where a failed write says what is wrong.
const IGNORED: [i32; 4] = [libc::SIGINT, libc::SIGHUP, libc::SIGPIPE, libc::SIGXFSZ];

const LAST_SIGNAL: i32 = 64;

/// `kept` must be sorted.
pub(super) fn settle(parent: Pid, role: Role, kept: &[i32]) {
    die_with(parent);
    reset_signals();
    close_all_but(kept);
    show(role);
}

#[cfg(target_os = "linux")]
fn die_with(parent: Pid) {
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    // It may have died before we asked.
    if getppid() != Some(parent) {
        leave(1);
    }
}

/// The closed pipes tell there.
#[cfg(not(target_os = "linux"))]
fn die_with(parent: Pid) {
    if getppid() != Some(parent) {
        leave(1);
    }
}

/// Default actions and an empty mask. What the host ignored stays ignored, but SIGTERM always ends the child.
fn reset_signals() {
    for signal in 1..=LAST_SIGNAL {
        // SAFETY: sigaction is plain data, for which zeros are valid, and SIG_DFL, an empty mask and no flags; both
        // values live on this stack. Numbers that no handler can be set for are refused and stay as they are.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            let mut before: libc::sigaction = std::mem::zeroed();
            if libc::sigaction(signal, std::ptr::null(), &raw mut before) != 0 {
                reset_reserved(signal);
                continue;
            }
            let stays = before.sa_sigaction == libc::SIG_IGN && signal != libc::SIGTERM;
            action.sa_sigaction =
                if stays || IGNORED.contains(&signal) { libc::SIG_IGN } else { libc::SIG_DFL };
            libc::sigaction(signal, &raw const action, null_mut());
        }
    }
    // SAFETY: an initialised set on this stack; changes only the mask of this, the only thread.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, null_mut());
    }
}

/// Two numbers that libc keeps for the threads of a process, of which this one has no others.
#[cfg(target_os = "linux")]
unsafe fn reset_reserved(signal: i32) {
    const SET_SIZE: usize = 8;
    let default = [0_u64; 8];
    // SAFETY: zeros are the kernel's form of the default action, and the array is longer than it; a number or a set
    // size that the kernel does not take is refused.
    unsafe {
        libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), null_mut::<u64>(), SET_SIZE);
    }
}

#[cfg(not(target_os = "linux"))]
unsafe fn reset_reserved(_: i32) {}

/// Closes every descriptor that is not among `kept`, the standard ones too.
fn close_all_but(kept: &[i32]) {
    let mut from = 0;
    for &fd in kept {
        if fd > from {
            close_range(from, fd - 1);
        }
        from = fd + 1;
    }
    close_range(from, i32::MAX);
}

fn close_range(first: i32, last: i32) {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: three numbers; what it closes is used by nobody in this process any more.
        let closed = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
        if closed == 0 || listed(first, last) {
            return;
        }
    }
    close_each(first, last);
}

/// For kernels before 5.9: closes what `/proc` lists, without an allocation; whether it could.
#[cfg(target_os = "linux")]
fn listed(first: i32, last: i32) -> bool {
    #[repr(C, align(8))]
    struct Entries([u8; 2048]);
    const NAME: usize = 19;

    let mut entries = Entries([0; 2048]);
    // SAFETY: a string that ends with a zero.
    let dir = unsafe { libc::open(c"/proc/self/fd".as_ptr(), libc::O_RDONLY | libc::O_DIRECTORY) };
    if dir < 0 {
        return false;
    }
    loop {
        let room = entries.0.len();
        // SAFETY: the kernel writes at most `room` bytes into the array.
        let filled = unsafe { libc::syscall(libc::SYS_getdents64, dir, entries.0.as_mut_ptr(), room) };
        let mut rest = entries.0.get(..usize::try_from(filled).unwrap_or(0)).unwrap_or_default();
        if rest.is_empty() {
            break;
        }
        // One entry: inode and offset, 8 bytes each, its own length in 2, its kind in 1, its name.
        while let Some(&[low, high]) = rest.get(16..18) {
            let length = usize::from(u16::from_ne_bytes([low, high]));
            let fd = number(rest.get(NAME..length).unwrap_or_default());
            if let Some(fd) = fd.filter(|fd| (first..=last).contains(fd) && *fd != dir) {
                close(fd);
            }
            rest = rest.get(length.max(1)..).unwrap_or_default();
        }
    }
    close(dir);
    true
}

#[cfg(target_os = "linux")]
fn number(name: &[u8]) -> Option<i32> {
    let digits = name.iter().take_while(|byte| **byte != 0);
    let mut number = None;
    for &digit in digits {
        let digit = i32::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
        number = Some(number.unwrap_or(0_i32).checked_mul(10)?.checked_add(digit)?);
    }
    number
}

/// The last resort, one call a possible descriptor.
fn close_each(first: i32, last: i32) {
    const SENSIBLE: u64 = 65536;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let limit = limit.unwrap_or(SENSIBLE).min(SENSIBLE) as i32;
    for fd in first..=last.min(limit) {
        close(fd);
    }
}

fn close(fd: i32) {
    // SAFETY: a number; whoever owned the descriptor is not running in this process.
    unsafe {
        libc::close(fd);
    }
}

/// A name for `ps`, and the wish to be killed before the host when memory runs out.
#[cfg(target_os = "linux")]
fn show(role: Role) {
    let _ = rustix::thread::set_name(role.process());
    // SAFETY: strings that end with a zero, a buffer and its length; the descriptor is closed here.
    unsafe {
        let fd = libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_RDWR);
        if fd < 0 {
            return;
        }
        let mut now = [0_u8; 8];
        let read = libc::read(fd, now.as_mut_ptr().cast(), now.len());
        let digits = now.get(..usize::try_from(read).unwrap_or(0)).unwrap_or_default();
        let already = matches!(digits, [b'8' | b'9', _, _, b'\n'] | [b'1', b'0', b'0', b'0', b'\n']);
        if !already {
            libc::write(fd, b"800".as_ptr().cast(), 3);
        }
        libc::close(fd);
    }
}

#[cfg(not(target_os = "linux"))]
fn show(_: Role) {}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::{fcntl_dupfd_cloexec, fcntl_getfd};
    use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd};

    /// Copies of one descriptor under high numbers, where nobody else's are.
    fn high(first: i32, count: i32) -> Vec<i32> {
        let null = std::fs::File::open("/dev/null").unwrap();
        let copies = (0..count).map(|n| fcntl_dupfd_cloexec(&null, first + n).unwrap().into_raw_fd());
        copies.collect()
    }

    fn is_open(fd: i32) -> bool {
        // SAFETY: only asked whether it is open; nobody else uses numbers so high.
        fcntl_getfd(unsafe { BorrowedFd::borrow_raw(fd) }).is_ok()
    }

    #[test]
    fn each_way_of_closing_closes_its_range_and_no_more() {
        for (first, way) in [
            (600, close_range as fn(i32, i32)),
            (700, |first, last| assert!(listed(first, last))),
            (800, close_each),
        ] {
            let fds = high(first, 10);
            assert_eq!(fds, (first..first + 10).collect::<Vec<_>>());
            way(first + 2, first + 6);
            let left: Vec<_> = fds.iter().copied().filter(|fd| is_open(*fd)).map(|fd| fd - first).collect();
            assert_eq!(left, [0, 1, 7, 8, 9]);
            for fd in left {
                close(first + fd);
            }
        }
    }

    #[test]
    fn the_list_is_read_to_its_end() {
        let many = high(850, 150);
        assert!(listed(850, 999));
        assert!(many.iter().all(|fd| !is_open(*fd)));
        let null = std::fs::File::open("/dev/null").unwrap();
        assert!(is_open(null.as_raw_fd()));
    }

    #[test]
    fn names_that_are_numbers() {
        assert_eq!(number(b"0\0\0"), Some(0));
        assert_eq!(number(b"1023\0"), Some(1023));
        assert_eq!((number(b"."), number(b"..\0"), number(b"\0"), number(b"")), (None, None, None, None));
        assert_eq!(number(b"99999999999"), None);
    }
}
