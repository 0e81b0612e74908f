//! The encoding room: bytes in memory, laid out to be small and quick.
//!
//! The keyspace builds its values from these types. Nothing here knows of keys, deadlines, commands or files, and nothing
//! here may reach up to them.

pub mod blob;
pub mod keyed;
pub mod pair;
pub mod record;
pub mod table;
mod thin;

pub use blob::Blob;
pub use keyed::Keyed;
pub use pair::Pair;
pub use record::{Record, View};
pub use table::{Element, Entry, Seed, Table};
pub use thin::OutOfMemory;
