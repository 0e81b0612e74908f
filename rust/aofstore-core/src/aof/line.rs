//! Callers that wait for a sync, each asleep on its own: in what order they are let out, and who waits for whom.
//!
//! Not all at once: behind the log they meet at one narrow door, the host's interpreter lock, and whoever finds it
//! taken goes to sleep a second time. Whoever covers the line lets one out, and each one that is through the door
//! lets out the next; only where others hold the door all are let out, or their ways would add up. The one who leads
//! next waits a little for those who were here, since most come back at once and share its sync instead of waiting
//! for the one after. INVARIANT: while covered callers sleep here, one who will let the next out is awake; so
//! nobody may sleep here who holds the door.

use super::sync::{AtomicBool, AtomicU64, Mutex, Ordering, Thread, current, lock, park, park_until};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// From here on the way out is long.
const LONG: Duration = Duration::from_millis(1);
/// So many quick ways make up for a long one.
const CROWD: u64 = 256;
/// Longest that a round waits for those of the last one.
const PATIENCE: Duration = Duration::from_millis(5);
/// Rounds that wait for nobody after one that waited in vain.
const REST: u32 = 16;

#[derive(Default)]
pub(super) struct Line {
    rows: Mutex<Rows>,
    /// How many sit here.
    taken: AtomicU64,
    /// Others hold the door: so many more are let out without waiting for the one before.
    crowded: AtomicU64,
    /// Somebody waits for those who were let out to come back.
    expecting: AtomicBool,
}

#[derive(Default)]
struct Rows {
    seats: VecDeque<Arc<Seat>>,
    /// Who leads next, and how many seats it waits to be taken.
    expected: Option<(usize, Thread)>,
}

pub(super) struct Seat {
    end: u64,
    called: AtomicBool,
    thread: Thread,
}

impl Seat {
    pub(super) fn sleep(&self) {
        while !self.called.load(Ordering::Acquire) {
            park();
        }
    }

    fn call(&self) {
        self.called.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

impl Rows {
    /// Those who need more than `acked`.
    fn waiting(&self, acked: u64) -> usize {
        self.seats.iter().filter(|seat| seat.end > acked).count()
    }
}

impl Line {
    /// A seat for a caller that needs everything up to `end`, more than `acked`. To be taken under the log's lock, or
    /// the call that it is for may have been made already.
    pub(super) fn join(&self, end: u64, acked: u64) -> Arc<Seat> {
        let seat = Arc::new(Seat { end, called: AtomicBool::new(false), thread: current() });
        let mut rows = lock(&self.rows);
        rows.seats.push_back(Arc::clone(&seat));
        self.taken.store(rows.seats.len() as u64, Ordering::Relaxed);
        if let Some((seats, leader)) = &rows.expected
            && rows.waiting(acked) >= *seats
        {
            leader.unpark();
        }
        seat
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.taken.load(Ordering::Relaxed) == 0
    }

    pub(super) fn len(&self) -> usize {
        self.taken.load(Ordering::Relaxed) as usize
    }

    /// Waits until `seats` are taken by callers who need more than `acked`; false if it took too long. Meanwhile
    /// those who leave let nobody out, so [`let_all_out`](Self::let_all_out) is to be called then: whoever is covered
    /// and still here would sleep through the sync that begins now.
    pub(super) fn expect(&self, seats: usize, acked: u64, until: Instant) -> bool {
        self.expecting.store(true, Ordering::Relaxed);
        let came = self.wait_for(seats, acked, until);
        self.expecting.store(false, Ordering::Relaxed);
        came
    }

    fn wait_for(&self, seats: usize, acked: u64, until: Instant) -> bool {
        loop {
            let mut rows = lock(&self.rows);
            let came = rows.waiting(acked) >= seats;
            rows.expected = (!came).then(|| (seats, current()));
            drop(rows);
            if came {
                return true;
            }
            if !park_until(until) {
                lock(&self.rows).expected = None;
                return false;
            }
        }
    }

    /// Somebody is here who may sleep soon, and leaves the door free.
    pub(super) fn entered(&self, acked: u64) {
        if self.expecting.load(Ordering::Relaxed) {
            self.let_out(acked);
        }
    }

    /// Somebody is through the door, after so long.
    pub(super) fn left(&self, acked: u64, way: Duration) {
        let crowded = self.crowded.load(Ordering::Relaxed);
        if way >= LONG {
            self.crowded.store(CROWD, Ordering::Relaxed);
        } else if crowded > 0 {
            self.crowded.store(crowded - 1, Ordering::Relaxed);
        }
        // Whom a leader expects is going to be here soon, and lets out the next then: that is the better moment.
        if !self.expecting.load(Ordering::Relaxed) {
            self.let_out(acked);
        }
    }

    /// Lets out one of those who need no more than `acked`, or all of them.
    pub(super) fn let_out(&self, acked: u64) {
        while self.call_first(|seat| seat.end <= acked) && self.crowded.load(Ordering::Relaxed) > 0 {}
    }

    /// Lets out all who need no more than `acked`.
    pub(super) fn let_all_out(&self, acked: u64) {
        while self.call_first(|seat| seat.end <= acked) {}
    }

    /// Calls one who needs more than `acked`: nobody else would see to it.
    pub(super) fn call_leader(&self, acked: u64) {
        self.call_first(|seat| seat.end > acked);
    }

    /// Something happened that everybody has to hear of.
    pub(super) fn call_all(&self) {
        while self.call_first(|_| true) {}
    }

    fn call_first(&self, wanted: impl Fn(&Seat) -> bool) -> bool {
        let mut rows = lock(&self.rows);
        let found = rows.seats.iter().position(|seat| wanted(seat)).and_then(|at| rows.seats.remove(at));
        self.taken.store(rows.seats.len() as u64, Ordering::Relaxed);
        drop(rows);
        if let Some(seat) = &found {
            seat.call();
        }
        found.is_some()
    }
}

/// What the last round of group commit was like, to tell whether its callers are worth waiting for.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// How many were waiting when it ended, with the one who led.
    crowd: usize,
    ended: Option<Instant>,
    took: Duration,
    /// Rounds to go before they are waited for again: the last time they did not come.
    rest: u32,
}

impl Round {
    /// How many to wait for, and until when.
    pub(super) fn expects(&mut self, now: Instant) -> Option<(usize, Instant)> {
        if self.rest > 0 {
            self.rest -= 1;
            return None;
        }
        let until = self.ended? + self.took.min(PATIENCE);
        (self.crowd > 1 && now <= until).then_some((self.crowd - 1, until))
    }

    pub(super) fn missed(&mut self) {
        self.rest = REST;
    }

    pub(super) fn over(&mut self, crowd: usize, began: Instant, ended: Instant) {
        *self = Self { crowd, ended: Some(ended), took: ended.saturating_duration_since(began), ..*self };
    }
}
