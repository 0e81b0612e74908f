//! LZF, unpacked: how servers shorten strings of more than twenty bytes.
//!
//! A control byte below 32 says that as many bytes and one more follow as they are; any other refers to bytes that were
//! unpacked before.

use super::bad::{Bad, Result};

/// A reference of three bytes stands for 264 at most.
const MOST_A_BYTE: u64 = 88;

const DAMAGED: Bad = Bad::Format("a compressed string that cannot be unpacked");

/// Unpacks `packed` into `room`, exactly `length` bytes.
pub(super) fn decompress(packed: &[u8], length: u64, room: &mut Vec<u8>) -> Result<()> {
    if length > MOST_A_BYTE * packed.len() as u64 {
        return Err(DAMAGED);
    }
    let length = usize::try_from(length).map_err(|_| Bad::Memory)?;
    room.clear();
    room.try_reserve(length).map_err(|_| Bad::Memory)?;
    let mut rest = packed;
    while let Some((&control, after)) = rest.split_first() {
        rest = unpack(control, after, length, room).ok_or(DAMAGED)?;
    }
    if room.len() == length { Ok(()) } else { Err(DAMAGED) }
}

/// One step; what follows it. None if it would read or write where nothing is.
#[inline]
fn unpack<'a>(control: u8, after: &'a [u8], length: usize, room: &mut Vec<u8>) -> Option<&'a [u8]> {
    let number = usize::from(control);
    if number < 32 {
        let (literal, rest) = after.split_at_checked(number + 1)?;
        (room.len() + literal.len() <= length).then(|| room.extend_from_slice(literal))?;
        return Some(rest);
    }
    let (more, after) = match number >> 5 {
        7 => after.split_first().map(|(&more, rest)| (usize::from(more), rest))?,
        _ => (0, after),
    };
    let (&low, rest) = after.split_first()?;
    let back = ((number & 0x1f) << 8 | usize::from(low)) + 1;
    let from = room.len().checked_sub(back)?;
    let mut left = (number >> 5) + more + 2;
    if room.len() + left > length {
        return None;
    }
    while left > 0 {
        // A reference may reach into what it makes itself: each turn doubles what there is to copy.
        let piece = left.min(room.len() - from);
        room.extend_from_within(from..from + piece);
        left -= piece;
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MOST_A_BYTE, decompress};

    fn unpacked(packed: &[u8], length: u64) -> Option<Vec<u8>> {
        let mut room = b"left from before".to_vec();
        decompress(packed, length, &mut room).ok().map(|()| room)
    }

    #[test]
    fn literals_and_references_near_far_and_into_themselves() {
        assert_eq!(unpacked(b"\x04hello", 5), Some(b"hello".to_vec()));
        // "a", then 5 bytes from one byte back.
        assert_eq!(unpacked(&[0, b'a', 3 << 5, 0], 6), Some(b"aaaaaa".to_vec()));
        // "ab", then 264 bytes from two bytes back.
        assert_eq!(unpacked(&[1, b'a', b'b', 7 << 5, 255, 1], 266), Some(b"ab".repeat(133)));
        assert_eq!(unpacked(b"", 0), Some(Vec::new()));
    }

    #[test]
    fn damage_is_refused() {
        for (packed, length) in [
            (b"\x04hell".as_slice(), 5),
            (b"\x04hello", 4),
            (b"\x04hello", 6),
            (&[3 << 5, 0], 5),
            (&[0, b'a', 3 << 5, 1], 6),
            (&[0, b'a', 3 << 5], 6),
            (&[0, b'a', 7 << 5, 255], 6),
            (b"", 1),
            (b"\x00a", u64::MAX),
        ] {
            assert_eq!(unpacked(packed, length), None, "{packed:?} {length}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_grow(packed in prop::collection::vec(any::<u8>(), 0..64), length in 0u64..4000) {
            if let Some(out) = unpacked(&packed, length) {
                prop_assert_eq!(out.len() as u64, length);
                prop_assert!(out.len() as u64 <= MOST_A_BYTE * packed.len() as u64);
            }
        }
    }
}
