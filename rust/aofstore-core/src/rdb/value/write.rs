//! Values, written: small ones as the bytes they are kept in, large ones element by element.
//!
//! Also runs in a forked child: allocates nothing, takes no lock, cannot panic.

use super::codes::{self, Version};
use super::length::{put_bytes, put_entry, put_int, put_length, put_string};
use super::pack::Packing;
use crate::encoding::{Intset, Listpack};
use crate::keyspace::{Hash, List, Node, Set, Text, Value, ZSet};

/// The type under which [`write`] writes this value.
pub fn type_code(value: &Value<'_>, version: Version) -> u8 {
    match value {
        Value::Text(_) => codes::STRING,
        Value::List(_) => codes::LIST_QUICKLIST_2,
        Value::Set(set) if set.intset().is_some() => codes::SET_INTSET,
        Value::Set(set) if set_listpack(set, version).is_some() => codes::SET_LISTPACK,
        Value::Set(_) => codes::SET,
        Value::ZSet(zset) if zset.as_listpack().is_some() => codes::ZSET_LISTPACK,
        Value::ZSet(_) => codes::ZSET_2,
        Value::Hash(hash) if hash.listpack().is_some() => codes::HASH_LISTPACK,
        Value::Hash(_) => codes::HASH,
    }
}

/// The value alone, without its type and key.
#[inline]
pub fn write(value: &Value<'_>, version: Version, out: &mut impl Packing) {
    match value {
        Value::Text(Text::Int(value)) => put_int(*value, out),
        Value::Text(Text::Inline(bytes)) => put_string(bytes, out),
        Value::Text(Text::Raw(bytes)) => put_string(bytes, out),
        Value::List(list) => write_list(list, out),
        Value::Set(set) => write_set(set, version, out),
        Value::ZSet(zset) => write_zset(zset, out),
        Value::Hash(hash) => write_hash(hash, out),
    }
}

/// Version 10 has no sets that are listpacks.
fn set_listpack(set: &Set, version: Version) -> Option<&[u8]> {
    match version {
        Version::V10 => None,
        Version::V11 => set.listpack().map(Listpack::as_bytes),
    }
}

fn write_list(list: &List, out: &mut impl Packing) {
    put_length(list.nodes().count() as u64, out);
    for node in list.nodes() {
        match node {
            Node::Plain(bytes) => {
                put_length(codes::PLAIN, out);
                put_bytes(bytes, out);
            }
            Node::Packed(pack) => {
                put_length(codes::PACKED, out);
                put_bytes(pack.as_bytes(), out);
            }
        }
    }
}

fn write_set(set: &Set, version: Version, out: &mut impl Packing) {
    let whole = set.intset().map(Intset::as_bytes).or_else(|| set_listpack(set, version));
    if let Some(bytes) = whole {
        return put_bytes(bytes, out);
    }
    put_length(set.len() as u64, out);
    set.iter().for_each(|member| put_entry(member, out));
}

fn write_zset(zset: &ZSet, out: &mut impl Packing) {
    if let Some(pack) = zset.as_listpack() {
        return put_bytes(pack.as_bytes(), out);
    }
    put_length(zset.len() as u64, out);
    // From the highest down: Redis puts each at the head of its list then, without a search.
    for (member, score) in zset.walk(0..zset.len(), true) {
        put_entry(member, out);
        out.put(&score.to_le_bytes());
    }
}

fn write_hash(hash: &Hash, out: &mut impl Packing) {
    if let Some(pack) = hash.listpack() {
        return put_bytes(pack.as_bytes(), out);
    }
    put_length(hash.len() as u64, out);
    for (field, value) in hash {
        put_entry(field, out);
        put_entry(value, out);
    }
}
