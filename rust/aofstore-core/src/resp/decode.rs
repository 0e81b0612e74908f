//! Command frames in borrowed bytes: `*<argc>\r\n`, then `$<len>\r\n<payload>\r\n` for each argument.
//!
//! Strict where servers are lenient: canonical digits, CRLF checked behind every payload, no empty or negative
//! counts. A lenient reader takes a damaged length for another one and loads different data.
//! Nothing is allocated for what a header declares, only for the arguments that are there.

#![expect(
    clippy::indexing_slicing,
    reason = "hot loop; every index is compared with the length before it is used"
)]

use std::ops::Range;

use smallvec::SmallVec;

/// Most arguments of one command, as servers since Redis 7 have it; what the engine takes, the reader must read.
pub const MAX_ARGS: u64 = i32::MAX as u64;

/// Longest argument unless `proto-max-bulk-len` says otherwise: 512 MiB.
pub const MAX_BULK: u64 = 512 * 1024 * 1024;

/// Where the arguments of one command are; reuse it, it keeps its room.
///
/// It also remembers how far an incomplete command was read, so bytes are looked at once however they arrive.
#[derive(Debug, Default)]
pub struct Frame {
    args: SmallVec<[Range<usize>; 16]>,
    next: usize,
    missing: u64,
}

impl Frame {
    /// Forgets the command; call it before the first look at the next one.
    #[inline]
    pub fn clear(&mut self) {
        self.args.clear();
        self.next = 0;
        self.missing = 0;
    }

    /// Where the payloads lie, counted from the command's `*`.
    #[inline]
    pub fn args(&self) -> &[Range<usize>] {
        &self.args
    }

    /// Bytes read so far; all of the command's once it is complete.
    #[inline]
    pub fn len(&self) -> usize {
        self.next
    }

    pub fn is_empty(&self) -> bool {
        self.next == 0
    }

    /// Bytes that this frame holds on the heap.
    pub fn memory(&self) -> usize {
        if self.args.spilled() { self.args.capacity() * size_of::<Range<usize>>() } else { 0 }
    }
}

/// How far a look at the bytes got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    Complete,
    /// At least this many bytes are needed, counted from the command's `*`.
    Need(u64),
}

/// What no server writes, and at which byte counted from the command's `*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damage {
    pub at: usize,
    pub cause: Cause,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    NoCommand,
    NoArgument,
    NoDigit,
    Negative,
    NoArguments,
    TooManyArguments,
    TooLong,
    NoLineEnd,
}

impl Cause {
    /// What was expected at the byte, as the middle of a sentence.
    pub const fn text(self) -> &'static str {
        match self {
            Self::NoCommand => "expected '*' at the start of a command",
            Self::NoArgument => "expected '$' before the length of an argument",
            Self::NoDigit => "expected a number without sign, blanks or leading zeros, ended by CR LF",
            Self::Negative => "a length cannot be negative",
            Self::NoArguments => "a command has at least one argument",
            Self::TooManyArguments => "a command has at most 2147483647 arguments",
            Self::TooLong => "the argument is declared longer than proto-max-bulk-len",
            Self::NoLineEnd => "expected CR LF behind an argument of the declared length",
        }
    }
}

/// Reads on in `bytes`, which start at the command's `*` and hold at least what `frame` has already seen.
#[inline]
pub fn decode(bytes: &[u8], max_bulk: u64, frame: &mut Frame) -> Result<Progress, Damage> {
    if frame.next == 0 && !open(bytes, frame)? {
        return Ok(Progress::Need(bytes.len() as u64 + 1));
    }
    while frame.missing > 0 {
        let Some((length, payload)) = header(bytes, frame.next, b'$', max_bulk)? else {
            return Ok(Progress::Need(bytes.len() as u64 + 1));
        };
        let rest = (bytes.len() - payload) as u64;
        if rest < length + 2 {
            payload_end(bytes, payload, length)?;
            return Ok(Progress::Need(payload as u64 + length + 2));
        }
        let end = payload + length as usize;
        if bytes[end] != b'\r' || bytes[end + 1] != b'\n' {
            let at = end + usize::from(bytes[end] == b'\r');
            return Err(Damage { at, cause: Cause::NoLineEnd });
        }
        frame.args.push(payload..end);
        frame.next = end + 2;
        frame.missing -= 1;
    }
    Ok(Progress::Complete)
}

