//! What is written is read back, whatever it is and whatever the limits are on either side.

use aofstore_core::keyspace::{Keyspace, Limits};
use aofstore_core::load::OnReplayError;
use aofstore_core::rdb::file::{Reader, Snapshot, Unknown};
use aofstore_core::rdb::value::Version;
use aofstore_core::resp::encode;
use aofstore_core::sink::{KeySink, Sink};
use proptest::prelude::*;

use super::place::{self, Argv, argv, dataset, small_up_to};
use super::rig::{Bytes, about, packed, read, written};

const VERSIONS: [Version; 2] = [Version::V10, Version::V11];

/// Each type in each encoding, extreme numbers, deadlines, several databases.
pub fn everything() -> Keyspace {
    let long = "y".repeat(300);
    place::after(
        [
            &argv(&["SET", "int8", "-12"]),
            &argv(&["SET", "int16", "-1200"]),
            &argv(&["SET", "int32", "-2147483648"]),
            &argv(&["SET", "int64", "9223372036854775807"]),
            &argv(&["SET", "leading", "007"]),
            &argv(&["SET", "", ""]),
            &argv(&["SET", "long", &long]),
            &argv(&["APPEND", "raw", "12"]),
            &argv(&["RPUSH", "list", "1", "two", "-3"]),
            &argv(&["RPUSH", "quick", "1", "two", &"z".repeat(20_000), "-4", "5", "6", "7", "8"]),
            &argv(&["SADD", "ints", "1", "-2", "300", "4000000000"]),
            &argv(&["SADD", "pack", "1", "two", ""]),
            &argv(&["SADD", "table", "1", "two", "3", "4", "5", "6", "seven"]),
            &argv(&["ZADD", "zpack", "0.1", "a", "1e300", "b", "inf", "c", "-inf", "d", "7", "8"]),
            &argv(&[
                "ZADD", "zskip", "0.1", "a", "1e300", "b", "inf", "c", "-0", "d", "7", "8", "5e-324", "e",
                "2", "",
            ]),
            &argv(&["HSET", "hpack", "f", "v", "1", "2"]),
            &argv(&["HSET", "htable", "a", "1", "b", "2", "c", &long, "d", "", "", "x", "e", "5", "f", "6"]),
            &argv(&["PEXPIREAT", "hpack", "1"]),
            &argv(&["PEXPIREAT", "int8", "9223372036854775807"]),
            &argv(&["SELECT", "15"]),
            &argv(&["SET", "elsewhere", "v"]),
        ],
        small_up_to(6),
    )
}

#[test]
fn every_type_in_every_encoding_comes_back_from_both_versions() {
    let mut space = everything();
    for version in VERSIONS {
        let bytes = written(&space, version);
        for limits in [small_up_to(6), Limits::default(), small_up_to(0), small_up_to(2)] {
            let mut back = read(&bytes, limits).unwrap();
            assert_eq!(dataset(&mut back), dataset(&mut space));
        }
        let mut back = read(&bytes, small_up_to(6)).unwrap();
        for (key, encoding) in [
            ("int8", "int"),
            ("raw", "int"),
            ("long", "raw"),
            ("list", "listpack"),
            ("quick", "quicklist"),
            ("ints", "intset"),
            ("pack", "listpack"),
            ("table", "hashtable"),
            ("zpack", "listpack"),
            ("zskip", "skiplist"),
            ("hpack", "listpack"),
            ("htable", "hashtable"),
        ] {
            assert_eq!(back.keys(0, 0).peek(key.as_bytes()).unwrap().encoding(), encoding, "{key}");
        }
        let mut roomy = read(&bytes, Limits::default()).unwrap();
        for (key, encoding) in [("table", "listpack"), ("zskip", "listpack"), ("ints", "intset")] {
            assert_eq!(roomy.keys(0, 0).peek(key.as_bytes()).unwrap().encoding(), encoding, "{key}");
        }
    }
}

#[test]
fn strings_keys_elements_and_packs_are_packed_where_that_is_shorter() {
    let long = "long ".repeat(10);
    let one = |argv: Argv| place::after([&argv], small_up_to(3));
    for (argv, times) in [
        (argv(&["SET", "k", &long]), 1),
        (argv(&["SET", &long, "v"]), 1),
        (argv(&["SET", &long, &long]), 2),
        (argv(&["SET", "k", "01234567890123456789"]), 0),
        (argv(&["SET", "k", "no byte of it (twice)"]), 0),
        (argv(&["RPUSH", "k", &long, "1"]), 1),
        (argv(&["RPUSH", "k", &"x".repeat(20_000), "1"]), 1),
        (argv(&["SADD", "k", "1", "2", "3", &long]), 1),
        (argv(&["HSET", "k", "1", &long, "2", &long]), 1),
        (argv(&["HSET", "k", "1", &long, "2", &long, "3", "3", "4", "4"]), 2),
        (argv(&["ZADD", "k", "1", &long, "2", "b"]), 1),
        (argv(&["ZADD", "k", "1", &long, "2", "b", "3", "c", "4", "d"]), 1),
    ] {
        let mut space = one(argv.clone());
        let bytes = packed(&space, Version::V10);
        let (body, _checksum) = bytes.split_last_chunk::<8>().unwrap();
        assert_eq!(body.split(|&byte| byte == 0xc3).count(), 1 + times, "{argv:?}");
        assert_eq!(bytes.len() < written(&space, Version::V10).len(), times > 0);
        assert_eq!(dataset(&mut read(&bytes, small_up_to(3)).unwrap()), dataset(&mut space));
    }
}

