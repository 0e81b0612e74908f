//! One node of a quicklist: a listpack with its count, or one large value.

use super::Fill;
use crate::encoding::listpack::{Entry, Listpack, Pos};
use crate::encoding::thin;

/// INVARIANT: `count` is the listpack's; it is here so that a walk to an index reads no listpack.
pub(super) enum Node {
    Packed { pack: Listpack, count: u32 },
    Plain(Box<[u8]>),
}

/// A node as a snapshot writes it.
#[derive(Debug, Clone, Copy)]
pub enum View<'a> {
    Packed(&'a Listpack),
    Plain(&'a [u8]),
}

impl Node {
    /// A node holding `value` alone.
    pub(super) fn of(value: &[u8], fill: Fill) -> Self {
        if fill.is_large(value.len()) {
            return Self::Plain(value.into());
        }
        let mut pack = Listpack::new();
        pack.push_back(value);
        Self::Packed { pack, count: 1 }
    }

    pub(super) fn of_pack(pack: Listpack) -> Self {
        let count = pack.len() as u32;
        Self::Packed { pack, count }
    }

    #[inline]
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Packed { count, .. } => *count as usize,
            Self::Plain(_) => 1,
        }
    }

    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Packed { pack, .. } => pack.memory(),
            Self::Plain(value) => thin::footprint(value.len()),
        }
    }

    pub(super) fn view(&self) -> View<'_> {
        match self {
            Self::Packed { pack, .. } => View::Packed(pack),
            Self::Plain(value) => View::Plain(value),
        }
    }

    /// Position of entry number `index`; a plain node has one at `Pos::FIRST`.
    pub(super) fn seek(&self, index: usize) -> Option<Pos> {
        match self {
            Self::Packed { pack, count } if index < *count as usize / 2 => pack.seek(index as i64),
            Self::Packed { pack, count } => pack.seek(index as i64 - i64::from(*count)),
            Self::Plain(_) => (index == 0).then_some(Pos::FIRST),
        }
    }

    pub(super) fn first(&self) -> Option<Pos> {
        match self {
            Self::Packed { pack, .. } => pack.first(),
            Self::Plain(_) => Some(Pos::FIRST),
        }
    }

    pub(super) fn last(&self) -> Option<Pos> {
        match self {
            Self::Packed { pack, .. } => pack.last(),
            Self::Plain(_) => Some(Pos::FIRST),
        }
    }

    pub(super) fn next(&self, pos: Pos) -> Option<Pos> {
        match self {
            Self::Packed { pack, .. } => pack.next(pos),
            Self::Plain(_) => None,
        }
    }

    pub(super) fn prev(&self, pos: Pos) -> Option<Pos> {
        match self {
            Self::Packed { pack, .. } => pack.prev(pos),
            Self::Plain(_) => None,
        }
    }

    pub(super) fn get(&self, pos: Pos) -> Entry<'_> {
        match self {
            Self::Packed { pack, .. } => pack.get(pos),
            Self::Plain(value) => Entry::Str(value),
        }
    }

    /// The first entry from `from` on that reads as `value`.
    pub(super) fn find(&self, from: Pos, value: &[u8]) -> Option<Pos> {
        match self {
            Self::Packed { pack, .. } => pack.find(from, value, 0),
            Self::Plain(own) => (**own == *value).then_some(from),
        }
    }

    pub(super) fn admits(&self, value: &[u8], fill: Fill) -> bool {
        match self {
            Self::Packed { pack, count } => fill.admits(pack.bytes(), *count as usize, value.len()),
            Self::Plain(_) => false,
        }
    }

    /// Whether the node would be too long if `value` took the place of the entry at `pos`.
    pub(super) fn outgrown_by(&self, pos: Pos, value: &[u8], fill: Fill) -> bool {
        fill.is_large(value.len()) || (!self.admits(value, fill) && value.len() > self.get(pos).len())
    }

    /// Puts `value` before the entry at `pos`, or at the end. Only for nodes that admit it.
    pub(super) fn insert(&mut self, pos: Option<Pos>, value: &[u8]) {
        let Self::Packed { pack, count } = self else { return };
        match pos {
            Some(pos) => _ = pack.insert_before(pos, value),
            None => pack.push_back(value),
        }
        *count += 1;
    }

    /// Removes up to `gone` entries from `pos` on; a plain node becomes an empty packed one.
    /// The caller must not leave an empty node behind.
    pub(super) fn remove(&mut self, pos: Pos, gone: usize) -> Option<Pos> {
        match self {
            Self::Packed { pack, count } => {
                let next = pack.remove_at(pos, gone);
                *count = next.map_or_else(|| pack.len() as u32, |_| *count - gone as u32);
                next
            }
            Self::Plain(_) if gone > 0 => {
                *self = Self::of_pack(Listpack::new());
                None
            }
            Self::Plain(_) => Some(pos),
        }
    }

    /// Cuts off the entries from `pos` on.
    pub(super) fn split_off(&mut self, pos: Pos) -> Option<Self> {
        let Self::Packed { pack, count } = self else { return None };
        let right = Self::of_pack(pack.split_off(pos));
        *count -= right.count() as u32;
        Some(right)
    }

    /// Takes over all entries of `other` if both together stay within `1 / share` of a node's limit.
    pub(super) fn absorb(&mut self, other: &Self, fill: Fill, share: usize) -> bool {
        let (Self::Packed { pack, count }, Self::Packed { pack: added, count: more }) = (self, other) else {
            return false;
        };
        let bytes = pack.bytes() + added.bytes();
        if fill.exceeded(bytes * share, (*count + *more) as usize * share) {
            return false;
        }
        pack.append(added);
        *count += *more;
        true
    }
}

impl Clone for Node {
    fn clone(&self) -> Self {
        match self {
            Self::Packed { pack, count } => Self::Packed { pack: pack.clone(), count: *count },
            Self::Plain(value) => Self::Plain(value.clone()),
        }
    }
}
