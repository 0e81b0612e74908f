//! LZF, packed: strings of more than twenty bytes become shorter where that saves at least four, as servers do it.
//!
//! Also runs in a forked child: allocates nothing, takes no lock, cannot panic.

use super::codes::special;
use super::length::put_length;
use crate::sink::Sink;

/// Shorter ones are not worth a try.
pub(super) const SHORTEST: usize = 21;
/// The head of a packed string takes more than that of a plain one.
const LEAST_SAVED: usize = 4;
/// What is remembered: more than the places within reach, and no more than fits the fastest cache.
const SLOT_BITS: u32 = 14;
const SLOTS: usize = 1 << SLOT_BITS;
/// Longer strings than any server has are left as they are: their positions would not fit.
const MOST: usize = 1 << 30;
/// How far back a reference reaches, and how much it stands for.
const WINDOW: usize = 1 << 13;
const BEYOND: u32 = WINDOW as u32 + 1;
const LONGEST: usize = 264;
const LITERALS: usize = 32;
/// A reference that saves nothing is none.
const MATCH: usize = 3;
/// After as many places without a match in vain, the steps become longer.
const PATIENCE: u32 = 6;

/// A sink that may shorten what it is given.
pub trait Packing: Sink {
    /// Puts the string in its packed form, head and all; false if it put nothing, since that would save nothing.
    fn put_packed(&mut self, bytes: &[u8]) -> bool;
}

/// Packs nothing.
impl Packing for Vec<u8> {
    fn put_packed(&mut self, _: &[u8]) -> bool {
        false
    }
}

/// What packing needs: made before a fork, of a size that no string changes.
pub struct Packer {
    met: Met,
    /// A packed string, since its length stands before it. What does not fit is packed twice.
    room: Box<[u8]>,
}

impl Packer {
    /// What most strings of a snapshot fit in. The system gives the memory only where it is used.
    pub const ROOM: usize = 1 << 20;

    pub fn new(room: usize) -> Self {
        Self { met: Met::new(), room: vec![0; room].into_boxed_slice() }
    }

    /// Puts `bytes` packed, with their head; false, and nothing, if they are better put as they are.
    pub fn pack(&mut self, bytes: &[u8], out: &mut impl Sink) -> bool {
        let Self { met, room } = self;
        let mut packed = Packed { room, length: 0, most: bytes.len().saturating_sub(LEAST_SAVED) };
        if bytes.len() > MOST || !compress(bytes, met, &mut packed) {
            return false;
        }
        let length = packed.length;
        out.put(&[special::LZF]);
        put_length(length as u64, out);
        put_length(bytes.len() as u64, out);
        match room.get(..length) {
            Some(packed) => out.put(packed),
            // What it finds is what the first time found: nothing that was met before counts.
            None => drop(compress(bytes, met, &mut Through(out))),
        }
        true
    }
}

/// Where hashes of three bytes were met last.
struct Met {
    /// Positions are counted on from string to string, so that those of strings before are out of reach.
    places: Box<[u32]>,
    /// Of the first byte of the string.
    base: u32,
    next: u32,
}

impl Met {
    fn new() -> Self {
        Self { places: vec![0; SLOTS].into_boxed_slice(), base: 0, next: BEYOND }
    }

    /// A string of at most [`MOST`] bytes.
    fn begin(&mut self, length: usize) {
        let taken = length as u32 + BEYOND;
        if self.next.checked_add(taken).is_none() {
            self.places.fill(0);
            self.next = BEYOND;
        }
        self.base = self.next;
        self.next = self.base.saturating_add(taken);
    }

    /// Notes that these bytes stand at `at`, and tells where such may stand before, within reach.
    #[inline]
    fn meet(&mut self, [a, b, c]: [u8; MATCH], at: usize) -> Option<usize> {
        let hash = u32::from_le_bytes([a, b, c, 0]).wrapping_mul(0x9e37_79b1) >> (u32::BITS - SLOT_BITS);
        let place = self.places.get_mut(hash as usize)?;
        let here = self.base.wrapping_add(at as u32);
        let back = here.wrapping_sub(std::mem::replace(place, here)) as usize;
        if (1..=WINDOW).contains(&back) { at.checked_sub(back) } else { None }
    }
}

/// Takes what a string becomes.
trait Target {
    /// False: it is too much.
    fn take(&mut self, bytes: &[u8]) -> bool;
}

/// Keeps it as far as there is room, and counts the rest.
struct Packed<'a> {
    room: &'a mut [u8],
    length: usize,
    most: usize,
}

impl Target for Packed<'_> {
    #[inline]
    fn take(&mut self, bytes: &[u8]) -> bool {
        let end = self.length + bytes.len();
        if let Some(room) = self.room.get_mut(self.length..end) {
            room.copy_from_slice(bytes);
        }
        self.length = end;
        end <= self.most
    }
}

struct Through<'a, S>(&'a mut S);

impl<S: Sink> Target for Through<'_, S> {
    fn take(&mut self, bytes: &[u8]) -> bool {
        self.0.put(bytes);
        true
    }
}

