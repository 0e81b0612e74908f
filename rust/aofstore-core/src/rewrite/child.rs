//! All that a rewriting child does, in order: dump, take the difference, agree on its end, make it durable, report.
//!
//! Runs in the child only, called by `fork`. It allocates nothing, takes no lock and prints nothing; its errors leave
//! through the report. INVARIANT: the difference in the file is exactly what the parent sent before it answered the
//! `!`, in order and once; whatever was fed later is the parent's to append (P-17, P-18).

use super::copied;
use super::fork::Task;
use super::report::{Failure, Report, Step};
use super::snapshot::{self, Output};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, pread, read, retry_on_intr, write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// How much is written between two looks at the pipe while dumping (P-09).
const LOOK_EVERY: u64 = 10240;
/// Reads at one look: a parent that sends faster than we store must not hold the dump up for ever.
const READS_AT_A_LOOK: usize = 256;
/// The last drain: so long altogether, or so many polls of 1 ms in a row without a byte (P-11).
const DRAIN: Duration = Duration::from_secs(1);
const EMPTY_POLLS: u32 = 20;
/// The wait for the answer is counted in polls of this length: a process that was stopped meanwhile, host and child
/// alike, has not used its time up.
const WAIT_SLICE: Duration = Duration::from_millis(100);
const ASK: u8 = b'!';

/// The status to leave with.
pub(super) fn run(task: &mut Task<'_>, chunk: &mut [u8]) -> i32 {
    let mut rewrite =
        Rewrite { task, chunk, step: Step::Dumping, keys: 0, looked_at: 0, received: 0, failure: None };
    let outcome = rewrite.write();
    let report = rewrite.report(outcome);
    let told = report.write(&rewrite.task.ends.report);
    let done = if report.ok { rewrite.reach(Step::Done) } else { outcome };
    i32::from(!(told && done.is_ok()))
}

struct Rewrite<'t, 'a> {
    task: &'t mut Task<'a>,
    chunk: &'t mut [u8],
    step: Step,
    keys: u64,
    /// How much was written when the pipe was last looked at.
    looked_at: u64,
    /// Bytes of the difference, all of them in the spool.
    received: u64,
    /// What stopped the dump.
    failure: Option<Failure>,
}

impl Rewrite<'_, '_> {
    fn write(&mut self) -> Result<(), Failure> {
        self.reach(Step::Dumping)?;
        self.dump()?;
        self.reach(Step::EarlySync)?;
        self.task.output.sync();
        self.check()?;
        self.reach(Step::Draining)?;
        self.drain()?;
        self.reach(Step::Asking)?;
        self.ask()?;
        self.reach(Step::Waiting)?;
        self.wait()?;
        self.reach(Step::Agreed)?;
        while self.receive()? == Received::More {}
        self.append()?;
        self.task.output.sync();
        self.check()?;
        self.task.shared.set_written(self.task.output.written());
        self.reach(Step::Synced)
    }

    fn dump(&mut self) -> Result<(), Failure> {
        let space = self.task.space;
        snapshot::head(self.task.head, space, self);
        let whole = snapshot::write(space, self);
        match self.failure {
            Some(failure) => Err(failure),
            None if whole => Ok(()),
            None => self.check().and_then(|()| self.fail(Errno::IO)),
        }
    }

    fn drain(&mut self) -> Result<(), Failure> {
        let begun = Instant::now();
        let mut empty = 0;
        while empty < EMPTY_POLLS && begun.elapsed() < DRAIN {
            let arrived = readable(&self.task.ends.data, Duration::from_millis(1));
            let some = arrived && self.receive()? != Received::Nothing;
            empty = if some { 0 } else { empty + 1 };
        }
        Ok(())
    }

    fn ask(&mut self) -> Result<(), Failure> {
        match retry_on_intr(|| write(&self.task.ends.ask, &[ASK])) {
            Ok(1) => Ok(()),
            Ok(_) => self.fail(Errno::IO),
            Err(errno) => self.fail(errno),
        }
    }

