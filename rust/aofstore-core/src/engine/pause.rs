//! Waiting for something else than a key: WAITAOF for a sync, DEBUG SLEEP for time to pass.
//!
//! The command leaves the engine as a [`Waiter`](super::Waiter) and sleeps without any lock of ours. Inside MULTI
//! and in a pipeline the reply that was given at once stands.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::blocking::Slot;
use super::core::{Core, Shared};
use super::due::Due;
use crate::aof::{Log, Synced};
use crate::command::{Outcome, Reply, errors};
use crate::num;

/// Between two looks for a log that is being switched on.
const LOOK: Duration = Duration::from_millis(5);
const STARTING: u8 = 0;
const STARTED: u8 = 1;
const GIVEN_UP: u8 = 2;

pub(super) struct Pause {
    pub until: Until,
    /// None waits for ever.
    pub timeout: Option<Duration>,
}

pub(super) enum Until {
    /// The timeout is over: then OK. Counts as a slow command, as if the store had done it all the while.
    Late { since: Instant },
    /// The log that is being switched on is there: then everything before is safe.
    Started { shared: Weak<Shared>, seen: AtomicU8, replicas: bool },
    /// The log is synced up to `end`, and replicas follow if any are wanted: there are none.
    Synced { log: Option<Arc<Log>>, end: u64, local: bool, replicas: bool },
}

impl Until {
    /// Waits for the log, if that is what is waited for: whether it makes sense to go on.
    pub fn wait_for_log(&self, slice: Duration) -> Option<bool> {
        match self {
            Self::Synced { log: Some(log), end, local: true, replicas: false } => {
                Some(log.wait_synced(*end, slice) == Synced::NotYet)
            }
            Self::Started { shared, seen, replicas: false } => {
                std::thread::sleep(slice.min(LOOK));
                let state = shared.upgrade().map_or(GIVEN_UP, |shared| start_of(&shared));
                // The engine's lock is taken when it is asked what was seen.
                seen.store(state, Ordering::Relaxed);
                Some(state == STARTING)
            }
            _ => None,
        }
    }

    pub fn is_told_by_log(&self) -> bool {
        matches!(self, Self::Synced { log: Some(_), local: true, replicas: false, .. })
    }

    /// When the work began that this stands for.
    pub fn worked_since(&self) -> Option<Instant> {
        match self {
            Self::Late { since } => Some(*since),
            Self::Started { .. } | Self::Synced { .. } => None,
        }
    }

    /// What the waiter takes along; `Waiting` if it was interrupted before there was anything to tell.
    pub fn answer(&self, late: bool) -> Slot {
        let mut reply = Reply::new();
        let mut due = None;
        let over = match self {
            Self::Late { .. } => {
                reply.ok();
                late
            }
            Self::Started { seen, .. } => {
                let seen = seen.load(Ordering::Relaxed);
                acknowledged(&mut reply, seen == STARTED);
                late || seen != STARTING
            }
            Self::Synced { log, end, local, replicas } => {
                let synced = log.as_ref().map_or(Synced::NotYet, |log| log.synced(*end));
                acknowledged(&mut reply, synced == Synced::Yes);
                due = log
                    .as_ref()
                    .filter(|_| *local && synced == Synced::Never)
                    .map(|log| Due::sync(Arc::clone(log)));
                late || due.is_some() || (!replicas && (!local || synced == Synced::Yes))
            }
        };
        if over { Slot::Served { reply, outcome: Ok(()), due } } else { Slot::Waiting }
    }
}

fn start_of(shared: &Shared) -> u8 {
    let core = shared.lock();
    match (core.log.is_some(), core.rewrites.waiting) {
        (true, _) => STARTED,
        (false, true) => STARTING,
        (false, false) => GIVEN_UP,
    }
}

fn acknowledged(reply: &mut Reply, local: bool) {
    reply.array(2);
    reply.bool(local);
    reply.int(0);
}

impl Core {
    /// WAITAOF numlocal numreplicas timeout.
    pub(super) fn waitaof(&mut self, args: &[&[u8]], reply: &mut Reply) -> Outcome {
        let [local, replicas, timeout] = args else { return Err(errors::wrong_arity("WAITAOF")) };
        let local = num::parse_i64(local).ok_or(errors::NOT_AN_INTEGER)?;
        if !(0..=1).contains(&local) {
            return Err(errors::NUMLOCAL_RANGE);
        }
        let replicas = num::parse_i64(replicas).filter(|&n| n >= 0).ok_or(errors::MUST_BE_POSITIVE)?;
        let timeout = num::parse_i64(timeout).ok_or(errors::TIMEOUT_NOT_AN_INTEGER)?;
        let timeout = u64::try_from(timeout).map_err(|_| errors::TIMEOUT_NEGATIVE)?;
        if local == 1 && self.log.is_none() && !self.rewrites.waiting {
            return Err(errors::NO_AOF_FOR_WAITAOF);
        }
        let log = self.log.clone();
        let end = log.as_ref().map_or(0, |log| log.position());
        let synced = log.as_ref().is_some_and(|log| log.synced(end) == Synced::Yes);
        acknowledged(reply, synced);
        let (local, replicas) = (local == 1, replicas > 0);
        if replicas || (local && !synced) {
            let timeout = (timeout > 0).then(|| Duration::from_millis(timeout));
            let until = if local && log.is_none() {
                let (shared, seen) = (self.rewrites.shared.clone(), AtomicU8::new(STARTING));
                Until::Started { shared, seen, replicas }
            } else {
                Until::Synced { log, end, local, replicas }
            };
            self.paused = Some(Pause { until, timeout });
        }
        Ok(())
    }
}
