//! Growing and shrinking, a few buckets at a time.
//!
//! A migration moves the old array's buckets in order; `next` is the first that is not moved. Each change of the table moves
//! a little, a background tick may move more. While a forked child lives migrations wait, since moving writes to shared
//! pages, unless the table is far too full or far too empty.
#![expect(unsafe_code, reason = "moving drains raw chains and gives back emptied segments")]

use super::bucket::{self, SLOTS};
use super::buckets::Buckets;
use super::map::{Element, Table};
use super::segment::Pace;

/// The array being left, and how far.
pub(super) struct Migration<E> {
    pub(super) old: Buckets<E>,
    pub(super) next: usize,
}

/// Below one element in this many slots the table shrinks.
const SPARSE: usize = 8;
/// A migration that must wait goes on all the same below one element in this many slots.
const TOO_SPARSE: usize = 32;
/// A migration that must wait goes on all the same above this many elements a slot.
const TOO_FULL: usize = 4;
/// One migration changes the size by no more than this power of two: one step of a scan visits that many buckets.
const LEAP: u32 = 4;
/// An array of fewer buckets than this power of two is moved at once where that saves much.
const SMALL: u32 = 10;
/// What one change of the table moves: it stops at the first bucket that brings the elements moved to `MOVE_ELEMENTS`, or
/// after `MOVE_BUCKETS`. One full bucket an insert ends a growth long before the next is due.
const MOVE_ELEMENTS: usize = 4;
const MOVE_BUCKETS: usize = 8;
/// A reservation may come from a damaged file: even this one takes only eight megabytes at once.
const MOST_RESERVED: usize = 1 << 32;

/// The smallest exponent at which `len` elements fill no more than three quarters of the slots.
fn fitting(len: usize) -> u32 {
    (len * 4).div_ceil(SLOTS * 3).next_power_of_two().trailing_zeros()
}

impl<E: Element> Table<E> {
    /// Whether elements are being moved to an array of another size.
    pub fn is_rehashing(&self) -> bool {
        self.migration.is_some()
    }

    /// Whether growing and shrinking may go on; turn it off while a forked child shares the memory.
    pub fn set_resize_allowed(&mut self, allowed: bool) {
        self.resize_allowed = allowed;
    }

    /// Moves up to `buckets` buckets, starting a resize that was put off; returns whether there is more to do. For a
    /// background tick.
    pub fn rehash_step(&mut self, buckets: usize) -> bool {
        self.begin_if_due();
        self.advance(buckets, usize::MAX);
        self.is_rehashing() && self.may_move()
    }

    /// Makes an empty table as large as `len` elements want it; does nothing to one that has elements.
    pub fn reserve(&mut self, len: usize) {
        if self.is_empty() && self.migration.is_none() && len > SLOTS {
            self.buckets = Buckets::new(fitting(len.min(MOST_RESERVED)));
        }
    }

    /// Makes room for `len` elements, for whoever knows that so many are about to come. Growing step by step would move
    /// every element more than once; an array that turns out too large is brought back by [`settle`](Self::settle).
    pub fn expect(&mut self, len: usize) {
        let half_full = self.len * 2 > self.buckets.len() * SLOTS;
        if half_full && self.migration.is_none() && self.resize_allowed {
            let (now, wanted) = (self.buckets.exponent(), fitting(len.min(MOST_RESERVED)));
            if now < SMALL && wanted > now {
                self.begin(wanted, Pace::AtOnce);
                self.advance(usize::MAX, usize::MAX);
            } else if wanted > now {
                self.begin(wanted.min(now + LEAP), Pace::AtOnce);
            }
        }
    }

    /// Begins to shrink an array that is larger than its elements want it; a background tick goes on with it.
    pub fn settle(&mut self) {
        let (now, wanted) = (self.buckets.exponent(), fitting(self.len));
        if wanted < now && self.migration.is_none() && self.resize_allowed {
            self.begin(wanted.max(now.saturating_sub(LEAP)), Pace::Gradual);
        }
    }