    fn wait(&mut self) -> Result<(), Failure> {
        let mut left = self.task.ack_timeout;
        loop {
            let slice = left.min(WAIT_SLICE);
            readable(&self.task.ends.answered, slice);
            let mut answer = [0];
            match retry_on_intr(|| read(&self.task.ends.answered, &mut answer)) {
                Ok(0) => return self.fail(Errno::PIPE),
                Ok(_) if answer == [ASK] => return Ok(()),
                Ok(_) => return self.fail(Errno::PROTO),
                Err(Errno::AGAIN) if left.is_zero() => return self.fail(Errno::TIMEDOUT),
                Err(Errno::AGAIN) => left -= slice,
                Err(errno) => return self.fail(errno),
            }
        }
    }

    /// Moves what is in the pipe into the spool.
    fn receive(&mut self) -> Result<Received, Failure> {
        let mut some = false;
        for _ in 0..READS_AT_A_LOOK {
            let ends = &self.task.ends;
            match retry_on_intr(|| read(&ends.data, &mut *self.chunk)) {
                // The parent may close its end once it has answered; before, it gave up or is dead.
                Ok(0) if self.step < Step::Agreed => return self.fail(Errno::PIPE),
                Ok(0) | Err(Errno::AGAIN) => {
                    return Ok(if some { Received::Some } else { Received::Nothing });
                }
                Ok(taken) => self.store(taken)?,
                Err(errno) => return self.fail(errno),
            }
            some = true;
        }
        Ok(Received::More)
    }

    fn store(&mut self, taken: usize) -> Result<(), Failure> {
        let mut bytes = self.chunk.get(..taken).unwrap_or_default();
        while !bytes.is_empty() {
            match retry_on_intr(|| write(self.task.spool, bytes)) {
                Ok(0) => return self.fail(Errno::NOSPC),
                Ok(stored) => bytes = bytes.get(stored..).unwrap_or_default(),
                Err(errno) => return self.fail(errno),
            }
        }
        self.received += taken as u64;
        self.task.shared.set_received(self.received);
        Ok(())
    }

    /// Puts the spool behind the dump (P-19).
    fn append(&mut self) -> Result<(), Failure> {
        let mut copied = 0;
        while copied < self.received {
            match retry_on_intr(|| pread(self.task.spool, &mut *self.chunk, copied)) {
                Ok(0) => return self.fail(Errno::IO),
                Ok(taken) => {
                    self.task.output.put(self.chunk.get(..taken).unwrap_or_default());
                    copied += taken as u64;
                }
                Err(errno) => return self.fail(errno),
            }
            self.check()?;
        }
        Ok(())
    }

    fn reach(&mut self, step: Step) -> Result<(), Failure> {
        self.step = step;
        self.task.shared.at(step)
    }

    /// Whether the file took everything.
    fn check(&self) -> Result<(), Failure> {
        match self.task.output.failed() {
            Some(errno) => Err(Failure { step: self.step, errno }),
            None => Ok(()),
        }
    }

    fn fail<T>(&self, errno: Errno) -> Result<T, Failure> {
        Err(Failure { step: self.step, errno: errno.raw_os_error() })
    }

    fn report(&self, outcome: Result<(), Failure>) -> Report {
        let Failure { step, errno } = outcome.err().unwrap_or(Failure { step: Step::Done, errno: 0 });
        let output = &self.task.output;
        Report {
            ok: outcome.is_ok(),
            step,
            errno,
            keys: self.keys,
            bytes: output.written(),
            diff_bytes: self.received,
            cow_bytes: copied::bytes(),
            checksum: output.checksum(),
        }
    }
}

/// What a look at the pipe found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Received {
    Nothing,
    Some,
    /// There may be more.
    More,
}

impl Output for Rewrite<'_, '_> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.task.output.put(bytes);
    }

    #[inline]
    fn bulk(&mut self, payload: &[u8]) {
        self.task.output.bulk(payload);
    }

    fn key_done(&mut self) -> bool {
        self.keys += 1;
        let written = self.task.output.accepted();
        let mut went = self.task.shared.key(self.keys, written);
        if written.saturating_sub(self.looked_at) > LOOK_EVERY && went.is_ok() {
            self.looked_at = written;
            went = self.receive().map(drop);
        }
        self.failure = went.err();
        self.failure.is_none() && self.task.output.key_done()
    }
}

/// Whether a read would find something, an end or an error within `time`.
fn readable(fd: impl AsFd, time: Duration) -> bool {
    let time = Timespec::try_from(time).ok();
    let mut fds = [PollFd::new(&fd, PollFlags::IN)];
    poll(&mut fds, time.as_ref()).is_ok_and(|ready| ready > 0)
}
