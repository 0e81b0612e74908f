//! Several commands at once: a pipeline, or a transaction, under one hold of the lock and with one append.

use super::core::{Core, Engine};
use super::due::Done;
use super::execute::is_slow;
use super::session::Session;
use crate::clock;
use crate::command::{self, ErrorReply, Flags, Reply, Spec, errors};
use crate::error::Result;
use crate::keyspace::Waste;

impl Engine {
    /// Runs the commands as one transaction: all of them, or none when one cannot be queued (then its error stands
    /// at its place and EXECABORT at every other) or, told by None, when a watched key changed.
    pub fn execute_transaction(
        &self,
        session: &mut Session,
        batch: &[&[&[u8]]],
        reply: &mut Reply,
    ) -> Result<Option<Done>> {
        self.run(|core| core.transaction(session, batch, reply))
    }

    /// Runs several commands under one hold of the lock and one append; the replies stand one behind the other in
    /// `reply`, errors as error nodes.
    pub fn execute_batch(
        &self,
        session: &mut Session,
        batch: &[&[&[u8]]],
        reply: &mut Reply,
    ) -> Result<Done> {
        self.run(|core| core.batch(session, batch, reply))
    }

    /// [`Engine::execute_batch`] or [`Engine::execute_transaction`]; None, with nothing done, if it might have to
    /// wait.
    pub fn try_execute_batch(
        &self,
        session: &mut Session,
        batch: &[&[&[u8]]],
        transaction: bool,
        reply: &mut Reply,
    ) -> Option<Result<Option<Done>>> {
        if batch.iter().any(|argv| is_slow(argv)) {
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
        batch: &[&[&[u8]]],
        reply: &mut Reply,
    ) -> Result<Option<Done>> {
        let checked: Vec<_> = batch.iter().map(|argv| self.queueable(argv)).collect();
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
        self.gathered = Some(Vec::new());
        let commands =
            batch.iter().zip(checked).filter_map(|(argv, spec)| Some((spec.ok()?, (*argv).into())));
        self.run_together(session, commands, now, reply);
        self.serve_waiters();
        self.feed_gathered();
        Ok(Some(Done {
            outcome: Ok(()),
            waiter: None,
            due: self.acknowledgement(),
            waste: self.space.take_waste(),
        }))
    }

    /// The command, if it may stand in a transaction.
    fn queueable(&self, argv: &[&[u8]]) -> std::result::Result<&'static Spec, ErrorReply> {
        let spec = self.admitted(argv.first().and_then(|name| command::lookup(name)), argv)?;
        if super::transaction::runs_in_multi(spec) || spec.flags.contains(Flags::NO_MULTI) {
            return Err(format!("ERR Command '{}' not allowed inside a transaction", spec.name).into());
        }
        Ok(spec)
    }

    fn batch(&mut self, session: &mut Session, batch: &[&[&[u8]]], reply: &mut Reply) -> Result<Done> {
        // Bare records need no gathering, unless a push among them serves a waiter.
        if !self.space.waited.is_empty() {
            self.gathered = Some(Vec::new());
        }
        for argv in batch {
            if let Err(error) = self.dispatch(session, argv, reply) {
                reply.error(error.text());
            }
        }
        self.nobody_waits();
        self.serve_waiters();
        self.feed_gathered();
        Ok(Done {
            outcome: Ok(()),
            waiter: None,
            due: self.acknowledgement(),
            waste: self.space.take_waste(),
        })
    }
}
