//! One numbered database: its keys and their deadlines.

use super::object::Object;
use crate::encoding::{Keyed, Record, Seed, Table};

pub struct Db {
    pub(super) records: Table<Record<Object>>,
    /// Wall-clock milliseconds at which a key is gone, for keys that have such an instant.
    pub(super) deadlines: Table<Keyed<i64>>,
}

impl Db {
    pub(super) fn new(seed: Seed) -> Self {
        Self { records: Table::new(seed), deadlines: Table::new(seed) }
    }

    pub fn len(&self) -> usize {
        self.records.len()
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) fn has(&self, key: &[u8]) -> bool {
        self.records.get(key).is_some()
    }

    /// Keys that have a deadline.
    pub fn volatile(&self) -> usize {
        self.deadlines.len()
    }

    pub fn memory(&self) -> usize {
        self.records.memory() + self.deadlines.memory()
    }

    pub(super) fn set_resize_allowed(&mut self, allowed: bool) {
        self.records.set_resize_allowed(allowed);
        self.deadlines.set_resize_allowed(allowed);
    }

    /// Makes room for so many keys.
    pub(super) fn expect(&mut self, keys: usize) {
        self.records.expect(keys);
    }

    /// Gives back what was made too large.
    pub(super) fn settle(&mut self) {
        self.records.settle();
    }

    /// Moves a few buckets of a table that is growing or shrinking.
    pub(super) fn rehash(&mut self, buckets: usize) -> bool {
        let records = self.records.rehash_step(buckets);
        self.deadlines.rehash_step(buckets) || records
    }
}
