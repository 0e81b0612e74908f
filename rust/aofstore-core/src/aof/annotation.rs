//! `#` lines: what every server skips between commands, and the two kinds that mean something here.
//!
//! `#TS:<unix seconds>` says when what follows was logged; `#BASE` behind the first of them says that the file begins
//! with a rewrite, so that what was before that second is not in it. All other lines are somebody else's.

use crate::sink::Sink;

/// Longest line, its line feed counted: servers read 1023 bytes at once, and take the next one for a new line.
pub(super) const LONGEST: usize = 1023;

/// Says that the file begins with a dump. Only files without another sign of it, like a name, have it.
pub const BASE: &[u8] = b"#BASE\r\n";

/// `#TS:<second>\r\n`.
#[inline]
pub fn time(sink: &mut impl Sink, second: i64) {
    sink.put(b"#TS:");
    sink.put(itoa::Buffer::new().format(second).as_bytes());
    sink.put(b"\r\n");
}

/// Bytes that [`time`] writes at most.
pub(super) const TIME_BOUND: usize = 26;

/// What a line says, given with its line end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Note {
    /// What follows was logged in this second.
    Time(i64),
    /// It should say when, and does not.
    NoTime,
    Other,
}

impl Note {
    pub(super) fn of(line: &[u8]) -> Self {
        let Some((mark, rest)) = line.split_at_checked(4) else { return Self::Other };
        if !mark.eq_ignore_ascii_case(b"#TS:") {
            return Self::Other;
        }
        let digits = rest.strip_suffix(b"\n").unwrap_or(rest);
        let digits = digits.strip_suffix(b"\r").unwrap_or(digits);
        let second = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
        second.map_or(Self::NoTime, Self::Time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_reads_back_as_it_was_written() {
        for second in [0, 1, -1, 1_700_000_000, i64::MAX, i64::MIN] {
            let mut line = Vec::new();
            time(&mut line, second);
            assert!(line.len() <= TIME_BOUND, "{line:?}");
            assert_eq!(Note::of(&line), Note::Time(second));
        }
        assert_eq!(Note::of(b"#ts:7\n"), Note::Time(7));
    }

    #[test]
    fn a_time_that_is_none_is_told_apart_from_other_lines() {
        for line in [
            b"#TS:\r\n".as_slice(),
            b"#TS:1.5\r\n",
            b"#TS:12 x\r\n",
            b"#TS: 1\r\n",
            b"#TS:99999999999999999999\r\n",
        ] {
            assert_eq!(Note::of(line), Note::NoTime, "{line:?}");
        }
        for line in [b"#\n".as_slice(), b"#TS\r\n", b"#BASE\r\n", b"#HDR:v1;len:3\r\n", b"#\xff\0\n"] {
            assert_eq!(Note::of(line), Note::Other, "{line:?}");
        }
    }
}
