//! All databases of a store, with what they share.

use super::databases::Databases;
use super::db::Db;
use super::keys::Keys;
use super::limits::Limits;
use super::waste::Waste;
use super::watch::{Waited, Watches};
use crate::encoding::Seed;
use smallvec::SmallVec;
use std::time::Duration;

/// Counters that INFO shows.
#[derive(Debug, Default, Clone, Copy)]
pub struct Stats {
    pub hits: u64,
    pub misses: u64,
    pub expired: u64,
    /// Changes since the last snapshot.
    pub dirty: u64,
}

/// What active expiry met since it was asked.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Sampled {
    /// Keys with a deadline.
    pub looked: u64,
    /// Those of them that were past it.
    pub past: u64,
}

pub struct Keyspace {
    pub(super) dbs: Databases,
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
    pub(super) sampled: Sampled,
    /// While Some: the longest removal of an expired key since it was asked for.
    pub(super) longest_removal: Option<Duration>,
    /// The slot of the database that active expiry looks at next.
    pub(super) expire_next: usize,
    /// Databases and big values that nobody refers to any more: to be freed by whoever no longer holds a lock.
    pub(super) waste: Waste,
}

impl Keyspace {
    pub fn new(databases: usize, limits: Limits) -> Self {
        let seed = Seed::random();
        Self {
            dbs: Databases::new(databases, seed),
            limits,
            stats: Stats::default(),
            watches: Watches::default(),
            waited: Waited::default(),
            rng: fastrand::Rng::new(),
            seed,
            purged: Vec::new(),
            expiring: true,
            sampled: Sampled::default(),
            longest_removal: None,
            resize_allowed: true,
            expire_next: 0,
            waste: Waste::default(),
        }
    }

    pub fn databases(&self) -> usize {
        self.dbs.count()
    }

    /// None if there is nothing in it.
    pub fn db(&self, index: usize) -> Option<&Db> {
        self.dbs.find(index).and_then(|slot| self.dbs.at(slot))
    }

    /// Every database in which there is, or was, something, by number.
    pub fn iter_dbs(&self) -> impl Iterator<Item = (usize, &Db)> {
        self.dbs.iter()
    }

    /// The keyspace seen from database `db` at `now`; an unknown index sees database 0.
    pub fn keys(&mut self, db: usize, now: i64) -> Keys<'_> {
        self.keys_at(db, Some(now))
    }

    /// The same, by the clock's time unless told another.
    #[inline]
    pub fn keys_at(&mut self, db: usize, now: Option<i64>) -> Keys<'_> {
        if !self.dbs.is_near(db) {
            self.dbs.tidy();
        }
        Keys::new(self, db, now)
    }

    /// Asks for the memory that looking up these keys will touch, so that they wait for it together.
    pub fn prefetch<'k>(&self, db: usize, keys: impl Iterator<Item = &'k [u8]>) {
        let hashes: SmallVec<[u64; 32]> = keys.map(|key| self.approach(db, key)).collect();
        hashes.into_iter().for_each(|hash| self.approach_element(db, hash));
    }

    /// Asks for the bucket of `key` in `db`; its hash, for [`Keys::foreseen`] and for what follows.
    #[inline]
    pub fn approach(&self, db: usize, key: &[u8]) -> u64 {
        let hash = self.seed.hash(key);
        if let Some(Db { records, .. }) = self.db(db) {
            records.prefetch(hash);
        }
        hash
    }

    /// A little later: asks for what the bucket points to.
    #[inline]
    pub fn approach_element(&self, db: usize, hash: u64) {
        if let Some(Db { records, .. }) = self.db(db) {
            records.prefetch_element(hash);
        }
    }

    pub fn seed(&self) -> Seed {
        self.seed
    }

    pub fn set_expiring(&mut self, on: bool) {
        self.expiring = on;
    }

    /// From now on the removal of expired keys is timed, or no longer.
    pub fn time_removals(&mut self, on: bool) {
        self.longest_removal = on.then(Duration::default);
    }

    pub fn take_sampled(&mut self) -> Sampled {
        std::mem::take(&mut self.sampled)
    }

    /// The longest one since the last call.
    pub fn take_longest_removal(&mut self) -> Duration {
        self.longest_removal.as_mut().map(std::mem::take).unwrap_or_default()
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
        let Some(db) = self.dbs.find(index).and_then(|slot| self.dbs.at_mut(slot)) else { return 0 };
        let old = std::mem::replace(db, fresh);
        self.watches.touch_where(index, |key| old.has(key));
        let keys = old.len();
        if keys > 0 {
            self.waste.flushed(old);
        }
        keys
    }

    /// Empties every database.
    pub fn flush_all(&mut self) {
        let used: Vec<usize> = self.dbs.iter().map(|(number, _)| number).collect();
        for number in used {
            self.flush(number);
        }
    }

    /// What was thrown away since the last call; freeing it can take seconds.
    pub fn take_waste(&mut self) -> Waste {
        self.waste.take()
    }

    /// Exchanges two databases under everybody who looks at them.
    pub fn swap(&mut self, first: usize, second: usize) {
        if first == second || first.max(second) >= self.dbs.count() {
            return;
        }
        let dbs = &self.dbs;
        let touched = |key: &[u8]| {
            let here = |number| dbs.find(number).and_then(|slot| dbs.at(slot)).is_some_and(|db| db.has(key));
            [first, second].into_iter().any(here)
        };
        for at in [first, second] {
            self.watches.touch_where(at, touched);
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

    /// A load has brought `done` of `total` bytes into `db`: makes room for as many keys as there will be if it goes on so.
    pub fn expect(&mut self, db: usize, done: u64, total: u64) {
        if let Some(db) = self.dbs.find(db).and_then(|slot| self.dbs.at_mut(slot)) {
            let keys = db.len() as u128 * u128::from(total) / u128::from(done.max(1));
            db.expect(usize::try_from(keys).unwrap_or(usize::MAX));
        }
    }

    /// The load is over: what was expected in vain is given back, a little with every tick.
    pub fn settle(&mut self) {
        self.dbs.iter_mut().for_each(Db::settle);
    }

    /// Background work of tables that are changing size; whether there is more.
    pub fn rehash(&mut self, buckets: usize) -> bool {
        self.dbs.iter_mut().map(|db| db.rehash(buckets)).filter(|more| *more).count() > 0
    }
}
