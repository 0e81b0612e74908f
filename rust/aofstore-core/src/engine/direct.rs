//! The short way for one command of the keyspace: its spec is known, it has no session, and nothing has to wait.
//!
//! What runs is the same handler behind the same checks; left out is only what such a command cannot need. Whatever
//! stands in the way (a lock that is taken, a waiter to be served, a slow disk), it leaves to the long way.

use super::core::{Core, Engine};
use super::due::{Done, Due};
use super::session::Session;
use crate::aof::{Log, Pen};
use crate::command::{ErrorReply, Flags, Handler, Reply, Spec};
use crate::error::Result;
use crate::keyspace::Waste;

/// How far the short way led.
pub enum Direct {
    /// The command ran, its reply is complete, and nothing is due.
    Answered,
    /// It ran, or was refused, and there is more to do or to say.
    Ended(Result<Done>),
    /// Nothing was done: it might have to wait.
    Impassable,
}

impl Engine {
    /// Runs `spec`, which `argv` names, on database `db`, and writes its record.
    pub fn try_direct(&self, db: usize, spec: &'static Spec, argv: &[&[u8]], reply: &mut Reply) -> Direct {
        if spec.flags.intersects(Flags::SLOW.union(Flags::BLOCKING))
            || matches!(spec.handler, Handler::Engine(_))
        {
            return Direct::Impassable;
        }
        let mut core = match self.enter_at_once() {
            None => return Direct::Impassable,
            Some(Ok(core)) => core,
            Some(Err(error)) => return Direct::Ended(Err(error)),
        };
        // A push may serve waiters: their pops belong into the same append. And the long way has the stopwatch.
        if !core.space.waited.is_empty() || core.latency.is_on() {
            return Direct::Impassable;
        }
        let log = if spec.is_write() { core.log.clone() } else { None };
        let mut pen = log.as_deref().and_then(Log::pen);
        let (mut refused, mut due, mut unwritten) = (None, None, None);
        let ran = core.guarded(|core| {
            refused = core.direct(db, spec, argv, reply, pen.as_mut()).err();
            if pen.is_some() {
                unwritten = core.unwritten();
            } else {
                due = core.due();
            }
            Ok(())
        });
        let waste = core.space.take_waste();
        drop(core);
        if let Err(defect) = ran {
            return Direct::Ended(Err(defect));
        }
        if let Some(pen) = pen {
            due = unwritten.filter(|unwritten| !pen.finish(unwritten.end)).map(|rest| rest.of(log.clone()));
        }
        if due.is_some() || refused.is_some() || !waste.is_empty() {
            ended(refused, due, waste)
        } else {
            Direct::Answered
        }
    }
}

#[cold]
fn ended(refused: Option<ErrorReply>, due: Option<Due>, waste: Waste) -> Direct {
    Direct::Ended(Ok(Done { outcome: refused.map_or(Ok(()), Err), waiter: None, due, waste }))
}

impl Core {
    #[inline]
    fn direct(
        &mut self,
        db: usize,
        spec: &'static Spec,
        argv: &[&[u8]],
        reply: &mut Reply,
        pen: Option<&mut Pen<'_>>,
    ) -> std::result::Result<(), ErrorReply> {
        let ran = self.admitted(Some(spec), argv).and_then(|spec| {
            let outcome = self.call(db, spec, argv, reply, pen);
            self.stats.ran(spec);
            outcome
        });
        ran.map(|_| ()).inspect_err(|error| self.blame(&Session::view(db), Some(spec), argv, error))
    }
}
