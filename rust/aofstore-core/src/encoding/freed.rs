//! Memory that was freed in large amounts, and that the allocator holds on to: it is given back to the system.
//!
//! What stands at the end of the heap keeps all before it, so of 100 MB that are freed glibc gives back next to nothing by
//! itself. Whoever frees much says so; the timer asks the allocator to let go when nothing more is being freed: a store
//! that goes on throwing away and filling up would only have to take the same pages anew.
#![expect(unsafe_code, reason = "the allocator's own call")]

use std::sync::atomic::{AtomicUsize, Ordering};

/// Less than this is not worth a walk over all that is free.
const MUCH: usize = 16 << 20;

static FREED: Freed = Freed(AtomicUsize::new(0));

/// About so many bytes were just freed.
pub fn tell(bytes: usize) {
    FREED.add(bytes);
}

/// A turn of the timer, without any lock; `seen` is its own, 0 at first.
pub fn give_back(seen: &mut usize) {
    if FREED.is_over(seen) {
        trim();
    }
}

/// Of all stores of the process, as the allocator is.
struct Freed(AtomicUsize);

impl Freed {
    fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Whether much was freed, and nothing since the last look; then the count begins anew.
    fn is_over(&self, seen: &mut usize) -> bool {
        let freed = self.0.load(Ordering::Relaxed);
        let settled = freed >= MUCH && freed == *seen;
        *seen = freed;
        // Of the timers of several stores one is enough.
        settled && self.0.compare_exchange(freed, 0, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

fn trim() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it may be called at any time; only memory that nobody has is given away.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn much_is_given_back_once_when_nothing_more_is_freed() {
        let freed = Freed(AtomicUsize::new(0));
        let (mut seen, mut other) = (0, 0);
        freed.add(MUCH - 1);
        assert!(!freed.is_over(&mut seen) && !freed.is_over(&mut seen), "little");
        freed.add(1);
        assert!(!freed.is_over(&mut seen), "a moment ago");
        freed.add(1);
        assert!(!freed.is_over(&mut seen) && !freed.is_over(&mut other), "more, a moment ago");
        assert!(freed.is_over(&mut seen));
        assert!(!freed.is_over(&mut other) && !freed.is_over(&mut seen), "once");
        freed.add(MUCH);
        assert!(!freed.is_over(&mut seen) && freed.is_over(&mut seen), "and again");
    }
}
