//! Switching the log on and off while the store is open (theme 1): OFF, `WAIT_REWRITE`, ON.
//!
//! On: a rewrite begins, changes collect in its difference, and only its finished file becomes the log; until then no
//! file that was there is touched (S-18, S-20). Off: one step under the lock, then the file is flushed, synced and
//! closed without it.

use std::sync::Arc;

use super::schedule::Why;
use super::ticket::Ticket;
use crate::aof::{Feed, Pen};
use crate::clock;
use crate::engine::core::Core;
use crate::engine::due::Duty;
use crate::error::Result;

impl Core {
    /// `appendonly yes`.
    pub(in crate::engine) fn switch_on(&mut self) -> Result<()> {
        if self.log.is_some() || self.rewrites.waiting {
            return Ok(());
        }
        self.home().map_err(|failure| self.rewrite_error(failure))?;
        self.rewrites.waiting = true;
        if self.rewrites.saving || self.instant.is_some() {
            self.rewrites.schedule.want();
            self.events.notice("the log is on as soon as a rewrite, which is scheduled, has written it");
            return Ok(());
        }
        if let Some(running) = &self.rewrites.current {
            // It has no difference, so its file would lack what is changed meanwhile (S-16).
            running.stop();
            self.events
                .notice("the running rewrite is stopped and another one started, to switch the log on");
        }
        match self.launch(Why::Start) {
            Ok(ticket) => {
                self.owed = Some(Duty::Start(ticket));
                Ok(())
            }
            Err(error) => {
                self.rewrites.waiting = false;
                Err(error)
            }
        }
    }

    /// `appendonly no`.
    pub(in crate::engine) fn switch_off(&mut self) {
        if self.log.is_none() && !self.rewrites.waiting {
            return;
        }
        if self.instant.is_none() && self.gathered.is_on() {
            // A pipeline's records before this one belong to the log still.
            self.feed_gathered(None);
            self.gathered.begin();
        }
        self.rewrites.waiting = false;
        self.rewrites.schedule.forget();
        let running = self.rewrites.current.clone();
        if let Some(running) = &running {
            running.stop();
            self.events.notice("the running rewrite is stopped, since the log is switched off");
        }
        // What the file lacks when this is settled is told to the caller; the store goes on in memory (S-01, S-10).
        self.owed = Some(Duty::Stop { log: self.log.take(), running });
        if let Some(diff) = self.rewrites.diff.take() {
            self.rewrites.figures.most_in_memory = diff.most();
        }
    }

    /// Whether changes are to be fed to somebody.
    pub(in crate::engine) fn is_fed(&self) -> bool {
        self.log.is_some() || (self.rewrites.waiting && self.rewrites.diff.is_some())
    }

    /// Appends to the log, or while there is none yet to the difference of the rewrite that makes it.
    #[inline]
    pub(in crate::engine) fn feed(&self, pen: Option<&mut Pen<'_>>, body: impl FnOnce(&mut Feed<'_>)) {
        if let Some(pen) = pen {
            pen.feed_at(self.second(), body);
        } else if let Some(log) = &self.log {
            log.feed_at(self.second(), body);
        } else if let Some(diff) = self.rewrites.diff.as_ref().filter(|_| self.rewrites.waiting) {
            diff.feed(self.second(), body);
        }
    }

    /// What time it is, if files are to say so.
    #[inline]
    pub(in crate::engine) fn second(&self) -> Option<i64> {
        self.settings.timestamps.then(|| clock::now_ms().div_euclid(1000))
    }

    /// Somebody wants what was done to be safe while the log is being switched on: the rewrite that makes it, begun
    /// now if it rests after a failure. None: another child is in the way.
    pub(in crate::engine) fn press_start(&mut self) -> Result<Option<Arc<Ticket>>> {
        if let Some(running) = &self.rewrites.current {
            return Ok(Some(Arc::clone(running)));
        }
        if self.rewrites.saving {
            return Ok(None);
        }
        self.launch(Why::Scheduled).map(Some)
    }

    /// For closing: nothing new begins, what runs is to end; and its thread.
    pub(in crate::engine) fn stop_rewrites(&mut self) -> Option<std::thread::JoinHandle<()>> {
        self.rewrites.schedule.forget();
        if let Some(running) = &self.rewrites.current {
            running.close();
        }
        self.rewrites.thread.take()
    }

    /// A store that is closed while its log is being switched on still owes its user the file (S-23).
    pub(in crate::engine) fn finish_start(&mut self) -> Result<()> {
        if !self.rewrites.waiting {
            return Ok(());
        }
        let done = self.guarded(Self::rewrite_at_once).map(drop);
        self.rewrites.waiting = false;
        done
    }

    /// Where the log is, or would be; `ours` if this store has read what is there.
    pub(in crate::engine) fn settle_in(&mut self, home: super::Home, ours: bool) {
        for dir in home.dirs() {
            crate::rewrite::sweep(&**dir, &self.events);
        }
        let (dir, control) = home.around();
        self.keep_snapshots(dir, control);
        self.rewrites.home = Some(home);
        self.rewrites.ours = ours;
    }

    /// Lets go of the directory.
    pub(in crate::engine) fn move_out(&mut self) {
        self.rewrites.home = None;
        self.rewrites.shared = std::sync::Weak::new();
        drop(self.rewrites.diff.take());
        let _: Option<Arc<_>> = self.rewrites.current.take();
    }
}
