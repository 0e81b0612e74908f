//! Every command of Redis 7.2's string, list, set, sorted set, hash, key and database groups, one file a family.
//!
//! A handler runs on the keyspace, writes its reply and records its effect; it knows no files and no wire.
//! [`table`] is the only list of commands. Commands that need the log, sessions or settings are listed here
//! too but carried out by `engine`.

mod args;
mod bitmaps;
mod connection;
mod context;
mod databases;
mod effect;
pub mod errors;
mod expire;
mod glob;
mod hashes;
mod help;
mod instant;
mod key_positions;
mod keys;
mod lcs;
mod lists;
mod memory;
mod mpop;
mod object;
mod reply;
mod serial;
mod server;
mod setops;
mod sets;
mod sort;
mod strings;
mod table;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
pub(crate) mod transcripts;
mod zsets;

pub use args::{Args, is as is_word};
pub use context::{Context, Wait, run};
pub use effect::{Argv, Effects, Record};
pub use errors::{ErrorReply, Outcome};
pub use glob::matches as glob_matches;
pub use help::lines as help_lines;
pub use reply::{Node, Reply};
pub use table::{
    COUNT, EngineCommand, Flags, Handler, KeyPositions, LatencyCommand, Spec, all, is_known, lookup, named,
};
