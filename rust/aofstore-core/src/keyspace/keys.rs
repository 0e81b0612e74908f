//! The keyspace as one command sees it: one database, one instant.
//!
//! Every access first removes the key if it is past its deadline, so no handler ever meets an expired value.
//! `changed` is how a handler tells watchers; storing a list or sorted set under a new key tells waiters.

use std::cell::Cell;

use super::object::{Kind, Object, Value, WrongType};
use super::space::Keyspace;
use super::{Hash, List, Set, Text, ZSet};
use crate::clock;
use crate::encoding::{Element, Entry, Record, View};

pub struct Keys<'e> {
    pub space: &'e mut Keyspace,
    db: usize,
    /// Where the database stands.
    slot: usize,
    /// None until somebody asks: most commands never do.
    now: Cell<Option<i64>>,
    /// The key that was looked ahead for, and its hash.
    ahead: Option<(&'e [u8], u64)>,
}

type Typed<T> = Result<T, WrongType>;

impl<'e> Keys<'e> {
    pub(super) fn new(space: &'e mut Keyspace, db: usize, now: Option<i64>) -> Self {
        let (db, slot) = space.dbs.place(db);
        Self { space, db, slot, now: Cell::new(now), ahead: None }
    }

    /// Asks for the memory that the first look-up of `key` waits for.
    #[inline]
    pub fn look_ahead(&mut self, key: &'e [u8]) {
        let records = &self.here().records;
        let hash = records.hash(key);
        records.prefetch(hash);
        self.foreseen(key, hash);
    }

    /// The hash of `key` is known: see [`Keyspace::approach`].
    #[inline]
    pub fn foreseen(&mut self, key: &'e [u8], hash: u64) {
        self.ahead = Some((key, hash));
    }

    /// The hash of `key` in any table of any database: they share a seed.
    #[inline]
    pub(super) fn hashed(&self, key: &[u8]) -> u64 {
        match self.ahead {
            // The same bytes, not equal ones: they are borrowed, so nobody can have changed them.
            Some((known, hash)) if std::ptr::eq(known, key) => hash,
            _ => self.here().records.hash(key),
        }
    }

    pub fn db(&self) -> usize {
        self.db
    }

    /// Wall-clock milliseconds of this command, the same whenever it asks.
    pub fn now(&self) -> i64 {
        self.now.get().unwrap_or_else(|| {
            let now = clock::now_ms();
            self.now.set(Some(now));
            now
        })
    }

