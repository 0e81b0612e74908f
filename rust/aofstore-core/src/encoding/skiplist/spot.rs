//! Reading a skip list: one place in it, and walks from there, without allocation.
#![expect(unsafe_code, reason = "a spot lends member bytes for as long as it borrows the list")]

use std::marker::PhantomData;

use super::Skiplist;
use super::node::NodePtr;

/// A member in its place.
#[derive(Clone, Copy)]
pub struct Spot<'a> {
    node: NodePtr,
    list: PhantomData<&'a Skiplist>,
}

impl<'a> Spot<'a> {
    /// # Safety
    /// The node lives for `'a`, and so do the nodes that can be reached from it.
    pub(super) unsafe fn new(node: NodePtr) -> Self {
        Self { node, list: PhantomData }
    }

    #[inline]
    pub fn score(self) -> f64 {
        self.node.score()
    }

    #[inline]
    pub fn member(self) -> &'a [u8] {
        // SAFETY: the node lives for `'a`.
        unsafe { self.node.member_unbound() }
    }

    /// The next higher member.
    #[inline]
    pub fn next(self) -> Option<Self> {
        // SAFETY: neighbours live as long as the list.
        self.node.next(0).map(|node| unsafe { Self::new(node) })
    }

    /// The next lower member.
    #[inline]
    pub fn prev(self) -> Option<Self> {
        // SAFETY: neighbours live as long as the list.
        self.node.back().map(|node| unsafe { Self::new(node) })
    }
}

impl std::fmt::Debug for Spot<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.score(), self.member().escape_ascii())
    }
}

/// Members from a spot upwards.
#[derive(Debug, Clone)]
pub struct Ascending<'a>(pub(super) Option<Spot<'a>>);

impl<'a> Iterator for Ascending<'a> {
    type Item = Spot<'a>;

    #[inline]
    fn next(&mut self) -> Option<Spot<'a>> {
        let spot = self.0?;
        self.0 = spot.next();
        Some(spot)
    }
}

/// Members from a spot downwards.
#[derive(Debug, Clone)]
pub struct Descending<'a>(pub(super) Option<Spot<'a>>);

impl<'a> Iterator for Descending<'a> {
    type Item = Spot<'a>;

    #[inline]
    fn next(&mut self) -> Option<Spot<'a>> {
        let spot = self.0?;
        self.0 = spot.prev();
        Some(spot)
    }
}
