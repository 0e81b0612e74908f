//! The keyspace as the fewest commands that rebuild it: what both kinds of rewrite write.
//!
//! Runs in a forked child as well, so it allocates nothing, takes no lock and changes nothing: numbers are printed into
//! stack buffers, all else is borrowed from the keyspace. Keys past their deadline are written too, with it: a
//! command of the parent logged after the fork may still have seen them.

use crate::aof::annotation;
use crate::keyspace::{Entry, Hash, Keyspace, List, Set, Stored, Text, Value, ZSet};
use crate::num::{self, Buf};
use crate::resp::encode;
use crate::sink::KeySink;

/// Takes the bytes of a rewrite.
pub trait Output: KeySink {
    /// `$<len>\r\n<payload>\r\n`: nearly all that a rewrite consists of. Worth passing on by whoever wraps an output.
    #[inline]
    fn bulk(&mut self, payload: &[u8])
    where
        Self: Sized,
    {
        encode::bulk(self, payload);
    }
}

/// Items in one command (K-16): small enough that no command of a rewrite is slow to replay.
const ITEMS: usize = 64;

/// What stands before the data: when it was so, and whether a later reader has to be told that this is a dump.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Head {
    /// `aof-timestamp-enabled`: the second of the fork.
    pub second: Option<i64>,
    /// The file's name does not say that it begins with a dump.
    pub says_base: bool,
}

/// Writes the head of a file of `space`; without a time, nothing.
pub fn head(head: Head, space: &Keyspace, out: &mut impl Output) {
    let Some(second) = head.second else { return };
    annotation::time(out, second);
    if head.says_base {
        out.put(annotation::BASE);
    }
    if space.iter_dbs().all(|(_, db)| db.is_empty()) {
        // A `#` line that is the last of a file waits for somebody to append to it.
        encode::select(out, 0);
    }
}

/// Writes every database; false if the output stopped it.
pub fn write(space: &Keyspace, out: &mut impl Output) -> bool {
    for (index, db) in space.iter_dbs().filter(|(_, db)| !db.is_empty()) {
        encode::select(out, index as u32);
        for stored in db.entries() {
            key(&stored, out);
            if !out.key_done() {
                return false;
            }
        }
    }
    true
}

/// How many keys [`write`] writes.
pub fn keys(space: &Keyspace) -> u64 {
    space.iter_dbs().map(|(_, db)| db.len() as u64).sum()
}

#[inline]
fn key(stored: &Stored<'_>, out: &mut impl Output) {
    match stored.value {
        Value::Text(value) => text(stored.key, value, out),
        Value::List(value) => list(stored.key, value, out),
        Value::Set(value) => set(stored.key, value, out),
        Value::ZSet(value) => zset(stored.key, value, out),
        Value::Hash(value) => hash(stored.key, value, out),
    }
    if let Some(deadline) = stored.deadline {
        out.put(b"*3\r\n$9\r\nPEXPIREAT\r\n");
        out.bulk(stored.key);
        int(deadline, out);
    }
}

fn text(key: &[u8], value: Text<'_>, out: &mut impl Output) {
    out.put(b"*3\r\n$3\r\nSET\r\n");
    out.bulk(key);
    match value {
        Text::Int(value) => int(value, out),
        Text::Inline(bytes) => out.bulk(bytes),
        Text::Raw(bytes) => out.bulk(bytes),
    }
}

fn list(key: &[u8], value: &List, out: &mut impl Output) {
    let mut chunks = Chunks::new(b"$5\r\nRPUSH\r\n", key, value.len(), 1);
    for entry in value {
        chunks.item(out);
        put_entry(entry, out);
    }
}

fn set(key: &[u8], value: &Set, out: &mut impl Output) {
    let mut chunks = Chunks::new(b"$4\r\nSADD\r\n", key, value.len(), 1);
    for entry in value {
        chunks.item(out);
        put_entry(entry, out);
    }
}

fn hash(key: &[u8], value: &Hash, out: &mut impl Output) {
    let mut chunks = Chunks::new(b"$5\r\nHMSET\r\n", key, value.len(), 2);
    for (field, value) in value {
        chunks.item(out);
        put_entry(field, out);
        put_entry(value, out);
    }
}

fn zset(key: &[u8], value: &ZSet, out: &mut impl Output) {
    let mut chunks = Chunks::new(b"$4\r\nZADD\r\n", key, value.len(), 2);
    if let Some(pack) = value.as_listpack() {
        // The scores stand in it as the texts that are wanted.
        let mut entries = pack.iter();
        while let (Some(member), Some(score)) = (entries.next(), entries.next()) {
            chunks.item(out);
            put_entry(score, out);
            put_entry(member, out);
        }
        return;
    }
    let mut digits = Buf::new();
    for (member, score) in value {
        chunks.item(out);
        out.bulk(num::fmt_f64_shortest(score, &mut digits));
        put_entry(member, out);
    }
}

#[inline]
fn put_entry(entry: Entry<'_>, out: &mut impl Output) {
    match entry {
        Entry::Str(bytes) => out.bulk(bytes),
        Entry::Int(value) => int(value, out),
    }
}

#[inline]
fn int(value: i64, out: &mut impl Output) {
    out.bulk(itoa::Buffer::new().format(value).as_bytes());
}

/// The heads of the commands that one collection is cut into (K-17).
struct Chunks<'a> {
    /// The command's name, framed.
    name: &'static [u8],
    key: &'a [u8],
    /// Items for which no head was written yet.
    left: usize,
    /// Items still to come under the last head.
    covered: usize,
    /// Arguments of an item.
    width: usize,
}

impl<'a> Chunks<'a> {
    fn new(name: &'static [u8], key: &'a [u8], items: usize, width: usize) -> Self {
        Self { name, key, left: items, covered: 0, width }
    }

    /// Before each item: a head, where one is due.
    #[inline]
    fn item(&mut self, out: &mut impl Output) {
        if self.covered == 0 {
            self.head(out);
        }
        self.covered -= 1;
    }

    fn head(&mut self, out: &mut impl Output) {
        debug_assert!(self.left > 0, "a collection has more items than it says");
        self.covered = self.left.clamp(1, ITEMS);
        self.left = self.left.saturating_sub(self.covered);
        encode::array(out, 2 + self.width * self.covered);
        out.put(self.name);
        out.bulk(self.key);
    }
}
