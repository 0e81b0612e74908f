//! Typed values under keys: choice of encoding, deadlines, databases. Knows no commands and no files.
//!
//! [`Keyspace`] owns every database; a command works through [`Keys`], which is the keyspace seen from one
//! database at one instant. INVARIANT: no empty collection is ever stored, and a key has a row in
//! `Db::deadlines` exactly while it has a time to live.

mod databases;
mod db;
mod distinct;
mod entries;
mod expiry;
mod fresh;
mod hash;
mod keys;
mod limits;
mod list;
mod measure;
mod object;
mod sample;
mod set;
mod space;
mod text;
mod waste;
mod watch;
mod zset;

pub use db::Db;
pub use entries::{Entries, Stored};
pub use fresh::Fresh;
pub use hash::{Fields, Hash};
pub use keys::Keys;
pub use limits::Limits;
pub use list::{End, List, Node};
pub use object::{Kind, Object, Value, WrongType};
pub use set::{Members, Set};
pub use space::{Keyspace, Sampled, Stats};
pub use text::{INLINE_LIMIT, Text};
pub use waste::Waste;
pub use zset::{Bounds, Growth, Scores, Walk, ZSet};

use distinct::{are_distinct, are_distinct_entries};

/// A borrowed element of a collection: bytes, or an integer that a listpack or intset keeps as such.
pub use crate::encoding::listpack::Entry;
pub use crate::encoding::{LexBound, ScoreBound, Seed, Side};
