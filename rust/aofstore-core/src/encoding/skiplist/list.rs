//! The skip list: search, linking and unlinking.
//!
//! Levels are drawn with one chance in four from an own generator, so nobody outside can make a list slow.
#![expect(unsafe_code, reason = "the list frees its nodes")]
#![expect(clippy::indexing_slicing, reason = "levels stay below `MAX_HEIGHT`, the size of every array here")]

use std::cmp::Ordering;

use super::Spot;
use super::node::{MAX_HEIGHT, NodePtr};

/// Members ordered by score, then bytes.
pub struct Skiplist {
    /// A node without member in front of the first; has every level.
    pub(super) head: NodePtr,
    pub(super) tail: Option<NodePtr>,
    pub(super) len: usize,
    /// Levels in use, at least 1.
    pub(super) levels: usize,
    bytes: usize,
    rng: fastrand::Rng,
}

/// The last node before a place, at each level, and how many members are up to it.
pub(super) struct Trace {
    left: [NodePtr; MAX_HEIGHT],
    rank: [usize; MAX_HEIGHT],
}

impl Trace {
    /// The node behind the place.
    pub(super) fn next(&self) -> Option<NodePtr> {
        self.left[0].next(0)
    }
}

/// Whether `node` comes before (score, member).
#[inline]
pub(super) fn is_less(node: NodePtr, score: f64, member: &[u8]) -> bool {
    match node.score().partial_cmp(&score) {
        Some(Ordering::Equal) => node.member() < member,
        order => order == Some(Ordering::Less),
    }
}

fn is_same(node: NodePtr, score: f64, member: &[u8]) -> bool {
    node.score().partial_cmp(&score) == Some(Ordering::Equal) && node.member() == member
}

impl Skiplist {
    /// An empty list; its levels are drawn from a generator forked off `rng`.
    pub fn new(rng: &mut fastrand::Rng) -> Self {
        let head = NodePtr::new(MAX_HEIGHT, f64::NEG_INFINITY, b"");
        Self { head, tail: None, len: 0, levels: 1, bytes: 0, rng: rng.fork() }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        self.head.footprint() + self.bytes
    }

    /// Walks to the last node for which `before` holds; `before` must hold for a first part of the list only.
    /// It is given the rank that the node has.
    #[inline]
    pub(super) fn descend(&self, before: impl Fn(NodePtr, usize) -> bool) -> (NodePtr, usize) {
        let (mut at, mut passed) = (self.head, 0);
        for level in (0..self.levels).rev() {
            while let Some(next) = at.next(level) {
                let reach = passed + at.span(level);
                if !before(next, reach - 1) {
                    break;
                }
                (at, passed) = (next, reach);
            }
        }
        (at, passed)
    }

    /// [`Self::descend`] that remembers its way, for linking and unlinking behind it.
    pub(super) fn trace(&self, before: impl Fn(NodePtr, usize) -> bool) -> Trace {
        let mut trace = Trace { left: [self.head; MAX_HEIGHT], rank: [0; MAX_HEIGHT] };
        let (mut at, mut passed) = (self.head, 0);
        for level in (0..self.levels).rev() {
            while let Some(next) = at.next(level) {
                let reach = passed + at.span(level);
                if !before(next, reach - 1) {
                    break;
                }
                (at, passed) = (next, reach);
            }
            (trace.left[level], trace.rank[level]) = (at, passed);
        }
        trace
    }

    fn draw_height(&mut self) -> usize {
        (1 + self.rng.u64(..).trailing_zeros() as usize / 2).min(MAX_HEIGHT)
    }

