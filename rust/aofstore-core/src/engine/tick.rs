//! The background: ten times a second, what Redis's timer does. It never touches Python.
//!
//! Expiry and rehashing take the engine lock for about a millisecond at a time, and give it up sooner to a call that waits,
//! which so loses about a tenth of that; the log's own timer needs no engine lock.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::core::{Core, Shared};
use super::latency::{event, whole_ms};
use super::process;
use super::remains::Remains;
use crate::aof::{Log, Status};
use crate::clock;
use crate::encoding::{freed, huge};
use crate::fs::os::with_signals_blocked;
use crate::keyspace::Waste;

/// The longest hold of the engine lock.
const SLICE: Duration = Duration::from_millis(1);
/// A hold while somebody waits for the lock: enough that the background gets on even if somebody always does.
const SHORT_SLICE: Duration = Duration::from_micros(100);
/// All holds of one tick: a quarter of the time at 10 Hz, as in Redis.
const MOST: Duration = Duration::from_millis(25);
const REHASH_BUCKETS: usize = 64;
/// Looks for the lock, half a millisecond apart, before the keyspace has to wait for the next tick.
const PATIENCE: u32 = 20;
/// Between two looks whether those who waited for the lock have it.
const LET_IN: Duration = Duration::from_micros(50);

/// The running thread; dropped without stopping in a forked copy, where there is no thread.
#[derive(Debug)]
pub(super) struct Ticker {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: JoinHandle<()>,
}

impl Ticker {
    pub fn start(shared: Arc<Shared>) -> std::io::Result<Self> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let theirs = Arc::clone(&stop);
        let builder = std::thread::Builder::new().name("aofstore-timer".to_owned());
        let thread = with_signals_blocked(|| builder.spawn(move || run(&shared, &theirs)))?;
        Ok(Self { stop, thread })
    }

    /// Stops the thread and waits for it. Must not be called with the engine lock.
    pub fn stop(self) {
        *self.stop.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.1.notify_all();
        drop(self.thread.join());
    }
}

fn run(shared: &Shared, stop: &(Mutex<bool>, Condvar)) {
    let mut known = Known { log: None, hz: 10, doing: huge::Doing::default() };
    let huge_pages = process::has_huge_pages();
    let mut seen = 0;
    loop {
        let stopped = stop.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = Duration::from_millis(1000 / known.hz);
        let (stopped, _) = stop
            .1
            .wait_timeout_while(stopped, pause, |stopped| !*stopped)
            .unwrap_or_else(PoisonError::into_inner);
        if *stopped {
            return;
        }
        drop(stopped);
        let turn = AssertUnwindSafe(|| {
            shared.tick(&mut known);
            if huge_pages {
                huge::gather(Instant::now(), known.doing);
            }
            freed::give_back(&mut seen);
        });
        if let Err(panic) = catch_unwind(turn) {
            // Without its timer the store breaks its promises: better that everybody hears of it.
            return drop(shared.lock().break_down(&*panic));
        }
    }
}

/// What the last look under the lock told.
struct Known {
    log: Option<Arc<Log>>,
    /// Ticks a second.
    hz: u64,
    doing: huge::Doing,
}

impl Shared {
    /// One tick. A command that runs for seconds must not hold up the sync that is due every second, so the log's
    /// turn comes with or without the lock.
    fn tick(&self, known: &mut Known) {
        let began = Instant::now();
        let (mut waste, mut remains) = (Waste::default(), Remains::default());
        while let Some(mut core) = self.lock_soon() {
            let held = Instant::now();
            let mut in_time = || goes_on(held.elapsed(), self.is_awaited());
            let more = core.guarded(|core| Ok(core.background(&mut in_time))).unwrap_or(false);
            waste.append(core.space.take_waste());
            remains.append(core.remains.take());
            *known = Known {
                log: core.log.clone(),
                hz: core.settings.hz.max(1),
                doing: huge::Doing { shared: core.rewrites.has_child(), loading: core.loading },
            };
            drop(core);
            if !more || began.elapsed() >= MOST {
                break;
            }
            self.let_in();
        }
        if let Some(log) = &known.log {
            log.write_out();
            log.timer(Instant::now());
        }
        // Last, since a sync may be due.
        drop((waste, remains));
    }

    /// Whoever waits for the lock gets it before the next slice. Woken, they come later than who gave it up a moment
    /// ago and takes it again: a call would wait for all the slices of a tick.
    fn let_in(&self) {
        for _ in 0..PATIENCE {
            if !self.is_awaited() {
                return std::thread::yield_now();
            }
            std::thread::sleep(LET_IN);
        }
    }

    fn lock_soon(&self) -> Option<MutexGuard<'_, Core>> {
        for _ in 0..PATIENCE {
            if let Some(core) = self.try_lock() {
                return Some(core);
            }
            std::thread::sleep(Duration::from_micros(500));
        }
        None
    }
}

/// Whether the lock may be kept that was held for so long.
fn goes_on(held: Duration, awaited: bool) -> bool {
    held < if awaited { SHORT_SLICE } else { SLICE }
}

impl Core {
    /// A slice of background work under the lock; whether there is more of it at once.
    fn background(&mut self, in_time: &mut dyn FnMut() -> bool) -> bool {
        if self.loading {
            return false;
        }
        let began = Instant::now();
        let latched = self.log.as_ref().is_some_and(|log| matches!(log.status(), Status::Latched { .. }));
        if self.settings.active_expire && !latched {
            self.space.expire_cycle(clock::now_ms(), self.settings.active_expire_effort, in_time);
            let took = began.elapsed();
            self.stats.expiry.add(took, !in_time(), self.space.take_sampled());
            self.latency.sample(event::EXPIRE_CYCLE, whole_ms(took));
            self.notice_removals();
            self.feed_purged();
        }
        self.stats.keep_pace(began);
        self.fetch_latency();
        self.consider_rewrite();
        self.consider_save();
        // A child shares the memory: what is moved now is copied.
        if self.rewrites.has_child() {
            return false;
        }
        let mut more = !in_time();
        while in_time() {
            more = self.space.rehash(REHASH_BUCKETS);
            if !more {
                break;
            }
        }
        more
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use super::*;
    use crate::engine::rewrite::tests::until;
    use crate::engine::{Engine, Settings};

    #[test]
    fn a_hold_of_the_lock_is_long_only_while_nobody_waits() {
        let held = |micros, awaited| goes_on(Duration::from_micros(micros), awaited);
        assert_eq!([held(0, true), held(99, true), held(100, true)], [true, true, false]);
        assert_eq!([held(100, false), held(999, false), held(1000, false)], [true, true, false]);
    }

    #[test]
    fn who_waits_for_the_lock_is_known_until_they_have_it() {
        let engine = Engine::new(Settings::default());
        let shared = &engine.shared;
        let core = shared.lock();
        assert!(!shared.is_awaited());
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| drop(shared.lock()));
            until(|| shared.is_awaited());
            drop(core);
            waiter.join().unwrap();
        });
        assert!(!shared.is_awaited() && shared.try_lock().is_some());
    }
}
