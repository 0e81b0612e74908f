//! All databases of a store, with what they share.

use super::db::Db;
use super::keys::Keys;
use super::limits::Limits;
use super::watch::{Waited, Watches};
use crate::encoding::Seed;

/// Counters that INFO shows.
#[derive(Debug, Default, Clone, Copy)]
pub struct Stats {
    pub hits: u64,
    pub misses: u64,
    pub expired: u64,
    /// Changes since the store was opened.
    pub dirty: u64,
}

pub struct Keyspace {
    pub(super) dbs: Vec<Db>,
    pub limits: Limits,
    pub stats: Stats,
    pub watches: Watches,
    pub waited: Waited,
    pub rng: fastrand::Rng,
    pub(super) seed: Seed,
    /// Keys that were found past their deadline and removed: to be logged as DEL.
    pub(super) purged: Vec<(usize, Box<[u8]>)>,
    /// Off while replaying and in read-only views: nothing expires.
    pub(super) expiring: bool,
    /// Off while a forked child shares the memory.
    pub(super) resize_allowed: bool,
    /// The database that active expiry looks at next.
    pub(super) expire_next: usize,
    /// Databases that were emptied: to be freed by whoever no longer holds a lock.
    discarded: Vec<Db>,
}

impl Keyspace {
    pub fn new(databases: usize, limits: Limits) -> Self {
        let seed = Seed::random();
        Self {
            dbs: (0..databases).map(|_| Db::new(seed)).collect(),
            limits,
            stats: Stats::default(),
            watches: Watches::default(),
            waited: Waited::default(),
            rng: fastrand::Rng::new(),
            seed,
            purged: Vec::new(),
            expiring: true,
            resize_allowed: true,
            expire_next: 0,
            discarded: Vec::new(),
        }
    }

    pub fn databases(&self) -> usize {
        self.dbs.len()
    }

    pub fn db(&self, index: usize) -> Option<&Db> {
        self.dbs.get(index)
    }

    pub fn iter_dbs(&self) -> impl Iterator<Item = (usize, &Db)> {
        self.dbs.iter().enumerate()
    }

    /// The keyspace seen from database `db` at `now`; an unknown index sees database 0.
    pub fn keys(&mut self, db: usize, now: i64) -> Keys<'_> {
        let db = if db < self.dbs.len() { db } else { 0 };
        Keys::new(self, db, now)
    }

    pub fn seed(&self) -> Seed {
        self.seed
    }

    pub fn set_expiring(&mut self, on: bool) {
        self.expiring = on;
    }

    /// The keys that expired since the last call, in order.
    pub fn take_purged(&mut self) -> Vec<(usize, Box<[u8]>)> {
        std::mem::take(&mut self.purged)
    }

    pub fn has_purged(&self) -> bool {
        !self.purged.is_empty()
    }

    /// Empties database `index`; the number of keys it had.
    pub fn flush(&mut self, index: usize) -> usize {
        let mut fresh = Db::new(self.seed);
        fresh.set_resize_allowed(self.resize_allowed);
        let Some(db) = self.dbs.get_mut(index) else { return 0 };
        let old = std::mem::replace(db, fresh);
        self.watches.touch_where(index, |key| old.records.get(key).is_some());
        let keys = old.len();
        if keys > 0 {
            self.discarded.push(old);
        }
        keys
    }

    /// What the flushed databases held; freeing it can take seconds.
    #[must_use]
    pub fn take_discarded(&mut self) -> Vec<Db> {
        std::mem::take(&mut self.discarded)
    }

    /// Exchanges two databases under everybody who looks at them.
    pub fn swap(&mut self, first: usize, second: usize) {
        if first == second || first.max(second) >= self.dbs.len() {
            return;
        }
        let touched = |dbs: &[Db], key: &[u8]| {
            [first, second].iter().any(|&at| dbs.get(at).is_some_and(|db| db.records.get(key).is_some()))
        };
        for at in [first, second] {
            let dbs = &self.dbs;
            self.watches.touch_where(at, |key| touched(dbs, key));
        }
        self.dbs.swap(first, second);
        self.waited.arrived_all(first);
        self.waited.arrived_all(second);
    }

    /// Whether tables may grow and shrink; off while a forked child shares the memory, since moving elements copies pages.
    /// Collections hear of it when they are next changed: until then they do not move anyway.
    pub fn set_resize_allowed(&mut self, allowed: bool) {
        self.resize_allowed = allowed;
        self.dbs.iter_mut().for_each(|db| db.set_resize_allowed(allowed));
    }

    /// Background work of tables that are changing size; whether there is more.
    pub fn rehash(&mut self, buckets: usize) -> bool {
        self.dbs.iter_mut().map(|db| db.rehash(buckets)).filter(|more| *more).count() > 0
    }
}
