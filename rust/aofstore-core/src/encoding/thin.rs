//! One allocation behind one pointer: what the thin handles of this room share.
//!
//! A thin handle is eight bytes, so a table bucket holds seven of them; everything else, its length included, stands in the
//! allocation. The layout is always `size` bytes aligned to [`ALIGN`]: a type must be able to tell `size` from its own
//! header, or it cannot be freed. Lengths are stored in 1, 2, 5 or 9 bytes.
#![expect(unsafe_code, reason = "the handles are raw allocations; their sizes live inside them")]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::ptr::NonNull;

use super::huge;

/// Every thin allocation has this alignment, so that it can grow from one kind into another.
pub(super) const ALIGN: usize = 8;

/// The allocator refused; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

/// Most bytes a length takes.
const TWO: usize = 1 << 7;
const FIVE: usize = 1 << 14;
const MARK_TWO: u8 = 0x80;
const MARK_FIVE: u8 = 0xc0;
const MARK_NINE: u8 = 0xc1;

/// How many bytes `write_len(len)` takes.
pub(super) const fn len_width(len: usize) -> usize {
    if len < TWO {
        1
    } else if len < FIVE {
        2
    } else if len <= u32::MAX as usize {
        5
    } else {
        9
    }
}

/// Writes `len` and returns where the next byte goes.
///
/// # Safety
/// `to` must have `len_width(len)` writable bytes.
pub(super) unsafe fn write_len(to: NonNull<u8>, len: usize) -> NonNull<u8> {
    // SAFETY: the caller provides len_width(len) bytes; each arm writes exactly that many.
    unsafe {
        match len_width(len) {
            1 => to.write(len as u8),
            2 => {
                to.write(MARK_TWO | (len >> 8) as u8);
                to.add(1).write(len as u8);
            }
            5 => {
                to.write(MARK_FIVE);
                to.add(1).cast::<[u8; 4]>().write((len as u32).to_le_bytes());
            }
            _ => {
                to.write(MARK_NINE);
                to.add(1).cast::<[u8; 8]>().write((len as u64).to_le_bytes());
            }
        }
        to.add(len_width(len))
    }
}

/// Reads a length: its value, and where the next byte stands.
///
/// # Safety
/// `from` must point at bytes written by [`write_len`].
#[inline]
pub(super) unsafe fn read_len(from: NonNull<u8>) -> (usize, NonNull<u8>) {
    // SAFETY: the first byte says how many follow, and write_len wrote them all.
    unsafe {
        let first = from.read();
        if first < MARK_TWO {
            return (usize::from(first), from.add(1));
        }
        if first < MARK_FIVE {
            return (usize::from(first & 0x3f) << 8 | usize::from(from.add(1).read()), from.add(2));
        }
        read_wide_len(from)
    }
}

/// The lengths of 16 KiB and more.
///
/// # Safety
/// As [`read_len`].
#[cold]
unsafe fn read_wide_len(from: NonNull<u8>) -> (usize, NonNull<u8>) {
    // SAFETY: as in read_len.
    unsafe {
        if from.read() == MARK_FIVE {
            let bytes = from.add(1).cast::<[u8; 4]>().read();
            return (u32::from_le_bytes(bytes) as usize, from.add(5));
        }
        let bytes = from.add(1).cast::<[u8; 8]>().read();
        (u64::from_le_bytes(bytes) as usize, from.add(9))
    }
}

/// Copies `bytes` and returns where the next byte goes.
///
/// # Safety
/// `to` must have `bytes.len()` writable bytes, none of them in `bytes`.
pub(super) unsafe fn write_bytes(to: NonNull<u8>, bytes: &[u8]) -> NonNull<u8> {
    // SAFETY: the caller promises room and no overlap.
    unsafe {
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), to.as_ptr(), bytes.len());
        to.add(bytes.len())
    }
}

fn layout(size: usize) -> Result<Layout, OutOfMemory> {
    Layout::from_size_align(size, ALIGN).map_err(|_| OutOfMemory)
}

/// Unwraps an allocation that the caller has no way to give up on.
pub(super) fn must<T>(allocation: Result<T, OutOfMemory>, size: usize) -> T {
    allocation.unwrap_or_else(|_| handle_alloc_error(layout(size).unwrap_or(Layout::new::<u8>())))
}

/// Allocates `size` bytes, not initialized; `size` must not be zero, and no header of this room is.
pub(super) fn allocate(size: usize) -> Result<NonNull<u8>, OutOfMemory> {
    debug_assert!(size > 0, "every thin allocation has a header");
    let layout = layout(size)?;
    // SAFETY: the size is not zero.
    noted(NonNull::new(unsafe { alloc(layout) }), size)
}

/// Grows or shrinks an allocation; on failure the old one stands as it was.
///
/// # Safety
/// `pointer` must come from [`allocate`] or [`reallocate`] with size `old`.
pub(super) unsafe fn reallocate(
    pointer: NonNull<u8>,
    old: usize,
    new: usize,
) -> Result<NonNull<u8>, OutOfMemory> {
    debug_assert!(new > 0, "every thin allocation has a header");
    layout(new)?;
    // SAFETY: `old` is the size it was allocated with, `new` is not zero and makes a valid layout.
    noted(NonNull::new(unsafe { realloc(pointer.as_ptr(), layout(old)?, new) }), new)
}

/// What the allocator gave, if anything; where that is may become a huge page.
#[inline]
fn noted(given: Option<NonNull<u8>>, size: usize) -> Result<NonNull<u8>, OutOfMemory> {
    let given = given.ok_or(OutOfMemory)?;
    huge::note(given.addr().get(), size);
    Ok(given)
}

/// Frees an allocation.
///
/// # Safety
/// `pointer` must come from [`allocate`] or [`reallocate`] with this `size`, and not be used again.
pub(super) unsafe fn free(pointer: NonNull<u8>, size: usize) {
    // SAFETY: the caller passes the size it allocated, so this layout was valid then.
    unsafe { dealloc(pointer.as_ptr(), Layout::from_size_align_unchecked(size, ALIGN)) }
}

/// What an allocation of `size` bytes costs in a common allocator: an eight-byte header, rounded up to 16, at least 32.
pub(super) const fn footprint(size: usize) -> usize {
    let rounded = (size + 8 + 15) & !15;
    if rounded < 32 { 32 } else { rounded }
}

#[cfg(test)]
mod tests {
    use super::{footprint, len_width, read_len, write_len};
    use std::ptr::NonNull;

    #[test]
    fn every_width_of_length_reads_back() {
        let wide = u32::MAX as usize;
        for len in [0, 1, 127, 128, 255, 256, 16_383, 16_384, 65_536, wide, wide + 1, usize::MAX] {
            let mut room = [0u8; 9];
            let start = NonNull::from(&mut room).cast::<u8>();
            // SAFETY: nine bytes hold any length.
            let (end, (read, after)) = unsafe { (write_len(start, len), read_len(start)) };
            assert_eq!(read, len);
            assert_eq!(after, end);
            assert_eq!(end.as_ptr() as usize - start.as_ptr() as usize, len_width(len));
        }
    }

    #[test]
    fn footprint_counts_the_allocators_header() {
        assert_eq!([footprint(1), footprint(24), footprint(25), footprint(119)], [32, 32, 48, 128]);
    }
}
