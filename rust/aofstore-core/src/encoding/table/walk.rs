//! Walking a table: all of it, in steps that survive resizing, or at random.
//!
//! `scan` keeps Redis's promise: an element present from the first call to the last is given at least once. The cursor counts
//! with its bits reversed, so buckets that one of the other size splits into, or merges from, are visited together.
#![expect(unsafe_code, reason = "chains are raw; the walk borrows the table, so nobody changes them")]

use std::ptr::NonNull;

use super::bucket::{self, Bucket, SLOTS};
use super::buckets::Buckets;
use super::map::{Element, Table};

/// Draws of `random` before it takes the next element it can find instead.
const DRAWS: usize = 512;

impl<E: Element> Table<E> {
    /// Every element once, in no order. Allocates nothing.
    pub fn iter(&self) -> Iter<'_, E> {
        let old = self.migration.as_ref().map(|migration| (&migration.old, migration.next));
        let (buckets, index) = old.unwrap_or((&self.buckets, 0));
        let then = old.map(|_| &self.buckets);
        Iter { buckets, index, then, elements: [].iter(), next: None, left: self.len() }
    }

    /// Gives some elements and returns the cursor for the next call; begin with 0, and 0 is the end. Elements that are in the
    /// table from the first call to the last are given at least once, however it grows or shrinks meanwhile.
    pub fn scan(&self, cursor: u64, emit: &mut dyn FnMut(&E)) -> u64 {
        let Some(migration) = &self.migration else {
            emit_chain(&self.buckets, cursor, emit);
            return advance(cursor, self.buckets.mask());
        };
        let (mut small, mut large) = (&migration.old, &self.buckets);
        if small.len() > large.len() {
            std::mem::swap(&mut small, &mut large);
        }
        emit_chain(small, cursor, emit);
        let mut cursor = cursor;
        loop {
            emit_chain(large, cursor, emit);
            cursor = advance(cursor, large.mask());
            if cursor & (small.mask() ^ large.mask()) == 0 {
                return cursor;
            }
        }
    }

    /// One element, each as likely as any other.
    pub fn random(&self, rng: &mut fastrand::Rng) -> Option<&E> {
        if self.is_empty() {
            return None;
        }
        let chains = self.populated();
        // Chains longer than the bound are as likely as one of the bound's length; they are too rare to matter.
        let bound = if chains == 1 { 1 } else { SLOTS + 1 + 2 * self.len() / chains };
        for _ in 0..DRAWS {
            let Some(head) = self.nth_chain(rng.usize(..chains)) else { continue };
            // SAFETY: the table is borrowed, so the chain lives unchanged.
            let population = unsafe { bucket::population(head) };
            if population > 0 && (population >= bound || rng.usize(..bound) < population) {
                return nth_element(head, rng.usize(..population));
            }
        }
        self.random_neighbour(rng, chains)
    }

    /// For a table so sparse that drawing fails: any element of the first chain from a random one on that has any.
    #[cold]
    fn random_neighbour(&self, rng: &mut fastrand::Rng, chains: usize) -> Option<&E> {
        let start = rng.usize(..chains);
        (start..chains).chain(0..start).filter_map(|n| self.nth_chain(n)).find_map(|head| {
            // SAFETY: as in `random`.
            let population = unsafe { bucket::population(head) };
            (population > 0).then(|| nth_element(head, rng.usize(..population))).flatten()
        })
    }

    /// How many chains may have elements: those not yet moved, and those that the moved ones went to.
    fn populated(&self) -> usize {
        let Some(migration) = &self.migration else { return self.buckets.len() };
        let (old, new, moved) = (migration.old.len(), self.buckets.len(), migration.next);
        old - moved + if new > old { moved * (new / old) } else { moved.min(new) }
    }

    /// The chain with this number among the [`populated`](Self::populated) ones.
    fn nth_chain(&self, n: usize) -> Option<NonNull<Bucket<E>>> {
        let Some(migration) = &self.migration else { return self.buckets.get(n) };
        let (old, moved) = (migration.old.len(), migration.next);
        match n.checked_sub(old - moved) {
            None => migration.old.get(moved + n),
            Some(n) if self.buckets.len() > old => self.buckets.get(n % moved + n / moved * old),
            Some(n) => self.buckets.get(n),
        }
    }
}

/// The next cursor: the bits above the mask set, reversed, plus one, reversed.
const fn advance(cursor: u64, mask: u64) -> u64 {
    (cursor | !mask).reverse_bits().wrapping_add(1).reverse_bits()
}

fn emit_chain<E>(buckets: &Buckets<E>, cursor: u64, emit: &mut dyn FnMut(&E)) {
    if let Some(head) = buckets.get((cursor & buckets.mask()) as usize) {
        // SAFETY: the caller borrows the table, so the chain lives unchanged.
        unsafe { bucket::chain(head) }.flat_map(Bucket::elements).for_each(emit);
    }
}

fn nth_element<'a, E>(head: NonNull<Bucket<E>>, n: usize) -> Option<&'a E> {
    // SAFETY: only called with chains of a table borrowed for 'a.
    unsafe { bucket::chain(head) }.flat_map(Bucket::elements).nth(n)
}

/// The elements of a table.
pub struct Iter<'a, E> {
    buckets: &'a Buckets<E>,
    index: usize,
    then: Option<&'a Buckets<E>>,
    elements: std::slice::Iter<'a, E>,
    next: Option<&'a Bucket<E>>,
    left: usize,
}

impl<'a, E> Iter<'a, E> {
    /// The next bucket to give elements from: the rest of a chain, then the rest of the array, then the other array.
    fn next_bucket(&mut self) -> Option<&'a Bucket<E>> {
        if let Some(bucket) = self.next.take() {
            return Some(bucket);
        }
        loop {
            while self.index >= self.buckets.len() {
                (self.buckets, self.index) = (self.then.take()?, 0);
            }
            let Some(head) = self.buckets.get(self.index) else {
                self.index = self.buckets.next_segment(self.index);
                continue;
            };
            self.index += 1;
            self.prefetch();
            // SAFETY: the table is borrowed for 'a, so its buckets live unchanged.
            return Some(unsafe { head.as_ref() });
        }
    }

    /// Asks for what the bucket after this one points to.
    fn prefetch(&self) {
        if self.index < self.buckets.len()
            && let Some(head) = self.buckets.get(self.index)
        {
            // SAFETY: as above.
            unsafe { head.as_ref() }.prefetch_elements();
        }
    }
}

impl<'a, E> Iterator for Iter<'a, E> {
    type Item = &'a E;

    fn next(&mut self) -> Option<&'a E> {
        loop {
            if let Some(element) = self.elements.next() {
                self.left -= 1;
                return Some(element);
            }
            let bucket = self.next_bucket()?;
            self.elements = bucket.elements().iter();
            // SAFETY: the table is borrowed for 'a, so the chain lives unchanged.
            self.next = bucket.next().map(|next| unsafe { next.as_ref() });
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<E> ExactSizeIterator for Iter<'_, E> {}

impl<'a, E: Element> IntoIterator for &'a Table<E> {
    type Item = &'a E;
    type IntoIter = Iter<'a, E>;

    fn into_iter(self) -> Iter<'a, E> {
        self.iter()
    }
}
