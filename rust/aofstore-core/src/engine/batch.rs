//! Several commands at once: a pipeline, or a transaction, under one hold of the lock and with one append.

use super::core::{Core, Engine};
use super::due::Done;
use super::session::Session;
use crate::clock;
use crate::command::{self, ErrorReply, Flags, Handler, KeyPositions, Reply, Spec, errors};
use crate::error::Result;
use crate::keyspace::Waste;

/// So many commands share a look at the clock, and the waits for the memory where their keys are.
const STRIDE: usize = 32;

/// One command of a batch: its arguments, name first, and what its name means, looked up once.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub spec: Option<&'static Spec>,
    pub argv: &'a [&'a [u8]],
}

impl<'a> Request<'a> {
    pub fn new(argv: &'a [&'a [u8]]) -> Self {
        Self { spec: argv.first().and_then(|name| command::lookup(name)), argv }
    }

    fn is_slow(&self) -> bool {
        self.spec.is_some_and(|spec| spec.flags.contains(Flags::SLOW))
    }

    fn first_key(&self) -> Option<&'a [u8]> {
        match self.spec?.keys {
            KeyPositions::Range { first, .. } => self.argv.get(first).copied(),
            _ => None,
        }
    }
}

impl Engine {
    /// Runs the commands as one transaction: all of them, or none when one cannot be queued (then its error stands
    /// at its place and EXECABORT at every other) or, told by None, when a watched key changed.
    pub fn execute_transaction(
        &self,
        session: &mut Session,
        batch: &[Request<'_>],
        reply: &mut Reply,
    ) -> Result<Option<Done>> {
        self.run(|core| core.transaction(session, batch, reply))
    }

    /// Runs several commands under one hold of the lock and one append; the replies stand one behind the other in
    /// `reply`, errors as error nodes.
    pub fn execute_batch(
        &self,
        session: &mut Session,
        batch: &[Request<'_>],
        reply: &mut Reply,
    ) -> Result<Done> {
        self.run(|core| core.batch(session, batch, reply))
    }

    /// [`Engine::execute_batch`] or [`Engine::execute_transaction`]; None, with nothing done, if it might have to
    /// wait.
    pub fn try_execute_batch(
        &self,
        session: &mut Session,
        batch: &[Request<'_>],
        transaction: bool,
        reply: &mut Reply,
    ) -> Option<Result<Option<Done>>> {
        if batch.iter().any(Request::is_slow) {
            return None;
        }
        let entered = self.enter_at_once()?;
        Some(entered.and_then(|mut core| {
            core.guarded(|core| {
                if transaction {
                    core.transaction(session, batch, reply)
                } else {
                    core.batch(session, batch, reply).map(Some)
                }
            })
        }))
    }
}

impl Core {
    fn transaction(
        &mut self,
        session: &mut Session,
        batch: &[Request<'_>],
        reply: &mut Reply,
    ) -> Result<Option<Done>> {
        let checked: Vec<_> = batch.iter().map(|request| self.queueable(request)).collect();
        let now = clock::now_ms();
        let stale = self.is_stale(session, now);
        self.unwatch(session);
        session.multi = None;
        if checked.iter().any(std::result::Result::is_err) {
            for outcome in &checked {
                reply.error(outcome.as_ref().err().unwrap_or(&errors::EXEC_ABORT).text());
            }
            return Ok(Some(Done { outcome: Ok(()), waiter: None, due: None, waste: Waste::default() }));
        }
        if stale {
            return Ok(None);
        }
        self.gathered.begin();
        self.begin_together(now);
        for (requests, specs) in batch.chunks(STRIDE).zip(checked.chunks(STRIDE)) {
            self.prefetch(session.db, requests);
            for (request, spec) in requests.iter().zip(specs) {
                if let Ok(spec) = spec {
                    self.run_queued(session, spec, request.argv, reply);
                }
            }
        }
        self.end_together();
        self.serve_waiters();
        self.feed_gathered(None);
        self.save_flushed();
        Ok(Some(Done {
            outcome: Ok(()),
            waiter: None,
            due: self.acknowledgement(),
            waste: self.space.take_waste(),
        }))
    }

    /// The command, if it may stand in a transaction.
    fn queueable(&self, request: &Request<'_>) -> std::result::Result<&'static Spec, ErrorReply> {
        let spec = self.admitted(request.spec, request.argv)?;
        if super::transaction::runs_in_multi(spec) || spec.flags.contains(Flags::NO_MULTI) {
            return Err(errors::NOT_IN_TRANSACTION);
        }
        Ok(spec)
    }

    fn batch(&mut self, session: &mut Session, batch: &[Request<'_>], reply: &mut Reply) -> Result<Done> {
        let serves = !self.space.waited.is_empty();
        for requests in batch.chunks(STRIDE) {
            self.prefetch(session.db, requests);
            self.instant = Some(clock::now_ms());
            for request in requests {
                if request.spec.is_some_and(|spec| matches!(spec.handler, Handler::Engine(_))) {
                    // It may take a while, ask the log how far it is, or switch it off.
                    self.instant = None;
                    if !serves {
                        self.feed_gathered(None);
                    }
                }
                self.gathered.begin();
                if let Err(error) = self.dispatch(session, request.spec, request.argv, reply) {
                    reply.error(error.text());
                }
            }
        }
        self.instant = None;
        self.nobody_waits();
        self.serve_waiters();
        self.feed_gathered(None);
        self.save_flushed();
        Ok(Done {
            outcome: Ok(()),
            waiter: None,
            due: self.acknowledgement(),
            waste: self.space.take_waste(),
        })
    }

    /// Asks for the memory of the keys all at once: one after the other they would be waited for one by one.
    fn prefetch(&self, db: usize, requests: &[Request<'_>]) {
        if requests.len() > 1 {
            self.space.prefetch(db, requests.iter().filter_map(Request::first_key));
        }
    }
}
