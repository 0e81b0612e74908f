//! Chained buckets that a migration has emptied, kept for the chains to come.
//!
//! Growing empties hundreds of thousands of them, and an allocator that is given so many small pieces puts them in order some
//! time later, all at once: a single insert would wait milliseconds for that.
#![expect(unsafe_code, reason = "the buckets are raw, and linked through themselves")]

use std::ptr::NonNull;

use super::bucket::{self, Bucket};

/// Empty buckets, each linked to the next; whatever is left is freed with it.
pub(super) struct Spares<E> {
    first: Option<NonNull<Bucket<E>>>,
    len: usize,
}

impl<E> Spares<E> {
    pub(super) const fn new() -> Self {
        Self { first: None, len: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// An empty bucket, if there is one.
    pub(super) fn take(&mut self) -> Option<NonNull<Bucket<E>>> {
        let bucket = self.first?;
        // SAFETY: it was put here, and is ours alone.
        self.first = unsafe { bucket::unlink(bucket) };
        self.len -= 1;
        Some(bucket)
    }

    /// # Safety
    /// `bucket` must be one that was chained, ours alone; its elements are the caller's business.
    pub(super) unsafe fn put(&mut self, bucket: NonNull<Bucket<E>>) {
        // SAFETY: the caller's promise.
        unsafe { bucket::link(bucket, self.first) };
        self.first = Some(bucket);
        self.len += 1;
    }

    /// All that `other` has, which should be few.
    pub(super) fn append(&mut self, mut other: Self) {
        while let Some(bucket) = other.take() {
            // SAFETY: it was a spare, and still is.
            unsafe { self.put(bucket) };
        }
    }

    /// Frees up to `most`.
    pub(super) fn trim(&mut self, most: usize) {
        for _ in 0..most {
            let Some(bucket) = self.take() else { return };
            // SAFETY: it was chained once, holds nothing, and nobody knows of it.
            unsafe { bucket::free(bucket) };
        }
    }
}

impl<E> Drop for Spares<E> {
    fn drop(&mut self) {
        self.trim(usize::MAX);
    }
}
