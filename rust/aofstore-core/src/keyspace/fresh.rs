//! Values as they come out of a snapshot, and storing them: no key is there before, no command looks on.

use super::keys::Keys;
use super::object::Object;
use super::space::Keyspace;
use crate::encoding::{Entry, Keyed, OutOfMemory, Record};

/// A value to be stored under a new key.
pub enum Fresh<'a> {
    Int(i64),
    Text(&'a [u8]),
    /// INVARIANT: not empty.
    Object(Object),
}

impl Keys<'_> {
    /// Stores a value under a key that must be new: false, and nothing done, if there is one of that name.
    #[inline]
    pub fn put_new(
        &mut self,
        key: &[u8],
        value: Fresh<'_>,
        deadline: Option<i64>,
    ) -> Result<bool, OutOfMemory> {
        let hash = self.hashed(key);
        let db = self.here_mut();
        let Entry::Vacant(slot) = db.records.entry_hashed(hash, key) else { return Ok(false) };
        slot.insert(match value {
            Fresh::Int(value) => Record::int(key, value),
            Fresh::Text(bytes) => match super::keys::int_encoding(bytes) {
                Some(value) => Record::int(key, value),
                None => Record::try_string(key, bytes)?,
            },
            Fresh::Object(object) => Record::object(key, object),
        });
        if let Some(at) = deadline
            && let Entry::Vacant(slot) = db.deadlines.entry_hashed(hash, key)
        {
            slot.insert(Keyed::new(key, at));
        }
        Ok(true)
    }

    /// Stores a value over whatever is under the key, as a command does, without a deadline.
    pub fn put_fresh(&mut self, key: &[u8], value: Fresh<'_>) {
        match value {
            Fresh::Int(value) => {
                self.drop_deadline(key);
                self.put_int_keep(key, value);
            }
            Fresh::Text(bytes) => self.put_text(key, bytes),
            Fresh::Object(object) => self.put(key, object),
        }
    }
}

impl Keyspace {
    /// Makes an empty database ready for as many keys, and as many with a deadline. Takes little memory until they come.
    pub fn expect_keys(&mut self, db: usize, keys: usize, volatile: usize) {
        let mut keys_of = self.keys(db, 0);
        let db = keys_of.here_mut();
        db.records.reserve(keys);
        db.deadlines.reserve(volatile);
    }
}
