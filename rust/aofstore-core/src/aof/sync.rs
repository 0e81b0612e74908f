//! Locks and threads of this room: std's, or shuttle's when its scheduler drives the tests.
//!
//! Every lock, condition and thread that takes part in a commit comes from here, so that the model test runs the
//! code that ships and not a copy of it.

#[cfg(feature = "shuttle")]
pub(super) use shuttle::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    sync::{Condvar, Mutex, MutexGuard},
    thread::{JoinHandle, Thread, current, park},
};
#[cfg(not(feature = "shuttle"))]
pub(super) use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    sync::{Condvar, Mutex, MutexGuard},
    thread::{JoinHandle, Thread, current, park},
};

use std::sync::{PoisonError, TryLockError};

/// A panic elsewhere must not take the log with it: the state under these locks is whole at every unlock.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The same, if nobody has it.
#[inline]
pub(super) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

pub(super) fn wait<'a, T>(condvar: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condvar.wait(guard).unwrap_or_else(PoisonError::into_inner)
}

/// As [`wait`], at most `slice`. The scheduler of the tests knows no time: there it waits until woken.
#[cfg(not(feature = "shuttle"))]
pub(super) fn wait_for<'a, T>(
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    slice: std::time::Duration,
) -> MutexGuard<'a, T> {
    condvar.wait_timeout(guard, slice).unwrap_or_else(PoisonError::into_inner).0
}

#[cfg(feature = "shuttle")]
pub(super) fn wait_for<'a, T>(
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    _: std::time::Duration,
) -> MutexGuard<'a, T> {
    wait(condvar, guard)
}

/// Sleeps until somebody calls, or something else wakes the thread; false when it is too late to sleep.
#[cfg(not(feature = "shuttle"))]
pub(super) fn park_until(until: std::time::Instant) -> bool {
    let left = until.saturating_duration_since(now());
    if !left.is_zero() {
        std::thread::park_timeout(left);
    }
    !left.is_zero()
}

/// The scheduler of the tests knows no time: sooner or later it is too late.
#[cfg(feature = "shuttle")]
pub(super) fn park_until(_: std::time::Instant) -> bool {
    use shuttle::rand::Rng as _;
    shuttle::thread::yield_now();
    shuttle::rand::thread_rng().gen_ratio(3, 4)
}

#[cfg(not(feature = "shuttle"))]
pub(super) fn now() -> std::time::Instant {
    std::time::Instant::now()
}

/// Always the same, so that no decision hangs on it.
#[cfg(feature = "shuttle")]
pub(super) fn now() -> std::time::Instant {
    static FIXED: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    *FIXED.get_or_init(std::time::Instant::now)
}

#[cfg(not(feature = "shuttle"))]
pub(super) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    let builder = std::thread::Builder::new().name(name.to_owned());
    crate::fs::os::with_signals_blocked(|| builder.spawn(body))
}

#[cfg(feature = "shuttle")]
pub(super) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    shuttle::thread::Builder::new().name(name.to_owned()).spawn(body)
}
