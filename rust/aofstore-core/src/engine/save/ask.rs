//! What callers see: BGSAVE, SAVE, LASTSAVE, the save of FLUSHALL and of closing, and waiting for the end of one.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::command::{ErrorReply, Outcome, Reply, errors, is_word};
use crate::engine::core::{Core, Engine};
use crate::engine::due::Duty;
use crate::error::Result;

impl Engine {
    /// Waits at most `slice` for the save that runs; whether none does.
    pub fn wait_save(&self, slice: Duration) -> Result<bool> {
        let current = self.shared.enter()?.saves.current.clone();
        Ok(current.is_none_or(|ticket| ticket.wait(slice).is_some()))
    }
}

impl Core {
    /// In a transaction it is scheduled, as in Redis: the data is not whole before EXEC is over.
    pub(in crate::engine) fn bgsave(&mut self, args: &[&[u8]], reply: &mut Reply) -> Outcome {
        let schedule = match args {
            [] => false,
            [word] if is_word(word, "SCHEDULE") => true,
            _ => return Err(errors::SYNTAX),
        };
        if self.saves.is_running() {
            return Err(errors::SAVE_IN_PROGRESS);
        }
        self.dump_place().map_err(|failure| self.refused(failure))?;
        let in_exec = self.instant.is_some();
        if in_exec || self.rewrites.is_running() {
            if !schedule && !in_exec {
                return Err(errors::SAVE_BESIDE_A_CHILD);
            }
            self.saves.schedule.want();
            reply.status("Background saving scheduled");
            return Ok(());
        }
        let ticket = self.launch_save().map_err(|failure| self.refused(failure))?;
        self.owed = Some(Duty::Start(ticket));
        reply.status("Background saving started");
        Ok(())
    }

    pub(in crate::engine) fn save(&mut self, reply: &mut Reply) -> Outcome {
        if self.saves.is_running() {
            return Err(errors::SAVE_IN_PROGRESS);
        }
        self.save_now().map_err(|error| errors::unable_to_save(&error))?;
        reply.ok();
        Ok(())
    }

    pub(in crate::engine) fn lastsave(&self, reply: &mut Reply) -> Outcome {
        reply.int(self.saves.figures.saved_at_ms / 1000);
        Ok(())
    }

    /// Everything was just flushed: with save points the dump must not bring it back. A save that runs would.
    pub(in crate::engine) fn flushed(&mut self) {
        if self.saves.place.is_none() || self.loading {
            return;
        }
        if let Some(running) = &self.saves.current {
            running.stop();
            self.events.notice("the running save is stopped, since everything was flushed");
        }
        if self.settings.save_points.is_empty() {
            return;
        }
        // Redis saves right here, also in the midst of a transaction. A dump of half of one is none to wake up with: it
        // is saved behind the whole, and before anybody is told.
        self.saves.flushed = true;
        if self.instant.is_none() {
            self.save_flushed();
        }
    }

    /// With the last command of what runs as one.
    pub(in crate::engine) fn save_flushed(&mut self) {
        if std::mem::take(&mut self.saves.flushed) {
            // Told in the log; the next save point tries again.
            drop(self.save_now());
        }
    }

    /// For closing: nothing new begins, what runs is to end; and its thread.
    pub(in crate::engine) fn stop_saves(&mut self) -> Option<JoinHandle<()>> {
        self.saves.schedule.forget();
        if let Some(running) = &self.saves.current {
            running.stop();
        }
        self.saves.thread.take()
    }

    /// As Redis's SHUTDOWN: with save points the data is saved, whether the log is on or off.
    pub(in crate::engine) fn save_at_close(&mut self) -> Result<()> {
        if self.settings.save_points.is_empty() || self.saves.place.is_none() || self.loading {
            return Ok(());
        }
        self.guarded(Self::save_now).map(drop)
    }

    /// Lets go of the directory.
    pub(in crate::engine) fn end_snapshots(&mut self) {
        self.saves.place = None;
        let _: Option<Arc<_>> = self.saves.current.take();
    }

    fn refused(&self, failure: crate::rewrite::Failure) -> ErrorReply {
        errors::unable_to_save(&self.save_error(failure))
    }
}
