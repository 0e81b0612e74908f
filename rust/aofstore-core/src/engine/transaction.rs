//! MULTI, EXEC, DISCARD, WATCH, UNWATCH.
//!
//! A transaction runs under one hold of the lock; its effects are one block in the log, or one bare record, or
//! nothing. It is refused whole when a queued command was bad, a watched key changed, or the log fails.

use smallvec::SmallVec;

use super::core::Core;
use super::queue::Queue;
use super::session::{Session, Watched};
use crate::clock;
use crate::command::{EngineCommand, ErrorReply, Handler, Outcome, Reply, Spec, errors};

/// Commands that act at once inside MULTI instead of being queued.
pub(super) fn runs_in_multi(spec: &Spec) -> bool {
    use EngineCommand::{Discard, Exec, Multi, Watch};
    matches!(spec.handler, Handler::Engine(Multi | Exec | Discard | Watch))
}

impl Core {
    pub(super) fn multi(session: &mut Session, reply: &mut Reply) -> Outcome {
        if session.multi.is_some() {
            return Err(errors::NESTED_MULTI);
        }
        session.multi = Some(Queue::default());
        reply.ok();
        Ok(())
    }

    /// An EXEC that may not even begin ends the transaction all the same.
    pub(super) fn abort(&mut self, session: &mut Session, error: &ErrorReply) -> ErrorReply {
        session.multi = None;
        self.unwatch(session);
        let why = error.text().strip_prefix("ERR ").unwrap_or(error.text());
        errors::exec_abort(why)
    }

    pub(super) fn discard(&mut self, session: &mut Session, reply: &mut Reply) -> Outcome {
        if session.multi.take().is_none() {
            return Err(errors::NOT_IN_DISCARD);
        }
        self.unwatch(session);
        reply.ok();
        Ok(())
    }

    pub(super) fn watch(&mut self, session: &mut Session, keys: &[&[u8]], reply: &mut Reply) -> Outcome {
        if session.multi.is_some() {
            return Err(errors::WATCH_IN_MULTI);
        }
        for key in keys {
            if session.watched.iter().any(|watched| watched.db == session.db && &*watched.key == *key) {
                continue;
            }
            let was_due = self.space.keys(session.db, clock::now_ms()).is_due(key);
            let version = self.space.watches.add(session.db, key);
            session.watched.push(Watched { db: session.db, key: (*key).into(), version, was_due });
        }
        reply.ok();
        Ok(())
    }

    pub(super) fn unwatch(&mut self, session: &mut Session) {
        for watched in session.watched.drain(..) {
            self.space.watches.remove(watched.db, &watched.key);
        }
    }

    /// Whether a watched key changed, or expired, since WATCH.
    pub(super) fn is_stale(&mut self, session: &Session, now: i64) -> bool {
        session.watched.iter().any(|watched| {
            let changes = self.space.watches.version(watched.db, &watched.key).wrapping_sub(watched.version);
            let keys = self.space.keys(watched.db, now);
            match changes {
                0 => !watched.was_due && keys.is_due(&watched.key),
                // The one change may be that the expired key was removed; a new value there is another.
                1 => !watched.was_due || keys.peek(&watched.key).is_some(),
                _ => true,
            }
        })
    }

    pub(super) fn exec(&mut self, session: &mut Session, reply: &mut Reply) -> Outcome {
        let Some(queue) = session.multi.take() else { return Err(errors::NOT_IN_EXEC) };
        let now = clock::now_ms();
        let stale = self.is_stale(session, now);
        self.unwatch(session);
        // What the log refuses is told before what could not be queued, as in Redis.
        let writes = queue.commands.iter().any(|queued| queued.spec.is_write());
        if writes && let Err(error) = self.refuse_if_failing() {
            return Err(errors::exec_abort(error.text()));
        }
        if queue.failed {
            return Err(errors::EXEC_ABORT);
        }
        if stale {
            reply.nil();
            return Ok(());
        }
        reply.array(queue.commands.len());
        let alone = !self.gathered.is_on();
        self.gathered.begin();
        self.begin_together(now);
        for queued in &queue.commands {
            let argv: SmallVec<[&[u8]; 8]> = queued.argv.iter().collect();
            self.run_queued(session, queued.spec, &argv, reply);
        }
        self.end_together();
        if alone {
            self.feed_gathered(None);
            self.save_flushed();
        }
        Ok(())
    }

    /// What runs from here on runs at `now`, and its effects are one block.
    pub(super) fn begin_together(&mut self, now: i64) {
        self.gathered.open();
        self.instant = Some(now);
    }

    pub(super) fn end_together(&mut self) {
        self.instant = None;
        self.nobody_waits();
        self.gathered.close();
    }

    /// Runs a command that was checked when it was queued.
    pub(super) fn run_queued(
        &mut self,
        session: &mut Session,
        spec: &'static Spec,
        argv: &[&[u8]],
        reply: &mut Reply,
    ) {
        if let Err(error) = self.perform(session, spec, argv, reply) {
            self.stats.failed(&error);
            self.stats.calls(spec).failed += 1;
            reply.error(error.text());
        }
    }
}

/// Whether `spec` belongs to the six commands that only a session may use.
pub(super) fn needs_state(spec: &Spec) -> bool {
    use EngineCommand::{Discard, Exec, Multi, Select, Unwatch, Watch};
    matches!(spec.handler, Handler::Engine(Multi | Exec | Discard | Watch | Unwatch | Select))
}
