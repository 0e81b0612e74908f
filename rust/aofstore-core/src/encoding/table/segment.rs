//! Memory for a segment of buckets, all of it zero.
//!
//! Small segments come from the allocator, larger ones from the system itself: an allocator tidies up when large pieces
//! come and go, and a single insert would wait for that. The largest ones may be huge pages: a look-up goes anywhere in
//! them, and finding out where a small page stands takes as long as reading it.
#![expect(unsafe_code, reason = "segments are raw memory")]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::{NonNull, null_mut};

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// A huge page, where there are any.
pub(super) const HUGE: usize = crate::encoding::huge::REGION;
/// From here on the system is asked.
const MAPPED: usize = 64 << 10;
/// What is given back at once: giving all of a large segment back takes as long as some hundred inserts, and on a busy
/// machine much longer.
pub(super) const DISCARDED: usize = MAPPED;
const CACHE_LINE: usize = 64;
/// Below this many bytes the allocator's own alignment is taken: a small table is in the cache anyway, and asking for a
/// line's alignment would waste up to another line.
const ALIGN_FROM: usize = 4096;

/// How fast a segment may be made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// As its pages are touched, none of which takes long.
    Gradual,
    /// In huge pages, each of which takes up to a millisecond.
    AtOnce,
}

/// `size` zero bytes for buckets; `size` is a power of two, at least a cache line.
pub(super) fn allocate(size: usize, pace: Pace) -> NonNull<u8> {
    let layout = layout(size);
    let found = if size < MAPPED {
        // SAFETY: the size is not zero.
        NonNull::new(unsafe { alloc_zeroed(layout) })
    } else {
        map(size, pace)
    };
    found.unwrap_or_else(|| handle_alloc_error(layout))
}

/// # Safety
/// `segment` must come from [`allocate`] with this `size`, and not be used again.
pub(super) unsafe fn free(segment: NonNull<u8>, size: usize) {
    if size < MAPPED {
        // SAFETY: allocated with this layout.
        unsafe { dealloc(segment.as_ptr(), layout(size)) };
    } else {
        // SAFETY: mapped with this size, and nobody uses it any more.
        unsafe { unmap(segment.as_ptr(), size) };
    }
}

/// Gives the memory of a part of a segment back while the rest is used: where the system can do that, and for what is worth
/// it. What stood there may be gone, and zero, or not.
///
/// # Safety
/// `part` must be at a multiple of [`DISCARDED`] bytes in a segment of this `size` and pace, and nobody may need what stands
/// in it.
pub(super) unsafe fn discard(part: NonNull<u8>, size: usize, pace: Pace) {
    // A part of a huge page is given back by breaking the page, which takes longer than freeing it whole.
    if size < MAPPED || pace == Pace::AtOnce {
        return;
    }
    #[cfg(target_os = "linux")]
    // SAFETY: private memory of ours that nobody needs any more, by the caller's promise. Refused, it just stays.
    unsafe {
        let _ = rustix::mm::madvise(part.as_ptr().cast(), DISCARDED, rustix::mm::Advice::LinuxDontNeed);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = part;
}

const fn layout(size: usize) -> Layout {
    let align = if size >= ALIGN_FROM { CACHE_LINE } else { align_of::<u64>() };
    // SAFETY: both alignments are powers of two, and no segment is near the largest size.
    unsafe { Layout::from_size_align_unchecked(size, align) }
}

fn map(size: usize, pace: Pace) -> Option<NonNull<u8>> {
    let huge = size == HUGE && pace == Pace::AtOnce;
    // A huge page begins at a multiple of its size.
    let span = if huge { 2 * HUGE } else { size };
    // SAFETY: a fresh private mapping at an address of the system's choice touches nothing of ours.
    let start = unsafe {
        mmap_anonymous(null_mut(), span, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)
            .ok()?
            .cast::<u8>()
    };
    if !huge {
        return NonNull::new(start);
    }
    let before = start.align_offset(HUGE) % HUGE;
    // SAFETY: what lies before and behind the huge page is ours, and nobody knows of it.
    unsafe {
        unmap(start, before);
        unmap(start.add(before + HUGE), HUGE - before);
        #[cfg(target_os = "linux")]
        // Refused, the segment is made of small pages.
        let _ = rustix::mm::madvise(start.add(before).cast(), HUGE, rustix::mm::Advice::LinuxHugepage);
        NonNull::new(start.add(before))
    }
}

/// # Safety
/// The bytes must be mapped, and not be used again.
unsafe fn unmap(start: *mut u8, size: usize) {
    if size > 0 {
        // SAFETY: the caller's promise. It fails only where the system is out of mappings; then the memory stays.
        let _ = unsafe { munmap(start.cast(), size) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_part_that_is_given_back_is_zero_and_the_rest_is_as_it_was() {
        let segment = allocate(HUGE, Pace::Gradual);
        // SAFETY: `allocate` gave this many bytes, ours alone; the part is one of them.
        unsafe {
            segment.write_bytes(0xff, HUGE);
            discard(segment.add(DISCARDED), HUGE, Pace::Gradual);
            let bytes = std::slice::from_raw_parts(segment.as_ptr(), HUGE);
            let zeros = bytes.iter().enumerate().filter(|(_, byte)| **byte == 0);
            let zeros: Vec<usize> = zeros.map(|(at, _)| at).collect();
            assert_eq!((zeros.first(), zeros.len()), (Some(&DISCARDED), DISCARDED));
            free(segment, HUGE);
        }
    }

    #[test]
    fn segments_of_every_size_are_zero_aligned_and_apart() {
        let sizes = [64, 2048, 4096, MAPPED / 2, MAPPED, HUGE / 2, HUGE, HUGE];
        let segments: Vec<_> = sizes.iter().map(|&size| (allocate(size, Pace::AtOnce), size)).collect();
        for &(segment, size) in &segments {
            // SAFETY: `allocate` gave this many bytes, ours alone.
            let bytes = unsafe { std::slice::from_raw_parts_mut(segment.as_ptr(), size) };
            assert!(bytes.iter().all(|&byte| byte == 0), "{size}");
            bytes.fill(0xff);
            let line = if size < ALIGN_FROM { 8 } else { CACHE_LINE };
            assert_eq!(segment.as_ptr().align_offset(if size == HUGE { HUGE } else { line }), 0, "{size}");
        }
        for (segment, size) in segments {
            // SAFETY: each goes once.
            unsafe { free(segment, size) };
        }
    }
}
