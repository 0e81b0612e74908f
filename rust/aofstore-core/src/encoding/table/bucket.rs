//! One cache line of a table, and the chain that hangs on it when it is full.
//!
//! The first byte of `meta` is the number of elements, with bit 7 set when the last slot points to another bucket; the other
//! seven bytes are the tags. INVARIANT: elements fill the slots from the first on without gaps; a chained bucket holds six
//! elements and its pointer; the last bucket of a chain, unless it is the head, holds at least two (one would fit in the
//! place of the pointer).
#![expect(unsafe_code, reason = "slots are a union of element and pointer, told apart by the count byte")]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};

use super::map::Element;
use super::spare::Spares;
use crate::encoding::ahead::prefetch_at as prefetch;

/// Elements in one bucket.
pub(super) const SLOTS: usize = 7;
/// Bytes that come from memory together.
const LINE: usize = 64;
/// How many of an element are asked for: a key with a short value, or with the head of something larger.
const LINES: usize = 3;
const IN_CHAINED: usize = SLOTS - 1;
const COUNT: u64 = 0x07;
const CHAINED: u64 = 0x80;
const ONES: u64 = 0x0101_0101_0101_0101;
const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;

#[repr(C)]
union Slot<E> {
    element: ManuallyDrop<E>,
    next: NonNull<Bucket<E>>,
}

/// All zero bytes are an empty bucket.
#[repr(C)]
pub(super) struct Bucket<E> {
    meta: u64,
    slots: [Slot<E>; SLOTS],
}

/// Where one element stands; good until the chain changes.
pub(super) struct Place<E> {
    bucket: NonNull<Bucket<E>>,
    slot: usize,
}

impl<E> Clone for Place<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Place<E> {}

impl<E> Place<E> {
    /// The element's address.
    #[inline]
    pub(super) fn element(self) -> NonNull<E> {
        // SAFETY: a place names a slot of a living bucket.
        unsafe { slot_of(self.bucket, self.slot).cast() }
    }
}

/// The tag of a hash: the bits that choose the bucket are the lowest, so the tag takes the highest.
#[inline]
pub(super) const fn tag_of(hash: u64) -> u8 {
    (hash >> 56) as u8
}

/// # Safety
/// `bucket` must live and `slot` be less than [`SLOTS`].
#[inline]
unsafe fn slot_of<E>(bucket: NonNull<Bucket<E>>, slot: usize) -> NonNull<Slot<E>> {
    debug_assert!(slot < SLOTS, "no such slot");
    // SAFETY: in bounds by the caller's promise; no reference is made.
    unsafe { NonNull::new_unchecked(&raw mut (*bucket.as_ptr()).slots).cast::<Slot<E>>().add(slot) }
}

impl<E> Bucket<E> {
    /// Elements in this bucket alone.
    #[inline]
    pub(super) const fn len(&self) -> usize {
        (self.meta & COUNT) as usize
    }

    #[inline]
    const fn is_chained(&self) -> bool {
        self.meta & CHAINED != 0
    }

    /// The bucket chained to this one.
    #[inline]
    pub(super) const fn next(&self) -> Option<NonNull<Self>> {
        if self.is_chained() {
            // SAFETY: the bit says that the last slot holds the pointer.
            Some(unsafe { self.slots[SLOTS - 1].next })
        } else {
            None
        }
    }

    /// The elements in this bucket alone.
    #[inline]
    pub(super) fn elements(&self) -> &[E] {
        // SAFETY: the first `len` slots hold elements, and a slot has the size of an element (checked in `Table::new`).
        unsafe { std::slice::from_raw_parts(self.slots.as_ptr().cast::<E>(), self.len()) }
    }

    /// One bit (0x80) in the byte of each slot that has this tag; the slot's byte is 1 + its number.
    #[inline]
    const fn matches(&self, tag: u8) -> u64 {
        let differing = self.meta ^ (tag as u64 * ONES);
        let equal = !(((differing & LOW) + LOW) | differing | LOW);
        let occupied = (1u64 << (8 * self.len())).wrapping_sub(1) << 8;
        equal & occupied
    }

    const fn tag(&self, slot: usize) -> u8 {
        (self.meta >> (8 * (slot + 1))) as u8
    }

    const fn set_tag(&mut self, slot: usize, tag: u8) {
        let shift = 8 * (slot + 1);
        self.meta = self.meta & !(0xff << shift) | (tag as u64) << shift;
    }

    const fn set_count(&mut self, count: usize) {
        self.meta = self.meta & !COUNT | count as u64;
    }

