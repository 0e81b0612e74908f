//! Values, read: every encoding that the five types ever had. What is too large or too small for the live limits gets
//! another encoding here, as if it had been written by commands.

use super::bad::{Bad, Result};
use super::codes;
use super::input::{Input, Raw, Room, array, byte, count, length, raw, string};
use super::ziplist;
use crate::encoding::{Intset, Listpack, Quicklist};
use crate::keyspace::{End, Fresh, Growth, Hash, Keyspace, Limits, List, Object, Seed, Set, ZSet};
use crate::num;

/// What chooses the encodings.
#[derive(Clone, Copy)]
pub struct Making {
    limits: Limits,
    growth: Growth,
    seed: Seed,
}

impl Making {
    pub fn of(space: &Keyspace) -> Self {
        Self { limits: space.limits, growth: Growth::of(space), seed: space.seed() }
    }
}

const NOT_A_LISTPACK: Bad = Bad::Format("a damaged listpack");

/// Reads the value that was written under `code`. None: a collection without elements, which servers once wrote.
#[inline]
pub fn read<'a>(
    code: u8,
    input: &'a mut impl Input,
    room: &'a mut Room,
    making: &Making,
) -> Result<Option<Fresh<'a>>> {
    let object = match code {
        codes::STRING => {
            return Ok(Some(match raw(input, room.unpacked())? {
                Raw::Bytes(bytes) => Fresh::Text(bytes),
                Raw::Int(value) => Fresh::Int(value),
            }));
        }
        codes::LIST => strings(input, room, making)?.map(Object::List),
        codes::LIST_ZIPLIST => list(ziplist::to_listpack(string(input, room)?)?, making).map(Object::List),
        codes::LIST_QUICKLIST => nodes(input, room, making, false)?.map(Object::List),
        codes::LIST_QUICKLIST_2 => nodes(input, room, making, true)?.map(Object::List),
        codes::SET => set(input, room, making)?.map(Object::Set),
        codes::SET_INTSET => Some(Object::Set(intset(string(input, room)?, making)?)),
        codes::SET_LISTPACK => set_of(listpack(string(input, room)?)?, making)?.map(Object::Set),
        codes::ZSET | codes::ZSET_2 => zset(input, room, making, code == codes::ZSET_2)?.map(Object::ZSet),
        codes::ZSET_ZIPLIST => {
            zset_of(ziplist::to_listpack(string(input, room)?)?, making)?.map(Object::ZSet)
        }
        codes::ZSET_LISTPACK => zset_of(listpack(string(input, room)?)?, making)?.map(Object::ZSet),
        codes::HASH => hash(input, room, making)?.map(Object::Hash),
        codes::HASH_ZIPMAP => {
            hash_of(ziplist::zipmap_to_listpack(string(input, room)?)?, making)?.map(Object::Hash)
        }
        codes::HASH_ZIPLIST => {
            hash_of(ziplist::to_listpack(string(input, room)?)?, making)?.map(Object::Hash)
        }
        codes::HASH_LISTPACK => hash_of(listpack(string(input, room)?)?, making)?.map(Object::Hash),
        _ => return Err(Bad::Format("a value of an unknown type")),
    };
    Ok(object.map(Fresh::Object))
}

/// Whether [`read`] knows the type.
pub const fn is_known(code: u8) -> bool {
    matches!(
        code,
        codes::STRING..=codes::ZSET_2
            | codes::HASH_ZIPMAP..=codes::LIST_QUICKLIST
            | codes::HASH_LISTPACK..=codes::LIST_QUICKLIST_2
            | codes::SET_LISTPACK
    )
}

fn listpack(bytes: &[u8]) -> Result<Listpack> {
    Listpack::from_bytes_validated(bytes).ok_or(NOT_A_LISTPACK)
}

fn strings(input: &mut impl Input, room: &mut Room, making: &Making) -> Result<Option<List>> {
    let (mut list, fill) = (List::new(), making.limits.list_fill());
    for _ in 0..count(input, 1)? {
        list.push(End::Back, &[string(input, room)?], fill);
    }
    Ok((!list.is_empty()).then_some(list))
}

fn list(pack: Listpack, making: &Making) -> Option<List> {
    List::from_nodes(Quicklist::from_listpack(pack, making.limits.list_fill()), &making.limits)
}