    /// The same instant seen from database `db`.
    pub fn in_db(&mut self, db: usize) -> Keys<'_> {
        let now = Some(self.now());
        Keys::new(self.space, db, now)
    }

    pub(super) fn here(&self) -> &super::Db {
        &self.space.dbs[self.slot]
    }

    pub(super) fn here_mut(&mut self) -> &mut super::Db {
        &mut self.space.dbs[self.slot]
    }

    pub fn len(&self) -> usize {
        self.here().len()
    }

    pub fn is_empty(&self) -> bool {
        self.here().is_empty()
    }

    /// Tells watchers that the value under `key` changed.
    pub fn changed(&mut self, key: &[u8]) {
        self.space.watches.touch(self.db, key);
    }

    pub fn get(&mut self, key: &[u8]) -> Option<Value<'_>> {
        self.purge_if_due(key);
        self.peek(key)
    }

    /// As [`Keys::get`], counted in `keyspace_hits` and `keyspace_misses`.
    pub fn read(&mut self, key: &[u8]) -> Option<Value<'_>> {
        self.purge_if_due(key);
        let hash = self.hashed(key);
        let Keyspace { dbs, stats, .. } = &mut *self.space;
        let found = dbs.at(self.slot).and_then(|db| db.records.get_hashed(hash, key)).map(value);
        match found {
            Some(_) => stats.hits += 1,
            None => stats.misses += 1,
        }
        found
    }

    /// The value under a key that this command has looked up already, so that several can be borrowed at once.
    pub fn peek(&self, key: &[u8]) -> Option<Value<'_>> {
        self.here().records.get_hashed(self.hashed(key), key).map(value)
    }

    pub fn contains(&mut self, key: &[u8]) -> bool {
        self.get(key).is_some()
    }

    pub fn kind(&mut self, key: &[u8]) -> Option<Kind> {
        self.get(key).map(|value| value.kind())
    }

    pub fn text(&mut self, key: &[u8]) -> Typed<Option<Text<'_>>> {
        match self.read(key) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => Err(WrongType),
        }
    }

    pub fn list(&mut self, key: &[u8]) -> Typed<Option<&List>> {
        match self.read(key) {
            None => Ok(None),
            Some(Value::List(list)) => Ok(Some(list)),
            Some(_) => Err(WrongType),
        }
    }

    pub fn set(&mut self, key: &[u8]) -> Typed<Option<&Set>> {
        match self.read(key) {
            None => Ok(None),
            Some(Value::Set(set)) => Ok(Some(set)),
            Some(_) => Err(WrongType),
        }
    }

    pub fn zset(&mut self, key: &[u8]) -> Typed<Option<&ZSet>> {
        match self.read(key) {
            None => Ok(None),
            Some(Value::ZSet(zset)) => Ok(Some(zset)),
            Some(_) => Err(WrongType),
        }
    }

    pub fn hash(&mut self, key: &[u8]) -> Typed<Option<&Hash>> {
        match self.read(key) {
            None => Ok(None),
            Some(Value::Hash(hash)) => Ok(Some(hash)),
            Some(_) => Err(WrongType),
        }
    }

    fn object_mut(&mut self, key: &[u8]) -> Typed<Option<&mut Object>> {
        self.purge_if_due(key);
        let allowed = self.space.resize_allowed;
        let hash = self.hashed(key);
        match self.here_mut().records.get_mut_hashed(hash, key) {
            None => Ok(None),
            Some(record) => at_hand(record, allowed).map(Some),
        }
    }

    pub fn list_mut(&mut self, key: &[u8]) -> Typed<Option<&mut List>> {
        match self.object_mut(key)? {
            None => Ok(None),
            Some(Object::List(list)) => Ok(Some(list)),
            Some(_) => Err(WrongType),
        }
    }

    pub fn set_mut(&mut self, key: &[u8]) -> Typed<Option<&mut Set>> {
        match self.object_mut(key)? {
            None => Ok(None),
            Some(Object::Set(set)) => Ok(Some(set)),
            Some(_) => Err(WrongType),
        }
    }

    pub fn zset_mut(&mut self, key: &[u8]) -> Typed<Option<&mut ZSet>> {
        match self.object_mut(key)? {
            None => Ok(None),
            Some(Object::ZSet(zset)) => Ok(Some(zset)),
            Some(_) => Err(WrongType),
        }
    }

    pub fn hash_mut(&mut self, key: &[u8]) -> Typed<Option<&mut Hash>> {
        match self.object_mut(key)? {
            None => Ok(None),
            Some(Object::Hash(hash)) => Ok(Some(hash)),
            Some(_) => Err(WrongType),
        }
    }

    /// The list under `key`, or a new one that the caller must fill before it returns.
    pub fn list_or_new(&mut self, key: &[u8]) -> Typed<&mut List> {
        match self.object_or_new(key, || Object::List(List::new()))? {
            Object::List(list) => Ok(list),
            _ => Err(WrongType),
        }
    }

    /// The set under `key`, or an empty one fit to receive `first`.
    pub fn set_or_new(&mut self, key: &[u8], first: &[u8]) -> Typed<&mut Set> {
        let limits = self.space.limits;
        match self.object_or_new(key, || Object::Set(Set::fit_for(first, &limits)))? {
            Object::Set(set) => Ok(set),
            _ => Err(WrongType),
        }
    }

    pub fn zset_or_new(&mut self, key: &[u8]) -> Typed<&mut ZSet> {
        match self.object_or_new(key, || Object::ZSet(ZSet::new()))? {
            Object::ZSet(zset) => Ok(zset),
            _ => Err(WrongType),
        }
    }

    pub fn hash_or_new(&mut self, key: &[u8]) -> Typed<&mut Hash> {
        match self.object_or_new(key, || Object::Hash(Hash::new()))? {
            Object::Hash(hash) => Ok(hash),
            _ => Err(WrongType),
        }
    }

    fn object_or_new(&mut self, key: &[u8], fresh: impl FnOnce() -> Object) -> Typed<&mut Object> {
        self.purge_if_due(key);
        let hash = self.hashed(key);
        let Keyspace { dbs, waited, resize_allowed, .. } = &mut *self.space;
        let Some(db) = dbs.at_mut(self.slot) else { return Err(WrongType) };
        let record = match db.records.entry_hashed(hash, key) {
            Entry::Occupied(slot) => slot.into_mut(),
            Entry::Vacant(slot) => {
                waited.arrived(self.db, key);
                slot.insert(Record::object(key, fresh()))
            }
        };
        at_hand(record, *resize_allowed)
    }

    /// Replaces whatever is under `key` by a string, without a deadline.
    pub fn put_text(&mut self, key: &[u8], bytes: &[u8]) {
        self.drop_deadline(key);
        self.put_text_keep(key, bytes);
    }

    /// As [`Keys::put_text`], keeping the deadline. Canonical integers are stored as such.
    pub fn put_text_keep(&mut self, key: &[u8], bytes: &[u8]) {
        if let Some(value) = int_encoding(bytes) {
            return self.put_int_keep(key, value);
        }
        let hash = self.hashed(key);
        let old = match self.here_mut().records.entry_hashed(hash, key) {
            Entry::Occupied(mut slot) => slot.get_mut().set_string(bytes),
            Entry::Vacant(slot) => {
                slot.insert(Record::string(key, bytes));
                None
            }
        };
        self.throw(old);
    }

    pub fn put_int_keep(&mut self, key: &[u8], value: i64) {
        let hash = self.hashed(key);
        let old = match self.here_mut().records.entry_hashed(hash, key) {
            Entry::Occupied(mut slot) => slot.get_mut().set_int(value),
            Entry::Vacant(slot) => {
                slot.insert(Record::int(key, value));
                None
            }
        };
        self.throw(old);
    }

    /// Frees what was under a key, or keeps it to be freed later if it is big.
    pub(super) fn throw(&mut self, old: Option<Record<Object>>) {
        if let Some(old) = old {
            self.space.waste.throw(old);
        }
    }

    /// The string under `key` as bytes to modify in place (raw encoding); an empty new one if there is none.
    pub fn text_mut(&mut self, key: &[u8]) -> Typed<&mut Vec<u8>> {
        self.purge_if_due(key);
        let db = self.here_mut();
        let record = match db.records.entry(key) {
            Entry::Occupied(slot) => slot.into_mut(),
            Entry::Vacant(slot) => slot.insert(Record::object(key, Object::Text(Box::default()))),
        };
        let bytes = match value(record) {
            Value::Text(Text::Raw(_)) => None,
            Value::Text(text) => Some(text.to_vec()),
            _ => return Err(WrongType),
        };
        if let Some(bytes) = bytes {
            drop(record.set_object(Object::Text(Box::new(bytes))));
        }
        match record.object_mut() {
            Some(Object::Text(bytes)) => Ok(bytes),
            _ => Err(WrongType),
        }
    }

    /// Replaces whatever is under `key`, without a deadline. The object must not be empty.
    pub fn put(&mut self, key: &[u8], object: Object) {
        self.drop_deadline(key);
        self.put_keep(key, object);
    }

    fn put_keep(&mut self, key: &[u8], object: Object) {
        let Keyspace { dbs, waited, .. } = &mut *self.space;
        let Some(db) = dbs.at_mut(self.slot) else { return };
        if matches!(object, Object::List(_) | Object::ZSet(_)) {
            waited.arrived(self.db, key);
        }
        let old = match db.records.entry(key) {
            Entry::Occupied(mut slot) => Some(slot.get_mut().set_object(object)),
            Entry::Vacant(slot) => {
                slot.insert(Record::object(key, object));
                None
            }
        };
        self.throw(old);
    }

    /// Removes `key` and its deadline; whether it was there.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        self.purge_if_due(key);
        let old = self.take(key);
        let found = old.is_some();
        self.throw(old);
        found
    }

    fn take(&mut self, key: &[u8]) -> Option<Record<Object>> {
        self.drop_deadline(key);
        self.here_mut().records.remove(key)
    }

    /// Moves the value of `from`, with its deadline, over `to` in database `db`. `from` must exist.
    pub fn rename(&mut self, from: &[u8], db: usize, to: &[u8]) {
        let deadline = self.deadline(from);
        let Some(record) = self.take(from) else { return };
        let mut target = self.in_db(db);
        let old = target.take(to);
        target.throw(old);
        if matches!(record.view(), View::Object(Object::List(_) | Object::ZSet(_))) {
            target.space.waited.arrived(db, to);
        }
        target.here_mut().records.insert(record.with_key(to));
        if let Some(at) = deadline {
            target.set_deadline(to, at);
        }
    }

    /// Stores a copy of the value of `from`, with its deadline, over `to` in database `db`.
    pub fn copy(&mut self, from: &[u8], db: usize, to: &[u8]) {
        let deadline = self.deadline(from);
        let Some(value) = self.get(from) else { return };
        let copy = Copied::of(value);
        let mut target = self.in_db(db);
        let old = target.take(to);
        target.throw(old);
        match copy {
            Copied::Int(value) => target.put_int_keep(to, value),
            Copied::Text(bytes) => target.put_text_keep(to, &bytes),
            Copied::Object(object) => target.put_keep(to, object),
        }
        if let Some(at) = deadline {
            target.set_deadline(to, at);
        }
    }

    /// A random key, or None when the database is empty. Tries not to name an expired one.
    pub fn random(&mut self) -> Option<Vec<u8>> {
        for _ in 0..100 {
            let Keyspace { dbs, rng, .. } = &mut *self.space;
            let key = dbs.at(self.slot)?.records.random(rng)?.key().to_vec();
            if !self.purge_if_due(&key) {
                return Some(key);
            }
        }
        self.here().records.iter().next().map(|record| record.key().to_vec())
    }

    /// One step of SCAN: calls `emit` with keys and values, gives the next cursor. Nothing is purged here.
    pub fn scan(&self, cursor: u64, emit: &mut dyn FnMut(&[u8], Value<'_>)) -> u64 {
        self.here().records.scan(cursor, &mut |record| emit(record.key(), value(record)))
    }

    /// Calls `emit` with every key and value that is not past its deadline.
    pub fn each(&self, emit: &mut dyn FnMut(&[u8], Value<'_>)) {
        for record in &self.here().records {
            if !self.is_due(record.key()) {
                emit(record.key(), value(record));
            }
        }
    }

    /// Bytes taken by `key` and its value.
    pub fn memory(&mut self, key: &[u8]) -> Option<usize> {
        self.purge_if_due(key);
        let record = self.here().records.get(key)?;
        Some(record.memory() + value(record).memory() + size_of::<usize>() + 1)
    }
}

/// A value taken out of the keyspace to be stored again.
enum Copied {
    Int(i64),
    Text(Vec<u8>),
    Object(Object),
}

impl Copied {
    fn of(value: Value<'_>) -> Self {
        match value {
            Value::Text(Text::Int(int)) => Self::Int(int),
            Value::Text(Text::Inline(bytes)) => Self::Text(bytes.to_vec()),
            Value::Text(Text::Raw(bytes)) => Self::Object(Object::Text(Box::new(bytes.clone()))),
            Value::List(list) => Self::Object(Object::List(list.clone())),
            Value::Set(set) => Self::Object(Object::Set(set.clone())),
            Value::ZSet(zset) => Self::Object(Object::ZSet(zset.clone())),
            Value::Hash(hash) => Self::Object(Object::Hash(hash.clone())),
        }
    }
}

/// A collection about to be changed: asked for from memory, and told whether its tables may be resized.
#[inline]
fn at_hand(record: &mut Record<Object>, resize_allowed: bool) -> Typed<&mut Object> {
    value(record).prefetch();
    let object = record.object_mut().ok_or(WrongType)?;
    object.set_resize_allowed(resize_allowed);
    Ok(object)
}

pub(super) fn value(record: &Record<Object>) -> Value<'_> {
    match record.view() {
        View::Int(int) => Value::Text(Text::Int(int)),
        View::Str(bytes) => Value::Text(Text::Inline(bytes)),
        View::Object(Object::Text(bytes)) => Value::Text(Text::Raw(bytes)),
        View::Object(Object::List(list)) => Value::List(list),
        View::Object(Object::Set(set)) => Value::Set(set),
        View::Object(Object::ZSet(zset)) => Value::ZSet(zset),
        View::Object(Object::Hash(hash)) => Value::Hash(hash),
    }
}

/// The int64 a string is stored as: only text that reads back letter for letter.
pub(super) fn int_encoding(bytes: &[u8]) -> Option<i64> {
    if bytes.len() > 20 {
        return None;
    }
    crate::num::parse_i64(bytes)
}