    fn begin(&mut self, exponent: u32, pace: Pace) {
        let old = std::mem::replace(&mut self.buckets, Buckets::at_pace(exponent, pace));
        self.migration = Some(Box::new(Migration { old, next: 0 }));
    }

    /// Before an insert: grows when due, and moves a little.
    #[inline]
    pub(super) fn make_room(&mut self) {
        if self.migration.is_some() || self.len >= self.buckets.len() * SLOTS {
            self.begin_if_due_for(self.len + 1);
            self.advance(MOVE_BUCKETS, MOVE_ELEMENTS);
        }
        if self.len.is_multiple_of(2) {
            // What is spare is given back so slowly that no allocation has much to put in order.
            self.spares.trim(1);
        }
    }

    /// After a removal: shrinks when due, and moves a little.
    #[inline]
    pub(super) fn give_room(&mut self) {
        if self.migration.is_some() || self.len * SPARSE < self.buckets.len() * SLOTS {
            self.begin_if_due();
            self.advance(MOVE_BUCKETS, MOVE_ELEMENTS);
        }
    }

    fn begin_if_due(&mut self) {
        self.begin_if_due_for(self.len);
    }

    fn begin_if_due_for(&mut self, len: usize) {
        if self.migration.is_some() || !self.may_move() {
            return;
        }
        let now = self.buckets.exponent();
        let slots = self.buckets.len() * SLOTS;
        let full = len > slots;
        let sparse = now > 0 && len * SPARSE < slots;
        if full || sparse {
            self.begin(fitting(len).clamp(now.saturating_sub(LEAP), now + LEAP), Pace::Gradual);
        }
    }

    /// Whether buckets may be moved now: freely, or because waiting has become too dear.
    fn may_move(&self) -> bool {
        let now = self.buckets.len();
        let old = self.migration.as_ref().map_or(now, |migration| migration.old.len());
        self.resize_allowed
            || self.len > now.min(old) * SLOTS * TOO_FULL
            || self.len * TOO_SPARSE < now.max(old) * SLOTS
    }

    /// Moves buckets until one of the limits is reached.
    fn advance(&mut self, buckets: usize, elements: usize) {
        if !self.may_move() {
            return;
        }
        let mut moved = 0;
        for _ in 0..buckets {
            if moved >= elements || self.migration.is_none() {
                return;
            }
            moved += self.move_bucket();
        }
    }

    /// Moves the next bucket of the migration; returns how many elements it had.
    fn move_bucket(&mut self) -> usize {
        let Some(mut migration) = self.migration.take() else { return 0 };
        let index = migration.next;
        migration.next += 1;
        let moved = migration.old.get(index).map_or(0, |head| {
            let mut moved = 0;
            // SAFETY: the chain belongs to the old array, and elements are put only in the new one.
            let spares = unsafe {
                bucket::drain(head, |tag, element| {
                    let index = self.hash(element.key()) & self.buckets.mask();
                    let head = self.buckets.get_or_allocate(index as usize);
                    let (_, longer) = bucket::push(head, tag, element, &mut self.spares);
                    self.chained += usize::from(longer);
                    moved += 1;
                })
            };
            self.chained -= spares.len();
            if self.buckets.exponent() > SMALL {
                self.spares.append(spares);
            }
            moved
        });
        // SAFETY: buckets are moved one after the other, this being the last, and nothing is put in a moved one.
        unsafe { migration.old.emptied(index) };
        if migration.next < migration.old.len() {
            migration.prefetch();
            self.migration = Some(migration);
        }
        moved
    }
}

impl<E> Migration<E> {
    /// Asks for the keys that the next move will hash.
    fn prefetch(&self) {
        if let Some(head) = self.old.get(self.next) {
            // SAFETY: the chain lives as long as its array.
            unsafe { head.as_ref() }.prefetch_elements();
        }
    }
}
