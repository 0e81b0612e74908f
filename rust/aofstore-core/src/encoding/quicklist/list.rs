//! The list of nodes: what is where, and everything that only reads.

use std::collections::VecDeque;

use super::node::{Node, View};
use super::{Fill, Iter, IterBack};
use crate::encoding::listpack::{Entry, Listpack};

/// On which side of a pivot a value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Before,
    After,
}

/// A long list with cheap ends.
#[derive(Clone)]
pub struct Quicklist {
    pub(super) nodes: VecDeque<Node>,
    /// INVARIANT: the sum of all node counts.
    pub(super) len: usize,
    pub(super) fill: Fill,
}

impl Quicklist {
    pub fn new(fill: Fill) -> Self {
        Self { nodes: VecDeque::new(), len: 0, fill }
    }

    /// A list that begins as the one listpack it was until now.
    pub fn from_listpack(pack: Listpack, fill: Fill) -> Self {
        let mut list = Self::new(fill);
        list.append_packed(pack);
        list
    }

    /// Adds a node as read from a snapshot; an empty one is left out.
    pub fn append_packed(&mut self, pack: Listpack) {
        if !pack.is_empty() {
            let node = Node::of_pack(pack);
            self.len += node.count();
            self.nodes.push_back(node);
        }
    }

    /// Adds a node of one large value as read from a snapshot.
    pub fn append_plain(&mut self, value: &[u8]) {
        self.nodes.push_back(Node::Plain(value.into()));
        self.len += 1;
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn fill(&self) -> Fill {
        self.fill
    }

    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The nodes in order, for snapshots.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = View<'_>> {
        self.nodes.iter().map(Node::view)
    }

    /// The only node, if there is exactly one and it is a listpack: the list may then become that listpack.
    pub fn single_packed(&self) -> Option<&Listpack> {
        match (self.nodes.len(), self.nodes.front()) {
            (1, Some(Node::Packed { pack, .. })) => Some(pack),
            _ => None,
        }
    }

    /// Gives up the only node, on the same terms; the list is empty afterwards.
    pub fn take_single_packed(&mut self) -> Option<Listpack> {
        self.single_packed()?;
        let Some(Node::Packed { pack, .. }) = self.nodes.pop_front() else { return None };
        self.len = 0;
        Some(pack)
    }

    /// Bytes on the heap; a walk over all nodes.
    pub fn memory(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>() + self.nodes.iter().map(Node::memory).sum::<usize>()
    }

    /// Node and place in it of entry number `index`, walking from the nearer end.
    pub(super) fn locate(&self, index: usize) -> Option<(usize, usize)> {
        if index >= self.len {
            return None;
        }
        if index < self.len / 2 {
            let mut rest = index;
            for (at, node) in self.nodes.iter().enumerate() {
                match rest.checked_sub(node.count()) {
                    Some(less) => rest = less,
                    None => return Some((at, rest)),
                }
            }
            return None;
        }
        let mut end = self.len;
        for (at, node) in self.nodes.iter().enumerate().rev() {
            end -= node.count();
            if index >= end {
                return Some((at, index - end));
            }
        }
        None
    }

    /// `index` as a number from the start; `None` outside the list.
    pub(super) fn absolute(&self, index: i64) -> Option<usize> {
        let from_start = match usize::try_from(index) {
            Ok(index) => index,
            Err(_) => self.len.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?,
        };
        (from_start < self.len).then_some(from_start)
    }

    /// Entry number `index`; negative numbers count from the end, -1 the last.
    pub fn get(&self, index: i64) -> Option<Entry<'_>> {
        let (at, place) = self.locate(self.absolute(index)?)?;
        let node = self.nodes.get(at)?;
        Some(node.get(node.seek(place)?))
    }

    pub fn front(&self) -> Option<Entry<'_>> {
        let node = self.nodes.front()?;
        Some(node.get(node.first()?))
    }

    pub fn back(&self) -> Option<Entry<'_>> {
        let node = self.nodes.back()?;
        Some(node.get(node.last()?))
    }

    pub fn iter(&self) -> Iter<'_> {
        self.iter_from(0)
    }

    /// Entries from number `index` to the end.
    pub fn iter_from(&self, index: usize) -> Iter<'_> {
        Iter::new(&self.nodes, self.locate(index))
    }

    /// Entries from number `index` back to the first.
    pub fn iter_back_from(&self, index: usize) -> IterBack<'_> {
        IterBack::new(&self.nodes, self.locate(index))
    }
}

impl<'a> IntoIterator for &'a Quicklist {
    type Item = Entry<'a>;
    type IntoIter = Iter<'a>;
    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl std::fmt::Debug for Quicklist {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
