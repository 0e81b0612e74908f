//! Waiting for a value: a blocking command that found nothing is kept and run again when one of its keys
//! receives one, in order of arrival.
//!
//! The waiting thread sleeps on its own [`Waiter`], never with the engine lock. INVARIANT: a waiter is in
//! `Blocked` exactly while its slot says `Waiting`, so cancelling and serving cannot both win.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::core::{Core, Engine};
use super::due::Due;
use super::latency::{event, whole_ms};
use super::pause::{Pause, Until};
use super::session::Session;
use crate::clock;
use crate::command::{Argv, Outcome, Reply, Spec, Wait, lookup};
use crate::keyspace::Keyspace;

/// The place where a blocked thread sleeps and its reply arrives.
pub struct Waiter {
    id: u64,
    db: usize,
    deadline: Option<Instant>,
    /// What it waits for if not for a key.
    pause: Option<Until>,
    slot: Mutex<Slot>,
    bell: Condvar,
}

/// What became of a waiter.
pub enum Slot {
    Waiting,
    Served { reply: Reply, outcome: Outcome, due: Option<Due> },
    Closed,
}

struct Entry {
    db: usize,
    spec: &'static Spec,
    argv: Argv,
    wait: Wait,
    waiter: Arc<Waiter>,
}

/// All waiters of a store, by arrival.
#[derive(Default)]
pub struct Blocked {
    arrivals: u64,
    entries: BTreeMap<u64, Entry>,
    /// Those that wait for no key.
    pauses: BTreeMap<u64, Arc<Waiter>>,
}

impl Waiter {
    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps until served, closed, timed out or for `slice`. True while it makes sense to sleep again.
    pub fn sleep(&self, slice: Duration) -> bool {
        let slice = self.deadline.map_or(slice, |at| slice.min(at.saturating_duration_since(Instant::now())));
        if let Some(until) = &self.pause
            && !slice.is_zero()
            && let Some(more) = until.wait_for_log(slice)
        {
            return more && !self.is_late();
        }
        let slot = self.slot();
        if matches!(*slot, Slot::Waiting) && !slice.is_zero() {
            let (slot, _) = self.bell.wait_timeout(slot, slice).unwrap_or_else(PoisonError::into_inner);
            return matches!(*slot, Slot::Waiting) && !self.is_late();
        }
        false
    }

    /// The database of the command that waits.
    pub(super) fn db(&self) -> usize {
        self.db
    }

    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|at| at <= Instant::now())
    }

    fn ring(&self, outcome: Slot) {
        *self.slot() = outcome;
        self.bell.notify_all();
    }
}

impl Engine {
    /// Takes the waiter out; what it got until then. `Waiting` means: nothing, and nothing will come.
    pub fn leave(&self, waiter: &Waiter) -> Slot {
        let mut core = self.shared.lock();
        core.forget(waiter.id);
        let slot = std::mem::replace(&mut *waiter.slot(), Slot::Closed);
        match (&waiter.pause, slot) {
            (Some(until), Slot::Waiting) => {
                if let Some(since) = until.worked_since() {
                    core.latency.sample(event::COMMAND, whole_ms(since.elapsed()));
                }
                until.answer(waiter.is_late())
            }
            (_, slot) => slot,
        }
    }
}

impl Core {
    /// Registers the command as waiting and takes its nil reply back.
    pub(super) fn enqueue(
        &mut self,
        session: &Session,
        argv: &[&[u8]],
        wait: Wait,
        reply: &mut Reply,
    ) -> Arc<Waiter> {
        reply.clear();
        let waiter = self.blocked.arrive(session.db, wait.timeout.map(Duration::from_millis), None);
        let id = waiter.id;
        for key in &wait.keys {
            self.space.waited.add(session.db, key, wait.kind, id);
        }
        if let Some(spec) = argv.first().and_then(|name| lookup(name)) {
            let entry =
                Entry { db: session.db, spec, argv: Argv::of(argv), wait, waiter: Arc::clone(&waiter) };
            self.blocked.entries.insert(id, entry);
        }
        waiter
    }

    /// Makes the command wait for something else than a key; its reply is made up when it leaves.
    pub(super) fn pause(&mut self, pause: Pause, reply: &mut Reply) -> Arc<Waiter> {
        reply.clear();
        let waiter = self.blocked.arrive(0, pause.timeout, Some(pause.until));
        self.blocked.pauses.insert(waiter.id, Arc::clone(&waiter));
        waiter
    }

