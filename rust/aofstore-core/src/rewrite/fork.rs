//! The fork itself: a child of a threaded process that does its work and vanishes.
//!
//! Called by the engine with its own locks at rest. libc's `fork` is used, so that the allocator's own handlers run
//! in a host whose other threads are in the middle of an allocation. INVARIANT: between `fork` and `_exit` the
//! child allocates nothing, takes no lock, unwinds nowhere and returns nowhere; whatever it needs is made before.

#![expect(unsafe_code, reason = "fork and _exit have no safe interface")]

use super::form::{Form, Role};
use super::output::FileOutput;
use super::pipes::ChildEnds;
use super::plan::SharedPage;
use super::process::Child;
use super::{child, settle};
use crate::fs::os::with_signals_blocked;
use crate::keyspace::Keyspace;
use rustix::process::{Pid, getpid};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Status of a child that had a defect of ours.
pub const DEFECT: i32 = 102;

/// What the parent sends comes in pieces of this size (P-08).
const CHUNK: usize = 65536;

static IN_CHILD: AtomicBool = AtomicBool::new(false);

/// All that a child needs.
pub struct Task<'a> {
    pub role: Role,
    pub space: &'a Keyspace,
    /// Over the temp file, which must be empty.
    pub output: FileOutput<BorrowedFd<'a>>,
    pub form: Form,
    /// Who sends what is changed meanwhile, to stand behind the dump; `None`: the dump is all there is.
    pub peer: Option<Peer<'a>>,
    pub report: OwnedFd,
    pub shared: &'a SharedPage,
}

/// What the conversation about the difference needs.
pub struct Peer<'a> {
    pub ends: ChildEnds,
    /// An empty file without a name, open for reading and writing: what the parent sends during the dump waits here.
    pub spool: BorrowedFd<'a>,
    /// How long the child waits for the answer to its `!` (P-15).
    pub ack_timeout: Duration,
}

impl Task<'_> {
    /// The descriptors that the child keeps, in order.
    fn descriptors(&self) -> Vec<i32> {
        let mut kept = vec![self.output.target().as_raw_fd(), self.report.as_raw_fd()];
        if let Some(Peer { ends, spool, .. }) = &self.peer {
            let ends = [&ends.data, &ends.ask, &ends.answered].map(AsRawFd::as_raw_fd);
            kept.extend(ends.into_iter().chain([spool.as_raw_fd()]));
        }
        kept.sort_unstable();
        kept
    }
}

/// Forks a child that carries out `task`.
///
/// The calling thread must live until the child is gone: where the system can, the child dies with it.
pub fn fork(mut task: Task<'_>) -> io::Result<Child> {
    install_panic_hook();
    if let Some(errno) = task.shared.refusal() {
        return Err(io::Error::from_raw_os_error(errno));
    }
    let mut chunk = vec![0; if task.peer.is_some() { CHUNK } else { 0 }];
    let kept = task.descriptors();
    let parent = getpid();
    with_signals_blocked(|| {
        let begun = Instant::now();
        // SAFETY: the child does only what is allowed after a fork of a threaded process, and never returns: see
        // `run_alone`. In the parent it is a plain call.
        match unsafe { libc::fork() } {
            0 => run_alone(&mut task, &mut chunk, parent, &kept),
            pid => {
                let micros = begun.elapsed().as_micros() as u64;
                let pid = Pid::from_raw(pid).filter(|_| pid > 0).ok_or_else(io::Error::last_os_error)?;
                task.shared.set_pid(pid.as_raw_nonzero().get());
                Ok(Child::new(pid, task.role, micros))
            }
        }
    })
}

/// The child's whole life.
fn run_alone(task: &mut Task<'_>, chunk: &mut [u8], parent: Pid, kept: &[i32]) -> ! {
    IN_CHILD.store(true, Ordering::Relaxed);
    let _never_unwind = Leaving;
    settle::settle(parent, task.role, kept);
    leave(child::run(task, chunk))
}

/// Whether this is a child that [`fork`] made.
pub fn in_child() -> bool {
    IN_CHILD.load(Ordering::Relaxed)
}

/// Ends the child without running anything of the host's.
pub(super) fn leave(status: i32) -> ! {
    // SAFETY: ends the process; called in the child only.
    unsafe { libc::_exit(status) }
}

/// From now on a panic in a child ends it before a word is printed; in the parent the hook that was there is called
/// as ever. Once for the process; best done when the library is loaded.
pub fn install_panic_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if in_child() {
                leave(DEFECT);
            }
            previous(info);
        }));
    });
}

/// If the hook was replaced: at the latest the unwinding ends here.
struct Leaving;

impl Drop for Leaving {
    fn drop(&mut self) {
        leave(DEFECT);
    }
}
