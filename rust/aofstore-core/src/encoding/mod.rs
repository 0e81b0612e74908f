//! The encoding room.

mod block;
mod intset;
mod listpack;
mod quicklist;

pub use intset::Intset;
pub use listpack::{Digits, Entry, Iter as ListpackIter, Listpack, Pos, canonical_int};
pub use quicklist::{Fill, Iter as ListIter, IterBack as ListIterBack, Quicklist, Side, View as ListNode};
