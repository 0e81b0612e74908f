//! What callers ask for: a rewrite now, its end, how far it is; and BGREWRITEAOF.

use std::sync::Arc;
use std::time::Duration;

use super::schedule::Why;
use super::ticket::{Progress, Summary, Ticket};
use crate::command::{Outcome, Reply, errors};
use crate::engine::core::{Core, Engine};
use crate::engine::due::Duty;
use crate::error::{Error, Result};

/// Between two looks for the begin of a scheduled rewrite.
const LOOK: Duration = Duration::from_millis(5);

/// What became of asking.
pub enum Begun {
    Started(RewriteHandle),
    /// Another child lives: it begins when that is gone.
    Scheduled,
}

/// What waiting for a rewrite found.
#[derive(Debug, Clone, PartialEq)]
pub enum Waited {
    NotYet,
    /// None runs or is scheduled, and the last outcome was told already.
    Nothing,
    Over(Result<Summary>),
}

impl Engine {
    /// Starts a rewrite in a child; returns when the child lives.
    pub fn begin_rewrite(&self) -> Result<Begun> {
        let ticket = {
            let mut core = self.shared.enter()?;
            core.guarded(Core::ask_rewrite)?
        };
        let Some(ticket) = ticket else { return Ok(Begun::Scheduled) };
        ticket.wait_started()?;
        Ok(Begun::Started(RewriteHandle(ticket)))
    }

    /// A whole rewrite in this thread; the store stands still meanwhile.
    pub fn rewrite_now(&self) -> Result<Summary> {
        self.rewrite_unless(&Arc::default())
    }

    /// Waits at most `slice` for the rewrite that runs or is scheduled, else gives the last outcome that nobody was
    /// told. `seen` is the caller's own, empty at first: it keeps the rewrite that is waited for.
    pub fn wait_rewrite(&self, seen: &mut Option<RewriteHandle>, slice: Duration) -> Result<Waited> {
        if seen.is_none() {
            let core = self.shared.enter()?;
            *seen = core.rewrites.worth_waiting_for().map(RewriteHandle);
            let scheduled = core.rewrites.is_scheduled();
            drop(core);
            if seen.is_none() && !scheduled {
                return Ok(Waited::Nothing);
            }
        }
        let Some(RewriteHandle(ticket)) = seen else {
            std::thread::sleep(slice.min(LOOK));
            return Ok(Waited::NotYet);
        };
        let Some(outcome) = ticket.wait(slice) else { return Ok(Waited::NotYet) };
        if outcome.is_err() && ticket.is_stopped() {
            // By the end of the store, perhaps.
            drop(self.shared.enter()?);
        }
        let mut core = self.shared.lock();
        if core.rewrites.last.as_ref().is_some_and(|last| Arc::ptr_eq(last, ticket)) {
            core.rewrites.untold = false;
        }
        Ok(Waited::Over(outcome))
    }

    /// How far the running rewrite is.
    pub fn rewrite_progress(&self) -> Result<Option<Progress>> {
        Ok(self.shared.enter()?.rewrites.progress())
    }
}

/// A rewrite that somebody waits for.
pub struct RewriteHandle(Arc<Ticket>);

impl Core {
    /// Starts one, or schedules it behind another child; then None.
    fn ask_rewrite(&mut self) -> Result<Option<Arc<Ticket>>> {
        if self.rewrites.is_running() {
            return Err(Error::RewriteInProgress);
        }
        self.home().map_err(|failure| self.rewrite_error(failure))?;
        if self.rewrites.saving {
            self.rewrites.schedule.want();
            return Ok(None);
        }
        self.launch(Why::Asked).map(Some)
    }

    pub(in crate::engine) fn rewrite_at_once(&mut self) -> Result<Summary> {
        if self.rewrites.is_running() {
            return Err(Error::RewriteInProgress);
        }
        let ticket = Ticket::new(Why::Asked);
        let outcome = self.rewrite_here(ticket.began);
        self.account(&ticket, outcome)
    }

    /// BGREWRITEAOF. In a transaction it is scheduled, as in Redis: the data is not whole before EXEC is over.
    pub(in crate::engine) fn bgrewriteaof(&mut self, reply: &mut Reply) -> Outcome {
        const STARTED: &str = "Background append only file rewriting started";
        const SCHEDULED: &str = "Background append only file rewriting scheduled";
        if self.rewrites.is_running() {
            return Err(errors::REWRITE_IN_PROGRESS);
        }
        if self.instant.is_some() && self.rewrites.home.is_some() {
            self.rewrites.schedule.want();
            reply.status(SCHEDULED);
            return Ok(());
        }
        match self.ask_rewrite() {
            Ok(Some(ticket)) => {
                self.owed = Some(Duty::Start(ticket));
                reply.status(STARTED);
            }
            Ok(None) => reply.status(SCHEDULED),
            Err(error) => return Err(errors::unable_to_rewrite(&error)),
        }
        Ok(())
    }
}
