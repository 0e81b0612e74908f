//! Walks over a quicklist in both directions, without allocation.

use std::collections::VecDeque;

use super::node::Node;
use crate::encoding::listpack::{Entry, Pos};

/// Entries in order.
#[derive(Clone)]
pub struct Iter<'a> {
    nodes: &'a VecDeque<Node>,
    at: usize,
    pos: Option<Pos>,
}

impl<'a> Iter<'a> {
    pub(super) fn new(nodes: &'a VecDeque<Node>, start: Option<(usize, usize)>) -> Self {
        let (at, place) = start.unwrap_or((nodes.len(), 0));
        Self { nodes, at, pos: nodes.get(at).and_then(|node| node.seek(place)) }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        let pos = self.pos?;
        let node = self.nodes.get(self.at)?;
        self.pos = node.next(pos);
        if self.pos.is_none() {
            self.at += 1;
            self.pos = self.nodes.get(self.at).and_then(Node::first);
        }
        Some(node.get(pos))
    }
}

/// Entries in reverse order.
#[derive(Clone)]
pub struct IterBack<'a> {
    nodes: &'a VecDeque<Node>,
    at: usize,
    pos: Option<Pos>,
}

impl<'a> IterBack<'a> {
    pub(super) fn new(nodes: &'a VecDeque<Node>, start: Option<(usize, usize)>) -> Self {
        let (at, place) = start.unwrap_or((nodes.len(), 0));
        Self { nodes, at, pos: nodes.get(at).and_then(|node| node.seek(place)) }
    }
}

impl<'a> Iterator for IterBack<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        let pos = self.pos?;
        let node = self.nodes.get(self.at)?;
        self.pos = node.prev(pos);
        if self.pos.is_none() && self.at > 0 {
            self.at -= 1;
            self.pos = self.nodes.get(self.at).and_then(Node::last);
        }
        Some(node.get(pos))
    }
}
