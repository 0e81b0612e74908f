//! What has to happen to the log before anybody is answered; settled by the caller, without the engine's lock.

use std::sync::Arc;
use std::time::Duration;

use super::blocking::Waiter;
use super::core::Core;
use super::rewrite::Ticket;
use crate::aof::parts::Parts;
use crate::aof::{Log, Policy, Status};
use crate::command::Outcome;
use crate::error::Result;
use crate::keyspace::Waste;

/// How a command ended inside the engine; [`Due::settle`] comes before anybody may be told.
pub struct Done {
    /// The error that replaces the reply, if any.
    pub outcome: Outcome,
    /// Set when a blocking command has to wait for its reply.
    pub waiter: Option<Arc<Waiter>>,
    /// What must be written (and synced) first.
    pub due: Option<Due>,
    /// Big values that the command threw away: freed where this is dropped, for which no lock is needed.
    pub waste: Waste,
}

/// A position of the log that an acknowledgement depends on, and what else has to be done before it.
#[derive(Clone)]
pub struct Due {
    log: Option<Arc<Log>>,
    end: u64,
    /// The command itself wrote: if its record cannot be made safe, it must not be acknowledged.
    strict: bool,
    duty: Duty,
}

/// What else has to happen before the answer.
#[derive(Clone)]
pub(super) enum Duty {
    Nothing,
    /// A sync, whatever the policy says.
    Sync,
    /// The log takes this policy; going to `always` syncs first.
    Policy(Policy),
    /// A rewrite has its child, or cannot have one.
    Start(Arc<Ticket>),
    /// Files that are no part of the log any more are removed.
    Collect {
        parts: Arc<Parts>,
        then: Box<Self>,
    },
    /// The log that was switched off is flushed, synced and closed, and its rewrite is gone.
    Stop {
        log: Option<Arc<Log>>,
        running: Option<Arc<Ticket>>,
    },
}

impl Due {
    /// [`Due::settle`] if that takes no more than one quick write; false, also when it failed, leaves it to `settle`.
    pub fn try_settle(&self) -> bool {
        matches!(self.duty, Duty::Nothing) && self.log.as_ref().is_none_or(|log| log.try_finish(self.end))
    }

    /// Everything is synced, or the reason why not is told.
    pub(super) fn sync(log: Arc<Log>) -> Self {
        Self { end: log.position(), log: Some(log), strict: true, duty: Duty::Sync }
    }

    /// The same for a waiter that was served meanwhile: the duty is the caller's.
    fn of_waiter(&self) -> Self {
        Self { duty: Duty::Nothing, ..self.clone() }
    }

    /// Writes, and under `always` syncs, everything up to this position.
    pub fn settle(&self) -> Result<()> {
        let settled = self.reach();
        self.left(Duration::ZERO);
        settled
    }

    /// The same for a caller that has a way to go yet until it is out of the others' way, and calls
    /// [`left`](Self::left) then.
    pub fn reach(&self) -> Result<()> {
        let duty = match &self.duty {
            Duty::Collect { parts, then } => {
                drop(parts.collect());
                &**then
            }
            duty => duty,
        };
        match duty {
            Duty::Nothing | Duty::Collect { .. } => {}
            Duty::Sync => return self.log.as_ref().map_or(Ok(()), |log| log.flush(true)),
            Duty::Policy(policy) => {
                if let Some(log) = &self.log {
                    log.set_policy(*policy)?;
                }
            }
            Duty::Start(ticket) => ticket.wait_started()?,
            Duty::Stop { log, running } => return stop(log.as_deref(), running.as_deref()),
        }
        let Some(log) = &self.log else { return Ok(()) };
        if self.strict {
            return log.reach(self.end);
        }
        // A reader only waits for others' bytes, and not at all while the log is failing: memory answers.
        if log.status() == Status::Sound {
            drop(log.reach(self.end));
        }
        Ok(())
    }

    /// How long the way was: the next who waits for the log may come.
    pub fn left(&self, way: Duration) {
        if let Some(log) = &self.log {
            log.left(way);
        }
    }
}

/// ORDER: the file first, so that nothing is lost if the child is slow to go.
fn stop(log: Option<&Log>, running: Option<&Ticket>) -> Result<()> {
    let saved = log.map_or(Ok(()), Log::close);
    while running.is_some_and(|running| running.wait(Duration::from_secs(1)).is_none()) {}
    saved
}

/// Up to where the log must be written before the caller is answered; what a [`Due`] is when nothing else is owed.
pub(super) struct Unwritten {
    pub end: u64,
    strict: bool,
}

impl Unwritten {
    /// It could not be written at once to this log.
    #[cold]
    pub fn of(self, log: Option<Arc<Log>>) -> Due {
        Due { log, end: self.end, strict: self.strict, duty: Duty::Nothing }
    }
}

impl Core {
    /// As [`due`](Self::due), behind a command of the keyspace.
    #[inline]
    pub(super) fn unwritten(&mut self) -> Option<Unwritten> {
        debug_assert!(self.owed.is_none() && self.new_policy.is_none() && self.deliveries.is_empty());
        let strict = std::mem::take(&mut self.wrote);
        let log = self.log.as_ref()?;
        let end = log.position();
        if log.is_durable(end) { None } else { Some(Unwritten { end, strict }) }
    }

    /// What the caller has to wait for: under `always` everything fed so far, by whomever.
    pub(super) fn due(&mut self) -> Option<Due> {
        let strict = std::mem::take(&mut self.wrote);
        let asked = self.owed.is_some() || self.new_policy.is_some() || self.rewrites.unwanted.is_some();
        let duty = if asked { self.duty() } else { Duty::Nothing };
        let log = self.log.as_ref();
        let end = log.map_or(0, |log| log.position());
        if matches!(duty, Duty::Nothing) && log.is_none_or(|log| log.is_durable(end)) {
            return None;
        }
        Some(Due { log: log.cloned(), end, strict, duty })
    }

    #[cold]
    fn duty(&mut self) -> Duty {
        let policy = self.new_policy.take().filter(|_| self.log.is_some());
        let duty = self.owed.take().or(policy.map(Duty::Policy)).unwrap_or(Duty::Nothing);
        match self.rewrites.unwanted.take() {
            Some(parts) => Duty::Collect { parts, then: Box::new(duty) },
            None => duty,
        }
    }

    /// Behind a pipeline or a transaction: the replies that were given at once stand.
    pub(super) fn nobody_waits(&mut self) {
        self.paused = None;
        if matches!(self.owed, Some(Duty::Start(_))) {
            self.owed = None;
        }
    }

    /// The same for everybody who is answered now: the caller and the waiters it served.
    pub(super) fn acknowledgement(&mut self) -> Option<Due> {
        let due = self.due();
        if !self.deliveries.is_empty() {
            self.deliver(due.as_ref().map(Due::of_waiter).as_ref());
        }
        due
    }
}
