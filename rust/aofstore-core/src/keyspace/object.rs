//! What a key holds besides a short string: the one sum of all stored types.

use super::{Hash, List, Set, Text, ZSet};

/// A value that does not sit inside its key's record.
#[derive(Clone)]
pub enum Object {
    /// A string that is modified in place (APPEND, SETRANGE, SETBIT): Redis's `raw` encoding.
    Text(Box<Vec<u8>>),
    List(List),
    Set(Set),
    ZSet(ZSet),
    Hash(Hash),
}

impl Object {
    /// Whether the value's own tables may change size from now on.
    #[inline]
    pub(super) fn set_resize_allowed(&mut self, allowed: bool) {
        match self {
            Self::Text(_) | Self::List(_) => {}
            Self::Set(set) => set.set_resize_allowed(allowed),
            Self::ZSet(zset) => zset.set_resize_allowed(allowed),
            Self::Hash(hash) => hash.set_resize_allowed(allowed),
        }
    }
}

/// A stored value, borrowed.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    Text(Text<'a>),
    List(&'a List),
    Set(&'a Set),
    ZSet(&'a ZSet),
    Hash(&'a Hash),
}

/// Redis's type names, in the order `TYPE` knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Text,
    List,
    Set,
    ZSet,
    Hash,
}

/// The key holds another type than the command works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongType;

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::ZSet => "zset",
            Self::Hash => "hash",
        }
    }
}

impl Value<'_> {
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::List(_) => Kind::List,
            Self::Set(_) => Kind::Set,
            Self::ZSet(_) => Kind::ZSet,
            Self::Hash(_) => Kind::Hash,
        }
    }

    /// `OBJECT ENCODING`.
    pub fn encoding(&self) -> &'static str {
        match self {
            Self::Text(text) => text.encoding(),
            Self::List(list) => list.encoding(),
            Self::Set(set) => set.encoding(),
            Self::ZSet(zset) => zset.encoding(),
            Self::Hash(hash) => hash.encoding(),
        }
    }

    /// Bytes allocated for the value beside its record (an estimate).
    pub fn memory(&self) -> usize {
        match self {
            Self::Text(text) => text.memory(),
            Self::List(list) => list.memory(),
            Self::Set(set) => set.memory(),
            Self::ZSet(zset) => zset.memory(),
            Self::Hash(hash) => hash.memory(),
        }
    }

    /// Asks the processor for what the value holds outside its record.
    #[inline]
    pub(super) fn prefetch(&self) {
        match self {
            Self::Text(text) => text.prefetch(),
            Self::List(list) => list.prefetch(),
            Self::Set(set) => set.prefetch(),
            Self::ZSet(zset) => zset.prefetch(),
            Self::Hash(hash) => hash.prefetch(),
        }
    }

    /// Number of elements; bytes for a string. What `FLUSH`, `UNLINK` and DEBUG OBJECT call its length.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::List(list) => list.len(),
            Self::Set(set) => set.len(),
            Self::ZSet(zset) => zset.len(),
            Self::Hash(hash) => hash.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
