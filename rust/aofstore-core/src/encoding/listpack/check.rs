//! Whether bytes from a file are a listpack; everything else in this directory trusts the answer.
//!
//! Called by `Listpack::from_bytes_validated` only. Never panics, reads each byte at most once.

use super::codec::{END, body_len, tail_size, write_tail};
use super::pack::{HEADER, UNKNOWN};

/// Whether `bytes` are one whole listpack: lengths that agree in both directions, the right count, one end.
pub(super) fn is_listpack(bytes: &[u8]) -> bool {
    let Some((&[t0, t1, t2, t3, c0, c1], mut rest)) = bytes.split_first_chunk::<HEADER>() else {
        return false;
    };
    if u32::from_le_bytes([t0, t1, t2, t3]) as usize != bytes.len() {
        return false;
    }
    let mut count = 0usize;
    while let Some(after) = skip_entry(rest) {
        rest = after;
        count += 1;
    }
    let stated = u16::from_le_bytes([c0, c1]);
    rest == [END] && (stated == UNKNOWN || usize::from(stated) == count)
}

/// What follows the entry at the start of `bytes`, if there is a whole and sound one.
fn skip_entry(bytes: &[u8]) -> Option<&[u8]> {
    let body = body_len(bytes)?;
    let size = tail_size(body);
    let (tail, rest) = bytes.get(body..)?.split_at_checked(size)?;
    let mut expected = [0; 5];
    let expected = expected.get_mut(..size)?;
    write_tail(expected, body);
    (tail == expected).then_some(rest)
}