/// The CR may be there, and wrong, when the LF is not.
#[cold]
fn payload_end(bytes: &[u8], payload: usize, length: u64) -> Result<(), Damage> {
    match bytes[payload..].get(usize::try_from(length).unwrap_or(usize::MAX)) {
        Some(byte) if *byte != b'\r' => {
            Err(Damage { at: payload + length as usize, cause: Cause::NoLineEnd })
        }
        _ => Ok(()),
    }
}

#[inline]
fn open(bytes: &[u8], frame: &mut Frame) -> Result<bool, Damage> {
    let Some((count, next)) = header(bytes, 0, b'*', MAX_ARGS)? else { return Ok(false) };
    if count == 0 {
        return Err(Damage { at: 1, cause: Cause::NoArguments });
    }
    frame.missing = count;
    frame.next = next;
    Ok(true)
}

/// Reads `<mark><number>\r\n` at `at`: the number and where the next byte is, or `None` when `bytes` end before.
#[inline]
pub(crate) fn header(bytes: &[u8], at: usize, mark: u8, max: u64) -> Result<Option<(u64, usize)>, Damage> {
    // Nearly every header counts fewer than a hundred.
    if let Some(&[found, ten, one, cr, lf]) = bytes.get(at..).and_then(<[u8]>::first_chunk)
        && found == mark
        && max >= 99
    {
        let (ten, one) = (ten.wrapping_sub(b'0'), one.wrapping_sub(b'0'));
        if ten < 10 && one == b'\r'.wrapping_sub(b'0') && cr == b'\n' {
            return Ok(Some((u64::from(ten), at + 4)));
        }
        if ten.wrapping_sub(1) < 9 && one < 10 && cr == b'\r' && lf == b'\n' {
            return Ok(Some((u64::from(ten * 10 + one), at + 5)));
        }
    }
    if let Some(&[found, hundred, ten, one, b'\r', b'\n']) = bytes.get(at..).and_then(<[u8]>::first_chunk)
        && found == mark
        && max >= 999
    {
        let [hundred, ten, one] = [hundred, ten, one].map(|digit| digit.wrapping_sub(b'0'));
        if hundred.wrapping_sub(1) < 9 && ten < 10 && one < 10 {
            return Ok(Some((u64::from(hundred) * 100 + u64::from(ten * 10 + one), at + 6)));
        }
    }
    any_header(bytes, at, mark, max)
}

