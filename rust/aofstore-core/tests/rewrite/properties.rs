//! T-12: whatever is stored comes back, and a second rewrite says the same.

use proptest::collection::vec;
use proptest::prelude::*;

use super::fuzz;
use super::place::{self, Argv, dataset, loaded, rewritten, small_up_to};

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let special = [
        &b""[..],
        b"\0",
        b"\r\n",
        b"007",
        b"+1",
        b"-0",
        b" 1",
        b"1e3",
        b"9223372036854775808",
        b"-9223372036854775808",
        b"9223372036854775807",
        b"-9223372036854775809",
        b"18446744073709551616",
        b"1234567890123456789012345678901234567890",
    ];
    prop_oneof![
        4 => prop::sample::select(special.to_vec()).prop_map(<[u8]>::to_vec),
        4 => vec(any::<u8>(), 0..20),
        2 => any::<i64>().prop_map(|value| value.to_string().into_bytes()),
        1 => (any::<u8>(), 0usize..4, -3i64..4).prop_map(|(byte, power, off)| {
            let about = [100, 1000, 1 << 14, 1 << 20][power];
            vec![byte; (about + off) as usize]
        }),
    ]
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(97u8..101, 0..2), bytes()]
}

fn command() -> impl Strategy<Value = Argv> {
    let score = prop_oneof![
        any::<f64>().prop_filter("a number", |score| !score.is_nan()),
        (-1000i64..1000).prop_map(|score| score as f64 / 8.0),
    ];
    let one = |name: &'static str, key, rest: Vec<Vec<u8>>| {
        let mut argv = vec![name.as_bytes().to_vec(), key];
        argv.extend(rest);
        argv
    };
    prop_oneof![
        (key(), bytes()).prop_map(move |(key, value)| one("SET", key, vec![value])),
        (key(), bytes()).prop_map(move |(key, value)| one("APPEND", key, vec![value])),
        (key(), vec(bytes(), 1..80)).prop_map(move |(key, items)| one("RPUSH", key, items)),
        (key(), vec(bytes(), 1..80)).prop_map(move |(key, items)| one("SADD", key, items)),
        (key(), vec(any::<i64>(), 1..80)).prop_map(move |(key, items)| {
            one("SADD", key, items.iter().map(|item| item.to_string().into_bytes()).collect())
        }),
        (key(), vec((bytes(), bytes()), 1..80)).prop_map(move |(key, pairs)| {
            one("HSET", key, pairs.into_iter().flat_map(|(field, value)| [field, value]).collect())
        }),
        (key(), vec((score, bytes()), 1..80)).prop_map(move |(key, pairs)| {
            let pairs =
                pairs.into_iter().flat_map(|(score, member)| [format!("{score:?}").into_bytes(), member]);
            one("ZADD", key, pairs.collect())
        }),
        (key(), -5i64..1i64 << 43).prop_map(move |(key, at)| one(
            "PEXPIREAT",
            key,
            vec![at.to_string().into_bytes()]
        )),
        (0u8..16).prop_map(|db| vec![b"SELECT".to_vec(), db.to_string().into_bytes()]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn t12_a_rewrite_loads_as_what_was_stored(script in vec(command(), 1..30), entries in prop::sample::select(vec![0usize, 5, 128])) {
        // Commands on a key of another type are left out, as a store would have refused them.
        let mut kept: Vec<Argv> = Vec::new();
        let mut kinds = std::collections::HashMap::new();
        let mut db = 0u8;
        for argv in script {
            match &argv[0][..] {
                b"SELECT" => db = String::from_utf8_lossy(&argv[1]).parse().unwrap(),
                b"SET" => { kinds.insert((db, argv[1].clone()), b"APPEND".to_vec()); }
                b"PEXPIREAT" => {}
                name if *kinds.entry((db, argv[1].clone())).or_insert_with(|| name.to_vec()) != name => continue,
                _ => {}
            }
            kept.push(argv);
        }
        let mut space = place::after(&kept, small_up_to(entries));
        let first = rewritten(&space);
        let mut back = loaded(&first, small_up_to(128));
        prop_assert_eq!(dataset(&mut back), dataset(&mut space));
        let again = loaded(&rewritten(&back), small_up_to(5));
        let mut again = again;
        prop_assert_eq!(dataset(&mut again), dataset(&mut space));
        fuzz::dataset::check_tables(&mut back);
    }
}
