//! Everything that changes a listpack; all of it goes through `splice`, which keeps the header's length true.
//!
//! Growth past 4 GiB panics: the length field has 32 bits. Callers with unbounded values ask `fits` before.
#![expect(unsafe_code, reason = "the block's length lives in its own bytes")]
#![expect(clippy::indexing_slicing, reason = "positions come from the same listpack; a dead one panics")]

use super::pack::{HEADER, Pos, UNKNOWN};
use super::{Entry, Listpack, codec};

impl Listpack {
    pub fn push_back(&mut self, value: &[u8]) {
        self.push_back_entry(Entry::parse(value));
    }

    /// [`Self::push_back`] for each of `values`, with one change of size.
    pub fn extend(&mut self, values: &[&[u8]]) {
        let end = self.end();
        self.put_all(end, values.iter().map(|value| Entry::parse(value)));
    }

    /// Puts entries behind each other at `at`.
    fn put_all<'a>(&mut self, at: usize, entries: impl Iterator<Item = Entry<'a>> + Clone) {
        let size = entries.clone().map(codec::size).sum();
        let (mut room, mut count) = (self.splice(at, 0, size), 0);
        for entry in entries {
            let (own, rest) = room.split_at_mut(codec::size(entry));
            codec::write(own, entry);
            (room, count) = (rest, count + 1);
        }
        self.count_up(count);
    }

    pub fn push_front(&mut self, value: &[u8]) {
        self.put(HEADER, 0, Entry::parse(value));
        self.count_up(1);
    }

    /// [`Self::push_back`] for a value whose form is known, such as a score or an id part.
    pub fn push_back_entry(&mut self, entry: Entry<'_>) {
        let end = self.end();
        self.put(end, 0, entry);
        self.count_up(1);
    }

    /// Puts two entries before the one at `pos`, or at the end, with one change of size.
    pub fn insert_pair(&mut self, pos: Option<Pos>, first: Entry<'_>, second: Entry<'_>) {
        let at = pos.map_or_else(|| self.end(), Pos::at);
        self.put_all(at, [first, second].into_iter());
    }

    /// Returns where the new entry is; the one that was at `pos` follows it.
    pub fn insert_before(&mut self, pos: Pos, value: &[u8]) -> Pos {
        self.put(pos.at(), 0, Entry::parse(value));
        self.count_up(1);
        pos
    }

    /// Returns where the new entry is.
    pub fn insert_after(&mut self, pos: Pos, value: &[u8]) -> Pos {
        let after = pos.at() + codec::span(&self.as_bytes()[pos.at()..]);
        self.insert_before(Pos(after as u32), value)
    }

    /// Puts `value` in the place of the entry at `pos`, which stays where it starts.
    pub fn replace(&mut self, pos: Pos, value: &[u8]) -> Pos {
        self.replace_entry(pos, Entry::parse(value))
    }

    /// [`Self::replace`] for a value whose form is known.
    pub fn replace_entry(&mut self, pos: Pos, entry: Entry<'_>) -> Pos {
        let old = codec::span(&self.as_bytes()[pos.at()..]);
        self.put(pos.at(), old, entry);
        pos
    }

    /// Returns the entry that followed, now at the same place.
    pub fn remove(&mut self, pos: Pos) -> Option<Pos> {
        self.remove_at(pos, 1)
    }

    /// Removes up to `count` entries from `pos` on (a field and its value: 2); returns the one that follows.
    pub fn remove_at(&mut self, pos: Pos, count: usize) -> Option<Pos> {
        self.cut(pos, count);
        (pos.at() < self.end()).then_some(pos)
    }

    /// Removes up to `count` entries from number `index` on (negative: from the end); returns how many went.
    pub fn remove_range(&mut self, index: i64, count: usize) -> usize {
        self.seek(index).map_or(0, |pos| self.cut(pos, count))
    }

    fn cut(&mut self, pos: Pos, count: usize) -> usize {
        let (mut at, mut gone) = (pos.at(), 0);
        let bytes = self.as_bytes();
        while gone < count && bytes[at] != codec::END {
            at += codec::span(&bytes[at..]);
            gone += 1;
        }
        self.splice(pos.at(), at - pos.at(), 0);
        self.count_down(gone);
        gone
    }

    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Adds all entries of `other` behind the own ones.
    pub fn append(&mut self, other: &Self) {
        let end = self.end();
        let added = &other.as_bytes()[HEADER..other.end()];
        self.splice(end, 0, added.len()).copy_from_slice(added);
        self.count_up(other.len());
    }

    /// Cuts off the entries from `pos` on and returns them.
    #[must_use]
    pub fn split_off(&mut self, pos: Pos) -> Self {
        let mut right = Self::new();
        let moved = &self.as_bytes()[pos.at()..self.end()];
        right.splice(HEADER, 0, moved.len()).copy_from_slice(moved);
        let count = right.iter().count();
        right.count_up(count);
        self.splice(pos.at(), right.bytes() - HEADER - 1, 0);
        self.count_down(count);
        right
    }

    fn put(&mut self, at: usize, old: usize, entry: Entry<'_>) {
        let size = codec::size(entry);
        codec::write(self.splice(at, old, size), entry);
    }

    /// Replaces `old` bytes at `at` by `new` ones, which the caller must fill from the returned slice.
    fn splice(&mut self, at: usize, old: usize, new: usize) -> &mut [u8] {
        let from = self.bytes();
        assert!(at >= HEADER && at + old < from, "position outside the listpack");
        let to = from - old + new;
        assert!(u32::try_from(to).is_ok(), "listpack past 4 GiB");
        if to > from {
            // SAFETY: `from` is the current length.
            unsafe { self.block.resize(from, to) };
        }
        // SAFETY: the block has `from` bytes, and `to` if that is more.
        let bytes = unsafe { self.block.bytes_mut(from.max(to)) };
        if to != from {
            bytes.copy_within(at + old..from, at + new);
            bytes[..4].copy_from_slice(&(to as u32).to_le_bytes());
        }
        if to < from {
            // SAFETY: `from` is still the block's length; the header already has the new one.
            unsafe { self.block.resize(from, to) };
        }
        // SAFETY: the block has `to` bytes.
        let bytes = unsafe { self.block.bytes_mut(to) };
        &mut bytes[at..at + new]
    }

    fn count_up(&mut self, added: usize) {
        if self.stated() != UNKNOWN {
            self.state(usize::from(self.stated()) + added);
        }
    }

    /// An unknown count stays unknown, as in Redis: knowing would take a walk at every removal.
    fn count_down(&mut self, gone: usize) {
        if self.stated() != UNKNOWN {
            self.state(usize::from(self.stated()) - gone);
        }
    }

    fn state(&mut self, count: usize) {
        let stated = u16::try_from(count).unwrap_or(UNKNOWN);
        // SAFETY: the header is always there.
        let header = unsafe { self.block.bytes_mut(HEADER) };
        header[4..].copy_from_slice(&stated.to_le_bytes());
    }
}