fn any_header(bytes: &[u8], start: usize, mark: u8, max: u64) -> Result<Option<(u64, usize)>, Damage> {
    let wrong = |at, cause| Err(Damage { at, cause });
    // Keeps `number * 10` in range whatever the settings say.
    let max = max.min(1 << 59);
    let (mut at, mut number) = (start, 0u64);
    match bytes.get(at) {
        None => return Ok(None),
        Some(&byte) if byte != mark => {
            return wrong(at, if mark == b'*' { Cause::NoCommand } else { Cause::NoArgument });
        }
        Some(_) => at += 1,
    }
    let first = at;
    loop {
        let Some(&byte) = bytes.get(at) else { return Ok(None) };
        match byte {
            b'0'..=b'9' if at == first + 1 && number == 0 => return wrong(first, Cause::NoDigit),
            b'0'..=b'9' => number = number * 10 + u64::from(byte - b'0'),
            b'\r' if at > first => break,
            b'-' if at == first => return wrong(at, Cause::Negative),
            _ => return wrong(at, Cause::NoDigit),
        }
        if number > max {
            return wrong(first, if mark == b'*' { Cause::TooManyArguments } else { Cause::TooLong });
        }
        at += 1;
    }
    match bytes.get(at + 1) {
        None => Ok(None),
        Some(b'\n') => Ok(Some((number, at + 2))),
        Some(_) => wrong(at + 1, Cause::NoDigit),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encode(args: &[Vec<u8>]) -> Vec<u8> {
        let mut out = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args {
            out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
            out.extend_from_slice(arg);
            out.extend_from_slice(b"\r\n");
        }
        out
    }

    fn look(bytes: &[u8]) -> Result<Progress, Damage> {
        decode(bytes, MAX_BULK, &mut Frame::default())
    }

    #[test]
    fn l14_l16_damage_is_named_with_its_byte() {
        use Cause::*;
        for (text, at, cause) in [
            ("x1\r\n", 0, NoCommand),
            ("\n", 0, NoCommand),
            (" *1\r\n", 0, NoCommand),
            ("*x", 1, NoDigit),
            ("*\r", 1, NoDigit),
            ("*0\r\n", 1, NoArguments),
            ("*-1\r\n", 1, Negative),
            ("*+1\r\n", 1, NoDigit),
            ("*01\r\n", 1, NoDigit),
            ("*00", 1, NoDigit),
            ("* 1\r\n", 1, NoDigit),
            ("*1 \r\n", 2, NoDigit),
            ("*1\n", 2, NoDigit),
            ("*1\rx", 3, NoDigit),
            ("*2147483648", 1, TooManyArguments),
            ("*1\r\n!1\r\n", 4, NoArgument),
            ("*1\r\n#", 4, NoArgument),
            ("*1\r\n$-5\r\n", 5, Negative),
            ("*1\r\n$03\r\n", 5, NoDigit),
            ("*1\r\n$99999999999\r\n", 5, TooLong),
            ("*1\r\n$536870913", 5, TooLong),
            ("*1\r\n$9000000000000000000\r\n", 5, TooLong),
            ("*1\r\n$99999999999999999999999999\r\n", 5, TooLong),
            ("*1\r\n$1\r\naZ\n", 9, NoLineEnd),
            ("*1\r\n$1\r\naZ", 9, NoLineEnd),
            ("*1\r\n$1\r\na\rZ", 10, NoLineEnd),
            ("*1\r\n$1\r\nab\r\n", 9, NoLineEnd),
            ("*1\r\n$0\r\n\n\n", 8, NoLineEnd),
            ("*2\r\n$1\r\na\r\n*1\r\n", 11, NoArgument),
        ] {
            assert_eq!(look(text.as_bytes()), Err(Damage { at, cause }), "{text:?}");
        }
    }

    #[test]
    fn says_how_much_is_needed() {
        for (text, need) in [
            ("", 1),
            ("*", 2),
            ("*1", 3),
            ("*1\r", 4),
            ("*1\r\n", 5),
            ("*1\r\n$3", 7),
            ("*1\r\n$3\r\n", 13),
            ("*1\r\n$3\r\nabc\r", 13),
            ("*1\r\n$536870912\r\n", 16 + 536_870_912 + 2),
            ("*1048576\r\n", 11),
        ] {
            assert_eq!(look(text.as_bytes()), Ok(Progress::Need(need)), "{text:?}");
        }
    }

    #[test]
    fn nothing_is_reserved_for_what_a_header_declares() {
        let mut frame = Frame::default();
        assert!(decode(b"*1048576\r\n$1\r\na\r\n$536870912\r\n", MAX_BULK, &mut frame).is_ok());
        assert_eq!(frame.memory(), 0);
        assert_eq!(
            decode(b"*1\r\n$9\r\n", 8, &mut Frame::default()),
            Err(Damage { at: 5, cause: Cause::TooLong })
        );
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_in_any_pieces(
            args in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..130), 1..40),
            behind in proptest::collection::vec(any::<u8>(), 0..20),
            steps in proptest::collection::vec(1usize..60, 1..10),
        ) {
            let command = encode(&args);
            let mut bytes = command.clone();
            bytes.extend_from_slice(&behind);
            let (mut frame, mut shown) = (Frame::default(), 0);
            for step in steps.iter().cycle() {
                shown = (shown + step).min(bytes.len());
                match decode(&bytes[..shown], MAX_BULK, &mut frame) {
                    Ok(Progress::Complete) => break,
                    Ok(Progress::Need(need)) => prop_assert!(need > shown as u64 && need <= command.len() as u64),
                    Err(damage) => prop_assert!(false, "{:?}", damage),
                }
            }
            prop_assert_eq!(frame.len(), command.len());
            let read: Vec<&[u8]> = frame.args().iter().map(|range| &bytes[range.clone()]).collect();
            prop_assert_eq!(read, args.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in "[*$0-9\r\na-c]{0,60}") {
            let _ = look(bytes.as_bytes());
        }
    }
}
