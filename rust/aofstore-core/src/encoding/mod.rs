//! The encoding room.

mod block;
mod listpack;

pub use listpack::{Digits, Entry, Iter as ListpackIter, Listpack, Pos, canonical_int};
