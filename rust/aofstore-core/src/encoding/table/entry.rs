//! The place of one key in a table, occupied or vacant, found with one hash.
#![expect(unsafe_code, reason = "an occupied entry keeps the raw place that the lookup found")]

use std::ptr::NonNull;

use super::bucket::{Bucket, Place};
use super::map::{Element, Table};

/// What stands at a key.
pub enum Entry<'a, E: Element> {
    Occupied(Occupied<'a, E>),
    Vacant(Vacant<'a, E>),
}

/// A key's element. INVARIANT: the table is not changed between the lookup and the use of the place.
pub struct Occupied<'a, E: Element> {
    table: &'a mut Table<E>,
    head: NonNull<Bucket<E>>,
    place: Place<E>,
}

/// A key without an element.
pub struct Vacant<'a, E: Element> {
    table: &'a mut Table<E>,
    hash: u64,
}

impl<'a, E: Element> Entry<'a, E> {
    pub(super) fn occupied(table: &'a mut Table<E>, head: NonNull<Bucket<E>>, place: Place<E>) -> Self {
        Self::Occupied(Occupied { table, head, place })
    }

    pub(super) fn vacant(table: &'a mut Table<E>, hash: u64) -> Self {
        Self::Vacant(Vacant { table, hash })
    }

    /// The element; a missing one is made.
    pub fn or_insert_with(self, make: impl FnOnce() -> E) -> &'a mut E {
        match self {
            Self::Occupied(occupied) => occupied.into_mut(),
            Self::Vacant(vacant) => vacant.insert(make()),
        }
    }
}

impl<'a, E: Element> Occupied<'a, E> {
    #[inline]
    pub fn get(&self) -> &E {
        // SAFETY: the place holds an element of the borrowed table.
        unsafe { self.place.element().as_ref() }
    }

    /// The element, to change in place; its key must stay the same.
    #[inline]
    pub fn get_mut(&mut self) -> &mut E {
        // SAFETY: as in `get`, and the table is borrowed mutably.
        unsafe { self.place.element().as_mut() }
    }

    #[inline]
    pub fn into_mut(self) -> &'a mut E {
        // SAFETY: as in `get_mut`; the borrow of the table goes into the result.
        unsafe { self.place.element().as_mut() }
    }

    /// Puts an element of the same key in this one's place.
    pub fn replace(&mut self, element: E) -> E {
        debug_assert!(self.get().key() == element.key(), "an entry takes only its own key");
        std::mem::replace(self.get_mut(), element)
    }

    pub fn remove(self) -> E {
        self.table.remove_at(self.head, self.place)
    }
}

impl<'a, E: Element> Vacant<'a, E> {
    /// Puts in an element, whose key must be the one that was looked up.
    pub fn insert(self, element: E) -> &'a mut E {
        let mut place = self.table.insert_absent(self.hash, element);
        // SAFETY: the place was just filled; the borrow of the table goes into the result.
        unsafe { place.as_mut() }
    }
}
