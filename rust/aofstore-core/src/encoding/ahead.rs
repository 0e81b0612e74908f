//! Hints to the processor: bytes that a walk will read a few steps from now.
//!
//! Tables use it for their buckets, walks over the keyspace for the values. A hint changes nothing that can be seen, so
//! none of this needs care; too many hints at once are simply not taken.
#![cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "a prefetch takes any address"))]

/// Bytes that one hint brings in.
const LINE: usize = 64;
/// Hints for one stretch: what comes behind them the processor foresees by itself.
const LINES: usize = 4;

/// The cache line at an address, which may be any.
#[inline]
pub(super) fn prefetch_at<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch never faults and changes nothing that can be seen.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// The first lines of `bytes`.
#[inline]
pub fn prefetch(bytes: &[u8]) {
    prefetch_stretch(bytes.as_ptr(), bytes.len());
}

/// The first line of what a reference points to.
#[inline]
pub fn prefetch_ref<T>(target: &T) {
    prefetch_at(target);
}

/// The first lines of `len` bytes at `start`.
#[inline]
pub(super) fn prefetch_stretch(start: *const u8, len: usize) {
    prefetch_all(start, len.min(LINES * LINE));
}

/// Every line of `len` bytes at `start`, for somebody who jumps about in them.
#[inline]
pub(super) fn prefetch_all(start: *const u8, len: usize) {
    for line in 0..len.div_ceil(LINE) {
        prefetch_at(start.wrapping_add(line * LINE));
    }
}
