//! Pushing and popping at both ends: what lists do all day, constant in the number of nodes.

use super::Quicklist;
use super::node::Node;
use crate::encoding::listpack::Entry;

impl Quicklist {
    pub fn push_front(&mut self, value: &[u8]) {
        match self.nodes.front_mut() {
            Some(node) if node.admits(value, self.fill) => node.insert(node.first(), value),
            _ => self.nodes.push_front(Node::of(value, self.fill)),
        }
        self.len += 1;
    }

    pub fn push_back(&mut self, value: &[u8]) {
        match self.nodes.back_mut() {
            Some(node) if node.admits(value, self.fill) => node.insert(None, value),
            _ => self.nodes.push_back(Node::of(value, self.fill)),
        }
        self.len += 1;
    }

    /// Lets `take` read the first entry, then removes it.
    pub fn pop_front<R>(&mut self, take: impl FnOnce(Entry<'_>) -> R) -> Option<R> {
        let node = self.nodes.front_mut()?;
        let pos = node.first()?;
        let taken = take(node.get(pos));
        if node.count() > 1 {
            node.remove(pos, 1);
        } else {
            self.nodes.pop_front();
        }
        self.len -= 1;
        Some(taken)
    }

    /// Lets `take` read the last entry, then removes it.
    pub fn pop_back<R>(&mut self, take: impl FnOnce(Entry<'_>) -> R) -> Option<R> {
        let node = self.nodes.back_mut()?;
        let pos = node.last()?;
        let taken = take(node.get(pos));
        if node.count() > 1 {
            node.remove(pos, 1);
        } else {
            self.nodes.pop_back();
        }
        self.len -= 1;
        Some(taken)
    }
}
