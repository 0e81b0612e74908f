//! One rewrite, or save, as others see it: whether it has begun, how far it is, what came of it.
//!
//! Shared by the thread that leads it, by who waits for it and by INFO; has a lock of its own, which is
//! never held while another is taken.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::schedule::Why;
use crate::engine::remains::Remains;
use crate::error::{Error, Result};
use crate::fs::ReadFile;
use crate::rewrite::SharedPage;

pub(in crate::engine) struct Ticket {
    pub(in crate::engine) why: Why,
    pub began: Instant,
    stop: AtomicBool,
    /// The store ends, and it with the store.
    closing: AtomicBool,
    stage: Mutex<Stage>,
    turned: Condvar,
    page: OnceLock<Arc<SharedPage>>,
    keys: AtomicU64,
    remains: Mutex<Remains>,
}

enum Stage {
    Starting,
    Running,
    Over(Result<Summary>),
}

/// What a finished rewrite did.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Summary {
    pub seconds: f64,
    /// Length of the log before; 0 if there was none.
    pub bytes_before: u64,
    pub bytes_after: u64,
    pub keys: u64,
    /// 0 without a fork.
    pub fork_micros: u64,
    pub cow_bytes: u64,
    /// Of what was changed meanwhile.
    pub difference_bytes: u64,
}

/// How far a running rewrite is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Progress {
    pub keys_done: u64,
    pub keys_total: u64,
    pub bytes_written: u64,
    pub seconds: f64,
}

impl Ticket {
    pub(in crate::engine) fn new(why: Why) -> Arc<Self> {
        Arc::new(Self {
            why,
            began: Instant::now(),
            stop: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            stage: Mutex::new(Stage::Starting),
            turned: Condvar::new(),
            page: OnceLock::new(),
            keys: AtomicU64::new(0),
            remains: Mutex::default(),
        })
    }

    /// It is to end without a new file.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// The same, since the store is being closed.
    pub fn close(&self) {
        // ORDER: who sees that it is to stop, and whoever waits for that one's word, sees why.
        self.closing.store(true, Ordering::Relaxed);
        self.stop();
    }

    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// The child lives and has `keys` to write.
    pub fn started(&self, page: Arc<SharedPage>, keys: u64) {
        self.keys.store(keys, Ordering::Relaxed);
        let _ = self.page.set(page);
        *self.stage() = Stage::Running;
        self.turned.notify_all();
    }

    pub fn ended(&self, outcome: Result<Summary>) {
        *self.stage() = Stage::Over(outcome);
        self.turned.notify_all();
    }

    /// Files without a name, to be closed when nobody waits any more.
    pub fn leave(&self, files: impl IntoIterator<Item = Box<dyn ReadFile>>) {
        self.remains().leave(files);
    }

    /// Closes them; for the leading thread, behind the end and without a lock.
    pub(in crate::engine) fn let_go(&self) {
        let files = self.remains().take();
        drop(files);
    }

    /// Whether there ever was a child.
    pub fn has_started(&self) -> bool {
        self.page.get().is_some()
    }

    /// Waits until the child lives, or the error because of which there is none.
    pub fn wait_started(&self) -> Result<()> {
        let mut stage = self.stage();
        loop {
            match &*stage {
                Stage::Starting => {
                    stage = self.turned.wait(stage).unwrap_or_else(PoisonError::into_inner);
                }
                // One that is over already may have begun all the same.
                Stage::Over(Err(error)) if !self.has_started() => {
                    let closing = self.closing.load(Ordering::Relaxed);
                    return Err(if closing { Error::Closed } else { error.clone() });
                }
                Stage::Running | Stage::Over(_) => return Ok(()),
            }
        }
    }

    /// Waits for its end for at most `slice`.
    pub fn wait(&self, slice: Duration) -> Option<Result<Summary>> {
        let stage = self.stage();
        let unfinished = |stage: &mut Stage| !matches!(stage, Stage::Over(_));
        let (stage, _) =
            self.turned.wait_timeout_while(stage, slice, unfinished).unwrap_or_else(PoisonError::into_inner);
        match &*stage {
            Stage::Over(outcome) => Some(outcome.clone()),
            _ => None,
        }
    }

    pub fn progress(&self) -> Progress {
        let page = self.page.get();
        Progress {
            keys_done: page.map_or(0, |page| page.keys_done()),
            keys_total: self.keys.load(Ordering::Relaxed),
            bytes_written: page.map_or(0, |page| page.bytes_written()),
            seconds: self.began.elapsed().as_secs_f64(),
        }
    }

    fn remains(&self) -> MutexGuard<'_, Remains> {
        self.remains.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
