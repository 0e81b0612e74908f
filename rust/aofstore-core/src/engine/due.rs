//! What has to happen to the log before anybody is answered; settled by the caller, without the engine's lock.

use std::sync::Arc;

use super::blocking::Waiter;
use super::core::Core;
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

/// A position of the log that an acknowledgement depends on.
#[derive(Clone)]
pub struct Due {
    log: Arc<Log>,
    end: u64,
    /// The command itself wrote: if its record cannot be made safe, it must not be acknowledged.
    strict: bool,
    duty: Duty,
}

/// What else has to happen before the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Duty {
    Nothing,
    /// A sync, whatever the policy says.
    Sync,
    /// The log takes this policy; going to `always` syncs first.
    Policy(Policy),
}

impl Due {
    /// Whether [`Due::settle`] may block for long.
    pub fn needs_wait(&self) -> bool {
        self.duty != Duty::Nothing || self.log.needs_wait(self.end)
    }

    /// Everything is synced, or the reason why not is told.
    pub(super) fn sync(log: Arc<Log>) -> Self {
        Self { end: log.position(), log, strict: true, duty: Duty::Sync }
    }

    /// The same for a waiter that was served meanwhile: the duty is the caller's.
    fn of_waiter(&self) -> Self {
        Self { duty: Duty::Nothing, ..self.clone() }
    }

    /// Writes, and under `always` syncs, everything up to this position.
    pub fn settle(&self) -> Result<()> {
        match self.duty {
            Duty::Nothing => {}
            Duty::Sync => return self.log.flush(true),
            Duty::Policy(policy) => self.log.set_policy(policy)?,
        }
        if self.strict {
            return self.log.finish(self.end);
        }
        // A reader only waits for others' bytes, and not at all while the log is failing: memory answers.
        if self.log.status() == Status::Sound {
            drop(self.log.finish(self.end));
        }
        Ok(())
    }
}

impl Core {
    /// What the caller has to wait for: under `always` everything fed so far, by whomever.
    fn due(&mut self) -> Option<Due> {
        let strict = std::mem::take(&mut self.wrote);
        let duty = self.new_policy.take().map_or(Duty::Nothing, Duty::Policy);
        let log = self.log.as_ref()?;
        let end = log.position();
        if duty == Duty::Nothing && log.is_durable(end) {
            return None;
        }
        Some(Due { log: Arc::clone(log), end, strict, duty })
    }

    /// The same for everybody who is answered now: the caller and the waiters it served.
    pub(super) fn acknowledgement(&mut self) -> Option<Due> {
        let due = self.due();
        self.deliver(due.as_ref().map(Due::of_waiter).as_ref());
        due
    }
}
