//! Encodings that servers of today no longer write, made by hand byte by byte, and what is foreign to the store.

use aofstore_core::error::LoadKind;
use aofstore_core::keyspace::{Keyspace, Limits};
use aofstore_core::rdb::file::Unknown;

use super::place::{Argv, argv, dataset};
use super::rig::{file, kind, read, read_with, reader, record, text};

/// The value of a lone key `k` in comparable form, with its type.
fn value(code: u8, bytes: &[u8]) -> Option<(&'static str, Argv)> {
    let mut space = read(&file(b"REDIS0011", &[&record(code, "k", bytes)]), Limits::default()).ok()?;
    let (kind, parts, _) = dataset(&mut space).remove(&(0, b"k".to_vec()))?;
    Some((kind, parts))
}

fn words(words: &[&str]) -> Argv {
    argv(words)
}

/// A ziplist of entries that are already encoded, without the length of the one before.
fn ziplist(entries: &[&[u8]]) -> Vec<u8> {
    let (mut body, mut tail, mut before) = (Vec::new(), 10, 0usize);
    for entry in entries {
        tail = 10 + body.len();
        let start = body.len();
        match before {
            0..254 => body.push(before as u8),
            _ => body.extend_from_slice(&[&[254], (before as u32).to_le_bytes().as_slice()].concat()),
        }
        body.extend_from_slice(entry);
        before = body.len() - start;
    }
    let total = body.len() as u32 + 11;
    let mut bytes = [total.to_le_bytes(), (tail as u32).to_le_bytes()].concat();
    bytes.extend_from_slice(&(entries.len() as u16).to_le_bytes());
    bytes.extend_from_slice(&body);
    bytes.push(0xff);
    bytes
}

