//! Changes in the middle: insert beside a pivot, set, remove by value or by range, and keeping nodes in shape.
//!
//! ORDER: `len` is brought up to date before `settle`, which only moves entries between nodes.
#![expect(clippy::indexing_slicing, reason = "node numbers come from `locate` or a loop over the nodes")]

use super::node::Node;
use super::{Quicklist, Side};
use crate::encoding::listpack::Pos;

/// Neighbours are merged after a removal when both fit half a node, so that the next insert does not split again.
const AFTER_REMOVAL: usize = 2;
/// After a split, all that fits a node may go into one.
const AFTER_SPLIT: usize = 1;

impl Quicklist {
    /// Puts `value` beside the first entry that reads as `pivot`; returns whether there is one.
    pub fn insert_beside(&mut self, pivot: &[u8], value: &[u8], side: Side) -> bool {
        let found =
            self.nodes.iter().enumerate().find_map(|(at, node)| Some((at, node.find(node.first()?, pivot)?)));
        let Some((at, pos)) = found else { return false };
        let place = match side {
            Side::Before => Some(pos),
            Side::After => self.nodes[at].next(pos),
        };
        self.insert_at(at, place, value);
        true
    }

    /// Puts `value` before entry number `index`, or at the end if there is none.
    pub fn insert(&mut self, index: usize, value: &[u8]) {
        match self.locate(index) {
            Some((at, place)) => self.insert_at(at, self.nodes[at].seek(place), value),
            None => self.push_back(value),
        }
    }

    /// Puts `value` into node `at` before `pos` (none: behind its last entry), or beside the node.
    fn insert_at(&mut self, at: usize, pos: Option<Pos>, value: &[u8]) {
        let fill = self.fill;
        self.len += 1;
        let node = &mut self.nodes[at];
        if node.admits(value, fill) {
            return node.insert(pos, value);
        }
        match pos {
            None => self.insert_between(at + 1, value),
            Some(pos) if Some(pos) == node.first() => self.insert_between(at, value),
            Some(pos) => {
                let Some(right) = node.split_off(pos) else { return };
                self.nodes.insert(at + 1, right);
                self.insert_between(at + 1, value);
                self.settle(at, at + 2, AFTER_SPLIT);
            }
        }
    }

    /// Puts `value` between the nodes `at - 1` and `at`, into one of them if it has room.
    fn insert_between(&mut self, at: usize, value: &[u8]) {
        let fill = self.fill;
        if let Some(left) = at.checked_sub(1).and_then(|left| self.nodes.get_mut(left))
            && left.admits(value, fill)
        {
            return left.insert(None, value);
        }
        if let Some(right) = self.nodes.get_mut(at)
            && right.admits(value, fill)
        {
            return right.insert(right.first(), value);
        }
        self.nodes.insert(at, Node::of(value, fill));
    }

    /// Replaces entry number `index` (negative: from the end); returns whether there is one.
    pub fn set(&mut self, index: i64, value: &[u8]) -> bool {
        let Some((at, place)) = self.absolute(index).and_then(|index| self.locate(index)) else {
            return false;
        };
        let fill = self.fill;
        let node = &mut self.nodes[at];
        let Some(pos) = node.seek(place) else { return false };
        if node.count() == 1 {
            *node = Node::of(value, fill);
        } else if node.outgrown_by(pos, value, fill) {
            let next = node.remove(pos, 1);
            self.len -= 1;
            self.insert_at(at, next, value);
        } else if let Node::Packed { pack, .. } = node {
            pack.replace(pos, value);
        }
        true
    }

    /// Removes entries that read as `value`: the first `count`, the last `-count`, or all for 0; returns how many.
    pub fn remove_matches(&mut self, count: i64, value: &[u8]) -> usize {
        let limit =
            if count == 0 { usize::MAX } else { usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX) };
        let mut touched: Option<(usize, usize)> = None;
        let mut gone = 0;
        for step in 0..self.nodes.len() {
            if gone == limit {
                break;
            }
            let at = if count < 0 { self.nodes.len() - 1 - step } else { step };
            let node = &mut self.nodes[at];
            let here = if count < 0 {
                remove_last(node, limit - gone, value)
            } else {
                remove_first(node, limit - gone, value)
            };
            if here > 0 {
                gone += here;
                touched = Some(touched.map_or((at, at), |(low, high)| (low.min(at), high.max(at))));
            }
        }
        self.len -= gone;
        if let Some((low, high)) = touched {
            self.settle(low, high, AFTER_REMOVAL);
        }
        gone
    }

    /// Removes up to `count` entries from number `start` on; returns how many went.
    pub fn remove_range(&mut self, start: usize, count: usize) -> usize {
        let count = count.min(self.len.saturating_sub(start));
        let Some((first, place)) = (count > 0).then(|| self.locate(start)).flatten() else { return 0 };
        let mut left = count;
        let mut at = first;
        if place > 0 {
            left -= self.remove_in(first, place, left);
            at += 1;
        }
        let mut whole = at;
        while let Some(node) = self.nodes.get(whole)
            && left >= node.count()
            && left > 0
        {
            left -= node.count();
            whole += 1;
        }
        self.nodes.drain(at..whole);
        if left > 0 {
            self.remove_in(at, 0, left);
        }
        self.len -= count;
        self.settle(first, at, AFTER_REMOVAL);
        count
    }

    /// Removes up to `count` entries of one node from `place` on; returns how many went.
    fn remove_in(&mut self, at: usize, place: usize, count: usize) -> usize {
        let node = &mut self.nodes[at];
        let gone = count.min(node.count() - place);
        if let Some(pos) = node.seek(place) {
            node.remove(pos, gone);
        }
        gone
    }

    pub fn clear(&mut self) {
        *self = Self::new(self.fill);
    }

    /// Drops empty nodes among `low..=high` and merges small ones there and with the next on either side.
    fn settle(&mut self, low: usize, high: usize, share: usize) {
        let low = low.saturating_sub(1);
        let end = high.saturating_add(2).min(self.nodes.len());
        let mut kept = low;
        for at in low..end {
            if self.nodes[at].count() == 0 || (kept > low && self.merge(kept - 1, at, share)) {
                continue;
            }
            self.nodes.swap(kept, at);
            kept += 1;
        }
        if kept < end {
            self.nodes.drain(kept..end);
        }
    }

    /// Moves the entries of node `from` behind those of node `into`, if both are small.
    fn merge(&mut self, into: usize, from: usize, share: usize) -> bool {
        let mut left = std::mem::replace(&mut self.nodes[into], Node::Plain(Box::default()));
        let merged = left.absorb(&self.nodes[from], self.fill, share);
        self.nodes[into] = left;
        merged
    }
}

fn remove_first(node: &mut Node, limit: usize, value: &[u8]) -> usize {
    let (mut gone, mut next) = (0, node.first());
    while gone < limit
        && let Some(pos) = next.and_then(|from| node.find(from, value))
    {
        next = node.remove(pos, 1);
        gone += 1;
    }
    gone
}

fn remove_last(node: &mut Node, limit: usize, value: &[u8]) -> usize {
    let (mut gone, mut next) = (0, node.last());
    while gone < limit
        && let Some(pos) = next
    {
        next = node.prev(pos);
        if node.get(pos).equals(value) {
            node.remove(pos, 1);
            gone += 1;
        }
    }
    gone
}
