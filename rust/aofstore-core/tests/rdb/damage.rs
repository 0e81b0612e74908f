//! No damage makes a reader panic, hang, take memory without bound, or load something else without a word.

use aofstore_core::error::LoadKind;
use aofstore_core::keyspace::Limits;
use aofstore_core::rdb::file::Unknown;
use aofstore_core::rdb::value::Version;

use super::place::{after, argv, dataset};
use super::rig::{file, kind, read, read_with, reader, record, text, written};
use super::round_trip::everything;

/// One of each, small enough that every bit can be tried.
fn small() -> Vec<u8> {
    let space = after(
        [
            &argv(&["SET", "t", "text"]),
            &argv(&["SET", "i", "1000"]),
            &argv(&["RPUSH", "l", "1", "two"]),
            &argv(&["SADD", "n", "1", "2"]),
            &argv(&["SADD", "s", "a", "b"]),
            &argv(&["ZADD", "z", "1.5", "a", "2", "b"]),
            &argv(&["HSET", "h", "f", "v"]),
            &argv(&["PEXPIREAT", "h", "4000000000000"]),
        ],
        Limits::default(),
    );
    written(&space, Version::V10)
}

#[test]
fn every_flipped_bit_is_noticed() {
    let sound = small();
    for at in 0..sound.len() {
        for bit in 0..8 {
            let mut bytes = sound.clone();
            bytes[at] ^= 1 << bit;
            for unknown in [Unknown::Refuse, Unknown::Skip] {
                let read = read_with(reader(&bytes, unknown), Limits::default());
                assert!(read.is_err(), "byte {at} bit {bit} was not noticed");
            }
        }
    }
}

#[test]
fn a_checksum_of_zeros_is_no_checksum_and_nothing_panics_without_one() {
    let mut sound = small();
    let end = sound.len() - 8;
    sound[end..].fill(0);
    assert!(read(&sound, Limits::default()).is_ok());
    for at in 0..end {
        for bit in 0..8 {
            let mut bytes = sound.clone();
            bytes[at] ^= 1 << bit;
            for unknown in [Unknown::Refuse, Unknown::Skip] {
                drop(read_with(reader(&bytes, unknown), Limits::default()));
            }
        }
    }
}

#[test]
fn every_cut_is_told_as_one() {
    let whole = small();
    for length in 0..whole.len() {
        let error = read(&whole[..length], Limits::default()).err().expect("a cut file was taken for whole");
        assert_eq!(kind(&error), LoadKind::Truncated, "cut to {length}: {error}");
    }
    let large = written(&everything(), Version::V11);
    for length in (0..large.len()).step_by(97) {
        assert!(read(&large[..length], Limits::default()).is_err());
    }
}

#[test]
fn a_wrong_checksum_names_both() {
    let mut bytes = small();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let error = read(&bytes, Limits::default()).err().expect("a wrong checksum");
    assert_eq!(kind(&error), LoadKind::Checksum);
    assert!(error.to_string().contains("checksum"), "{error}");
}

/// Lengths up to the greatest, in each form.
fn lengths() -> Vec<Vec<u8>> {
    let mut lengths = vec![vec![0x3f], vec![0x7f, 0xff], vec![0x80, 0xff, 0xff, 0xff, 0xff]];
    for value in [1u64 << 32, 1 << 40, 1 << 62, u64::MAX] {
        lengths.push([&[0x81], value.to_be_bytes().as_slice()].concat());
    }
    lengths
}

#[test]
fn hostile_lengths_take_no_memory() {
    for code in (0..=26).filter(|code| *code != 8) {
        for length in lengths() {
            let hostile = record(code, "k", &[&length[..], b"some bytes"].concat());
            let bytes = file(b"REDIS0011", &[&hostile]);
            for unknown in [Unknown::Refuse, Unknown::Skip] {
                let mut reader = reader(&bytes, unknown);
                let mut space = aofstore_core::keyspace::Keyspace::new(16, Limits::default());
                let ended = std::iter::repeat_with(|| reader.next(&mut space)).find(|more| *more != Ok(true));
                assert!(ended.is_some_and(|more| more.is_err()), "type {code} length {length:?}");
                assert!(reader.memory() < 2 << 20);
            }
        }
    }
    for length in lengths() {
        // A compressed string that says it is as long as that.
        let hostile = record(0, "k", &[&[0xc3, 2], &length[..], b"\x00a"].concat());
        assert!(read(&file(b"REDIS0011", &[&hostile]), Limits::default()).is_err());
        // Counts of a database.
        let hint = [&[0xfb], &length[..], &length[..]].concat();
        let space = read(&file(b"REDIS0011", &[&hint, &record(0, "k", b"\x01v")]), Limits::default());
        assert!(space.is_ok_and(|mut space| space.memory() < 1 << 20), "{length:?}");
        let database = [&[0xfe], &length[..]].concat();
        assert!(read(&file(b"REDIS0011", &[&database]), Limits::default()).is_err());
    }
}

#[test]
fn an_error_names_file_offset_and_key() {
    let fine = record(0, "fine", &text(b"v"));
    let bytes = file(b"REDIS0011", &[&fine, &record(16, "broken\n", &text(b"no listpack"))]);
    let error = read(&bytes, Limits::default()).err().unwrap();
    assert_eq!(
        error.to_string(),
        "dump.rdb at offset 17: a damaged listpack under the key 'broken\\n'; the file was left untouched; put a sound \
         copy in its place, or see what `aofstore check` says of it"
    );
    assert_eq!(kind(&error), LoadKind::Format);
}

#[test]
fn a_key_that_is_there_twice_is_damage() {
    let one = record(0, "k", &text(b"v"));
    let error = read(&file(b"REDIS0011", &[&one, &one]), Limits::default()).err().unwrap();
    assert_eq!(kind(&error), LoadKind::Format);
    // In another database it is another key.
    let mut space = read(&file(b"REDIS0011", &[&one, &[0xfe, 3], &one]), Limits::default()).unwrap();
    assert_eq!(dataset(&mut space).len(), 2);
}

#[test]
fn a_database_beyond_the_setting_says_how_many_it_takes() {
    let bytes = file(b"REDIS0011", &[&[0xfe, 16], &record(0, "k", &text(b"v"))]);
    let error = read(&bytes, Limits::default()).err().unwrap();
    assert_eq!(kind(&error), LoadKind::Replay);
    assert!(error.to_string().contains("databases=17"), "{error}");
}

#[test]
fn other_versions_and_other_files_are_refused() {
    for (magic, expected) in [
        (b"REDIS0005", LoadKind::Unsupported),
        (b"REDIS0014", LoadKind::Unsupported),
        (b"REDIS0080", LoadKind::Unsupported),
        (b"VALKEY011", LoadKind::Unsupported),
        (b"VALKEY081", LoadKind::Unsupported),
        (b"REDISxxxx", LoadKind::Format),
        (b"SOMETHING", LoadKind::Format),
    ] {
        let error = read(&file(magic, &[]), Limits::default()).err().unwrap();
        assert_eq!(kind(&error), expected, "{}", magic.escape_ascii());
    }
    for version in 6..=13 {
        let magic = format!("REDIS{version:04}");
        assert!(read(&file(magic.as_bytes(), &[]), Limits::default()).is_ok());
    }
    assert!(read(&file(b"VALKEY080", &[]), Limits::default()).is_ok());
}
