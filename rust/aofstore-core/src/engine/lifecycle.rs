//! From an empty keyspace over replay to a durable store, and to a closed one.

use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::core::{Core, Engine, LoadProgress, Shared};
use super::remains::Remains;
use super::rewrite::{Home, Ticket};
use super::tick::Ticker;
use crate::aof::manifest::Manifest;
use crate::aof::parts::{Failed, Parts};
use crate::aof::{self, Flush, Log};
use crate::clock;
use crate::error::{Error, Result};
use crate::fs::Dir;
use crate::keyspace::Keyspace;
use crate::load::Loader;

impl Engine {
    /// From here on everybody but the loader gets LOADING, and nothing expires.
    pub fn begin_load(&self) -> Result<()> {
        let mut core = self.shared.enter()?;
        if core.loading {
            // The next of several files.
            core.load.bytes_before = core.load.bytes_total;
        } else {
            core.load = LoadProgress { began_ms: clock::now_ms(), ..LoadProgress::default() };
        }
        core.loading = true;
        core.space.set_expiring(false);
        Ok(())
    }

    /// Replays a slice of a log. The lock is free between slices, so that others hear LOADING at once.
    pub fn load_step(&self, loader: &mut Loader, budget: Duration) -> Result<bool> {
        let ended = self.run(|core| {
            let ended = loader.step(&mut core.space, budget);
            let (done, total) = loader.progress();
            core.load.bytes_done = core.load.bytes_before + done;
            core.load.bytes_total = core.load.bytes_before + total;
            core.load.keys = core.load.keys.max(loader.keys());
            core.load.expired = core.load.expired.max(loader.expired());
            ended
        });
        for warning in loader.take_warnings() {
            self.shared.events.warning(warning);
        }
        ended
    }

    /// Starts what was loaded as a view: no command changes it, nothing expires, and no file is touched.
    pub fn start_view(&self) -> Result<()> {
        let mut core = self.shared.enter()?;
        core.view = true;
        core.settings.set_appendonly(false);
        drop(core);
        self.end_load()
    }

    /// Ends the load, if there was one.
    fn end_load(&self) -> Result<()> {
        let mut core = self.shared.enter()?;
        core.loading = false;
        let expires = !core.view;
        core.space.set_expiring(expires);
        core.space.settle();
        core.space.stats.dirty = 0;
        drop(core);
        self.start_ticker()
    }

    /// Opens `name` for append; every later change is logged there.
    pub fn start_log(&self, dir: Arc<dyn Dir>, name: &str, control: aof::Control) -> Result<()> {
        let settings = self.shared.enter()?.log_settings(control);
        let log = Log::open(Arc::clone(&dir), name, settings, Arc::clone(&self.shared.events))?;
        let mut core = self.shared.enter()?;
        core.log = Some(log);
        core.settle_in(Home::single(dir, name, control), true);
        drop(core);
        self.end_load()
    }

    /// Goes on in the newest increment of a log whose files, those in `manifest`, were loaded.
    pub fn start_parts(&self, parts: Arc<Parts>, manifest: Manifest) -> Result<()> {
        let (settings, keep) = {
            let core = self.shared.enter()?;
            (core.log_settings(parts.control()), core.settings.is_yes("aof-disable-auto-gc"))
        };
        let failed = |failed: Failed| failed.open(&parts.path());
        let opened = parts.open(manifest, keep).map_err(failed)?;
        let dir = Arc::clone(parts.make_dir().map_err(failed)?);
        let earlier = Some((opened.before, opened.base));
        let log = Log::resume(dir, &opened.name, earlier, settings, Arc::clone(&self.shared.events))?;
        let mut core = self.shared.enter()?;
        core.log = Some(log);
        core.settle_in(Home::Parts(parts), true);
        drop(core);
        self.end_load()
    }

    /// Starts without a log, with parts that one can be made of.
    pub fn start_beside(&self, parts: Arc<Parts>) -> Result<()> {
        self.shared.enter()?.settle_in(Home::Parts(parts), false);
        self.end_load()
    }

    /// Starts without a log: in memory, or with a place where one can be switched on.
    pub fn start(&self, place: Option<(Arc<dyn Dir>, &str)>, control: aof::Control) -> Result<()> {
        if let Some((dir, name)) = place {
            self.shared.enter()?.settle_in(Home::single(dir, name, control), false);
        }
        self.end_load()
    }

    fn start_ticker(&self) -> Result<()> {
        let mut ticker = self.ticker.lock().unwrap_or_else(PoisonError::into_inner);
        // With this lock: `close` marks the store first and then waits here for a ticker to stop.
        self.check()?;
        if ticker.is_none() {
            let started = Ticker::start(Arc::clone(&self.shared));
            *ticker =
                Some(started.map_err(|error| Error::Internal(format!("cannot start the timer: {error}")))?);
        }
        Ok(())
    }

