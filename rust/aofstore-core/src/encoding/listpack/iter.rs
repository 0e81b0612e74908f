//! A walk over a listpack from both ends, without allocation.
#![expect(clippy::indexing_slicing, reason = "offsets come from the same bytes")]

use super::{Entry, codec};

/// Entries in order; `.rev()` walks backwards.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Iter<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize, end: usize) -> Self {
        Self { bytes, at, end }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        if self.at >= self.end {
            return None;
        }
        let (entry, body) = codec::read(&self.bytes[self.at..]);
        self.at += body + codec::tail_size(body);
        Some(entry)
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.at >= self.end {
            return None;
        }
        self.end -= codec::span_back(&self.bytes[self.at..self.end]);
        Some(codec::read(&self.bytes[self.end..]).0)
    }
}

impl std::iter::FusedIterator for Iter<'_> {}
