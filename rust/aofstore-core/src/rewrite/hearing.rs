//! The child's half of the conversation about the difference (theme 10): takes what the parent sends, agrees on its end.
//!
//! Runs in the child only, called by `child`. INVARIANT: the spool holds exactly what the parent sent before it
//! answered the `!`, in order and once; whatever was fed later is the parent's to append (P-17, P-18).

use super::fork::Peer;
use super::plan::SharedPage;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, pread, read, retry_on_intr, write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Reads at one look: a parent that sends faster than we store must not hold the dump up for ever.
const READS_AT_A_LOOK: usize = 256;
/// The last drain: so long altogether, or so many polls of 1 ms in a row without a byte (P-11).
const DRAIN: Duration = Duration::from_secs(1);
const EMPTY_POLLS: u32 = 20;
/// The wait for the answer is counted in polls of this length: a process that was stopped meanwhile, host and child
/// alike, has not used its time up.
const WAIT_SLICE: Duration = Duration::from_millis(100);
const ASK: u8 = b'!';

pub(super) struct Hearing<'t, 'a> {
    peer: &'t Peer<'a>,
    chunk: &'t mut [u8],
    shared: &'a SharedPage,
    /// Bytes of the difference, all of them in the spool.
    received: u64,
    /// The answer is here.
    agreed: bool,
}

/// What a look at the pipe found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Received {
    Nothing,
    Some,
    /// There may be more.
    More,
}

impl<'t, 'a> Hearing<'t, 'a> {
    /// Whatever is received passes through `chunk`.
    pub fn new(peer: &'t Peer<'a>, chunk: &'t mut [u8], shared: &'a SharedPage) -> Self {
        Self { peer, chunk, shared, received: 0, agreed: false }
    }

    /// Moves what is in the pipe into the spool.
    pub fn receive(&mut self) -> Result<Received, Errno> {
        let mut some = false;
        for _ in 0..READS_AT_A_LOOK {
            match retry_on_intr(|| read(&self.peer.ends.data, &mut *self.chunk)) {
                // The parent may close its end once it has answered; before, it gave up or is dead.
                Ok(0) if !self.agreed => return Err(Errno::PIPE),
                Ok(0) | Err(Errno::AGAIN) => {
                    return Ok(if some { Received::Some } else { Received::Nothing });
                }
                Ok(taken) => self.store(taken)?,
                Err(errno) => return Err(errno),
            }
            some = true;
        }
        Ok(Received::More)
    }

    /// Until nothing came for a while (P-11).
    pub fn drain(&mut self) -> Result<(), Errno> {
        let begun = Instant::now();
        let mut empty = 0;
        while empty < EMPTY_POLLS && begun.elapsed() < DRAIN {
            let arrived = readable(&self.peer.ends.data, Duration::from_millis(1));
            let some = arrived && self.receive()? != Received::Nothing;
            empty = if some { 0 } else { empty + 1 };
        }
        Ok(())
    }

    /// Sends the `!` (P-12).
    pub fn ask(&self) -> Result<(), Errno> {
        match retry_on_intr(|| write(&self.peer.ends.ask, &[ASK]))? {
            1 => Ok(()),
            _ => Err(Errno::IO),
        }
    }

    /// Waits for the answer (P-14, P-15).
    pub fn wait(&mut self) -> Result<(), Errno> {
        let mut left = self.peer.ack_timeout;
        loop {
            let slice = left.min(WAIT_SLICE);
            readable(&self.peer.ends.answered, slice);
            let mut answer = [0];
            match retry_on_intr(|| read(&self.peer.ends.answered, &mut answer)) {
                Ok(0) => return Err(Errno::PIPE),
                Ok(_) if answer == [ASK] => break,
                Ok(_) => return Err(Errno::PROTO),
                Err(Errno::AGAIN) if left.is_zero() => return Err(Errno::TIMEDOUT),
                Err(Errno::AGAIN) => left -= slice,
                Err(errno) => return Err(errno),
            }
        }
        self.agreed = true;
        Ok(())
    }

    /// Everything that was sent before the answer is in the pipe (P-16).
    pub fn take_rest(&mut self) -> Result<(), Errno> {
        while self.receive()? == Received::More {}
        Ok(())
    }

    /// A piece of what was received; `None` behind its end.
    pub fn received_from(&mut self, offset: u64) -> Result<Option<&[u8]>, Errno> {
        if offset >= self.received {
            return Ok(None);
        }
        match retry_on_intr(|| pread(self.peer.spool, &mut *self.chunk, offset))? {
            0 => Err(Errno::IO),
            taken => Ok(self.chunk.get(..taken)),
        }
    }

    fn store(&mut self, taken: usize) -> Result<(), Errno> {
        let mut bytes = self.chunk.get(..taken).unwrap_or_default();
        while !bytes.is_empty() {
            match retry_on_intr(|| write(self.peer.spool, bytes))? {
                0 => return Err(Errno::NOSPC),
                stored => bytes = bytes.get(stored..).unwrap_or_default(),
            }
        }
        self.received += taken as u64;
        self.shared.set_received(self.received);
        Ok(())
    }
}

/// Whether a read would find something, an end or an error within `time`.
fn readable(fd: impl AsFd, time: Duration) -> bool {
    let time = Timespec::try_from(time).ok();
    let mut fds = [PollFd::new(&fd, PollFlags::IN)];
    poll(&mut fds, time.as_ref()).is_ok_and(|ready| ready > 0)
}
