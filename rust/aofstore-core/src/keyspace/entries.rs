//! Everything a database holds, one key after the other, for whoever writes it down.
//!
//! The walk changes nothing and allocates nothing, so it may run in a forked child. It looks a few keys ahead: what a
//! key's value and deadline need is on its way to the processor by the time they are read. INVARIANT: every key once, also
//! while a table is changing size.

use super::db::Db;
use super::keys::value;
use super::object::{Object, Value};
use crate::encoding::{Element, Keyed, Record, table};

/// A key with all that belongs to it.
#[derive(Clone, Copy)]
pub struct Stored<'a> {
    pub key: &'a [u8],
    pub value: Value<'a>,
    /// Wall-clock milliseconds; it may be past.
    pub deadline: Option<i64>,
}

/// How many keys ahead a value is asked for. The bucket of the deadline is asked for then too, what it points to at half
/// the way.
const AHEAD: usize = 8;
const HALF: usize = AHEAD / 2;

impl Db {
    /// Every key, in no order, expired ones included.
    pub fn entries(&self) -> Entries<'_> {
        let mut entries = Entries { db: self, records: self.records.iter(), near: [None; AHEAD], at: 0 };
        for _ in 0..AHEAD {
            entries.approach();
            entries.at += 1;
        }
        entries
    }
}

/// The keys of a database.
pub struct Entries<'a> {
    db: &'a Db,
    records: table::Iter<'a, Record<Object>>,
    /// The next keys, each with its hash if deadlines are kept; `at` counts round and round.
    near: [Option<(&'a Record<Object>, u64)>; AHEAD],
    at: usize,
}

impl Entries<'_> {
    /// Puts the record after all near ones in the place that was just emptied.
    #[inline]
    fn approach(&mut self) {
        let next = self.records.next().map(|record| {
            value(record).prefetch();
            (record, self.approach_deadline(record))
        });
        if let Some(place) = self.near.get_mut(self.at % AHEAD) {
            *place = next;
        }
    }

    #[inline]
    fn approach_deadline(&self, record: &Record<Object>) -> u64 {
        let deadlines = &self.db.deadlines;
        if deadlines.is_empty() {
            return 0;
        }
        if let Some(Some((_, hash))) = self.near.get((self.at + HALF) % AHEAD) {
            deadlines.prefetch_element(*hash);
        }
        let hash = deadlines.hash(record.key());
        deadlines.prefetch(hash);
        hash
    }

    #[inline]
    fn deadline(&self, record: &Record<Object>, hash: u64) -> Option<i64> {
        let deadlines = &self.db.deadlines;
        if deadlines.is_empty() {
            return None;
        }
        deadlines.get_hashed(hash, record.key()).map(Keyed::get)
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Stored<'a>;

    #[inline]
    fn next(&mut self) -> Option<Stored<'a>> {
        let (record, hash) = self.near.get_mut(self.at % AHEAD)?.take()?;
        self.approach();
        self.at = self.at.wrapping_add(1);
        Some(Stored { key: record.key(), value: value(record), deadline: self.deadline(record, hash) })
    }
}
