//! All that a child does, in order: dump, take the difference if there is one, make it durable, report.
//!
//! Runs in the child only, called by `fork`. It allocates nothing, takes no lock and prints nothing; its errors leave
//! through the report.

use super::copied;
use super::fork::Task;
use super::form::Form;
use super::hearing::Hearing;
use super::output::FileOutput;
use super::plan::SharedPage;
use super::report::{Failure, Report, Step};
use super::snapshot::Output;
use crate::keyspace::Keyspace;
use crate::sink::{KeySink, Sink};
use rustix::io::Errno;
use std::os::fd::BorrowedFd;

/// How much is written between two looks at the pipe while dumping (P-09).
const LOOK_EVERY: u64 = 10240;

/// The status to leave with.
pub(super) fn run(task: &mut Task<'_>, chunk: &mut [u8]) -> i32 {
    let Task { space, output, form, peer, report, shared, .. } = task;
    let mut job = Job {
        space,
        output,
        shared,
        peer: peer.as_ref().map(|peer| Hearing::new(peer, chunk, shared)),
        step: Step::Dumping,
        keys: 0,
        looked_at: 0,
        failure: None,
    };
    let outcome = job.write(form);
    let told = job.report(outcome);
    let sent = told.write(&*report);
    let done = if told.ok { job.reach(Step::Done) } else { outcome };
    i32::from(!(sent && done.is_ok()))
}

struct Job<'t, 'a> {
    space: &'a Keyspace,
    output: &'t mut FileOutput<BorrowedFd<'a>>,
    shared: &'a SharedPage,
    /// None: what is dumped is all there is; or all of the difference is here.
    peer: Option<Hearing<'t, 'a>>,
    step: Step,
    keys: u64,
    /// How much was written when the pipe was last looked at.
    looked_at: u64,
    /// What stopped the dump.
    failure: Option<Failure>,
}

impl Job<'_, '_> {
    fn write(&mut self, form: &mut Form) -> Result<(), Failure> {
        self.reach(Step::Dumping)?;
        self.dump(form)?;
        self.reach(Step::EarlySync)?;
        self.sync()?;
        self.take_difference()?;
        self.shared.set_written(self.output.written());
        self.reach(Step::Synced)
    }

    fn dump(&mut self, form: &mut Form) -> Result<(), Failure> {
        let space = self.space;
        let whole = form.write(space, self);
        match self.failure {
            Some(failure) => Err(failure),
            None if whole => Ok(()),
            None => self.check().and_then(|()| self.told(Err(Errno::IO))),
        }
    }

    /// Agrees with the parent on the end of the difference, and puts it behind the dump (P-10 to P-19).
    fn take_difference(&mut self) -> Result<(), Failure> {
        let Some(mut peer) = self.peer.take() else { return Ok(()) };
        self.reach(Step::Draining)?;
        self.told(peer.drain())?;
        self.reach(Step::Asking)?;
        self.told(peer.ask())?;
        self.reach(Step::Waiting)?;
        self.told(peer.wait())?;
        self.reach(Step::Agreed)?;
        self.told(peer.take_rest())?;
        let mut copied = 0;
        while let Some(bytes) = self.told(peer.received_from(copied))? {
            self.output.put(bytes);
            copied += bytes.len() as u64;
            self.check()?;
        }
        self.sync()
    }

    fn sync(&mut self) -> Result<(), Failure> {
        self.output.sync();
        self.check()
    }

    fn reach(&mut self, step: Step) -> Result<(), Failure> {
        self.step = step;
        self.shared.at(step)
    }

    /// Whether the file took everything.
    fn check(&self) -> Result<(), Failure> {
        match self.output.failed() {
            Some(errno) => Err(Failure { step: self.step, errno }),
            None => Ok(()),
        }
    }

    /// An error at the step that was reached.
    fn told<T>(&self, outcome: Result<T, Errno>) -> Result<T, Failure> {
        outcome.map_err(|errno| Failure { step: self.step, errno: errno.raw_os_error() })
    }

    fn report(&self, outcome: Result<(), Failure>) -> Report {
        let Failure { step, errno } = outcome.err().unwrap_or(Failure { step: Step::Done, errno: 0 });
        Report {
            ok: outcome.is_ok(),
            step,
            errno,
            keys: self.keys,
            bytes: self.output.written(),
            diff_bytes: self.shared.bytes_received(),
            cow_bytes: copied::bytes(),
        }
    }
}

impl Sink for Job<'_, '_> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.output.put(bytes);
    }
}

impl Output for Job<'_, '_> {
    #[inline]
    fn bulk(&mut self, payload: &[u8]) {
        self.output.bulk(payload);
    }
}

impl KeySink for Job<'_, '_> {
    fn key_done(&mut self) -> bool {
        self.keys += 1;
        let written = self.output.accepted();
        let mut went = self.shared.key(self.keys, written);
        if let Some(peer) = &mut self.peer
            && written.saturating_sub(self.looked_at) > LOOK_EVERY
            && went.is_ok()
        {
            self.looked_at = written;
            let heard = peer.receive().map(drop);
            went = self.told(heard);
        }
        self.failure = went.err();
        self.failure.is_none() && self.output.key_done()
    }
}
