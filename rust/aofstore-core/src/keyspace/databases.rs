//! Databases by number. The first ones stand in their places; those behind, of which `databases` may allow two
//! thousand million, get a slot when a command looks at them.

use std::collections::BTreeMap;

use super::db::Db;
use crate::encoding::Seed;

/// Databases up to this number are found without a search.
const NEAR: usize = 256;

pub(super) struct Databases {
    /// INVARIANT: never shorter than `near`, so that a near database's number is its slot.
    slots: Vec<Db>,
    near: usize,
    /// How many the setting allows.
    count: usize,
    /// Slots of the others, by number.
    far: BTreeMap<usize, usize>,
    /// Numbers of the others, by slot behind the near ones.
    numbers: Vec<usize>,
    seed: Seed,
}

impl Databases {
    pub fn new(count: usize, seed: Seed) -> Self {
        let near = count.clamp(1, NEAR);
        let slots = (0..near).map(|_| Db::new(seed)).collect();
        Self { slots, near, count: count.max(1), far: BTreeMap::new(), numbers: Vec::new(), seed }
    }

    pub fn count(&self) -> usize {
        self.count
    }

    /// `number` and its slot, which is made if need be; a number that does not exist means 0.
    #[inline]
    pub fn place(&mut self, number: usize) -> (usize, usize) {
        if number < self.near { (number, number) } else { self.far_place(number) }
    }

    #[cold]
    fn far_place(&mut self, number: usize) -> (usize, usize) {
        if number >= self.count {
            return (0, 0);
        }
        if let Some(&slot) = self.far.get(&number) {
            return (number, slot);
        }
        let slot = self.slots.len();
        self.slots.push(Db::new(self.seed));
        self.numbers.push(number);
        self.far.insert(number, slot);
        (number, slot)
    }

    /// Gives the last slots back if nothing is in them: looking at every database in turn must not cost memory. No
    /// slot may be in use.
    #[cold]
    pub fn tidy(&mut self) {
        while self.slots.len() > self.near && self.slots.last().is_some_and(Db::is_empty) {
            self.slots.pop();
            if let Some(number) = self.numbers.pop() {
                self.far.remove(&number);
            }
        }
    }

    pub fn is_near(&self, number: usize) -> bool {
        number < self.near
    }

    /// The slot of `number`, if anybody has looked at it.
    pub fn find(&self, number: usize) -> Option<usize> {
        if number < self.near { Some(number) } else { self.far.get(&number).copied() }
    }

    #[inline]
    pub fn at(&self, slot: usize) -> Option<&Db> {
        self.slots.get(slot)
    }

    #[inline]
    pub fn at_mut(&mut self, slot: usize) -> Option<&mut Db> {
        self.slots.get_mut(slot)
    }

    pub fn number(&self, slot: usize) -> usize {
        slot.checked_sub(self.near).and_then(|far| self.numbers.get(far).copied()).unwrap_or(slot)
    }

    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    pub fn swap(&mut self, first: usize, second: usize) {
        let ((_, first), (_, second)) = (self.place(first), self.place(second));
        self.slots.swap(first, second);
    }

    /// Every database that anybody has looked at, by number.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Db)> {
        let far = self.far.iter().filter_map(|(&number, &slot)| Some((number, self.slots.get(slot)?)));
        self.slots.iter().take(self.near).enumerate().chain(far)
    }

    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Db> {
        self.slots.iter_mut()
    }
}

impl std::ops::Index<usize> for Databases {
    type Output = Db;

    #[inline]
    #[expect(clippy::indexing_slicing, reason = "a slot that was given out is there")]
    fn index(&self, slot: usize) -> &Db {
        &self.slots[slot]
    }
}

impl std::ops::IndexMut<usize> for Databases {
    #[inline]
    #[expect(clippy::indexing_slicing, reason = "a slot that was given out is there")]
    fn index_mut(&mut self, slot: usize) -> &mut Db {
        &mut self.slots[slot]
    }
}

#[cfg(test)]
mod tests {
    use crate::keyspace::{Keyspace, Limits};

    const LAST: usize = i32::MAX as usize - 1;

    fn filled(space: &Keyspace) -> Vec<(usize, usize)> {
        space.iter_dbs().filter(|(_, db)| !db.is_empty()).map(|(number, db)| (number, db.len())).collect()
    }

    #[test]
    fn the_most_databases_cost_nothing_until_they_are_used() {
        let mut space = Keyspace::new(LAST + 1, Limits::default());
        assert_eq!(space.databases(), LAST + 1);
        assert!(space.memory() < 1 << 20);
        for db in [LAST, 1_000_000, 3] {
            space.keys(db, 0).put_text(b"k", b"v");
        }
        assert_eq!(filled(&space), [(3, 1), (1_000_000, 1), (LAST, 1)]);
        assert!(space.keys(LAST, 0).contains(b"k"));
        assert!(!space.keys(LAST - 1, 0).contains(b"k"));
        assert!(!space.keys(LAST + 1, 0).contains(b"k"));
    }

    #[test]
    fn looking_at_every_database_leaves_no_trace() {
        let mut space = Keyspace::new(LAST + 1, Limits::default());
        space.keys(500_000, 0).put_text(b"k", b"v");
        for db in 0..10_000 {
            assert!(!space.keys(db, 0).contains(b"k"));
        }
        assert_eq!(space.iter_dbs().filter(|(number, _)| *number >= 256).count(), 2);
        assert_eq!(filled(&space), [(500_000, 1)]);
    }

    #[test]
    fn far_databases_are_swapped_moved_expired_and_flushed_like_near_ones() {
        let mut space = Keyspace::new(LAST + 1, Limits::default());
        space.keys(LAST, 0).put_text(b"k", b"v");
        space.swap(LAST, 7);
        space.swap(7, 70_000);
        assert_eq!(filled(&space), [(70_000, 1)]);
        space.keys(70_000, 0).rename(b"k", LAST, b"moved");
        assert_eq!(filled(&space), [(LAST, 1)]);
        space.keys(LAST, 0).copy(b"moved", 300, b"copied");
        space.keys(300, 0).set_deadline(b"copied", 5);
        space.expire_cycle(10, 1, &mut || true);
        assert_eq!(space.take_purged(), [(300, b"copied".as_slice().into())]);
        space.flush_all();
        assert_eq!(filled(&space), []);
    }
}
