//! The two clocks: wall-clock milliseconds for deadlines, monotonic time for flush and sync.
//!
//! The wall clock is read once a command and passed down; nothing else in the crate may ask for it, so that a
//! test can fix it for the whole process.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

const REAL: i64 = i64::MIN;
static FIXED: AtomicI64 = AtomicI64::new(REAL);

/// Milliseconds since 1970 by the wall clock, or the instant a test fixed.
pub fn now_ms() -> i64 {
    match FIXED.load(Ordering::Relaxed) {
        REAL => wall().0,
        fixed => fixed,
    }
}

/// Microseconds since 1970 (`TIME`).
pub fn now_us() -> i64 {
    match FIXED.load(Ordering::Relaxed) {
        REAL => wall().1,
        fixed => fixed.saturating_mul(1000),
    }
}

/// Stops the wall clock at `ms`, or lets it run again with `None`. For tests.
pub fn fix(ms: Option<i64>) {
    FIXED.store(ms.unwrap_or(REAL), Ordering::Relaxed);
}

#[expect(clippy::disallowed_methods, reason = "the one place that may read the wall clock")]
fn wall() -> (i64, i64) {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (elapsed.as_millis() as i64, elapsed.as_micros() as i64)
}
