//! The pipes between a parent and its child, two ends each: one for the child's report, and three for the
//! conversation about the difference, if there is one (P-05).
//!
//! Made by whoever forks, before the fork. The child's ends go with the task and are closed in the parent as soon as
//! the fork is over, or was refused (G-13); the child closes its copies of the parent's with everything else.
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
}

/// What the child keeps. Only what it reads is non-blocking; its own few bytes always fit.
#[derive(Debug)]
pub struct ChildEnds {
    pub(super) data: OwnedFd,
    pub(super) ask: OwnedFd,
    pub(super) answered: OwnedFd,
}

/// The three of the difference, close-on-exec.
pub fn difference() -> io::Result<(ParentEnds, ChildEnds)> {
    let (data_out, data_in) = pipe()?;
    let (asked, ask) = pipe()?;
    let (answered, answer) = pipe()?;
    [&data_out, &data_in, &asked, &answered, &answer].into_iter().try_for_each(never_wait)?;
    let parent = ParentEnds { data: data_in, asked, answer };
    Ok((parent, ChildEnds { data: data_out, ask, answered }))
}

/// The one of the [`Report`](super::Report): the parent's end, which it comes out of, and the child's.
pub fn report() -> io::Result<(OwnedFd, OwnedFd)> {
    let (out, into) = pipe()?;
    never_wait(&out)?;
    Ok((out, into))
}

fn never_wait(end: &OwnedFd) -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(end)?;
    Ok(rustix::fs::fcntl_setfl(end, flags | OFlags::NONBLOCK)?)
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
        let (parent, child) = difference().unwrap();
        let (report_out, report_in) = report().unwrap();
        for (into, out) in [
            (&parent.data, &child.data),
            (&child.ask, &parent.asked),
            (&parent.answer, &child.answered),
            (&report_in, &report_out),
        ] {
            let mut byte = [0];
            assert_eq!(read(out, &mut byte), Err(Errno::AGAIN));
            write(into, b"!").unwrap();
            assert_eq!(read(out, &mut byte), Ok(1));
            assert!(fcntl_getfd(into).unwrap().contains(FdFlags::CLOEXEC));
            assert!(fcntl_getfd(out).unwrap().contains(FdFlags::CLOEXEC));
        }
        let waits = |fd: &OwnedFd| !rustix::fs::fcntl_getfl(fd).unwrap().contains(OFlags::NONBLOCK);
        assert!(waits(&child.ask) && waits(&report_in) && !waits(&parent.data));
    }

    #[test]
    fn closed_ends_are_noticed_at_once() {
        let (parent, child) = difference().unwrap();
        drop(child);
        assert_eq!(read(&parent.asked, &mut [0]), Ok(0));
        assert_eq!(write(&parent.data, b"x"), Err(Errno::PIPE));
    }
}
