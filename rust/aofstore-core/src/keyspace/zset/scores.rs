//! Scores gathered member by member in any order: the union of sorted sets in the making.

use crate::encoding::{Element, Entry, Keyed, Seed, Table};

/// Members and their scores so far, in no order.
pub struct Scores(Table<Keyed<f64>>);

impl Scores {
    /// With room for `members`.
    pub fn new(members: usize, seed: Seed) -> Self {
        let mut table = Table::new(seed);
        table.reserve(members);
        Self(table)
    }

    /// Adds a member with this score, or gives it what `join` makes of the score it has.
    pub fn join(&mut self, member: &[u8], score: f64, join: impl FnOnce(f64) -> f64) {
        match self.0.entry(member) {
            Entry::Occupied(mut slot) => {
                let slot = slot.get_mut();
                slot.set(join(slot.get()));
            }
            Entry::Vacant(slot) => {
                slot.insert(Keyed::new(member, score));
            }
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&[u8], f64)> {
        self.0.iter().map(|one| (one.key(), one.get()))
    }
}
