//! The packed lists of Redis before 7.0, checked and turned into listpacks.

use super::bad::{Bad, Result};
use crate::encoding::Listpack;
use crate::keyspace::Entry;

const HEADER: usize = 10;
const END: u8 = 0xff;
/// The count of a list with as many entries or more.
const UNKNOWN: u16 = u16::MAX;

/// The listpack with the entries of a ziplist.
pub(super) fn to_listpack(bytes: &[u8]) -> Result<Listpack> {
    read(bytes).ok_or(Bad::Format("a damaged ziplist"))
}

fn read(bytes: &[u8]) -> Option<Listpack> {
    let (&[a, b, c, d, tail @ .., low, high], mut rest) = bytes.split_first_chunk::<HEADER>()?;
    if u32::from_le_bytes([a, b, c, d]) as usize != bytes.len() {
        return None;
    }
    let (mut pack, mut count, mut before, mut last) = (Listpack::new(), 0usize, 0, HEADER);
    while let Some(after) = skip_previous(rest, before) {
        let at = bytes.len() - rest.len();
        let Some((entry, next)) = entry(after) else { break };
        if !pack.fits(entry_room(&entry)) {
            return None;
        }
        match entry {
            Entry::Str(text) => pack.push_back(text),
            Entry::Int(_) => pack.push_back_entry(entry),
        }
        (before, last, count) = (rest.len() - next.len(), at, count + 1);
        rest = next;
    }
    let stated = u16::from_le_bytes([low, high]);
    let sound = rest == [END]
        && u32::from_le_bytes(tail) as usize == last
        && (stated == UNKNOWN || usize::from(stated) == count);
    sound.then_some(pack)
}

const fn entry_room(entry: &Entry<'_>) -> usize {
    match entry {
        Entry::Str(text) => text.len() + 10,
        Entry::Int(_) => 10,
    }
}

/// What follows the length of the entry before, which must be `before`.
fn skip_previous(bytes: &[u8], before: usize) -> Option<&[u8]> {
    let (&first, rest) = bytes.split_first()?;
    match first {
        END => None,
        0xfe => {
            let (length, rest) = rest.split_first_chunk()?;
            (u32::from_le_bytes(*length) as usize == before).then_some(rest)
        }
        _ => (usize::from(first) == before).then_some(rest),
    }
}

/// The entry at the start of `bytes`, and what follows it.
fn entry(bytes: &[u8]) -> Option<(Entry<'_>, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let (string, after) = match first {
        0x00..0x40 => rest.split_at_checked(first.into())?,
        0x40..0x80 => {
            let (&low, rest) = rest.split_first()?;
            rest.split_at_checked(usize::from(first & 0x3f) << 8 | usize::from(low))?
        }
        0x80 => {
            let (length, rest) = rest.split_first_chunk()?;
            rest.split_at_checked(u32::from_be_bytes(*length) as usize)?
        }
        _ => return integer(first, rest),
    };
    Some((Entry::Str(string), after))
}

fn integer(first: u8, rest: &[u8]) -> Option<(Entry<'static>, &[u8])> {
    let (value, rest) = match first {
        0xc0 => sized::<2>(rest)?,
        0xd0 => sized::<4>(rest)?,
        0xe0 => sized::<8>(rest)?,
        0xf0 => sized::<3>(rest)?,
        0xfe => sized::<1>(rest)?,
        0xf1..=0xfd => (i64::from(first & 0x0f) - 1, rest),
        _ => return None,
    };
    Some((Entry::Int(value), rest))
}

fn sized<const N: usize>(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (little, rest) = bytes.split_first_chunk::<N>()?;
    // Filled from the top, so that the shift down carries the sign.
    let value = little.iter().rev().fold(0i64, |value, &byte| value << 8 | i64::from(byte));
    let unused = 64 - 8 * N as u32;
    Some(((value << unused) >> unused, rest))
}

/// The listpack with the keys and values of a zipmap, the small hash of Redis before 2.6.
pub(super) fn zipmap_to_listpack(bytes: &[u8]) -> Result<Listpack> {
    read_zipmap(bytes).ok_or(Bad::Format("a damaged zipmap"))
}

fn read_zipmap(bytes: &[u8]) -> Option<Listpack> {
    let (&stated, mut rest) = bytes.split_first()?;
    let mut pack = Listpack::new();
    while rest != [END] {
        let (key, after) = zipmap_string(rest, 0)?;
        let (value, after) = zipmap_string(after, 1)?;
        if !pack.fits(key.len() + value.len() + 20) {
            return None;
        }
        pack.push_back(key);
        pack.push_back(value);
        rest = after;
    }
    let pairs = pack.len() / 2;
    (stated >= 0xfe || usize::from(stated) == pairs).then_some(pack)
}

/// A string with its length before it, `frees` bytes that count unused ones between, and those behind it.
fn zipmap_string(bytes: &[u8], frees: usize) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let (length, rest) = match first {
        END => return None,
        0xfe => {
            let (length, rest) = rest.split_first_chunk()?;
            (u32::from_le_bytes(*length) as usize, rest)
        }
        _ => (usize::from(first), rest),
    };
    let (free, rest) = rest.split_at_checked(frees)?;
    let (text, rest) = rest.split_at_checked(length)?;
    let unused = free.first().map_or(0, |&free| usize::from(free));
    Some((text, rest.get(unused..)?))
}
