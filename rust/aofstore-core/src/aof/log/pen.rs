//! The log in the hand of one short command, from before the command runs until its record is in the file.

use super::super::buffer::Feed;
use super::super::commit::{Guard, Shared};

/// The log, locked once for both, to feed and to write.
///
/// A locked instruction waits for all memory that was asked for before it. Taken before the command runs, the lock lets
/// the record be encoded while the values that the command changes are still on their way.
///
/// ORDER: taken under the engine's lock and let go behind it, like the lock of every write.
pub struct Pen<'a> {
    shared: &'a Shared,
    tail: Guard<'a>,
}

impl<'a> Pen<'a> {
    #[inline]
    pub(in crate::aof) fn new(shared: &'a Shared) -> Option<Self> {
        Some(Self { shared, tail: shared.at_once()? })
    }

    /// As [`Log::feed_at`](super::Log::feed_at).
    #[inline]
    pub fn feed_at(&mut self, second: Option<i64>, body: impl FnOnce(&mut Feed<'_>)) -> u64 {
        self.shared.feed(&mut self.tail, second, body)
    }

    /// Writes up to `end`. False if that failed: [`Log::reach`](super::Log::reach) says why.
    #[inline]
    pub fn finish(mut self, end: u64) -> bool {
        self.shared.write_at_once(&mut self.tail, end)
    }
}