#[test]
fn a_snapshot_that_is_packed_anew_is_the_same_file() {
    let (space, mut snapshot) = (everything(), Snapshot::prepare(about(Version::V10)).packed());
    let mut files = [Vec::new(), Vec::new()];
    assert!(files.iter_mut().all(|file| snapshot.write(&space, file)));
    assert!(files[0] == files[1] && files[0].len() < written(&space, Version::V10).len() / 3);
}

#[test]
fn only_version_11_has_sets_that_are_listpacks() {
    let space = place::after([&argv(&["SADD", "s", "a"])], Limits::default());
    let [old, new] = VERSIONS.map(|version| written(&space, version));
    assert!(old.starts_with(b"REDIS0010") && new.starts_with(b"REDIS0011"));
    assert!(old.windows(4).any(|bytes| bytes == [2, 1, b's', 1]));
    assert!(new.windows(4).any(|bytes| bytes == [20, 1, b's', 10]));
}

#[test]
fn a_file_that_comes_in_single_bytes_is_the_same_file() {
    let mut space = everything();
    let bytes = written(&space, Version::V10);
    let total = bytes.len() as u64;
    let source = Bytes { bytes, most: 1 };
    let mut reader = Reader::new(Box::new(source), total, std::path::Path::new("dump.rdb"), Unknown::Refuse);
    let (mut back, mut before) = (Keyspace::new(16, small_up_to(6)), 0);
    back.set_expiring(false);
    while reader.next(&mut back).unwrap() {
        assert!(reader.offset() > before);
        before = reader.offset();
    }
    assert_eq!((reader.offset(), reader.total()), (total, total));
    assert_eq!(dataset(&mut back), dataset(&mut space));
}

#[test]
fn the_walk_stops_where_the_sink_wants_no_more() {
    struct Three(usize);
    impl Sink for Three {
        fn put(&mut self, _: &[u8]) {}
    }
    impl KeySink for Three {
        fn key_done(&mut self) -> bool {
            self.0 += 1;
            self.0 < 3
        }
    }
    let (mut sink, mut snapshot) = (Three(0), Snapshot::prepare(about(Version::V10)));
    assert!(!snapshot.write(&everything(), &mut sink));
    assert_eq!(sink.0, 3);
    // And can be begun anew.
    let mut bytes = Vec::new();
    assert!(snapshot.write(&everything(), &mut bytes));
    assert!(read(&bytes, Limits::default()).is_ok());
}

/// A keyspace after these commands; what a store would have refused changes nothing.
fn as_far_as_it_goes(commands: &[Argv], limits: Limits) -> Keyspace {
    let mut bytes = Vec::new();
    for argv in commands {
        encode::command(&mut bytes, argv);
    }
    place::replayed(&bytes, limits, OnReplayError::Warn)
}

fn words() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(word(), 1..12)
}

fn word() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "[a-c]{0,3}".prop_map(String::into_bytes),
        2 => any::<i64>().prop_map(|value| value.to_string().into_bytes()),
        2 => (-140i64..140).prop_map(|value| value.to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..100),
        1 => (0usize..10_000).prop_map(|len| vec![b'x'; len]),
    ]
}

fn score() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (-10i64..10).prop_map(|value| value.to_string().into_bytes()),
        any::<f64>()
            .prop_filter("a number", |value| !value.is_nan())
            .prop_map(|value| value.to_string().into_bytes()),
    ]
}

fn command() -> impl Strategy<Value = Argv> {
    let with = |name: &'static str, key: Vec<u8>, rest: Vec<Vec<u8>>| {
        [vec![name.as_bytes().to_vec(), key], rest].concat()
    };
    let pairs = |items: Vec<(Vec<u8>, Vec<u8>)>| items.into_iter().flat_map(|(a, b)| [a, b]).collect();
    prop_oneof![
        (word(), word()).prop_map(move |(key, value)| with("SET", key, vec![value])),
        (word(), words()).prop_map(move |(key, items)| with("RPUSH", [b"l", &key[..]].concat(), items)),
        (word(), words()).prop_map(move |(key, items)| with("SADD", [b"s", &key[..]].concat(), items)),
        (word(), prop::collection::vec((score(), word()), 1..12)).prop_map(move |(key, items)| with(
            "ZADD",
            [b"z", &key[..]].concat(),
            pairs(items)
        )),
        (word(), prop::collection::vec((word(), word()), 1..12)).prop_map(move |(key, items)| with(
            "HSET",
            [b"h", &key[..]].concat(),
            pairs(items)
        )),
        (word(), 1i64..).prop_map(move |(key, at)| with("PEXPIREAT", key, vec![at.to_string().into_bytes()])),
        (0u8..4).prop_map(|db| vec![b"SELECT".to_vec(), db.to_string().into_bytes()]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn whatever_commands_made_comes_back(
        commands in prop::collection::vec(command(), 0..60),
        entries in 0usize..8,
        other in 0usize..8,
    ) {
        let mut space = as_far_as_it_goes(&commands, small_up_to(entries));
        for version in VERSIONS {
            let mut back = read(&written(&space, version), small_up_to(other)).unwrap();
            prop_assert_eq!(dataset(&mut back), dataset(&mut space));
            // What was read is written as what had been made by commands.
            let mut again = read(&written(&back, version), small_up_to(entries)).unwrap();
            prop_assert_eq!(dataset(&mut again), dataset(&mut space));
            let packed = packed(&space, version);
            prop_assert!(packed.len() <= written(&space, version).len());
            let mut unpacked = read(&packed, small_up_to(other)).unwrap();
            prop_assert_eq!(dataset(&mut unpacked), dataset(&mut space));
        }
    }
}