    /// Asks the processor for what this bucket points to: its elements and the next in its chain.
    #[inline]
    pub(super) fn prefetch_elements(&self) {
        let taken = if self.is_chained() { SLOTS } else { self.len() };
        for slot in self.slots.iter().take(taken) {
            // SAFETY: whatever the slot holds has the size of a pointer; the address is only a hint, never read here.
            prefetch(unsafe { ptr::from_ref(slot).cast::<*const u8>().read() });
        }
    }

    /// Asks the processor for what the handles with this tag point to.
    #[inline]
    pub(super) fn prefetch_matches(&self, tag: u8) {
        let mut matches = self.matches(tag);
        while matches != 0 {
            let slot = matches.trailing_zeros() as usize / 8 - 1;
            // SAFETY: as in prefetch_elements; a match is an occupied slot.
            prefetch(unsafe { self.slots.as_ptr().add(slot).cast::<*const u8>().read() });
            matches &= matches - 1;
        }
    }
}

/// Finds the element with `key` in a chain.
///
/// # Safety
/// `head` must be a living chain that nobody changes meanwhile.
#[inline]
pub(super) unsafe fn find<E: Element>(head: NonNull<Bucket<E>>, tag: u8, key: &[u8]) -> Option<Place<E>> {
    let mut bucket = head;
    loop {
        // SAFETY: the chain lives; a matching slot is an occupied one.
        unsafe {
            let mut matches = bucket.as_ref().matches(tag);
            while matches != 0 {
                let place = Place { bucket, slot: matches.trailing_zeros() as usize / 8 - 1 };
                // An element rarely ends in the line where it begins, and whoever finds it wants the rest.
                let start = place.element().cast::<*const u8>().read();
                (1..LINES).for_each(|line| prefetch(start.wrapping_add(line * LINE)));
                if place.element().as_ref().key() == key {
                    return Some(place);
                }
                matches &= matches - 1;
            }
            bucket = bucket.as_ref().next()?;
        }
    }
}

/// Elements in a whole chain.
///
/// # Safety
/// As [`find`].
pub(super) unsafe fn population<E>(head: NonNull<Bucket<E>>) -> usize {
    // SAFETY: the chain lives.
    unsafe { chain(head).map(Bucket::len).sum() }
}

/// The buckets of a chain.
///
/// # Safety
/// The chain must live, unchanged, for `'a`.
pub(super) unsafe fn chain<'a, E: 'a>(head: NonNull<Bucket<E>>) -> impl Iterator<Item = &'a Bucket<E>> {
    // SAFETY: each bucket lives as long as its chain.
    let shared = |bucket: NonNull<Bucket<E>>| unsafe { bucket.as_ref() };
    std::iter::successors(Some(shared(head)), move |bucket| bucket.next().map(shared))
}

/// Adds an element to a chain; returns its place and whether the chain took another bucket.
///
/// # Safety
/// `head` must be a living chain, ours alone.
pub(super) unsafe fn push<E>(
    head: NonNull<Bucket<E>>,
    tag: u8,
    element: E,
    spares: &mut Spares<E>,
) -> (Place<E>, bool) {
    // SAFETY: the chain is ours; `last` is its last bucket and has a free slot when the element is written.
    unsafe {
        let mut last = head;
        while let Some(next) = last.as_ref().next() {
            last = next;
        }
        let full = last.as_ref().len() == SLOTS;
        if full {
            last = extend(last, spares);
        }
        let bucket = last.as_mut();
        let slot = bucket.len();
        bucket.set_tag(slot, tag);
        bucket.set_count(slot + 1);
        let place = Place { bucket: last, slot };
        place.element().write(element);
        (place, full)
    }
}

/// Chains a bucket to a full one; the element in the way of the pointer moves into it.
///
/// # Safety
/// `full` must be the last of its chain, hold [`SLOTS`] elements, and be ours alone.
unsafe fn extend<E>(mut full: NonNull<Bucket<E>>, spares: &mut Spares<E>) -> NonNull<Bucket<E>> {
    // SAFETY: the fresh bucket is empty and ours; the moved slot is read before it is overwritten.
    unsafe {
        let mut fresh = spares.take().unwrap_or_else(allocate);
        let pointer_slot = slot_of(full, SLOTS - 1);
        fresh.as_mut().set_tag(0, full.as_ref().tag(SLOTS - 1));
        fresh.as_mut().set_count(1);
        slot_of(fresh, 0).write(pointer_slot.read());
        pointer_slot.write(Slot { next: fresh });
        full.as_mut().set_count(IN_CHAINED);
        full.as_mut().meta |= CHAINED;
        fresh
    }
}