fn nodes(input: &mut impl Input, room: &mut Room, making: &Making, with_kind: bool) -> Result<Option<List>> {
    let mut list = Quicklist::new(making.limits.list_fill());
    for _ in 0..count(input, 1)? {
        let kind = if with_kind { Some(length(input)?) } else { None };
        let bytes = string(input, room)?;
        match kind {
            None => list.append_packed(ziplist::to_listpack(bytes)?),
            Some(codes::PACKED) => list.append_packed(listpack(bytes)?),
            Some(codes::PLAIN) => list.append_plain(bytes),
            Some(_) => return Err(Bad::Format("a node of an unknown kind")),
        }
    }
    Ok(List::from_nodes(list, &making.limits))
}

fn set(input: &mut impl Input, room: &mut Room, making: &Making) -> Result<Option<Set>> {
    let (mut set, members) = (Set::new(), count(input, 1)?);
    set.expect(members, &making.limits, making.seed);
    for _ in 0..members {
        if !set.add(string(input, room)?, &making.limits, making.seed) {
            return Err(Bad::Format("a set with a member twice"));
        }
    }
    Ok((members > 0).then_some(set))
}

fn intset(bytes: &[u8], making: &Making) -> Result<Set> {
    let ints = Intset::from_bytes_validated(bytes).ok_or(Bad::Format("a damaged intset"))?;
    Ok(Set::from_intset(ints, &making.limits, making.seed))
}

fn set_of(pack: Listpack, making: &Making) -> Result<Option<Set>> {
    if pack.is_empty() {
        return Ok(None);
    }
    let set = Set::from_listpack(pack, &making.limits, making.seed);
    set.map(Some).ok_or(Bad::Format("a set with a member twice"))
}

fn zset(input: &mut impl Input, room: &mut Room, making: &Making, binary: bool) -> Result<Option<ZSet>> {
    let members = count(input, if binary { 9 } else { 2 })?;
    let mut zset = ZSet::new();
    zset.expect(members, 0, &making.growth);
    let mut kept = Vec::new();
    for _ in 0..members {
        // The score stands behind the member, which the input must not forget meanwhile.
        kept.clear();
        kept.extend_from_slice(string(input, room)?);
        let score = if binary { f64::from_le_bytes(array(input)?) } else { text_score(input)? };
        if score.is_nan() {
            return Err(Bad::Format("a score that is not a number"));
        }
        if zset.insert(&kept, score, &making.growth).is_some() {
            return Err(Bad::Format("a sorted set with a member twice"));
        }
    }
    Ok((members > 0).then_some(zset))
}

/// A score as text, with its length or what it is instead of a number in one byte before it.
fn text_score(input: &mut impl Input) -> Result<f64> {
    Ok(match byte(input)? {
        253 => f64::NAN,
        254 => f64::INFINITY,
        255 => f64::NEG_INFINITY,
        length => num::parse_f64(input.take(length.into())?).ok_or(Bad::Format("a damaged score"))?,
    })
}

fn zset_of(pack: Listpack, making: &Making) -> Result<Option<ZSet>> {
    if pack.is_empty() {
        return Ok(None);
    }
    let zset = ZSet::from_listpack(pack, &making.growth);
    zset.map(Some).ok_or(Bad::Format("a sorted set with a member twice or without a score"))
}

fn hash(input: &mut impl Input, room: &mut Room, making: &Making) -> Result<Option<Hash>> {
    let (mut hash, fields) = (Hash::new(), count(input, 2)?);
    hash.expect_fields(fields, &making.limits, making.seed);
    let mut kept = Vec::new();
    for _ in 0..fields {
        kept.clear();
        kept.extend_from_slice(string(input, room)?);
        if !hash.set(&kept, string(input, room)?, &making.limits, making.seed) {
            return Err(Bad::Format("a hash with a field twice"));
        }
    }
    Ok((fields > 0).then_some(hash))
}

fn hash_of(pack: Listpack, making: &Making) -> Result<Option<Hash>> {
    if pack.is_empty() {
        return Ok(None);
    }
    let hash = Hash::from_listpack(pack, &making.limits, making.seed);
    hash.map(Some).ok_or(Bad::Format("a hash with a field twice or without a value"))
}
