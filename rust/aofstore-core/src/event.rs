//! What the store wants its host to know: log records, kept in a bounded ring.
//!
//! Background threads and error paths push; whoever holds the interpreter drains at the next call and hands the
//! records to Python's `logging`. Nothing here calls out, so a slow or reentrant log handler cannot hold a lock
//! of the store (B-16). When the ring is full the oldest record goes, and its loss is itself reported.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Redis's log levels that a library has a use for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Verbose,
    Notice,
    Warning,
}

/// One log line, stamped with the wall clock in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub level: Level,
    pub unix_ms: u64,
    pub text: String,
}

/// The ring itself, shared by everything that belongs to one store.
#[derive(Debug)]
pub struct Events {
    ring: Mutex<Ring>,
    capacity: usize,
    waiting: AtomicBool,
}

#[derive(Debug, Default)]
struct Ring {
    records: VecDeque<Record>,
    lost: u64,
}

impl Events {
    /// A ring that keeps at most `capacity` records.
    pub fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            ring: Mutex::new(Ring::default()),
            capacity: capacity.max(1),
            waiting: AtomicBool::new(false),
        })
    }

    pub fn warning(&self, text: impl Into<String>) {
        self.push(Level::Warning, text.into());
    }

    pub fn notice(&self, text: impl Into<String>) {
        self.push(Level::Notice, text.into());
    }

    pub fn verbose(&self, text: impl Into<String>) {
        self.push(Level::Verbose, text.into());
    }

    /// Adds one record; holds the ring's lock only to move it in.
    pub fn push(&self, level: Level, text: String) {
        let record = Record { level, unix_ms: unix_ms(), text };
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        if ring.records.len() >= self.capacity {
            ring.records.pop_front();
            ring.lost += 1;
        }
        ring.records.push_back(record);
        self.waiting.store(true, Ordering::Release);
    }

    /// Whether [`drain`](Self::drain) would find something: one load, for every call's way out.
    #[inline]
    pub fn is_empty(&self) -> bool {
        !self.waiting.load(Ordering::Acquire)
    }

    /// Takes everything, oldest first.
    pub fn drain(&self) -> Vec<Record> {
        if self.is_empty() {
            return Vec::new();
        }
        let taken = {
            let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
            self.waiting.store(false, Ordering::Release);
            std::mem::take(&mut *ring)
        };
        let loss = (taken.lost > 0).then(|| Record {
            level: Level::Warning,
            unix_ms: taken.records.front().map_or(0, |record| record.unix_ms),
            text: format!("{} older log records were lost: nobody called the store to take them", taken.lost),
        });
        loss.into_iter().chain(taken.records).collect()
    }
}

fn unix_ms() -> u64 {
    crate::clock::now_ms().max(0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_out_in_order_and_once() {
        let events = Events::new(8);
        assert!(events.is_empty());
        events.warning("a");
        events.notice(String::from("b"));
        events.verbose("c");
        let drained = events.drain();
        let seen: Vec<_> = drained.iter().map(|record| (record.level, record.text.as_str())).collect();
        assert_eq!(seen, [(Level::Warning, "a"), (Level::Notice, "b"), (Level::Verbose, "c")]);
        assert!(drained[0].unix_ms > 1_600_000_000_000);
        assert!(events.is_empty() && events.drain().is_empty());
    }

    #[test]
    fn a_full_ring_drops_the_oldest_and_says_so() {
        let events = Events::new(3);
        for i in 0..10 {
            events.notice(format!("{i}"));
        }
        let texts: Vec<_> = events.drain().into_iter().map(|record| record.text).collect();
        assert!(texts[0].starts_with("7 older log records were lost"));
        assert_eq!(texts[1..], ["7", "8", "9"]);
        events.notice("x");
        assert_eq!(events.drain().len(), 1);
    }
}