/// Whether all of `bytes` went into the target.
fn compress(bytes: &[u8], met: &mut Met, out: &mut impl Target) -> bool {
    met.begin(bytes.len());
    let (mut at, mut literals, mut misses) = (0, 0, 0);
    while let Some(here) = three(bytes, at) {
        let from = met.meet(here, at).filter(|&from| three(bytes, from) == Some(here));
        let Some(from) = from else {
            misses += 1;
            at += 1 + (misses >> PATIENCE);
            continue;
        };
        misses = 0;
        let length = MATCH + common(bytes, from + MATCH, at + MATCH);
        if !(put_literals(bytes, literals..at, out) && put_reference(at - from, length, out)) {
            return false;
        }
        at += length;
        literals = at;
        // What a reference ends with is likely met again.
        for near in [at - 2, at - 1] {
            if let Some(here) = three(bytes, near) {
                met.meet(here, near);
            }
        }
    }
    put_literals(bytes, literals..bytes.len(), out)
}

#[inline]
fn three(bytes: &[u8], at: usize) -> Option<[u8; MATCH]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// How many bytes from the two places on are the same, as far as one reference goes.
#[inline]
fn common(bytes: &[u8], from: usize, at: usize) -> usize {
    let end = bytes.len().min(at + LONGEST - MATCH);
    let (Some(here), Some(there)) = (bytes.get(at..end), bytes.get(from..)) else { return 0 };
    let mut same = 0;
    for (a, b) in here.as_chunks::<8>().0.iter().zip(there.as_chunks::<8>().0) {
        let differing = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if differing != 0 {
            return same + (differing.trailing_zeros() / 8) as usize;
        }
        same += 8;
    }
    let rest = here.iter().zip(there).skip(same);
    same + rest.take_while(|(a, b)| a == b).count()
}

#[inline]
fn put_literals(bytes: &[u8], place: std::ops::Range<usize>, out: &mut impl Target) -> bool {
    let literals = bytes.get(place).unwrap_or_default();
    literals.chunks(LITERALS).all(|piece| out.take(&[(piece.len() - 1) as u8]) && out.take(piece))
}

/// `length` bytes from `back` bytes before.
#[inline]
fn put_reference(back: usize, length: usize, out: &mut impl Target) -> bool {
    let (back, length) = (back - 1, length - 2);
    let (high, low) = ((back >> 8) as u8, back as u8);
    match length {
        ..7 => out.take(&[(length as u8) << 5 | high, low]),
        _ => out.take(&[7 << 5 | high, (length - 7) as u8, low]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::input::{Room, string};
    use super::Packer;

    fn packed(bytes: &[u8], room: usize) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        Packer::new(room).pack(bytes, &mut out).then_some(out)
    }

    fn unpacked(packed: &[u8]) -> Vec<u8> {
        let mut rest = packed;
        let bytes = string(&mut rest, &mut Room::default()).unwrap().to_vec();
        assert!(rest.is_empty());
        bytes
    }

    #[test]
    fn what_repeats_becomes_references() {
        assert_eq!(packed(&[b'a'; 30], 100).unwrap(), [0xc3, 5, 30, 0, b'a', 0xe0, 20, 0]);
        assert_eq!(
            packed(&b"ab".repeat(133), 1000).unwrap(),
            [0xc3, 6, 0x41, 10, 1, b'a', b'b', 0xe0, 255, 1]
        );
    }

    #[test]
    fn what_saves_less_than_four_bytes_stays_as_it_is() {
        assert_eq!(packed(b"aaaaaaa", 100), None);
        assert_eq!(packed(b"aaaaaaaaa", 100), Some(b"\xc3\x04\x09\x00a\xc0\x00".to_vec()));
        assert_eq!(packed(b"abcdefghijklmnopqrstuvwxyz", 100), None);
        // 26 bytes in 24, three literal runs in all.
        assert_eq!(packed(b"abcdefghijklmnopqrstuabcde", 100), None);
        let mut rng = fastrand::Rng::with_seed(1);
        let random: Vec<u8> = (0..100_000).map(|_| rng.u8(..)).collect();
        assert!(packed(&random, 1 << 20).is_none());
    }

    #[test]
    fn what_does_not_fit_the_room_is_packed_the_same() {
        let text: Vec<u8> = (0..20_000u32).flat_map(|n| (n * n).to_string().into_bytes()).collect();
        let whole = packed(&text, text.len()).unwrap();
        assert!(whole.len() < text.len() * 4 / 5);
        for room in [0, 1, 1000, whole.len() - 20, whole.len()] {
            assert!(packed(&text, room).unwrap() == whole, "{room}");
        }
        assert!(unpacked(&whole) == text);
    }

    #[test]
    fn strings_before_leave_no_trace_also_where_the_count_of_positions_begins_anew() {
        let mut packer = Packer::new(1 << 16);
        packer.met.next = u32::MAX - 1_000_000;
        for round in 0..200u32 {
            let text: Vec<u8> = (0..3000u32).flat_map(|n| (n * (round % 7)).to_be_bytes()).collect();
            let mut out = Vec::new();
            assert!(packer.pack(&text, &mut out) && out == packed(&text, 1 << 16).unwrap(), "{round}");
            assert!(unpacked(&out) == text);
        }
        assert!(packer.met.next < u32::MAX / 2);
    }

    fn text() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            (any::<u8>(), 0usize..600).prop_map(|(byte, count)| vec![byte; count]),
            ("[ab]{1,4}", 0usize..300).prop_map(|(word, count)| word.repeat(count).into_bytes()),
            (0usize..9000).prop_map(|count| (0..count).map(|n| (n % 251) as u8).collect()),
        ];
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn whatever_is_packed_is_unpacked_to_the_same_and_saves_something(text in text(), room in 0usize..2000) {
            if let Some(packed) = packed(&text, room) {
                prop_assert!(packed.len() < text.len() + 7);
                prop_assert_eq!(unpacked(&packed), text);
            }
        }
    }
}
