//! Sorted sets: members with scores, ordered by score, then bytes.
//!
//! A listpack of member, score, member, score … while small, then skip list and table together. Reading is by rank:
//! [`ZSet::ranks`] turns bounds into ranks, [`ZSet::walk`] walks them without allocation. INVARIANT: no score is
//! NaN; equal scores are those that compare equal, so -0 and 0 are one.

mod bounds;
mod build;
mod draw;
mod growth;
mod pairs;
mod scores;
#[cfg(test)]
mod tests;
mod walk;

use std::ops::Range;

pub use bounds::Bounds;
pub use growth::Growth;
pub use scores::Scores;
pub use walk::Walk;

use self::pairs::Pairs;
use crate::encoding::listpack::Entry;
use crate::encoding::sorted_members::Update;
use crate::encoding::{Listpack, Seed, SortedMembers, prefetch_ref};

/// Members with scores.
pub struct ZSet(Form);

enum Form {
    Small(Pairs),
    Big(Box<SortedMembers>),
}

impl ZSet {
    pub fn new() -> Self {
        Self(Form::Small(Pairs::new()))
    }

    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Small(pairs) => pairs.len(),
            Form::Big(big) => big.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Form::Small(pairs) => pairs.is_empty(),
            Form::Big(big) => big.is_empty(),
        }
    }

    /// `OBJECT ENCODING`.
    pub const fn encoding(&self) -> &'static str {
        match &self.0 {
            Form::Small(_) => "listpack",
            Form::Big(_) => "skiplist",
        }
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        match &self.0 {
            Form::Small(pairs) => pairs.listpack().memory(),
            Form::Big(big) => size_of::<SortedMembers>() + big.memory(),
        }
    }

    /// The listpack, as RDB takes it; None for the big encoding.
    pub const fn as_listpack(&self) -> Option<&Listpack> {
        match &self.0 {
            Form::Small(pairs) => Some(pairs.listpack()),
            Form::Big(_) => None,
        }
    }

    #[inline]
    pub(super) fn set_resize_allowed(&mut self, allowed: bool) {
        if let Form::Big(big) = &mut self.0 {
            big.set_resize_allowed(allowed);
        }
    }

    #[inline]
    pub(super) fn prefetch(&self) {
        match &self.0 {
            Form::Small(pairs) => pairs.listpack().prefetch(),
            Form::Big(big) => prefetch_ref(&**big),
        }
    }

    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match &self.0 {
            Form::Small(pairs) => pairs.find(member).map(|at| pairs.score(at)),
            Form::Big(big) => big.score(member),
        }
    }

    pub fn contains(&self, member: &[u8]) -> bool {
        match &self.0 {
            Form::Small(pairs) => pairs.find(member).is_some(),
            Form::Big(big) => big.contains(member),
        }
    }

    /// How many members come before this one, and its score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        match &self.0 {
            Form::Small(pairs) => pairs.rank(member),
            Form::Big(big) => big.score(member).map(|score| (big.order().rank(score, member), score)),
        }
    }

    /// The member with `rank` members before it.
    pub fn at(&self, rank: usize) -> Option<(Entry<'_>, f64)> {
        self.walk(rank..rank.saturating_add(1), false).next()
    }

    /// The ranks of the members within `bounds`.
    pub fn ranks(&self, bounds: &Bounds<'_>) -> Range<usize> {
        match (&self.0, *bounds) {
            (_, Bounds::Ranks(start, end)) => bounds::resolve(start, end, self.len()),
            (Form::Small(pairs), Bounds::Scores(min, max)) => {
                pairs.span(|_, score| min.admits_above(score), |_, score| max.admits_below(score))
            }
            (Form::Small(pairs), Bounds::Lex(min, max)) => pairs.span(
                |member, _| member.with_bytes(|member| min.admits_above(member)),
                |member, _| member.with_bytes(|member| max.admits_below(member)),
            ),
            (Form::Big(big), Bounds::Scores(min, max)) => big.order().score_span(min, max),
            (Form::Big(big), Bounds::Lex(min, max)) => big.order().lex_span(min, max),
        }
    }

    /// The members of these ranks, lowest first; highest first if `reverse`. Ranks past the end are left out.
    pub fn walk(&self, ranks: Range<usize>, reverse: bool) -> Walk<'_> {
        let ranks = ranks.start..ranks.end.min(self.len());
        match &self.0 {
            Form::Small(pairs) => Walk::over_pairs(pairs.listpack(), ranks, reverse),
            Form::Big(big) => Walk::over_order(big.order(), ranks, reverse),
        }
    }

    /// All members in order.
    pub fn iter(&self) -> Walk<'_> {
        self.walk(0..usize::MAX, false)
    }

    /// Calls `emit` with every member and its score, in order; allocates nothing.
    pub fn each(&self, emit: &mut dyn FnMut(&[u8], f64)) {
        for (member, score) in self {
            member.with_bytes(|member| emit(member, score));
        }
    }

    /// Lets `decide` choose the score of `member` from the one before; None leaves all as it is. NaN is not allowed.
    pub fn update(
        &mut self,
        member: &[u8],
        growth: &Growth,
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> Update {
        match &mut self.0 {
            Form::Small(pairs) => {
                let place = pairs.find(member);
                let old = place.map(|at| pairs.score(at));
                let new = decide(old);
                match (place, new) {
                    (_, None) => {}
                    (Some(_), Some(_)) if old == new => {}
                    (Some(at), Some(score)) => pairs.rescore(at, member, score),
                    (None, Some(score)) if growth.admits(pairs, member.len()) => pairs.insert(member, score),
                    (None, Some(score)) => {
                        self.enlarge(growth, 1).insert(score, member);
                    }
                }
                Update { old, new }
            }
            Form::Big(big) => {
                let mut new = None;
                let old = big.update(member, |old| {
                    new = decide(old);
                    new.filter(|_| old != new)
                });
                Update { old: old.old, new }
            }
        }
    }

    /// Adds a member or gives it another score; returns the score before.
    pub fn insert(&mut self, member: &[u8], score: f64, growth: &Growth) -> Option<f64> {
        self.update(member, growth, |_| Some(score)).old
    }

    /// Removes a member; returns its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match &mut self.0 {
            Form::Small(pairs) => pairs.remove(member),
            Form::Big(big) => big.remove(member),
        }
    }

    /// Removes the members of these ranks; returns how many.
    pub fn remove_ranks(&mut self, ranks: Range<usize>) -> usize {
        match &mut self.0 {
            Form::Small(pairs) => pairs.remove_ranks(ranks),
            Form::Big(big) => big.remove_range_by_rank(ranks.start, ranks.len(), &mut |_, _| {}),
        }
    }

    /// One step of ZSCAN; a listpack is told in one.
    pub fn scan(&self, cursor: u64, emit: &mut dyn FnMut(&[u8], f64)) -> u64 {
        match &self.0 {
            Form::Small(_) => {
                self.each(emit);
                0
            }
            Form::Big(big) => big.scan(cursor, &mut |score, member| emit(member, score)),
        }
    }

    /// Whether the lookup is being resized and `buckets` more were moved without finishing it.
    pub fn rehash_step(&mut self, buckets: usize) -> bool {
        match &mut self.0 {
            Form::Small(_) => false,
            Form::Big(big) => big.rehash_step(buckets),
        }
    }

    /// Changes to the big encoding, with room for `more` members.
    fn enlarge(&mut self, growth: &Growth, more: usize) -> &mut SortedMembers {
        if let Form::Small(pairs) = &self.0 {
            let mut big = SortedMembers::new(growth.seed, &mut fastrand::Rng::new());
            big.reserve(pairs.len() + more);
            self.each(&mut |member, score| {
                big.insert(score, member);
            });
            self.0 = Form::Big(Box::new(big));
        }
        match &mut self.0 {
            Form::Big(big) => big,
            Form::Small(_) => unreachable!("it was made big above"),
        }
    }
}

impl Default for ZSet {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for ZSet {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Form::Small(pairs) => Form::Small(pairs.clone()),
            Form::Big(big) => Form::Big(Box::new(big.copy(Seed::random(), &mut fastrand::Rng::new()))),
        })
    }
}

impl<'a> IntoIterator for &'a ZSet {
    type Item = (Entry<'a>, f64);
    type IntoIter = Walk<'a>;
    fn into_iter(self) -> Walk<'a> {
        self.iter()
    }
}
