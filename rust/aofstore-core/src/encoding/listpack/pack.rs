//! The listpack itself: its allocation, header, and everything that only reads.
//!
//! INVARIANT: the first four bytes are the length of the block, which is what makes the handle one pointer.
#![expect(unsafe_code, reason = "the length that the block needs is in the bytes of the block")]
#![expect(clippy::indexing_slicing, reason = "positions come from the same listpack; a dead one panics")]

use super::{Entry, Iter, check, codec};
use crate::encoding::block::{self, Block};
use crate::num::parse_i64;

/// Total length (32 bits) and count (16 bits), both little-endian.
pub(super) const HEADER: usize = 6;
/// The count of a listpack with 65535 entries or more: walk to know.
pub(super) const UNKNOWN: u16 = u16::MAX;
/// Beyond this many bytes Redis refuses to grow a listpack.
const SAFE_BYTES: usize = 1 << 30;
/// A listpack without entries.
const EMPTY: [u8; HEADER + 1] = [HEADER as u8 + 1, 0, 0, 0, 0, 0, codec::END];

/// Where an entry starts. Valid until the next change of its listpack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pos(pub(super) u32);

impl Pos {
    /// The first entry of any listpack that has one.
    pub(in crate::encoding) const FIRST: Self = Self(HEADER as u32);

    #[inline]
    pub(super) fn at(self) -> usize {
        self.0 as usize
    }
}

/// A list of short values in Redis's listpack bytes, behind one pointer.
pub struct Listpack {
    pub(super) block: Block,
}

impl Listpack {
    pub fn new() -> Self {
        Self { block: Block::copy_of(&EMPTY) }
    }

    /// Takes bytes from a file, if they are a sound listpack.
    pub fn from_bytes_validated(bytes: impl AsRef<[u8]>) -> Option<Self> {
        let bytes = bytes.as_ref();
        check::is_listpack(bytes).then(|| Self { block: Block::copy_of(bytes) })
    }

