//! The parent's hold on one child: asks for its end, or makes it.
//!
//! Waits for this one process and never for any, so no other child of the host loses its status to us. INVARIANT: no
//! signal goes to, and no status is taken from, a process whose end was seen: its number may be somebody else's by
//! then. With a pidfd that also holds when the host itself has waited for the child.

use super::form::Role;
use crate::fs::owner::Owner;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, kill_process, waitid};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

/// What became of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaped {
    Running,
    Exited(i32),
    Signalled(i32),
    /// It is gone, but the host took its status (a wait for any child, or SIGCHLD ignored): its report must tell.
    Unknown,
}

/// A forked child. Dropped in the process that made it, it is killed and waited for: nothing is left behind.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    pidfd: Option<OwnedFd>,
    pub role: Role,
    /// How long the fork took.
    pub micros: u64,
    owner: Owner,
    end: Mutex<Option<Reaped>>,
}

impl Child {
    pub(super) fn new(pid: Pid, role: Role, micros: u64) -> Self {
        Self { pid, pidfd: open_pidfd(pid), role, micros, owner: Owner::new(), end: Mutex::new(None) }
    }

    pub fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Becomes readable when the child is gone, whoever waited for it; `None` where the system has no such thing.
    pub fn pidfd(&self) -> Option<BorrowedFd<'_>> {
        self.pidfd.as_ref().map(AsFd::as_fd)
    }

    /// SIGKILL, unless it is known to be gone.
    pub fn kill(&self) {
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        if end.is_none() {
            self.send_kill();
        }
    }

    /// Its end, once it has ended; with `block`, waits for that.
    pub fn reap(&self, block: bool) -> Reaped {
        if block {
            self.await_end();
        }
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(end) = *end {
            return end;
        }
        let seen = match self.wait(WaitIdOptions::EXITED | WaitIdOptions::NOHANG) {
            Ok(None) => return Reaped::Running,
            Ok(Some(status)) => outcome(&status),
            Err(_) => Reaped::Unknown,
        };
        *end = Some(seen);
        seen
    }

    /// Takes no lock, so that another thread can kill what is waited for; takes no status either.
    fn await_end(&self) {
        let over = self.end.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if !over {
            let _ = self.wait(WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        }
    }

    fn wait(&self, options: WaitIdOptions) -> Result<Option<WaitIdStatus>, Errno> {
        rustix::io::retry_on_intr(|| {
            #[cfg(target_os = "linux")]
            if let Some(pidfd) = &self.pidfd {
                // Waiting through a pidfd came one kernel later than pidfds.
                match waitid(WaitId::PidFd(pidfd.as_fd()), options) {
                    Err(Errno::INVAL) => {}
                    waited => return waited,
                }
            }
            waitid(WaitId::Pid(self.pid), options)
        })
    }

    fn send_kill(&self) {
        #[cfg(target_os = "linux")]
        if let Some(pidfd) = &self.pidfd {
            let _ = rustix::process::pidfd_send_signal(pidfd, Signal::KILL);
            return;
        }
        let ours = self.wait(WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT);
        if ours.is_ok() {
            let _ = kill_process(self.pid, Signal::KILL);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // In a forked copy of the host it is not our child.
        if self.owner.is_here() {
            self.kill();
            self.reap(true);
        }
    }
}

fn outcome(status: &WaitIdStatus) -> Reaped {
    if let Some(code) = status.exit_status() {
        return Reaped::Exited(code);
    }
    status.terminating_signal().map_or(Reaped::Unknown, Reaped::Signalled)
}

#[cfg(target_os = "linux")]
fn open_pidfd(pid: Pid) -> Option<OwnedFd> {
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok()
}

#[cfg(not(target_os = "linux"))]
fn open_pidfd(_: Pid) -> Option<OwnedFd> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[expect(clippy::zombie_processes, reason = "the tests wait for it by its number")]
    fn sleeping() -> Pid {
        let process = Command::new("sleep").arg("60").spawn().unwrap();
        Pid::from_raw(process.id().cast_signed()).unwrap()
    }

    /// A process that lives until it is killed, held with and without a pidfd.
    fn each_way(test: impl Fn(&Child)) {
        for with_pidfd in [true, false] {
            let mut child = Child::new(sleeping(), Role::Rewrite, 0);
            if !with_pidfd {
                child.pidfd = None;
            }
            test(&child);
        }
    }

    #[test]
    fn a_killed_child_is_seen_once_and_told_again() {
        each_way(|child| {
            assert_eq!(child.reap(false), Reaped::Running);
            child.kill();
            assert_eq!(child.reap(true), Reaped::Signalled(libc::SIGKILL));
            child.kill();
            assert_eq!(child.reap(true), Reaped::Signalled(libc::SIGKILL));
            assert_eq!(waitid(WaitId::Pid(child.pid), WaitIdOptions::EXITED).err(), Some(Errno::CHILD));
        });
    }

    #[test]
    fn one_that_somebody_else_waited_for_is_unknown_and_not_killed() {
        each_way(|child| {
            kill_process(child.pid, Signal::TERM).unwrap();
            let status = waitid(WaitId::Pid(child.pid), WaitIdOptions::EXITED).unwrap().unwrap();
            assert_eq!(outcome(&status), Reaped::Signalled(libc::SIGTERM));
            child.kill();
            assert_eq!(child.reap(true), Reaped::Unknown);
            assert_eq!(child.reap(false), Reaped::Unknown);
        });
    }

    #[test]
    fn a_dropped_one_is_gone() {
        let pid = sleeping();
        drop(Child::new(pid, Role::Rewrite, 0));
        let again = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
        assert_eq!(again.err(), Some(Errno::CHILD));
    }
}
