//! `Record<O>`: one entry of the keyspace behind one pointer: its key with an integer, a string or an object.
//!
//! One allocation, told apart by the kind in its first byte:
//! - string: head, key length, key, value length, value
//! - integer: head, key length, key, eight bytes
//! - object: head, key length in seven bytes, the `O` (aligned to 8), key
//!
//! The key never changes in place.
#![expect(unsafe_code, reason = "a thin allocation whose size and kind are written in it")]

use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use super::table::Element;
use super::thin::{self, OutOfMemory};

/// What a record holds.
#[derive(Debug, PartialEq, Eq)]
pub enum View<'a, O> {
    Int(i64),
    Str(&'a [u8]),
    Object(&'a O),
}

/// A key and its value.
pub struct Record<O>(NonNull<u8>, PhantomData<O>);

const STRING: u8 = 0;
const INT: u8 = 1;
const OBJECT: u8 = 2;
const OBJECT_AT: usize = 8;
const INT_SIZE: usize = 8;
/// From here on giving a string's memory back takes longer than a few allocations.
const LONG: usize = 64 << 10;

const fn framed(len: usize) -> usize {
    thin::len_width(len) + len
}

impl<O> Record<O> {
    const OBJECT_FITS: () =
        assert!(align_of::<O>() <= thin::ALIGN, "an object is aligned to eight bytes at most");
    const KEY_AFTER_OBJECT: usize = OBJECT_AT + size_of::<O>();

    /// A record that holds a copy of `value`.
    pub fn string(key: &[u8], value: &[u8]) -> Self {
        thin::must(Self::try_string(key, value), value.len())
    }

    /// As [`string`](Self::string), for sizes that a user chose.
    pub fn try_string(key: &[u8], value: &[u8]) -> Result<Self, OutOfMemory> {
        let record = Self::plain(STRING, key, framed(value.len()))?;
        // SAFETY: `plain` left exactly framed(value.len()) bytes after the key.
        unsafe { record.write_string(value) };
        Ok(record)
    }

    /// A record that holds an integer.
    pub fn int(key: &[u8], value: i64) -> Self {
        let record = thin::must(Self::plain(INT, key, INT_SIZE), key.len());
        // SAFETY: `plain` left eight bytes after the key.
        unsafe { record.write_int(value) };
        record
    }

    /// A record that holds `object`.
    pub fn object(key: &[u8], object: O) -> Self {
        const { Self::OBJECT_FITS };
        let size = Self::KEY_AFTER_OBJECT + key.len();
        let start = thin::must(thin::allocate(size), size);
        let head = (key.len() as u64) << 8 | u64::from(OBJECT);
        // SAFETY: `size` is the head, the object and the key; the object stands at 8 of an allocation aligned to 8.
        unsafe {
            start.cast::<[u8; OBJECT_AT]>().write(head.to_le_bytes());
            start.add(OBJECT_AT).cast::<O>().write(object);
            thin::write_bytes(start.add(Self::KEY_AFTER_OBJECT), key);
        }
        Self(start, PhantomData)
    }

    /// A string or integer whose `value_size` bytes are still to be written.
    fn plain(kind: u8, key: &[u8], value_size: usize) -> Result<Self, OutOfMemory> {
        let size = 1 + framed(key.len()) + value_size;
        let start = thin::allocate(size)?;
        // SAFETY: the size covers the head, the framed key and the value.
        unsafe {
            start.write(kind);
            thin::write_bytes(thin::write_len(start.add(1), key.len()), key);
        }
        Ok(Self(start, PhantomData))
    }

    /// The value.
    #[inline]
    pub fn view(&self) -> View<'_, O> {
        // SAFETY: the kind tells which value was written after, or before, the key.
        unsafe {
            match self.kind() {
                STRING => View::Str(self.string_value().as_ref()),
                INT => View::Int(self.plain_value().cast::<i64>().read_unaligned()),
                _ => View::Object(self.object_at().as_ref()),
            }
        }
    }

    /// The object, to change in place.
    #[inline]
    pub fn object_mut(&mut self) -> Option<&mut O> {
        // SAFETY: the kind says that an O stands there; `&mut self` makes it ours alone.
        (self.kind() == OBJECT).then(|| unsafe { self.object_at().as_mut() })
    }

    /// Makes the value a copy of `value`; a string of equal length costs no allocation. What was there comes back if it
    /// could not be written over, since freeing it may take long.
    pub fn set_string(&mut self, value: &[u8]) -> Option<Self> {
        thin::must(self.try_set_string(value), value.len())
    }

    /// As [`set_string`](Self::set_string), for sizes that a user chose: refused, the old value stays.
    pub fn try_set_string(&mut self, value: &[u8]) -> Result<Option<Self>, OutOfMemory> {
        if self.kind() == OBJECT || self.shrinks_much(framed(value.len())) {
            let fresh = Self::try_string(self.key(), value)?;
            return Ok(Some(std::mem::replace(self, fresh)));
        }
        self.resize_value(framed(value.len()))?;
        self.set_kind(STRING);
        // SAFETY: the value part now has exactly framed(value.len()) bytes.
        unsafe { self.write_string(value) };
        Ok(None)
    }

    /// Makes the value an integer; what was there comes back as from [`set_string`](Self::set_string).
    pub fn set_int(&mut self, value: i64) -> Option<Self> {
        if self.kind() == OBJECT || self.shrinks_much(INT_SIZE) {
            let fresh = Self::int(self.key(), value);
            return Some(std::mem::replace(self, fresh));
        }
        thin::must(self.resize_value(INT_SIZE), INT_SIZE);
        self.set_kind(INT);
        // SAFETY: the value part now has eight bytes.
        unsafe { self.write_int(value) };
        None
    }

    /// Makes the value `object`; what was there comes back.
    #[expect(clippy::return_self_not_must_use, reason = "it may be dropped where it is")]
    pub fn set_object(&mut self, object: O) -> Self {
        let fresh = Self::object(self.key(), object);
        std::mem::replace(self, fresh)
    }

    /// The same value under another key.
    #[must_use]
    pub fn with_key(self, key: &[u8]) -> Self {
        match self.view() {
            View::Int(value) => Self::int(key, value),
            View::Str(value) => Self::string(key, value),
            View::Object(_) => self.with_object_key(key),
        }
    }

    fn with_object_key(self, key: &[u8]) -> Self {
        let size = Self::KEY_AFTER_OBJECT + key.len();
        let start = thin::must(thin::allocate(size), size);
        let head = (key.len() as u64) << 8 | u64::from(OBJECT);
        let old = ManuallyDrop::new(self);
        // SAFETY: as in `object`; the old allocation goes without dropping the object that moved out of it.
        unsafe {
            start.cast::<[u8; OBJECT_AT]>().write(head.to_le_bytes());
            start.add(OBJECT_AT).cast::<O>().write(old.object_at().read());
            thin::write_bytes(start.add(Self::KEY_AFTER_OBJECT), key);
            thin::free(old.0, old.size());
        }
        Self(start, PhantomData)
    }

    /// An estimate of the heap bytes held, without what an object holds elsewhere.
    pub fn memory(&self) -> usize {
        thin::footprint(self.size())
    }

    fn kind(&self) -> u8 {
        // SAFETY: every record begins with its kind.
        unsafe { self.0.read() }
    }

    /// Only between string and integer: they share the place of the key.
    fn set_kind(&mut self, kind: u8) {
        // SAFETY: every record begins with its kind.
        unsafe { self.0.write(kind) }
    }

    /// Whether most of a long value would be given back to the system. Not for objects.
    fn shrinks_much(&self, new: usize) -> bool {
        let old = self.value_size();
        old >= LONG && new < old / 2
    }

    /// Where the value of a string or integer begins.
    ///
    /// # Safety
    /// The record must not hold an object.
    unsafe fn plain_value(&self) -> NonNull<u8> {
        // SAFETY: a plain record has a framed key after its head.
        unsafe {
            let (len, key) = thin::read_len(self.0.add(1));
            key.add(len)
        }
    }

    /// # Safety
    /// The record must hold a string.
    unsafe fn string_value(&self) -> NonNull<[u8]> {
        // SAFETY: a string has a framed value after its key.
        unsafe {
            let (len, bytes) = thin::read_len(self.plain_value());
            NonNull::slice_from_raw_parts(bytes, len)
        }
    }

    /// # Safety
    /// The value part must have framed(value.len()) bytes.
    unsafe fn write_string(&self, value: &[u8]) {
        // SAFETY: the caller made the room; `value` cannot be in it, since the record is new or borrowed mutably.
        unsafe { thin::write_bytes(thin::write_len(self.plain_value(), value.len()), value) };
    }

    /// # Safety
    /// The value part must have eight bytes.
    unsafe fn write_int(&self, value: i64) {
        // SAFETY: the caller made the room.
        unsafe { self.plain_value().cast::<i64>().write_unaligned(value) }
    }

    /// The `O`; it is there only when the kind says so.
    fn object_at(&self) -> NonNull<O> {
        // SAFETY: no record is shorter than its head and key; for an object this is inside the allocation, and for the
        // others nobody calls it.
        unsafe { self.0.add(OBJECT_AT).cast::<O>() }
    }

    fn size(&self) -> usize {
        if self.kind() == OBJECT {
            return Self::KEY_AFTER_OBJECT + self.key().len();
        }
        1 + framed(self.key().len()) + self.value_size()
    }

    /// Bytes after the key of a string or integer.
    fn value_size(&self) -> usize {
        match self.view() {
            View::Str(value) => framed(value.len()),
            View::Int(_) | View::Object(_) => INT_SIZE,
        }
    }

    /// Gives a string or integer `new` bytes after its key; the caller rewrites them, and the kind, at once.
    fn resize_value(&mut self, new: usize) -> Result<(), OutOfMemory> {
        let old = self.value_size();
        if old != new {
            let head = 1 + framed(self.key().len());
            // SAFETY: head + old is the size of this allocation.
            self.0 = unsafe { thin::reallocate(self.0, head + old, head + new)? };
        }
        Ok(())
    }
}

