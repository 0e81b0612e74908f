//! The hash table of the keyspace and of every large hash, set and sorted set.
//!
//! Buckets are one cache line each: seven one-byte tags, seven handles; a full bucket chains to another. The table grows and
//! shrinks by moving a few buckets with each change, from one array of segments to another, so no change ever waits for a
//! whole table. At any moment an element stands in exactly one place that its hash tells, so a lookup reads one chain and
//! changes nothing; that also makes a table safe to walk in a forked child.

mod bucket;
mod buckets;
mod entry;
mod map;
mod resize;
mod seed;
mod segment;
mod spare;
mod walk;

#[cfg(test)]
mod tests;

pub use entry::{Entry, Occupied, Vacant};
pub use map::{Element, Table};
pub use seed::Seed;
pub use walk::Iter;