/// Each kind of entry that a ziplist has, and what it says.
fn entries() -> (Vec<Vec<u8>>, Argv) {
    let (medium, long) = ("m".repeat(300), "L".repeat(20_000));
    let encoded = vec![
        b"\x03two".to_vec(),
        [&[0x41, 0x2c], medium.as_bytes()].concat(),
        [&[0x80, 0, 0, 0x4e, 0x20], long.as_bytes()].concat(),
        vec![0xf1],
        vec![0xfd],
        vec![0xfe, 0x80],
        vec![0xc0, 0x00, 0x80],
        vec![0xf0, 0xff, 0xff, 0x7f],
        vec![0xd0, 0, 0, 0, 0x80],
        vec![0xe0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
    ];
    let said = words(&[
        "two",
        &medium,
        &long,
        "0",
        "12",
        "-128",
        "-32768",
        "8388607",
        "-2147483648",
        "9223372036854775807",
    ]);
    (encoded, said)
}

#[test]
fn ziplists_are_read_as_lists_hashes_and_sorted_sets() {
    let (encoded, said) = entries();
    let borrowed: Vec<&[u8]> = encoded.iter().map(Vec::as_slice).collect();
    let bytes = text(&ziplist(&borrowed));
    assert_eq!(value(10, &bytes), Some(("list", said.clone())));
    // A quicklist of two of them.
    let twice = [&[2], &bytes[..], &bytes].concat();
    assert_eq!(value(14, &twice), Some(("list", [said.clone(), said.clone()].concat())));
    let mut pairs: Vec<_> = said.chunks(2).map(<[Vec<u8>]>::to_vec).collect();
    pairs.sort();
    assert_eq!(value(13, &bytes), Some(("hash", pairs.concat())));
    let scores = text(&ziplist(&[b"\x01b", &[0xf3], b"\x01a", b"\x031.5"]));
    let expected = vec![
        b"a".to_vec(),
        1.5f64.to_bits().to_be_bytes().to_vec(),
        b"b".to_vec(),
        2f64.to_bits().to_be_bytes().to_vec(),
    ];
    assert_eq!(value(12, &scores), Some(("zset", expected)));
}

#[test]
fn damaged_ziplists_are_refused() {
    let sound = ziplist(&[b"\x03two", &[0xf1], &[0xc0, 1, 2]]);
    assert!(value(10, &text(&sound)).is_some());
    for at in 0..sound.len() {
        for bit in 0..8 {
            let mut bytes = sound.clone();
            bytes[at] ^= 1 << bit;
            if let Some((_, parts)) = value(10, &text(&bytes)) {
                // Only what an entry says may have changed, not how many there are.
                assert_eq!(parts.len(), 3, "byte {at} bit {bit}");
            }
        }
    }
    for length in 0..sound.len() {
        assert!(value(10, &text(&sound[..length])).is_none(), "cut to {length}");
    }
    assert!(value(13, &text(&ziplist(&[b"\x01f"]))).is_none(), "half a pair");
    assert!(value(13, &text(&ziplist(&[b"\x01f", &[0xf1], b"\x01f", &[0xf2]]))).is_none(), "a field twice");
    assert!(value(12, &text(&ziplist(&[b"\x01m", b"\x01x"]))).is_none(), "no score");
}

#[test]
fn zipmaps_are_read_as_hashes() {
    let long = "v".repeat(300);
    let map = [b"\x02\x01f\x05\x02value..\x01g\xfe\x2c\x01\x00\x00\x00".as_slice(), long.as_bytes(), b"\xff"]
        .concat();
    assert_eq!(value(9, &text(&map)), Some(("hash", words(&["f", "value", "g", &long]))));
    for length in 0..map.len() {
        assert!(value(9, &text(&map[..length])).is_none(), "cut to {length}");
    }
    assert!(value(9, &text(b"\x02\x01f\x00\x00\xff")).is_none(), "another count");
    assert!(value(9, &text(b"\x01\x01f\x00\x09\xff")).is_none(), "more unused bytes than there are");
}

#[test]
fn plain_lists_sets_hashes_and_sorted_sets_with_scores_as_text() {
    assert_eq!(value(1, b"\x03\x01a\xc0\x05\x01b"), Some(("list", words(&["a", "5", "b"]))));
    assert_eq!(value(2, b"\x02\x01b\x01a"), Some(("set", words(&["a", "b"]))));
    assert_eq!(value(4, b"\x01\x01f\xc1\x00\x80"), Some(("hash", words(&["f", "-32768"]))));
    let bits = |score: f64| score.to_bits().to_be_bytes().to_vec();
    let expected = vec![
        b"d".to_vec(),
        bits(f64::NEG_INFINITY),
        b"a".to_vec(),
        bits(-1.5),
        b"b".to_vec(),
        bits(17.25),
        b"c".to_vec(),
        bits(f64::INFINITY),
    ];
    assert_eq!(value(3, b"\x04\x01a\x04-1.5\x01b\x0517.25\x01c\xfe\x01d\xff"), Some(("zset", expected)));
    assert_eq!(value(3, b"\x01\x01a\xfd"), None, "not a number");
    assert_eq!(value(5, &[b"\x01\x01a", f64::NAN.to_le_bytes().as_slice()].concat()), None, "not a number");
    assert_eq!(value(2, b"\x02\x01a\x01a"), None, "a member twice");
    assert_eq!(value(4, b"\x02\x01f\x01v\x01f\x01w"), None, "a field twice");
}

#[test]
fn compressed_strings_are_unpacked_wherever_they_stand() {
    // "a", then 99 times the byte before.
    let packed = b"\xc3\x05\x40\x64\x00a\xe0\x5a\x00".as_slice();
    let long = "a".repeat(100);
    assert_eq!(value(0, packed), Some(("string", words(&[&long]))));
    assert_eq!(value(2, &[b"\x02", packed, b"\x01b"].concat()), Some(("set", words(&[&long, "b"]))));
    assert_eq!(value(0, b"\xc3\x05\x40\x65\x00a\xe0\x5a\x00"), None, "another length");
}

#[test]
fn collections_without_elements_are_left_out_with_a_note() {
    for code in [1, 2, 3, 4, 5, 14, 18] {
        let bytes = file(b"REDIS0011", &[&record(code, "k", b"\x00"), &record(0, "v", b"\x01v")]);
        let (mut space, notes) = read_with(reader(&bytes, Unknown::Refuse), Limits::default()).unwrap();
        assert_eq!(dataset(&mut space).len(), 1);
        assert_eq!(notes, ["dump.rdb at offset 9: an empty collection under the key 'k' was left out"]);
    }
}

#[test]
fn deadlines_in_seconds_and_milliseconds_and_marks_of_use() {
    let bytes = file(
        b"REDIS0011",
        &[
            &[0xfa],
            &text(b"redis-ver"),
            &text(b"6.2.6"),
            &[0xfa],
            &text(b"ctime"),
            &[0xc2, 0, 0, 0, 0x60],
            &[0xfe, 0, 0xfb, 3, 2],
            &[0xfd, 0x00, 0x94, 0x35, 0x77],
            &[0xf8, 0x7f, 0xff],
            &record(0, "s", b"\x01v"),
            &[0xfc, 1, 2, 3, 4, 5, 0, 0, 0],
            &[0xf9, 0xff],
            &record(0, "ms", b"\x01v"),
            &[0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &record(0, "never", b"\x01v"),
            &[0xf4, 1, 2, 3],
            &[0xfc, 1, 0, 0, 0, 0, 0, 0, 0],
            &record(0, "past", b"\x01v"),
        ],
    );
    let mut space = read(&bytes, Limits::default()).unwrap();
    let deadlines: Vec<_> = dataset(&mut space).into_values().map(|(_, _, deadline)| deadline).collect();
    // ms, never, past, s: and none is dropped because it is past.
    assert_eq!(deadlines, [Some(0x05_04_03_02_01), None, Some(1), Some(2_000_000_000_000)]);
}

/// A stream as Redis 7.2 writes it, with a group and a consumer that owes one entry.
fn stream(version: u8) -> Vec<u8> {
    let mut bytes = vec![1, 16];
    bytes.extend_from_slice(&[7; 16]);
    bytes.extend_from_slice(&text(b"a listpack"));
    bytes.extend_from_slice(&[1, 5, 0]);
    if version > 1 {
        bytes.extend_from_slice(&[5, 0, 0, 0, 1]);
    }
    bytes.extend_from_slice(b"\x01\x05group\x05\x00");
    if version > 1 {
        bytes.push(1);
    }
    bytes.push(1);
    bytes.extend_from_slice(&[9; 24]);
    bytes.push(1);
    bytes.extend_from_slice(b"\x01\x03bob");
    bytes.extend_from_slice(&[8; 8]);
    if version > 2 {
        bytes.extend_from_slice(&[8; 8]);
    }
    bytes.push(1);
    bytes.extend_from_slice(&[9; 16]);
    bytes
}

#[test]
fn foreign_things_are_refused_by_name_or_left_out_if_that_is_wanted() {
    let module = b"\x81\x00\x00\x00\x00\x00\x00\x00\x01\x01\x05\x02\x41\x00\x03\x00\x00\x80\x3f\x04\x00\x00\x00\x00\x00\x00\xf0\x3f\x05\x01x\x00";
    let when = b"\xf7\x05\x02\x01\x05\x01x\x00".as_slice();
    let [fields, packed] = [b"\x02\x00\x01f\x01v\x05\x01g\x01w".as_slice(), b"\x04pack"];
    let time = [1u8; 8];
    let redis = b"REDIS0012".as_slice();
    let producers =
        b"\x40\x64\x40\x64\x01\x03pid\x02\x01a\x81\x00\x00\x01\x80\x00\x00\x00\x00\x00\x01b\x05\x01\x07\x02"
            .as_slice();
    let cases: [(&[u8], Vec<u8>, &str); 18] = [
        (redis, record(15, "k", &stream(1)), "a stream under the key 'k'"),
        (redis, record(19, "k", &stream(2)), "a stream under the key 'k'"),
        (redis, record(21, "k", &stream(3)), "a stream under the key 'k'"),
        (b"REDIS0013", record(26, "k", &[&stream(3), producers].concat()), "a stream under the key 'k'"),
        (
            b"REDIS0013",
            record(26, "k", &[&stream(3), b"\x40\x64\x40\x64\x00\x00\x00".as_slice()].concat()),
            "a stream under the key 'k'",
        ),
        (redis, record(7, "k", module), "a module's value under the key 'k'"),
        (redis, record(22, "k", fields), "a hash with fields that expire under the key 'k'"),
        (redis, record(23, "k", packed), "a hash with fields that expire under the key 'k'"),
        (
            redis,
            record(24, "k", &[&time, fields].concat()),
            "a hash with fields that expire under the key 'k'",
        ),
        (
            redis,
            record(25, "k", &[&time, packed].concat()),
            "a hash with fields that expire under the key 'k'",
        ),
        (
            b"VALKEY080",
            record(22, "k", &[b"\x01\x01f\x01v".as_slice(), &time].concat()),
            "a hash with fields that expire under the key 'k'",
        ),
        (redis, [&[0xf5], text(b"#!lua name=f").as_slice()].concat(), "a library of functions"),
        (redis, b"\xf6\x01f\x03LUA\x00\x06return".to_vec(), "a library of functions"),
        (redis, b"\xf6\x01f\x03LUA\x01\x03why\x06return".to_vec(), "a library of functions"),
        (redis, when.to_vec(), "a module's data"),
        (redis, b"\xf3\x01abcd\x02\x05\x00".to_vec(), "a module's data on a key"),
        (
            redis,
            record(21, &"long".repeat(30), &stream(3)),
            "a stream under the key 'longlonglonglonglonglonglonglonglonglonglonglonglonglonglonglong…'",
        ),
        (redis, record(21, "\u{0}", &stream(3)), "a stream under the key '\\x00'"),
    ];
    for (magic, foreign, name) in cases {
        let before = record(0, "before", b"\x01v");
        let bytes = file(magic, &[&before, &foreign, &record(0, "after", b"\x01v")]);
        let error = read(&bytes, Limits::default()).err().unwrap();
        assert_eq!(kind(&error), LoadKind::Unsupported, "{error}");
        assert!(error.to_string().starts_with(&format!("dump.rdb at offset 19: {name};")), "{error}");
        let (mut space, notes) = read_with(reader(&bytes, Unknown::Skip), Limits::default()).unwrap();
        assert!(dataset(&mut space).contains_key(&(0, b"after".to_vec())));
        assert_eq!(keys(&space), 2);
        assert_eq!(notes, [format!("dump.rdb at offset 19: {name} was left out")]);
    }
}

#[test]
fn what_nobody_can_find_the_end_of_is_refused_even_if_it_should_be_left_out() {
    for (magic, foreign, why) in [
        (b"REDIS0013", record(6, "k", b"\x01"), "only the module knows where it ends under the key 'k'"),
        (b"REDIS0013", record(99, "k", b"\x01"), "nothing says where it ends under the key 'k'"),
        // Valkey gave that number to nothing, nor the others that only Redis has.
        (b"VALKEY080", record(26, "k", b"\x01"), "nothing says where it ends under the key 'k'"),
        (b"VALKEY080", record(24, "k", b"\x01"), "nothing says where it ends under the key 'k'"),
    ] {
        let bytes = file(magic, &[&foreign]);
        let error = read_with(reader(&bytes, Unknown::Skip), Limits::default()).err().unwrap();
        assert_eq!(kind(&error), LoadKind::Unsupported, "{error}");
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[test]
fn what_is_past_its_deadline_is_left_out_and_counted_only_if_that_is_wanted() {
    let timed = |at: i64, key| [&[0xfc], at.to_le_bytes().as_slice(), &record(0, key, b"\x01v")].concat();
    let records = [timed(999, "gone"), timed(1000, "now"), timed(-1, "for ever"), record(0, "k", b"\x01v")];
    let bytes = file(b"REDIS0010", &records.each_ref().map(Vec::as_slice));
    for (now, expired) in [(None, 0), (Some(999), 0), (Some(1000), 1), (Some(2000), 2)] {
        let mut reader = reader(&bytes, Unknown::Refuse).expiring(now);
        let mut space = Keyspace::new(1, Limits::default());
        space.set_expiring(false);
        while reader.next(&mut space).unwrap() {}
        assert_eq!(
            (reader.expired(), reader.keys(), keys(&space)),
            (expired, 4 - expired, 4 - expired as usize)
        );
    }
}

#[test]
fn code_243_is_a_modules_data_in_redis_and_an_import_of_slots_in_valkey() {
    let import = b"\xf3\x03job\x02\x01\x05\x07\x09".as_slice();
    let bytes = file(b"VALKEY080", &[import, &record(0, "k", b"\x01v")]);
    let (space, notes) = read_with(reader(&bytes, Unknown::Refuse), Limits::default()).unwrap();
    assert_eq!(keys(&space), 1);
    assert_eq!(notes, ["dump.rdb at offset 9: an import of slots that was under way was left out"]);
    assert!(read(&file(b"REDIS0013", &[import]), Limits::default()).is_err());
}

fn keys(space: &Keyspace) -> usize {
    space.iter_dbs().map(|(_, db)| db.len()).sum()
}
