//! `Table`: the operations on one key.
//!
//! INVARIANT: while a migration runs, an element stands in the old array if its old bucket is not yet moved and in the new
//! one otherwise; `chain_of` is the only place that knows.
#![expect(
    unsafe_code,
    reason = "chains are raw; the table owns them and hands out references bound to itself"
)]

use std::ptr::NonNull;

use super::bucket::{self, Bucket, Place, tag_of};
use super::buckets::Buckets;
use super::entry::Entry;
use super::resize::Migration;
use super::seed::Seed;
use super::spare::Spares;
use crate::encoding::ahead::prefetch_at;
use crate::encoding::{huge, thin};

/// Spare buckets that a removal frees: a table that shrinks needs none, and this ends before the elements do.
const TRIMMED: usize = 2;

/// A handle of pointer size that owns its key.
pub trait Element {
    /// The key; it must not change while the element is in a table.
    fn key(&self) -> &[u8];
}

/// A set of elements found by their keys.
pub struct Table<E: Element> {
    seed: Seed,
    pub(super) len: usize,
    pub(super) chained: usize,
    pub(super) spares: Spares<E>,
    pub(super) buckets: Buckets<E>,
    pub(super) migration: Option<Box<Migration<E>>>,
    pub(super) resize_allowed: bool,
}

impl<E: Element> Table<E> {
    const THIN: () = assert!(
        size_of::<E>() == size_of::<*const ()>() && align_of::<E>() == align_of::<*const ()>(),
        "an element is a handle of pointer size"
    );

    /// An empty table; nothing is allocated until the first insert.
    pub fn new(seed: Seed) -> Self {
        const { Self::THIN };
        Self {
            seed,
            len: 0,
            chained: 0,
            spares: Spares::new(),
            buckets: Buckets::new(0),
            migration: None,
            resize_allowed: true,
        }
    }

    /// How many elements.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The element with this key.
    #[inline]
    pub fn get(&self, key: &[u8]) -> Option<&E> {
        self.get_hashed(self.hash(key), key)
    }

    /// The element with this key, to change in place; its key must stay the same.
    #[inline]
    pub fn get_mut(&mut self, key: &[u8]) -> Option<&mut E> {
        self.get_mut_hashed(self.hash(key), key)
    }

    /// [`get_mut`](Self::get_mut) when the hash is known; it must be that of `key`.
    #[inline]
    pub fn get_mut_hashed(&mut self, hash: u64, key: &[u8]) -> Option<&mut E> {
        let place = self.find(hash, key)?.1;
        // SAFETY: the place holds an element, and `&mut self` makes it ours alone.
        Some(unsafe { place.element().as_mut() })
    }

    #[inline]
    pub fn contains(&self, key: &[u8]) -> bool {
        self.get(key).is_some()
    }

