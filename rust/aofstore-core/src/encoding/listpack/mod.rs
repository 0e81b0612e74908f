//! Redis's listpack: short lists of integers and strings in one run of bytes, written into RDB as it is.
//!
//! The small encoding of hashes, lists, sets and sorted sets, and the node of a [`super::Quicklist`]. Positions
//! ([`Pos`]) are byte offsets and die with the next change; a dead one may panic or read another entry, never
//! foreign memory. INVARIANT: the bytes always pass `check`, and integers that came in as text are stored as
//! integers exactly when the text is canonical, so a value reads back as it was written.

mod check;
mod codec;
mod edit;
mod entry;
mod iter;
mod pack;
#[cfg(test)]
mod tests;

pub use entry::{Digits, Entry};
pub use iter::Iter;
pub use pack::{Listpack, Pos};
