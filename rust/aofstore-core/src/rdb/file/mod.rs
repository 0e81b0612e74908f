//! A whole keyspace as an RDB file: header, auxiliary fields, databases, checksum.

mod ahead;
mod read;
mod window;
mod write;

pub use read::{Reader, Unknown, is_snapshot};
pub use write::{About, Snapshot};