    fn forget(&mut self, id: u64) {
        self.blocked.pauses.remove(&id);
        if let Some(entry) = self.blocked.entries.remove(&id) {
            entry.unregister(id, &mut self.space);
        }
    }

    /// Serves waiters of keys that received a value, until none is left that can be served.
    pub(super) fn serve_waiters(&mut self) {
        loop {
            let ready = self.space.waited.take_ready();
            if ready.is_empty() {
                return;
            }
            for (db, key) in ready {
                self.serve_waiters_of(db, &key);
            }
        }
    }

    /// Serves by arrival whoever waits for what is under `key`, as long as there is something.
    fn serve_waiters_of(&mut self, db: usize, key: &[u8]) {
        let mut from = 0;
        while let Some(kind) = self.space.keys(db, clock::now_ms()).kind(key)
            && let Some(id) = self.space.waited.first(db, key, kind, from)
        {
            self.serve(id, db);
            from = id + 1;
        }
    }

    /// Runs one waiting command again; it stays if it still finds nothing.
    fn serve(&mut self, id: u64, db: usize) {
        let Some(entry) = self.blocked.entries.get(&id) else { return };
        let (spec, argv) = (entry.spec, entry.argv.clone());
        let argv: Vec<&[u8]> = argv.iter().collect();
        let mut reply = Reply::new();
        let outcome = match self.call(db, spec, &argv, &mut reply, None) {
            Ok(Some(_)) => return,
            Ok(None) => Ok(()),
            Err(error) => {
                self.stats.failed(&error);
                Err(error)
            }
        };
        if let Some(entry) = self.blocked.entries.remove(&id) {
            entry.unregister(id, &mut self.space);
            // The reply may only be told once the push and this pop are in the log together.
            self.deliveries.push(Delivery { waiter: entry.waiter, reply, outcome });
        }
    }

    /// Hands the replies over. ORDER: after the gathered effects were fed, so that `due` covers them.
    pub(super) fn deliver(&mut self, due: Option<&Due>) {
        for delivery in std::mem::take(&mut self.deliveries) {
            let due = due.cloned();
            delivery.waiter.ring(Slot::Served { reply: delivery.reply, outcome: delivery.outcome, due });
        }
    }

    /// Wakes everybody unserved: the store is closing, or broke down.
    pub(super) fn close_waiters(&mut self) {
        // A panic while one was being served leaves it here.
        for delivery in std::mem::take(&mut self.deliveries) {
            delivery.waiter.ring(Slot::Closed);
        }
        for delivery in std::mem::take(&mut self.deliveries) {
            delivery.waiter.ring(Slot::Closed);
        }
        for (id, entry) in std::mem::take(&mut self.blocked.entries) {
            entry.unregister(id, &mut self.space);
            entry.waiter.ring(Slot::Closed);
        }
        // A waiter for the log is told by the log itself, which is synced when it closes.
        for (_, waiter) in std::mem::take(&mut self.blocked.pauses) {
            if !waiter.pause.as_ref().is_some_and(Until::is_told_by_log) {
                waiter.ring(Slot::Closed);
            }
        }
    }
}

/// A reply that waits for its effects to be fed.
pub(super) struct Delivery {
    waiter: Arc<Waiter>,
    reply: Reply,
    outcome: Outcome,
}

impl Entry {
    fn unregister(&self, id: u64, space: &mut Keyspace) {
        for key in &self.wait.keys {
            space.waited.remove(self.db, key, self.wait.kind, id);
        }
    }
}

impl Blocked {
    fn arrive(&mut self, db: usize, timeout: Option<Duration>, pause: Option<Until>) -> Arc<Waiter> {
        let id = self.arrivals;
        self.arrivals += 1;
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        Arc::new(Waiter { id, db, deadline, pause, slot: Mutex::new(Slot::Waiting), bell: Condvar::new() })
    }

    pub fn len(&self) -> usize {
        self.entries.len() + self.pauses.len()
    }

    /// Those that will not wait for ever.
    pub fn with_timeout(&self) -> usize {
        let waiters = self.entries.values().map(|entry| &entry.waiter).chain(self.pauses.values());
        waiters.filter(|waiter| waiter.deadline.is_some()).count()
    }
}

#[cfg(test)]
#[path = "blocking_tests.rs"]
mod tests;
