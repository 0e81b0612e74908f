//! The reader of snapshots: any bytes, arriving in pieces of any size. What it takes can be written and read again.

use std::path::Path;

use aofstore_core::error::{Error, LoadKind, Result};
use aofstore_core::keyspace::Keyspace;
use aofstore_core::rdb::file::{About, Reader, Snapshot, Unknown};
use aofstore_core::rdb::value::Version;

use super::dataset::{self, Dataset};
use super::input::Input;
use super::{commands, resp};

/// The first byte: bits 1-2 limits, bit 3 foreign things are left out, bit 4 an end without a checksum is added, or else
/// none would ever be right, bit 5 what has expired is left out. Then how the bytes arrive.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let (form, most, seed) = (input.byte(), usize::from(input.byte()) + 1, u64::from(input.byte()));
    let end: &[u8] = if form & 16 == 0 { &[] } else { &[0xff, 0, 0, 0, 0, 0, 0, 0, 0] };
    let file = [input.0, end].concat();
    let (outcome, found) = read(&file, form, usize::MAX, 0);
    let (again, same) = read(&file, form, most, seed);
    assert_eq!((&again, same), (&outcome, found.clone()), "the same bytes in other pieces");
    match outcome {
        Ok(()) => comes_back(&file, form, &found),
        Err(error) => damage(&error, file.len() as u64),
    }
}

/// Reads a whole snapshot: how it ended, and what is there then.
fn read(file: &[u8], form: u8, most: usize, seed: u64) -> (Result<()>, Dataset) {
    let (outcome, mut space) = loaded(file, form, most, seed);
    dataset::check_tables(&mut space);
    (outcome, dataset::of_keyspace(&mut space))
}

fn loaded(file: &[u8], form: u8, most: usize, seed: u64) -> (Result<()>, Keyspace) {
    let mut space = Keyspace::new(4, commands::limits(form >> 1 & 3));
    space.set_expiring(false);
    let unknown = if form & 8 == 0 { Unknown::Refuse } else { Unknown::Skip };
    let source = resp::pieces(file, most, seed);
    let mut reader = Reader::new(source, file.len() as u64, Path::new("fuzz.rdb"), unknown)
        .expiring((form & 32 != 0).then_some(1 << 40));
    let mut before = 0;
    let outcome = loop {
        let more = reader.next(&mut space);
        assert!(reader.offset() >= before && reader.offset() <= file.len() as u64);
        assert!(reader.memory() <= file.len().max(1 << 20), "{} bytes held", reader.memory());
        before = reader.offset();
        match more {
            Ok(true) => {}
            Ok(false) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    (outcome, space)
}

fn comes_back(file: &[u8], form: u8, found: &Dataset) {
    let (_, space) = loaded(file, form, usize::MAX, 0);
    for (version, packed) in [(Version::V10, true), (Version::V11, true), (Version::V10, false)] {
        let about = About { version, redis_version: "7.2.0", created: 0, used_memory: 0, aof_base: false };
        let mut written = Vec::new();
        let snapshot = Snapshot::prepare(about);
        let mut snapshot = if packed { snapshot.packed() } else { snapshot };
        assert!(snapshot.write(&space, &mut written));
        let (outcome, back) = read(&written, form, usize::MAX, 0);
        assert_eq!((outcome, &back), (Ok(()), found), "what was written is read");
    }
}

/// An error names a place in the file and a kind that bytes alone can cause.
fn damage(error: &Error, total: u64) {
    let Error::Load { kind, offset, .. } = error else { panic!("{error:?}") };
    assert!(*offset <= total, "offset {offset} of {total}");
    assert!(
        matches!(
            kind,
            LoadKind::Format
                | LoadKind::Truncated
                | LoadKind::Unsupported
                | LoadKind::Checksum
                | LoadKind::Replay
        ),
        "{error:?}"
    );
}
