//! Keys of a snapshot before their turn: where their records begin, and their hashes.
//!
//! A table is asked for the places of several keys at once, since waiting for the memory of each when it comes would take
//! longer than reading it. What is not understood from afar (another kind of record, one that the window does not hold
//! whole) is left for its turn: nothing here can fail.

use smallvec::SmallVec;

use super::super::value::codes::{self, opcode};
use super::super::value::{Bad, Result, Room, array, byte, length, skip_string, string};
use crate::keyspace::Keyspace;

/// How many keys are looked for at once.
const AHEAD: usize = 16;

#[derive(Default)]
pub(super) struct Ahead {
    seen: SmallVec<[Seen; AHEAD]>,
    at: usize,
    room: Room,
}

/// A key, by the file offset of its type.
#[derive(Clone, Copy)]
struct Seen {
    record: u64,
    hash: u64,
}

impl Ahead {
    /// The hash of the key whose type stands at `record`, if it was seen.
    #[inline]
    pub(super) fn hash(&mut self, record: u64) -> Option<u64> {
        while let Some(seen) = self.seen.get(self.at) {
            if seen.record > record {
                return None;
            }
            self.at += 1;
            if seen.record == record {
                return Some(seen.hash);
            }
        }
        None
    }

    /// Looks at what follows in `bytes`, which begin at `offset`, unless there are keys that were seen and have not come.
    #[inline]
    pub(super) fn look(&mut self, bytes: &[u8], offset: u64, space: &Keyspace, db: usize) {
        if self.at < self.seen.len() {
            return;
        }
        self.seen.clear();
        self.at = 0;
        let mut rest = bytes;
        while self.seen.len() < AHEAD {
            let Ok((left, hash)) = next(&mut rest, &mut self.room, |key| space.approach(db, key)) else {
                break;
            };
            self.seen.push(Seen { record: offset + (bytes.len() - left) as u64, hash });
        }
        self.room.tidy();
    }
}

/// The next key, told to `hash`, and how many bytes were left where its type stands; `rest` begins behind its value then.
fn next(rest: &mut &[u8], room: &mut Room, hash: impl FnOnce(&[u8]) -> u64) -> Result<(usize, u64)> {
    let mut left = rest.len();
    let mut code = byte(rest)?;
    if code == opcode::EXPIRE_MS {
        array::<8>(rest)?;
        left = rest.len();
        code = byte(rest)?;
    }
    let hash = hash(string(rest, room)?);
    skip_value(code, rest)?;
    Ok((left, hash))
}

fn skip_value(code: u8, rest: &mut &[u8]) -> Result<()> {
    match code {
        codes::STRING
        | codes::SET_INTSET
        | codes::SET_LISTPACK
        | codes::ZSET_LISTPACK
        | codes::HASH_LISTPACK => skip_string(rest),
        codes::LIST_QUICKLIST_2 => {
            for _ in 0..length(rest)? {
                length(rest)?;
                skip_string(rest)?;
            }
            Ok(())
        }
        _ => Err(Bad::Unsupported("from afar")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::Limits;

    fn seen(bytes: &[u8]) -> Vec<u64> {
        let (mut ahead, space) = (Ahead::default(), Keyspace::new(1, Limits::default()));
        ahead.look(bytes, 100, &space, 0);
        let expected = |seen: &Seen| (seen.record, seen.hash);
        let told: Vec<_> = ahead.seen.iter().map(expected).collect();
        for (record, hash) in &told {
            assert_eq!(ahead.hash(*record), Some(*hash));
        }
        assert_eq!(ahead.hash(u64::MAX), None);
        told.into_iter().map(|(record, _)| record).collect()
    }

    #[test]
    fn keys_are_seen_up_to_what_is_not_understood() {
        let string = [codes::STRING, 1, b'k', 2, b'v', b'v'];
        let list = [codes::LIST_QUICKLIST_2, 1, b'l', 2, 2, 1, b'x', 1, 0xc0, 5];
        let timed = [&[opcode::EXPIRE_MS, 0, 0, 0, 0, 0, 0, 0, 0][..], &string].concat();
        assert_eq!(seen(&[&string[..], &list, &timed, &[opcode::END], &string].concat()), [100, 106, 125]);
        assert_eq!(seen(&string.repeat(40)).len(), AHEAD);
        for end in 0..string.len() {
            assert!(seen(&string[..end]).is_empty(), "{end}");
        }
    }

    #[test]
    fn a_key_that_was_passed_by_is_forgotten() {
        let (mut ahead, space) = (Ahead::default(), Keyspace::new(1, Limits::default()));
        ahead.look(&[codes::STRING, 1, b'k', 1, b'v'].repeat(3), 0, &space, 0);
        assert!(ahead.hash(3).is_none() && ahead.hash(5).is_some() && ahead.hash(5).is_none());
        assert_eq!(ahead.hash(10), Some(space.seed().hash(b"k")));
    }
}
