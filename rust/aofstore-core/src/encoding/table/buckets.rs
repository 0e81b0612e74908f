//! The bucket array of a table, kept in segments.
//!
//! A large array is a directory of segments that are allocated when first written and can be given back one by one, so that
//! neither making nor freeing a large array happens at once. A small array is one segment of its exact size. The array owns
//! its elements: dropping it drops them.
#![expect(unsafe_code, reason = "segments are raw, zeroed, lazily allocated arrays")]

use std::ptr::NonNull;

use super::bucket::{self, Bucket};
use super::segment::{self, Pace};

/// Buckets in a segment of a large array: a huge page of them. Its pages are made as they are written.
const SEGMENT: usize = 1 << SEGMENT_EXPONENT;
const SEGMENT_EXPONENT: u32 = segment::HUGE.trailing_zeros() - BUCKET.trailing_zeros();
/// Buckets whose memory goes back together while the rest of their segment is moved.
const PART: usize = segment::DISCARDED / BUCKET;
const BUCKET: usize = size_of::<Bucket<*const ()>>();

type Segment<E> = Option<NonNull<Bucket<E>>>;

/// `1 << exponent` buckets.
pub(super) struct Buckets<E> {
    exponent: u32,
    pace: Pace,
    live_segments: usize,
    small: Segment<E>,
    directory: Box<[Segment<E>]>,
}

impl<E> Buckets<E> {
    /// Allocates no bucket yet.
    pub(super) fn new(exponent: u32) -> Self {
        Self::at_pace(exponent, Pace::Gradual)
    }

    /// As [`new`](Self::new), for somebody who does not mind waiting for a segment.
    pub(super) fn at_pace(exponent: u32, pace: Pace) -> Self {
        let segments = if exponent > SEGMENT_EXPONENT { 1 << (exponent - SEGMENT_EXPONENT) } else { 0 };
        Self {
            exponent,
            pace,
            live_segments: 0,
            small: None,
            directory: vec![None; segments].into_boxed_slice(),
        }
    }

    /// The power of two that there are buckets.
    #[inline]
    pub(super) const fn exponent(&self) -> u32 {
        self.exponent
    }

    /// How many buckets.
    #[inline]
    pub(super) const fn len(&self) -> usize {
        1 << self.exponent
    }

    /// Keeps the bits of a hash that choose the bucket.
    #[inline]
    pub(super) const fn mask(&self) -> u64 {
        (1 << self.exponent) - 1
    }

    /// The bucket, if its segment was ever written.
    #[inline]
    pub(super) fn get(&self, index: usize) -> Segment<E> {
        debug_assert!(index < self.len(), "no such bucket");
        let segment = if self.exponent > SEGMENT_EXPONENT {
            self.directory.get(index / SEGMENT).copied().flatten()
        } else {
            self.small
        };
        // SAFETY: a segment has min(len, SEGMENT) buckets, and index < len.
        segment.map(|segment| unsafe { segment.add(index % SEGMENT) })
    }

    /// The bucket; its segment is allocated if need be.
    pub(super) fn get_or_allocate(&mut self, index: usize) -> NonNull<Bucket<E>> {
        self.get(index).unwrap_or_else(|| self.allocate(index))
    }

    #[cold]
    fn allocate(&mut self, index: usize) -> NonNull<Bucket<E>> {
        // Zeroed buckets are empty ones.
        let segment = segment::allocate(self.segment_size(), self.pace).cast::<Bucket<E>>();
        self.live_segments += 1;
        match self.directory.get_mut(index / SEGMENT) {
            Some(place) => *place = Some(segment),
            None => self.small = Some(segment),
        }
        // SAFETY: as in `get`.
        unsafe { segment.add(index % SEGMENT) }
    }

    /// Gives memory back, a little at a time, as the buckets up to `index` are emptied one by one.
    ///
    /// # Safety
    /// All buckets up to this one must be empty, and stay so.
    pub(super) unsafe fn emptied(&mut self, index: usize) {
        if self.ends_segment(index) {
            // SAFETY: this was the last that held anything.
            unsafe { self.release(index) };
        } else if (index + 1).is_multiple_of(PART)
            && let Some(first) = self.get(index + 1 - PART)
        {
            // SAFETY: a segment larger than a part is made of whole ones, and an empty bucket may as well be zero.
            unsafe { segment::discard(first.cast(), self.segment_size(), self.pace) }
        }
    }

    /// Gives back the segment of `index` once every bucket of it is empty and will stay so.
    ///
    /// # Safety
    /// Every bucket of the segment must be empty.
    unsafe fn release(&mut self, index: usize) {
        let size = self.segment_size();
        let segment = match self.directory.get_mut(index / SEGMENT) {
            Some(place) => place.take(),
            None => self.small.take(),
        };
        if let Some(segment) = segment {
            self.live_segments -= 1;
            // SAFETY: allocated with this size; empty buckets own nothing.
            unsafe { segment::free(segment.cast(), size) }
        }
    }

    /// Whether `index` is the last bucket of its segment.
    const fn ends_segment(&self, index: usize) -> bool {
        (index + 1).is_multiple_of(self.segment_len())
    }

    /// The first index after that of `index`'s segment.
    pub(super) const fn next_segment(&self, index: usize) -> usize {
        (index / self.segment_len() + 1) * self.segment_len()
    }

    /// Heap bytes of the array, chained buckets left out.
    pub(super) fn memory(&self) -> usize {
        self.live_segments * self.segment_size() + size_of_val(&*self.directory)
    }

    const fn segment_len(&self) -> usize {
        if self.exponent > SEGMENT_EXPONENT { SEGMENT } else { 1 << self.exponent }
    }

    const fn segment_size(&self) -> usize {
        self.segment_len() * size_of::<Bucket<E>>()
    }
}

impl<E> Drop for Buckets<E> {
    fn drop(&mut self) {
        let mut index = 0;
        while index < self.len() {
            let end = self.next_segment(index);
            if self.get(index).is_some() {
                for head in (index..end).filter_map(|index| self.get(index)) {
                    // SAFETY: the chain is ours, and dropping an element touches no bucket of this table.
                    drop(unsafe { bucket::drain(head, |_, element| drop(element)) });
                }
                // SAFETY: every bucket of it was drained.
                unsafe { self.release(index) };
            }
            index = end;
        }
    }
}