    /// The hash of a key in this table, for [`prefetch`](Self::prefetch) and the `_hashed` calls.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.seed.hash(key)
    }

    /// Asks the processor for the bucket of a key that will be looked up soon.
    #[inline]
    pub fn prefetch(&self, hash: u64) {
        if let Some(head) = self.chain_of(hash) {
            prefetch_at(head.as_ptr());
        }
    }

    /// After [`prefetch`](Self::prefetch) has had time to work: asks for the elements that may have the key.
    #[inline]
    pub fn prefetch_element(&self, hash: u64) {
        if let Some(head) = self.chain_of(hash) {
            // SAFETY: the chain lives as long as the table.
            unsafe { head.as_ref() }.prefetch_matches(tag_of(hash));
        }
    }

    /// [`get`](Self::get) when the hash is known; it must be that of `key`.
    #[inline]
    pub fn get_hashed(&self, hash: u64, key: &[u8]) -> Option<&E> {
        let place = self.find(hash, key)?.1;
        // SAFETY: the place holds an element, which nobody changes while `self` is borrowed.
        Some(unsafe { place.element().as_ref() })
    }

    /// Adds an element, or puts it in the place of the one with its key, which is returned.
    pub fn insert(&mut self, element: E) -> Option<E> {
        let hash = self.hash(element.key());
        if let Some((_, place)) = self.find(hash, element.key()) {
            // SAFETY: the place holds an element; one goes out as the other comes in.
            return Some(unsafe { place.element().replace(element) });
        }
        self.insert_absent(hash, element);
        None
    }

    /// The place of a key, occupied or vacant, found with one hash.
    #[inline]
    pub fn entry(&mut self, key: &[u8]) -> Entry<'_, E> {
        self.entry_hashed(self.hash(key), key)
    }

    /// [`entry`](Self::entry) when the hash is known; it must be that of `key`.
    #[inline]
    pub fn entry_hashed(&mut self, hash: u64, key: &[u8]) -> Entry<'_, E> {
        match self.find(hash, key) {
            Some((head, place)) => Entry::occupied(self, head, place),
            None => Entry::vacant(self, hash),
        }
    }

    /// Takes out the element with this key.
    pub fn remove(&mut self, key: &[u8]) -> Option<E> {
        let (head, place) = self.find(self.hash(key), key)?;
        Some(self.remove_at(head, place))
    }

    /// Drops every element and every bucket, at once: a large table is better moved to another thread and dropped there.
    pub fn clear(&mut self) {
        let allowed = self.resize_allowed;
        *self = Self::new(self.seed);
        self.resize_allowed = allowed;
    }

    /// Heap bytes of the buckets; what the elements own is not counted.
    pub fn memory(&self) -> usize {
        let old = self.migration.as_ref().map_or(0, |migration| migration.old.memory());
        let apart = self.chained + self.spares.len();
        self.buckets.memory() + old + apart * thin::footprint(size_of::<Bucket<E>>())
    }

    /// The chain where elements with this hash stand; `None` if it was never written.
    #[inline]
    fn chain_of(&self, hash: u64) -> Option<NonNull<Bucket<E>>> {
        if let Some(migration) = &self.migration {
            let index = (hash & migration.old.mask()) as usize;
            if index >= migration.next {
                return migration.old.get(index);
            }
        }
        self.buckets.get((hash & self.buckets.mask()) as usize)
    }

    /// The chain where an element with this hash must be put.
    pub(super) fn chain_for(&mut self, hash: u64) -> NonNull<Bucket<E>> {
        if let Some(migration) = &mut self.migration {
            let index = (hash & migration.old.mask()) as usize;
            if index >= migration.next {
                return migration.old.get_or_allocate(index);
            }
        }
        self.buckets.get_or_allocate((hash & self.buckets.mask()) as usize)
    }

    /// The chain and the place in it.
    #[inline]
    fn find(&self, hash: u64, key: &[u8]) -> Option<(NonNull<Bucket<E>>, Place<E>)> {
        let head = self.chain_of(hash)?;
        // SAFETY: the chain is the table's, and nobody changes it while `self` is borrowed.
        unsafe { bucket::find(head, tag_of(hash), key) }.map(|place| (head, place))
    }

    /// Adds an element whose key is not in the table.
    pub(super) fn insert_absent(&mut self, hash: u64, element: E) -> NonNull<E> {
        debug_assert_eq!(hash, self.hash(element.key()), "an entry takes only its own key");
        self.make_room();
        self.len += 1;
        let head = self.chain_for(hash);
        // SAFETY: the chain is ours.
        let (place, longer) = unsafe { bucket::push(head, tag_of(hash), element, &mut self.spares) };
        self.chained += usize::from(longer);
        huge::note(place.element().addr().get(), size_of::<E>());
        place.element()
    }

    /// Takes out an element that was just found.
    pub(super) fn remove_at(&mut self, head: NonNull<Bucket<E>>, place: Place<E>) -> E {
        // SAFETY: `find` gave both, and the table has not changed since.
        let (element, shorter) = unsafe { bucket::remove(head, place) };
        self.chained -= usize::from(shorter);
        self.len -= 1;
        self.spares.trim(TRIMMED);
        self.give_room();
        element
    }
}

impl<E: Element + Clone> Clone for Table<E> {
    fn clone(&self) -> Self {
        let mut copy = Self::new(self.seed);
        copy.reserve(self.len);
        for element in self {
            copy.insert_absent(copy.hash(element.key()), element.clone());
        }
        copy
    }
}

// SAFETY: the table owns its buckets alone, and through them its elements.
unsafe impl<E: Element + Send> Send for Table<E> {}
// SAFETY: shared access changes nothing and hands out `&E`.
unsafe impl<E: Element + Sync> Sync for Table<E> {}