    pub fn log(&self) -> Result<Option<Arc<Log>>> {
        Ok(self.shared.enter()?.log.clone())
    }

    /// Everything fed so far is written, and synced if asked, under any policy.
    pub fn flush(&self, sync: bool) -> Result<()> {
        let Some(mut flush) = self.begin_flush(sync)? else { return Ok(()) };
        while !flush.step(Duration::from_secs(1))? {}
        Ok(())
    }

    /// The same in steps, for a caller who wants to look up now and then; None when there is no log.
    pub fn begin_flush(&self, sync: bool) -> Result<Option<Flushing>> {
        let core = self.shared.enter()?;
        if let Some(log) = &core.log {
            return Ok(Some(Flushing(Flushes::Log(Arc::clone(log).begin_flush(sync)))));
        }
        let start = Start { shared: Arc::clone(&self.shared), running: None };
        Ok(core.rewrites.waiting.then(|| Flushing(Flushes::Start(start))))
    }

    /// Wakes the waiters, stops the threads, flushes, syncs, frees the memory. Everything is released even if saving failed; the
    /// first call tells the failure, later ones do nothing. In a forked copy it only forgets.
    pub fn close(&self) -> Result<()> {
        if !self.shared.owner.is_here() {
            return Ok(());
        }
        if !self.shared.set_closed() {
            return Ok(());
        }
        // First of all, since the timer may be in the middle of a sync.
        self.shared.lock().close_waiters();
        let ticker = self.ticker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(ticker) = ticker {
            ticker.stop();
        }
        let (log, children) = self.shared.lock().begin_close();
        if let Some(log) = log {
            // Before anything that can take long. What it could not save is told by the close below.
            drop(log.flush(true));
        }
        for child in children.into_iter().flatten() {
            // Its body is caught: it cannot panic.
            drop(child.join());
        }
        let started = self.shared.lock().finish_start();
        let dumped = self.shared.lock().save_at_close();
        let (log, space, remains) = self.shared.lock().retire();
        let saved = log.map_or(Ok(()), |log| log.close());
        drop((space, remains));
        saved.and(started).and(dumped)
    }
}

/// A flush that is under way.
pub struct Flushing(Flushes);

enum Flushes {
    Log(Flush),
    Start(Start),
}

/// There is no log before a rewrite has written it; then it holds everything.
struct Start {
    shared: Arc<Shared>,
    running: Option<Arc<Ticket>>,
}

impl Flushing {
    /// Goes on for at most about `slice`; true when all is where it should be.
    pub fn step(&mut self, slice: Duration) -> Result<bool> {
        match &mut self.0 {
            Flushes::Log(flush) => flush.step(slice),
            Flushes::Start(start) => start.step(slice),
        }
    }
}

impl Start {
    fn step(&mut self, slice: Duration) -> Result<bool> {
        if self.running.is_none() {
            let mut core = self.shared.enter()?;
            if !core.rewrites.waiting {
                return Ok(true);
            }
            self.running = core.press_start()?;
        }
        let Some(running) = &self.running else {
            std::thread::sleep(slice);
            return Ok(false);
        };
        running.wait(slice).map_or(Ok(false), |outcome| outcome.map(|_| true))
    }
}

impl Core {
    /// What a log is told at its begin.
    pub(super) fn log_settings(&self, control: aof::Control) -> aof::Settings {
        aof::Settings {
            policy: self.settings.policy,
            postpone: self.settings.is_yes("aof-postpone-write"),
            no_fsync_on_rewrite: self.settings.is_yes("no-appendfsync-on-rewrite"),
            latency_threshold: self.settings.int("latency-monitor-threshold").max(0) as u64,
            control,
        }
    }

    /// What is to be saved, and the threads that are to end.
    fn begin_close(&mut self) -> (Option<Arc<Log>>, [Option<JoinHandle<()>>; 2]) {
        (self.log.clone(), [self.stop_rewrites(), self.stop_saves()])
    }

    /// What holds files and memory: a handle that outlives the store shall not.
    fn retire(&mut self) -> (Option<Arc<Log>>, Keyspace, Remains) {
        self.move_out();
        self.end_snapshots();
        let empty = Keyspace::new(self.settings.databases, self.settings.limits);
        (self.log.take(), std::mem::replace(&mut self.space, empty), self.remains.take())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if self.shared.owner.is_here() {
            drop(self.close());
        }
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
#[path = "lifecycle_tests.rs"]
mod tests;
