//! A damaged stretch of a log, and what of a transaction or of SELECT was in it.

use std::io;

use crate::command;
use crate::fs::{Source, read_up_to};
use crate::num;
use crate::resp::encode;

const BLOCK: usize = 64 << 10;
/// Longest record that is recognised.
const LONGEST: usize = 64;
/// So many bytes of a record may be damaged for it to be known yet.
const DAMAGED: usize = 2;
const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";
const SELECT: &[u8] = b"*2\r\n$6\r\nSELECT\r\n$";

/// A stretch of a file that a salvage leaves out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hole {
    pub from: u64,
    pub to: u64,
    /// What stands there instead: the SELECT that was in it.
    pub instead: Vec<u8>,
    /// Commands that are lost with it, as far as they can be counted.
    pub commands: u64,
    /// Those of them that are whole and stand behind the damage.
    pub whole: u64,
}

/// What can still be recognised in a stretch.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Traces {
    /// Places where a command begins, the first byte counted as one.
    pub records: u64,
    pub exec: bool,
    pub select: Selected,
}

/// Whether a SELECT was there; the last one counts.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Selected {
    #[default]
    No,
    /// Of this database.
    Database(usize),
    /// Of one that cannot be read any more.
    Lost,
}

impl Traces {
    pub(super) fn read(source: &mut dyn Source, from: u64, to: u64) -> io::Result<Self> {
        let mut traces = Self { records: u64::from(from < to), ..Self::default() };
        let mut window = vec![0; BLOCK + LONGEST];
        let mut at = from;
        while at < to {
            let room = usize::try_from(to - at).unwrap_or(usize::MAX).min(window.len());
            let filled = read_up_to(source, at, window.get_mut(..room).unwrap_or_default())?;
            if filled == 0 {
                break;
            }
            let bytes = window.get(..filled).unwrap_or_default();
            (0..filled.min(BLOCK)).for_each(|index| traces.look(bytes, index, at + index as u64 > from));
            at += filled.min(BLOCK) as u64;
        }
        Ok(traces)
    }

    fn look(&mut self, bytes: &[u8], at: usize, inside: bool) {
        let rest = bytes.get(at..).unwrap_or_default();
        if !matches!(rest, [b'*', ..] | [_, b'1' | b'2', ..]) {
            return;
        }
        self.records += u64::from(inside && begins_command(rest));
        self.exec |= resembles(rest, EXEC);
        if resembles(rest, SELECT) {
            self.select =
                rest.get(SELECT.len()..).and_then(database).map_or(Selected::Lost, Selected::Database);
        }
    }
}

/// Whether `bytes` begin with `record`, but for a few.
fn resembles(bytes: &[u8], record: &[u8]) -> bool {
    let Some(bytes) = bytes.get(..record.len()) else { return false };
    let wrong = bytes.iter().zip(record).filter(|(byte, due)| !byte.eq_ignore_ascii_case(due));
    wrong.take(DAMAGED + 1).count() <= DAMAGED
}

/// The number behind `$`: `1\r\n7\r\n`.
fn database(bytes: &[u8]) -> Option<usize> {
    let digits = bytes.strip_prefix(b"1\r\n").or_else(|| bytes.strip_prefix(b"2\r\n"))?;
    let length = memchr::memchr(b'\r', digits.get(..3)?)?;
    num::parse_i64(digits.get(..length)?).and_then(|db| usize::try_from(db).ok())
}

/// Whether a command begins here, at least by its name: `*3\r\n$3\r\nSET\r\n`.
fn begins_command(bytes: &[u8]) -> bool {
    let mut lines = bytes.get(..LONGEST).unwrap_or(bytes).split(|&byte| byte == b'\n');
    let number = |line: Option<&[u8]>, mark: u8| {
        let text = line?.strip_suffix(b"\r")?.strip_prefix(&[mark])?;
        num::parse_i64(text).and_then(|number| usize::try_from(number).ok())
    };
    let counts = (number(lines.next(), b'*'), number(lines.next(), b'$'));
    let (Some(argc), Some(length)) = counts else { return false };
    let name = lines.next().and_then(|line| line.strip_suffix(b"\r")).unwrap_or_default();
    name.len() == length && command::is_known(name, argc)
}

/// The record that selects a database.
pub(super) fn select(db: usize) -> Vec<u8> {
    let mut record = Vec::new();
    encode::command(&mut record, [b"SELECT".as_slice(), db.to_string().as_bytes()]);
    record
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::fs::Seekable;

    fn traces(bytes: &[u8]) -> Traces {
        Traces::read(&mut Seekable(Cursor::new(bytes.to_vec())), 0, bytes.len() as u64).unwrap()
    }

    #[test]
    fn what_a_flip_left_is_recognised() {
        assert_eq!(select(7), b"*2\r\n$6\r\nSELECT\r\n$1\r\n7\r\n");
        for at in 0..EXEC.len() {
            let mut bytes = EXEC.to_vec();
            bytes[at] ^= 4;
            assert!(traces(&bytes).exec, "{at}");
        }
        for at in 0..SELECT.len() {
            for (db, flip) in [(3, 4), (12, 1)] {
                let mut bytes = select(db);
                bytes[at] ^= flip;
                assert_eq!(traces(&bytes).select, Selected::Database(db), "{at}");
            }
        }
        let mut bytes = select(3);
        bytes[SELECT.len() + 3] = b'!';
        assert_eq!(traces(&bytes).select, Selected::Lost);
        assert_eq!(traces(&[select(3), select(4)].concat()).select, Selected::Database(4));
        assert_eq!(traces(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n").select, Selected::No);
    }

    #[test]
    fn the_begins_of_commands_are_counted() {
        let set = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n";
        let records = |bytes: &[u8]| traces(bytes).records;
        assert_eq!((records(b""), records(b"x"), records(b"\r\n*3\r\n$1\r\n")), (0, 1, 1));
        assert_eq!((records(set), records(&set.repeat(3)), records(&set.repeat(5000))), (1, 3, 5000));
        assert_eq!(records(&[b"junk", set.as_slice()].concat()), 2);
    }
}
