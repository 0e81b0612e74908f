//! When a sorted set outgrows its listpack.

use super::pairs::Pairs;
use crate::encoding::{Listpack, Seed};
use crate::keyspace::Keyspace;

/// Bytes that an entry's frame and a score take at most.
pub(super) const SCORE_ROOM: usize = 64;

/// The limits of the listpack, and the seed of the table that comes after it.
#[derive(Clone, Copy)]
pub struct Growth {
    entries: usize,
    value: usize,
    pub(super) seed: Seed,
}

impl Growth {
    pub fn of(space: &Keyspace) -> Self {
        Self {
            entries: space.limits.zset_max_listpack_entries,
            value: space.limits.zset_max_listpack_value,
            seed: space.seed(),
        }
    }

    /// Whether one more member of this length may come into the listpack.
    pub(super) fn admits(&self, pairs: &Pairs, member: usize) -> bool {
        member <= self.value && pairs.len() < self.entries && pairs.listpack().fits(member + SCORE_ROOM)
    }

    /// Whether so many members, the longest of this length, may be a listpack.
    pub(super) const fn allows(&self, members: usize, longest: usize) -> bool {
        members <= self.entries && longest <= self.value
    }

    /// [`Growth::allows`] for a listpack that came from outside.
    pub(super) fn allows_listpack(&self, pack: &Listpack) -> bool {
        let longest = pack.iter().step_by(2).map(|member| member.len()).max();
        self.allows(pack.len() / 2, longest.unwrap_or_default())
    }

    #[cfg(test)]
    pub(super) const fn for_test(entries: usize, value: usize) -> Self {
        Self { entries, value, seed: Seed::fixed(1, 2) }
    }
}
