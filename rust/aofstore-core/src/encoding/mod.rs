//! The encoding room.

mod block;
mod intset;
mod listpack;

pub use intset::Intset;
pub use listpack::{Digits, Entry, Iter as ListpackIter, Listpack, Pos, canonical_int};
