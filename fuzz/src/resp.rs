//! The reader of command frames: any bytes, arriving in pieces of any size.

use std::io;
use std::path::Path;

use aofstore_core::aof::{Next, Reader, Source};
use aofstore_core::command;
use aofstore_core::error::{Error, LoadKind, Result};

use super::input::Input;

const MAX_BULK: u64 = 1 << 16;

/// Gives at most `most` bytes at once, the number different each time.
struct Pieces {
    data: Vec<u8>,
    most: usize,
    state: u64,
}

impl Source for Pieces {
    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let count = 1 + (self.state >> 33) as usize % self.most;
        let rest = self.data.get(offset as usize..).unwrap_or_default();
        let count = count.min(rest.len()).min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// Bytes as a file that gives at most `most` at once.
pub fn pieces(data: &[u8], most: usize, seed: u64) -> Box<dyn Source> {
    Box::new(Pieces { data: data.to_vec(), most, state: seed })
}

/// A reader over bytes in memory.
pub fn reader(data: &[u8], most: usize, seed: u64) -> Reader {
    let known = |name: &[u8], argc: usize| command::lookup(name).is_some_and(|spec| spec.accepts(argc));
    Reader::new(pieces(data, most, seed), 0, data.len() as u64, Path::new("fuzz.aof"), MAX_BULK, known)
}

#[derive(Debug, PartialEq)]
struct Read {
    commands: Vec<(u64, u64, Vec<Vec<u8>>)>,
    valid_to: u64,
    end: Result<Next>,
}

/// Reads all, with the checks that hold at every step.
fn read(data: &[u8], most: usize, seed: u64) -> Read {
    let total = data.len() as u64;
    let mut reader = reader(data, most, seed);
    let (mut commands, mut before, mut in_multi) = (Vec::new(), 0, false);
    let end = loop {
        let found = reader.next();
        assert!(reader.memory() <= 8 * data.len() + 4096, "{} bytes held for {total}", reader.memory());
        assert!(reader.valid_to() <= total && reader.command_start() <= total);
        if found != Ok(Next::Command) {
            assert_eq!(reader.next(), found, "the end is told again");
            break found;
        }
        let (start, end) = (reader.command_start(), reader.offset());
        assert!(start >= before && end > start && end <= total, "{before} {start} {end} {total}");
        before = end;
        let argv: Vec<_> = reader.args().map(<[u8]>::to_vec).collect();
        assert_eq!(argv.len(), reader.argc());
        in_multi = (in_multi || argv[0] == b"MULTI") && argv[0] != b"EXEC";
        if !in_multi {
            reader.mark_valid();
        }
        commands.push((start, end, argv));
    };
    Read { commands, valid_to: reader.valid_to(), end }
}

pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let (most, seed) = (usize::from(input.byte()) + 1, u64::from(input.byte()));
    let data = input.0;
    let once = read(data, usize::MAX, 0);
    assert_eq!(read(data, most, seed), once, "the same bytes in other pieces");
    match &once.end {
        Ok(Next::End) => {}
        Ok(Next::Torn { valid_to, .. }) => {
            assert_eq!(*valid_to, once.valid_to);
            let cut = read(&data[..*valid_to as usize], most, seed);
            assert_eq!(cut.end, Ok(Next::End), "cut at {valid_to}");
            let kept = once.commands.iter().filter(|(_, end, _)| end <= valid_to);
            assert!(kept.eq(&cut.commands), "other commands in the file cut at {valid_to}");
        }
        Ok(Next::Command) => unreachable!("a command is no end"),
        Ok(Next::Later { .. }) => unreachable!("nobody asked for a time"),
        Err(error) => damage(error, data.len() as u64),
    }
}

/// An error names a place in the file and a kind that bytes alone can cause.
pub fn damage(error: &Error, total: u64) {
    let Error::Load { kind, offset, .. } = error else { panic!("{error:?}") };
    assert!(*offset <= total, "offset {offset} of {total}");
    assert!(
        matches!(
            kind,
            LoadKind::Format | LoadKind::UnknownCommand | LoadKind::Replay | LoadKind::Unsupported
        ),
        "{error:?}"
    );
}