    /// The bytes as Redis writes them into RDB.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: the block is never shorter than its own header says.
        unsafe { self.block.bytes(self.bytes()) }
    }

    /// Length in bytes of [`Self::as_bytes`].
    #[inline]
    pub fn bytes(&self) -> usize {
        // SAFETY: a block is never shorter than an empty listpack.
        let header = unsafe { self.block.bytes(HEADER) };
        u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize
    }

    /// Asks the processor for the first entries, without reading anything.
    #[inline]
    pub fn prefetch(&self) {
        self.block.prefetch(block::OFTEN);
    }

    /// The same for the first `len` bytes, of which some may lie behind the listpack.
    #[inline]
    pub fn prefetch_all(&self, len: usize) {
        self.block.prefetch_all(len);
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        block::footprint(self.bytes())
    }

    /// The count in the header.
    #[inline]
    pub(super) fn stated(&self) -> u16 {
        // SAFETY: a block is never shorter than an empty listpack.
        let header = unsafe { self.block.bytes(HEADER) };
        u16::from_le_bytes([header[4], header[5]])
    }

    /// Number of entries; a walk when there are 65535 or more.
    #[inline]
    pub fn len(&self) -> usize {
        match self.stated() {
            UNKNOWN => self.iter().count(),
            count => usize::from(count),
        }
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes() == EMPTY.len()
    }

    /// Whether `extra` more bytes keep the listpack under Redis's safety limit of 1 GiB.
    /// Callers with values of unbounded size ask first; the editing functions do not.
    pub fn fits(&self, extra: usize) -> bool {
        self.bytes().saturating_add(extra) <= SAFE_BYTES
    }

    /// Where the end marker is.
    #[inline]
    pub(super) fn end(&self) -> usize {
        self.bytes() - 1
    }

    pub fn first(&self) -> Option<Pos> {
        (!self.is_empty()).then_some(Pos::FIRST)
    }

    pub fn last(&self) -> Option<Pos> {
        self.before(self.end())
    }

    #[inline]
    pub fn next(&self, pos: Pos) -> Option<Pos> {
        let bytes = self.as_bytes();
        let at = pos.at() + codec::span(&bytes[pos.at()..]);
        (bytes[at] != codec::END).then_some(Pos(at as u32))
    }

    #[inline]
    pub fn prev(&self, pos: Pos) -> Option<Pos> {
        self.before(pos.at())
    }

    #[inline]
    pub(super) fn before(&self, at: usize) -> Option<Pos> {
        (at > HEADER).then(|| Pos((at - codec::span_back(&self.as_bytes()[HEADER..at])) as u32))
    }

    /// The entry number `index`; negative numbers count from the end, -1 the last.
    pub fn seek(&self, index: i64) -> Option<Pos> {
        let known = self.stated();
        let Ok(forward) = usize::try_from(index) else {
            let steps = usize::try_from(index.unsigned_abs() - 1).ok()?;
            return if known == UNKNOWN {
                self.backward(steps)
            } else {
                self.nearer(usize::from(known).checked_sub(steps + 1)?)
            };
        };
        if known == UNKNOWN { self.forward(forward) } else { self.nearer(forward) }
    }

    /// Walks from whichever end is nearer; the count must be known.
    fn nearer(&self, index: usize) -> Option<Pos> {
        let count = usize::from(self.stated());
        if index >= count {
            return None;
        }
        if index < count / 2 { self.forward(index) } else { self.backward(count - 1 - index) }
    }

    fn forward(&self, steps: usize) -> Option<Pos> {
        (0..steps).try_fold(self.first()?, |pos, _| self.next(pos))
    }

    fn backward(&self, steps: usize) -> Option<Pos> {
        (0..steps).try_fold(self.last()?, |pos, _| self.prev(pos))
    }

    #[inline]
    pub fn get(&self, pos: Pos) -> Entry<'_> {
        codec::read(&self.as_bytes()[pos.at()..]).0
    }

    /// The first entry from `start` on that reads as `value`, looking at every `skip + 1`-th entry:
    /// 0 for lists and sets, 1 for fields or members with a value behind each.
    pub fn find(&self, start: Pos, value: &[u8], skip: usize) -> Option<Pos> {
        let bytes = self.as_bytes();
        let number = parse_i64(value);
        let mut at = start.at();
        loop {
            if bytes[at] == codec::END {
                return None;
            }
            let (entry, body) = codec::read(&bytes[at..]);
            let found = match entry {
                Entry::Str(own) => own == value,
                Entry::Int(own) => number == Some(own),
            };
            if found {
                return Some(Pos(at as u32));
            }
            at += body + codec::tail_size(body);
            for _ in 0..skip {
                if bytes[at] == codec::END {
                    return None;
                }
                at += codec::span(&bytes[at..]);
            }
        }
    }

    /// All entries; `.rev()` walks backwards.
    pub fn iter(&self) -> Iter<'_> {
        Iter::new(self.as_bytes(), HEADER, self.end())
    }

    /// The entries from `pos` to the end.
    pub fn iter_from(&self, pos: Pos) -> Iter<'_> {
        Iter::new(self.as_bytes(), pos.at(), self.end())
    }

    /// The entries from the start up to and including the one at `pos`.
    pub fn iter_through(&self, pos: Pos) -> Iter<'_> {
        let bytes = self.as_bytes();
        Iter::new(bytes, HEADER, pos.at() + codec::span(&bytes[pos.at()..]))
    }
}

impl<'a> IntoIterator for &'a Listpack {
    type Item = Entry<'a>;
    type IntoIter = Iter<'a>;
    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl Default for Listpack {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for Listpack {
    fn clone(&self) -> Self {
        Self { block: Block::copy_of(self.as_bytes()) }
    }
}

impl Drop for Listpack {
    fn drop(&mut self) {
        let len = self.bytes();
        // SAFETY: `len` is the block's length, and nobody uses it after drop.
        unsafe { self.block.free(len) };
    }
}

impl std::fmt::Debug for Listpack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
