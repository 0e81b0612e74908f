//! Commands as RESP arrays, the only form in which a log holds them.
//!
//! Writes into any [`Sink`], so that the live log, a rewrite's fixed buffer and tests share one encoder.
//! Lengths are byte lengths and payloads may hold any byte, CR and LF included (F-18).

use crate::sink::Sink;

/// `MULTI` and `EXEC` as they stand in a log.
pub const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
pub const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

/// `*<argc>\r\n`
#[inline]
pub fn array(sink: &mut impl Sink, argc: usize) {
    header(sink, b'*', argc);
}

/// `$<len>\r\n<payload>\r\n`
#[inline]
pub fn bulk(sink: &mut impl Sink, payload: &[u8]) {
    header(sink, b'$', payload.len());
    sink.put(payload);
    sink.put(b"\r\n");
}

/// One whole command; `argv` includes its name.
pub fn command<S, A>(sink: &mut S, argv: impl IntoIterator<Item = A, IntoIter: ExactSizeIterator>)
where
    S: Sink,
    A: AsRef<[u8]>,
{
    let argv = argv.into_iter();
    array(sink, argv.len());
    for argument in argv {
        bulk(sink, argument.as_ref());
    }
}

/// `SELECT <db>`, spelled as Redis writes it into its logs (F-03).
pub fn select(sink: &mut impl Sink, db: u32) {
    let mut digits = itoa::Buffer::new();
    sink.put(b"*2\r\n$6\r\nSELECT\r\n");
    bulk(sink, digits.format(db).as_bytes());
}

/// An upper bound of the bytes that [`command`] writes for arguments of these lengths.
#[inline]
pub fn command_bound(lengths: impl Iterator<Item = usize>) -> usize {
    lengths.fold(LONGEST_HEADER, |sum, len| sum.saturating_add(len).saturating_add(LONGEST_HEADER + 2))
}

/// `$18446744073709551615\r\n`
const LONGEST_HEADER: usize = 23;

#[inline]
fn header(sink: &mut impl Sink, kind: u8, count: usize) {
    // Nearly every header counts fewer than a thousand: one copy of a fixed size instead of three.
    let digit = |place: usize| b'0' + (count / place % 10) as u8;
    if count < 10 {
        sink.put(&[kind, digit(1), b'\r', b'\n']);
    } else if count < 100 {
        sink.put(&[kind, digit(10), digit(1), b'\r', b'\n']);
    } else if count < 1000 {
        sink.put(&[kind, digit(100), digit(10), digit(1), b'\r', b'\n']);
    } else {
        let mut digits = itoa::Buffer::new();
        sink.put(&[kind]);
        sink.put(digits.format(count).as_bytes());
        sink.put(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(argv: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        command(&mut out, argv);
        out
    }

    #[test]
    fn f18_header_counts_bytes_and_payloads_are_verbatim() {
        assert_eq!(
            encoded(&[b"SET", b"k", b"\r\n\0*1"]),
            b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\n\r\n\0*1\r\n"
        );
        assert_eq!(encoded(&[b"SET", b"", b""]), b"*3\r\n$3\r\nSET\r\n$0\r\n\r\n$0\r\n\r\n");
    }

    #[test]
    fn f03_select_is_spelled_as_in_the_original() {
        let mut out = Vec::new();
        select(&mut out, 15);
        assert_eq!(out, b"*2\r\n$6\r\nSELECT\r\n$2\r\n15\r\n");
    }

    #[test]
    fn headers_of_every_width() {
        for len in [0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, 65_536] {
            let payload = vec![b'x'; len];
            let out = encoded(&[&payload]);
            assert_eq!(out, [format!("*1\r\n${len}\r\n").as_bytes(), &payload, b"\r\n"].concat());
            assert!(out.len() <= command_bound([len].into_iter()));
        }
    }
}