impl<O> Element for Record<O> {
    #[inline]
    fn key(&self) -> &[u8] {
        // SAFETY: the kind tells where the key stands; it was written whole and does not change.
        unsafe {
            let (len, key) = if self.kind() == OBJECT {
                let head = u64::from_le_bytes(self.0.cast::<[u8; OBJECT_AT]>().read());
                ((head >> 8) as usize, self.0.add(Self::KEY_AFTER_OBJECT))
            } else {
                thin::read_len(self.0.add(1))
            };
            std::slice::from_raw_parts(key.as_ptr(), len)
        }
    }
}

impl<O> Drop for Record<O> {
    fn drop(&mut self) {
        let size = self.size();
        // SAFETY: the object, if any, is dropped once; `size` follows every change of the value.
        unsafe {
            if self.kind() == OBJECT {
                self.object_at().drop_in_place();
            }
            thin::free(self.0, size);
        }
    }
}

impl<O: fmt::Debug> fmt::Debug for Record<O> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Record({}: {:?})", self.key().escape_ascii(), self.view())
    }
}

// SAFETY: a record owns its allocation alone, the object included.
unsafe impl<O: Send> Send for Record<O> {}
// SAFETY: shared access only reads, and hands out `&O`.
unsafe impl<O: Sync> Sync for Record<O> {}

#[cfg(test)]
mod tests;
