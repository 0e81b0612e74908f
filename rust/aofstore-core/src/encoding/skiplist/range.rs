//! Reading by rank, by score and by bytes, and removing by rank.
//!
//! A range of scores or bytes is first turned into ranks (`score_span`, `lex_span`): their length is the count,
//! and `by_rank` finds where a walk starts.
#![expect(unsafe_code, reason = "spots borrow nodes from the list; removal frees them")]

use std::ops::Range;

use super::list::is_less;
use super::node::NodePtr;
use super::{Ascending, Descending, LexBound, ScoreBound, Skiplist, Spot};

/// Lends a node of `list`.
fn spot(_list: &Skiplist, node: Option<NodePtr>) -> Option<Spot<'_>> {
    // SAFETY: nodes live until the list changes, which the borrow forbids.
    node.map(|node| unsafe { Spot::new(node) })
}

impl Skiplist {
    pub fn first(&self) -> Option<Spot<'_>> {
        spot(self, self.head.next(0))
    }

    pub fn last(&self) -> Option<Spot<'_>> {
        spot(self, self.tail)
    }

    /// How many members come before (score, member), whether it is there or not.
    pub fn rank(&self, score: f64, member: &[u8]) -> usize {
        self.descend(|node, _| is_less(node, score, member)).1
    }

    /// The member with `rank` members before it.
    pub fn by_rank(&self, rank: usize) -> Option<Spot<'_>> {
        if rank >= self.len {
            return None;
        }
        spot(self, Some(self.descend(|_, own| own <= rank).0))
    }

    /// Ranks of the members from `min` to `max`.
    pub fn score_span(&self, min: ScoreBound, max: ScoreBound) -> Range<usize> {
        let start = self.descend(|node, _| !min.admits_above(node.score())).1;
        let end = self.descend(|node, _| max.admits_below(node.score())).1;
        start..end.max(start)
    }

    /// Ranks from the first member at or above `min`, for as long as members stay below `max`; what most callers mean
    /// by it needs all scores to be equal.
    ///
    /// Where they are not, a descent would find what the random heights let it find: replaying the same command
    /// would remove other members. So the list is walked then, as the small encoding is.
    pub fn lex_span(&self, min: LexBound<'_>, max: LexBound<'_>) -> Range<usize> {
        if self.first().map(Spot::score) != self.last().map(Spot::score) {
            let start = self.iter().take_while(|spot| !min.admits_above(spot.member())).count();
            let length = self.iter_from(start).take_while(|spot| max.admits_below(spot.member())).count();
            return start..start + length;
        }
        let start = self.descend(|node, _| !min.admits_above(node.member())).1;
        let end = self.descend(|node, _| max.admits_below(node.member())).1;
        start..end.max(start)
    }

    pub fn iter(&self) -> Ascending<'_> {
        Ascending(self.first())
    }

    /// Members from `rank` upwards.
    pub fn iter_from(&self, rank: usize) -> Ascending<'_> {
        Ascending(self.by_rank(rank))
    }

    /// Members from `rank` downwards.
    pub fn iter_back_from(&self, rank: usize) -> Descending<'_> {
        Descending(self.by_rank(rank))
    }

    /// Removes up to `count` members from rank `start` on; `each` sees every one just before it is freed.
    /// Returns how many went.
    pub fn remove_range_by_rank(
        &mut self,
        start: usize,
        count: usize,
        each: &mut dyn FnMut(f64, &[u8]),
    ) -> usize {
        let trace = self.trace(|_, rank| rank < start);
        let mut gone = 0;
        while gone < count
            && let Some(node) = trace.next()
        {
            self.unlink(node, &trace);
            each(node.score(), node.member());
            // SAFETY: nothing in the list points to the node any more, and `each` could keep nothing of it.
            unsafe { self.discard(node) };
            gone += 1;
        }
        gone
    }
}

impl<'a> IntoIterator for &'a Skiplist {
    type Item = Spot<'a>;
    type IntoIter = Ascending<'a>;
    fn into_iter(self) -> Ascending<'a> {
        self.iter()
    }
}
