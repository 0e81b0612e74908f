//! The four pipes between a parent and its child, two ends each (P-05).
//!
//! Made by whoever forks, before the fork. [`ChildEnds`] go with the task and are closed in the parent as soon as
//! the fork is over, or was refused (G-13); the child closes its copies of [`ParentEnds`] with everything else.
//! INVARIANT: each process holds only its own ends, so the death of one is an end of file, or EPIPE, to the other
//! at once (P-21).

use rustix::fs::OFlags;
use std::io;
use std::os::fd::OwnedFd;

/// What the parent keeps. All of them are non-blocking; keep every one open until the child is gone, for a closed
/// one tells it to give up.
#[derive(Debug)]
pub struct ParentEnds {
    /// The difference goes in here.
    pub data: OwnedFd,
    /// The child's `!` comes out here.
    pub asked: OwnedFd,
    /// The `!` for the child goes in here.
    pub answer: OwnedFd,
    /// The child's [`Report`](super::Report) comes out here.
    pub report: OwnedFd,
}

/// What the child keeps. Only what it reads is non-blocking; its own few bytes always fit.
#[derive(Debug)]
pub struct ChildEnds {
    pub(super) data: OwnedFd,
    pub(super) ask: OwnedFd,
    pub(super) answered: OwnedFd,
    pub(super) report: OwnedFd,
}

/// All four, close-on-exec.
pub fn open() -> io::Result<(ParentEnds, ChildEnds)> {
    let (data_out, data_in) = pipe()?;
    let (asked, ask) = pipe()?;
    let (answered, answer) = pipe()?;
    let (report_out, report_in) = pipe()?;
    for end in [&data_out, &data_in, &asked, &answered, &answer, &report_out] {
        let flags = rustix::fs::fcntl_getfl(end)?;
        rustix::fs::fcntl_setfl(end, flags | OFlags::NONBLOCK)?;
    }
    Ok((
        ParentEnds { data: data_in, asked, answer, report: report_out },
        ChildEnds { data: data_out, ask, answered, report: report_in },
    ))
}

#[cfg(not(target_vendor = "apple"))]
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?)
}

/// There is no `pipe2` there: a program started by another thread in between inherits the ends.
#[cfg(target_vendor = "apple")]
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (out, into) = rustix::pipe::pipe()?;
    for end in [&out, &into] {
        rustix::io::fcntl_setfd(end, rustix::io::FdFlags::CLOEXEC)?;
    }
    Ok((out, into))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::{Errno, FdFlags, fcntl_getfd, read, write};

    #[test]
    fn each_pipe_leads_from_its_one_end_to_its_other_and_only_what_must_not_wait_does_not() {
        let (parent, child) = open().unwrap();
        for (into, out) in [
            (&parent.data, &child.data),
            (&child.ask, &parent.asked),
            (&parent.answer, &child.answered),
            (&child.report, &parent.report),
        ] {
            let mut byte = [0];
            assert_eq!(read(out, &mut byte), Err(Errno::AGAIN));
            write(into, b"!").unwrap();
            assert_eq!(read(out, &mut byte), Ok(1));
            assert!(fcntl_getfd(into).unwrap().contains(FdFlags::CLOEXEC));
            assert!(fcntl_getfd(out).unwrap().contains(FdFlags::CLOEXEC));
        }
        let waits = |fd: &OwnedFd| !rustix::fs::fcntl_getfl(fd).unwrap().contains(OFlags::NONBLOCK);
        assert!(waits(&child.ask) && waits(&child.report) && !waits(&parent.data));
    }

    #[test]
    fn closed_ends_are_noticed_at_once() {
        let (parent, child) = open().unwrap();
        drop(child);
        assert_eq!(read(&parent.report, &mut [0]), Ok(0));
        assert_eq!(write(&parent.data, b"x"), Err(Errno::PIPE));
    }
}
