//! Deadlines: set, ask, and remove what is past them (lazily at access, actively by sampling).
//!
//! A removed key is remembered in `Keyspace::purged`, from where the engine logs it as DEL. While `expiring` is
//! off (replay, read-only views) a past deadline changes nothing.

use super::keys::Keys;
use super::space::Keyspace;
use crate::encoding::{Element, Entry, Keyed};
use std::time::Instant;

impl Keys<'_> {
    pub fn deadline(&mut self, key: &[u8]) -> Option<i64> {
        self.purge_if_due(key);
        self.here().deadlines.get(key).map(Keyed::get)
    }

    /// `key` must exist.
    pub fn set_deadline(&mut self, key: &[u8], at: i64) {
        match self.here_mut().deadlines.entry(key) {
            Entry::Occupied(mut slot) => slot.get_mut().set(at),
            Entry::Vacant(slot) => {
                slot.insert(Keyed::new(key, at));
            }
        }
    }

    /// Makes `key` persistent; whether it had a deadline.
    pub fn drop_deadline(&mut self, key: &[u8]) -> bool {
        let deadlines = &mut self.here_mut().deadlines;
        !deadlines.is_empty() && deadlines.remove(key).is_some()
    }

    /// Whether a key with this deadline is gone already. Never while replaying.
    pub fn is_past(&self, at: i64) -> bool {
        self.space.expiring && at <= self.now()
    }

    /// Whether `key` is there only because nobody has looked since it expired.
    pub fn is_due(&self, key: &[u8]) -> bool {
        let deadlines = &self.here().deadlines;
        self.space.expiring
            && !deadlines.is_empty()
            && deadlines.get_hashed(self.hashed(key), key).is_some_and(|deadline| deadline.get() < self.now())
    }

    /// Removes `key` if its deadline is past; whether it did.
    pub fn purge_if_due(&mut self, key: &[u8]) -> bool {
        if !self.is_due(key) {
            return false;
        }
        let db = self.db();
        let start = self.space.longest_removal.map(|_| Instant::now());
        let here = self.here_mut();
        here.deadlines.remove(key);
        let old = here.records.remove(key);
        self.throw(old);
        if let (Some(longest), Some(start)) = (&mut self.space.longest_removal, start) {
            *longest = start.elapsed().max(*longest);
        }
        self.space.stats.expired += 1;
        self.space.purged.push((db, key.into()));
        self.changed(key);
        true
    }
}

impl Keyspace {
    /// One slice of active expiry: samples volatile keys of every database and purges those that are past, going
    /// on in a database while more than a tenth of its sample was past. `effort` is 1..10 as in redis.conf.
    /// `keep_going` is asked between samples.
    pub fn expire_cycle(&mut self, now: i64, effort: u32, keep_going: &mut dyn FnMut() -> bool) {
        if !self.expiring {
            return;
        }
        let sample = 20 + 5 * effort.saturating_sub(1);
        for _ in 0..self.dbs.slots() {
            // On from where the time ran out, or a busy database would starve those behind it.
            let slot = self.expire_next % self.dbs.slots();
            self.expire_next = slot + 1;
            while self.expire_sample(slot, now, sample) * 10 > sample && keep_going() {}
            if !keep_going() {
                return;
            }
        }
    }

    /// Looks at up to `sample` random volatile keys of one database; how many were past and are gone.
    fn expire_sample(&mut self, slot: usize, now: i64, sample: u32) -> u32 {
        let mut gone = 0;
        let number = self.dbs.number(slot);
        for _ in 0..sample {
            let Self { dbs, rng, .. } = self;
            let Some(picked) = dbs.at(slot).and_then(|db| db.deadlines.random(rng)) else { break };
            let due = picked.get() < now;
            self.sampled.looked += 1;
            self.sampled.past += u64::from(due);
            if due {
                let key: Box<[u8]> = picked.key().into();
                gone += u32::from(Keys::new(self, number, Some(now)).purge_if_due(&key));
            }
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use crate::keyspace::{Keyspace, Limits};

    #[test]
    fn a_busy_database_does_not_starve_the_others() {
        let mut space = Keyspace::new(3, Limits::default());
        for db in 0..3 {
            for n in 0..200 {
                let key = format!("{n}");
                let mut keys = space.keys(db, 0);
                keys.put_text(key.as_bytes(), b"v");
                keys.set_deadline(key.as_bytes(), 1);
            }
        }
        for _ in 0..3 {
            space.expire_cycle(10, 1, &mut || false);
        }
        let left: Vec<usize> = space.iter_dbs().map(|(_, db)| db.len()).collect();
        assert!(left.iter().all(|&left| left == 180), "{left:?}");
    }

    #[test]
    fn removals_are_timed_while_somebody_wants_to_know() {
        let mut space = Keyspace::new(1, Limits::default());
        for (on, timed) in [(false, false), (true, true)] {
            space.time_removals(on);
            let mut keys = space.keys(0, 10);
            keys.put_text(b"k", b"v");
            keys.set_deadline(b"k", 1);
            assert!(keys.purge_if_due(b"k"));
            assert_eq!(!space.take_longest_removal().is_zero(), timed);
            assert!(space.take_longest_removal().is_zero());
        }
    }
}
