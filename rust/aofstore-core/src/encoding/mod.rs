//! The encoding room: bytes in memory, laid out to be small and quick.
//!
//! The keyspace builds its values from these types. Nothing here knows of keys, deadlines, commands or files, and nothing
//! here may reach up to them.

mod ahead;
pub mod blob;
mod block;
pub mod freed;
pub mod huge;
mod intset;
pub mod keyed;
pub mod listpack;
pub mod pair;
pub mod quicklist;
pub mod record;
pub mod skiplist;
pub mod sorted_members;
pub mod table;
mod thin;

pub use ahead::{prefetch, prefetch_ref};
pub use blob::Blob;
pub use intset::Intset;
pub use keyed::Keyed;
pub use listpack::{Listpack, Pos};
pub use pair::Pair;
pub use quicklist::{Quicklist, Side};
pub use record::{Record, View};
pub use skiplist::{LexBound, ScoreBound, Skiplist};
pub use sorted_members::SortedMembers;
pub use table::{Element, Entry, Seed, Table};
pub use thin::OutOfMemory;