#[cold]
fn allocate<E>() -> NonNull<Bucket<E>> {
    let layout = Layout::new::<Bucket<E>>();
    // SAFETY: a bucket has a size; all zero is an empty bucket.
    let fresh = NonNull::new(unsafe { alloc_zeroed(layout) }.cast::<Bucket<E>>());
    fresh.unwrap_or_else(|| handle_alloc_error(layout))
}

/// Makes a bucket a link of a list.
///
/// # Safety
/// `bucket` must be ours alone; what it holds is forgotten.
pub(super) unsafe fn link<E>(mut bucket: NonNull<Bucket<E>>, next: Option<NonNull<Bucket<E>>>) {
    // SAFETY: the caller's promise; the bit says that the last slot holds the pointer.
    unsafe {
        bucket.as_mut().meta = if next.is_some() { CHAINED } else { 0 };
        if let Some(next) = next {
            slot_of(bucket, SLOTS - 1).write(Slot { next });
        }
    }
}

/// Makes it an empty bucket again; the next in the list.
///
/// # Safety
/// `bucket` must be what [`link`] made it, and ours alone.
pub(super) unsafe fn unlink<E>(mut bucket: NonNull<Bucket<E>>) -> Option<NonNull<Bucket<E>>> {
    // SAFETY: the caller's promise.
    unsafe {
        let next = bucket.as_ref().next();
        bucket.as_mut().meta = 0;
        next
    }
}

/// # Safety
/// `bucket` must have been chained, hold nothing, and not be used again.
pub(super) unsafe fn free<E>(bucket: NonNull<Bucket<E>>) {
    // SAFETY: allocated with this layout.
    unsafe { dealloc(bucket.as_ptr().cast(), Layout::new::<Bucket<E>>()) }
}

/// Takes an element out; the chain's last one fills the gap. Returns it and whether the chain gave up a bucket.
///
/// # Safety
/// `place` must be an element of the living chain `head`, ours alone.
pub(super) unsafe fn remove<E>(head: NonNull<Bucket<E>>, mut place: Place<E>) -> (E, bool) {
    // SAFETY: every bucket reached belongs to the chain; the removed slot is read once and then overwritten or uncounted.
    unsafe {
        let element = place.element().read();
        let (mut last, mut before) = (head, None);
        while let Some(next) = last.as_ref().next() {
            (last, before) = (next, Some(last));
        }
        let end = last.as_ref().len() - 1;
        if (last, end) != (place.bucket, place.slot) {
            slot_of(place.bucket, place.slot).write(slot_of(last, end).read());
            let tag = last.as_ref().tag(end);
            place.bucket.as_mut().set_tag(place.slot, tag);
        }
        last.as_mut().set_count(end);
        let shorter = before.filter(|_| end == 1);
        if let Some(before) = shorter {
            unchain(before, last);
        }
        (element, shorter.is_some())
    }
}

/// Moves the only element of `last` to where the pointer to it stood, and frees `last`.
///
/// # Safety
/// `last` must be chained to `before`, end the chain and hold one element; both must be ours alone.
unsafe fn unchain<E>(mut before: NonNull<Bucket<E>>, last: NonNull<Bucket<E>>) {
    // SAFETY: the element moves once, and the pointer it replaces is not followed again.
    unsafe {
        let tag = last.as_ref().tag(0);
        slot_of(before, SLOTS - 1).write(slot_of(last, 0).read());
        let bucket = before.as_mut();
        bucket.meta &= !CHAINED;
        bucket.set_tag(SLOTS - 1, tag);
        bucket.set_count(SLOTS);
        free(last);
    }
}

/// Empties a chain into `take`; all its buckets but the head are spare then.
///
/// # Safety
/// `head` must be a living chain, ours alone, and `take` must not touch it.
pub(super) unsafe fn drain<E>(head: NonNull<Bucket<E>>, mut take: impl FnMut(u8, E)) -> Spares<E> {
    let mut spares = Spares::new();
    // SAFETY: the head is emptied before anything is taken, so a panic in `take` can only leak what is left.
    unsafe {
        if head.as_ref().len() == 0 {
            return spares;
        }
        let mut bucket = head.read();
        (*head.as_ptr()).meta = 0;
        loop {
            for slot in 0..bucket.len() {
                take(bucket.tag(slot), slot_of(NonNull::from(&mut bucket), slot).cast::<E>().read());
            }
            let Some(next) = bucket.next() else { return spares };
            bucket = next.read();
            spares.put(next);
        }
    }
}