    /// Adds a member that is not there yet, with any score but NaN.
    pub fn insert(&mut self, score: f64, member: &[u8]) -> Spot<'_> {
        let node = self.insert_node(score, member);
        // SAFETY: the node lives until the list changes again, which the borrow forbids.
        unsafe { Spot::new(node) }
    }

    pub(in crate::encoding) fn insert_node(&mut self, score: f64, member: &[u8]) -> NodePtr {
        assert!(self.len < u32::MAX as usize, "spans have 32 bits");
        debug_assert!(!score.is_nan(), "NaN has no place in an order");
        let node = NodePtr::new(self.draw_height(), score, member);
        self.bytes += node.footprint();
        self.place(node);
        node
    }

    /// Links `node` in where its score and member belong.
    fn place(&mut self, node: NodePtr) {
        let height = node.height();
        for level in self.levels..height {
            self.head.set_span(level, self.len);
        }
        self.levels = self.levels.max(height);
        let trace = self.trace(|other, _| is_less(other, node.score(), node.member()));
        for level in 0..self.levels {
            let left = trace.left[level];
            if level >= height {
                left.set_span(level, left.span(level) + 1);
                continue;
            }
            let passed = trace.rank[0] - trace.rank[level];
            node.set_next(level, left.next(level));
            node.set_span(level, left.span(level) - passed);
            left.set_next(level, Some(node));
            left.set_span(level, passed + 1);
        }
        self.link_back(node, trace.left[0]);
        self.len += 1;
    }

    fn link_back(&mut self, node: NodePtr, left: NodePtr) {
        node.set_back((left != self.head).then_some(left));
        match node.next(0) {
            Some(next) => next.set_back(Some(node)),
            None => self.tail = Some(node),
        }
    }

    /// Takes `node`, which follows `trace`, out of all levels; it stays allocated.
    pub(super) fn unlink(&mut self, node: NodePtr, trace: &Trace) {
        for level in 0..self.levels {
            let left = trace.left[level];
            if left.next(level) == Some(node) {
                left.set_span(level, left.span(level) + node.span(level) - 1);
                left.set_next(level, node.next(level));
            } else {
                left.set_span(level, left.span(level) - 1);
            }
        }
        match node.next(0) {
            Some(next) => next.set_back(node.back()),
            None => self.tail = node.back(),
        }
        while self.levels > 1 && self.head.next(self.levels - 1).is_none() {
            self.levels -= 1;
        }
        self.len -= 1;
    }

    /// Frees an unlinked node.
    ///
    /// # Safety
    /// As for [`NodePtr::free`].
    pub(super) unsafe fn discard(&mut self, node: NodePtr) {
        self.bytes -= node.footprint();
        // SAFETY: the caller's promise.
        unsafe { node.free() };
    }

    /// Returns whether (score, member) was there.
    pub fn remove(&mut self, score: f64, member: &[u8]) -> bool {
        let trace = self.trace(|node, _| is_less(node, score, member));
        let Some(node) = trace.next().filter(|&node| is_same(node, score, member)) else { return false };
        self.unlink(node, &trace);
        // SAFETY: nothing in the list points to the node any more; the borrow rules end all spots.
        unsafe { self.discard(node) };
        true
    }

    /// Removes a node of this list.
    ///
    /// # Safety
    /// No copy of `node` is used again.
    pub(in crate::encoding) unsafe fn remove_node(&mut self, node: NodePtr) {
        let trace = self.trace(|other, _| is_less(other, node.score(), node.member()));
        self.unlink(node, &trace);
        // SAFETY: nothing in the list points to the node any more, nor, by the caller's promise, anything else.
        unsafe { self.discard(node) };
    }

    /// Gives a node of this list another score. The node itself stays, so pointers to it do.
    pub(in crate::encoding) fn rescore(&mut self, node: NodePtr, score: f64) {
        debug_assert!(!score.is_nan(), "NaN has no place in an order");
        if node.score().to_bits() == score.to_bits() {
            return;
        }
        let above = node.back().is_none_or(|left| left.score() < score);
        if !above || node.next(0).is_some_and(|right| right.score() <= score) {
            let trace = self.trace(|other, _| is_less(other, node.score(), node.member()));
            self.unlink(node, &trace);
            node.set_score(score);
            self.place(node);
        } else {
            node.set_score(score);
        }
    }

    pub fn clear(&mut self) {
        *self = Self::new(&mut self.rng);
    }
}

impl Drop for Skiplist {
    fn drop(&mut self) {
        let mut rest = Some(self.head);
        while let Some(node) = rest {
            rest = node.next(0);
            // SAFETY: each node is passed once, after its next was read.
            unsafe { node.free() };
        }
    }
}

impl std::fmt::Debug for Skiplist {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
