//! Making a log short: the keyspace written down as commands, into a file that takes the log's place.
//!
//! The engine decides when. What runs in a forked child (`snapshot`, `output` over a bare descriptor) allocates nothing,
//! takes no lock and reports through return values only.

pub mod dump;
pub mod output;
pub mod snapshot;

pub use dump::{Dumped, dump};
pub use output::{FileOutput, Target};
pub use snapshot::{Output, keys, write};
