//! Rows by hand: exact bytes, exact heads, what is skipped and what is not.

use aofstore_core::keyspace::{Keyspace, Limits};
use aofstore_core::rewrite;

use super::place::{self, Argv, Collected, argv, commands, dataset, loaded, rewritten, small_up_to};

const T0: i64 = 1_700_000_000_000;

fn text(space: &Keyspace) -> String {
    String::from_utf8(rewritten(space)).unwrap()
}

#[test]
fn r03_databases_in_order_empty_ones_skipped_and_nothing_of_nothing() {
    let mut space = Keyspace::new(16, Limits::default());
    assert_eq!(rewritten(&space), b"");
    space.keys(7, 0).put_text(b"far", b"1");
    space.keys(0, 0).put_text(b"near", b"two");
    space.keys(3, 0).put_text(b"gone", b"3");
    space.keys(3, 0).remove(b"gone");
    assert_eq!(
        text(&space),
        "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$4\r\nnear\r\n$3\r\ntwo\r\n\
         *2\r\n$6\r\nSELECT\r\n$1\r\n7\r\n*3\r\n$3\r\nSET\r\n$3\r\nfar\r\n$1\r\n1\r\n"
    );
}

#[test]
fn r05_r06_the_deadline_follows_its_key_in_milliseconds() {
    let mut space = Keyspace::new(1, Limits::default());
    let mut keys = space.keys(0, T0);
    keys.put_text(b"k", b"v");
    keys.set_deadline(b"k", T0 + 10_000);
    assert_eq!(
        text(&space),
        "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n\
         *3\r\n$9\r\nPEXPIREAT\r\n$1\r\nk\r\n$13\r\n1700000010000\r\n"
    );
}

#[test]
fn r08_t08_a_past_deadline_is_written_and_no_key_becomes_permanent() {
    let mut space = Keyspace::new(1, Limits::default());
    let mut keys = space.keys(0, T0);
    for (key, at) in
        [(&b"a"[..], Some(T0 - 1000)), (b"b", Some(T0 + 50)), (b"c", None), (b"d", Some(T0 + 3_600_000))]
    {
        keys.put_text(key, b"v");
        if let Some(at) = at {
            keys.set_deadline(key, at);
        }
    }
    assert_eq!(commands(&rewritten(&space)).len(), 1 + 4 + 3);
    let mut back = loaded(&rewritten(&space), Limits::default());
    assert_eq!(dataset(&mut back), dataset(&mut space));
    back.set_expiring(true);
    let mut keys = back.keys(0, T0 + 100);
    assert!(!keys.contains(b"a") && !keys.contains(b"b") && keys.contains(b"c"));
    assert_eq!(keys.deadline(b"d"), Some(T0 + 3_600_000));
}

#[test]
fn k01_k02_k18_k19_strings_come_out_as_they_are() {
    let long = "x".repeat(1 << 20);
    let texts = [
        "",
        "raw \r\n$5\r\n\0",
        "7",
        "-9223372036854775808",
        "9223372036854775807",
        "007",
        "+1",
        "-0",
        " 1",
        &long,
    ];
    let mut space = Keyspace::new(1, Limits::default());
    for text in texts {
        space.keys(0, 0).put_text(text.as_bytes(), text.as_bytes());
        let key = [text.as_bytes(), b"raw"].concat();
        space.keys(0, 0).text_mut(&key).unwrap().extend_from_slice(text.as_bytes());
    }
    let found = commands(&rewritten(&space));
    assert_eq!(found.len(), 1 + 2 * texts.len());
    for text in texts {
        let key = [text.as_bytes(), b"raw"].concat();
        for key in [text.as_bytes(), &key] {
            assert!(found.contains(&vec![b"SET".to_vec(), key.to_vec(), text.as_bytes().to_vec()]), "{text}");
        }
    }
}

/// The command that adds items `from..to` to a collection of this kind, and the name a rewrite uses for it.
fn adding(kind: &str, items: std::ops::Range<usize>, integers: bool) -> (Argv, &'static str) {
    let (typed, name, paired) = match kind {
        "list" => ("RPUSH", "RPUSH", false),
        "set" => ("SADD", "SADD", false),
        "zset" => ("ZADD", "ZADD", true),
        _ => ("HSET", "HMSET", true),
    };
    let mut words = argv(&[typed, "key"]);
    for item in items {
        let name = if integers { item.to_string() } else { format!("item {item}") };
        match (kind, paired) {
            ("zset", _) => words.extend([(item / 3).to_string().into_bytes(), name.into_bytes()]),
            (_, true) => words.extend([name.into_bytes(), format!("{}", item * 7).into_bytes()]),
            (_, false) => words.push(name.into_bytes()),
        }
    }
    (words, name)
}

#[test]
fn t10_k16_k17_at_most_64_items_a_command_in_every_encoding() {
    let sizes: [(usize, &[usize]); 6] =
        [(1, &[1]), (63, &[63]), (64, &[64]), (65, &[64, 1]), (128, &[64, 64]), (130, &[64, 64, 2])];
    let mut seen = std::collections::BTreeSet::new();
    for kind in ["list", "set", "zset", "hash"] {
        for (entries, integers) in [(1000, false), (1000, true), (0, false), (10, true), (10, false)] {
            for (size, chunks) in sizes {
                let (adding, name) = adding(kind, 0..size, integers);
                let mut space = place::after([&adding], small_up_to(entries));
                seen.insert((kind, space.keys(0, 0).get(b"key").unwrap().encoding()));
                let found = commands(&rewritten(&space));
                assert_eq!(found[0], argv(&["SELECT", "0"]));
                let width = if matches!(kind, "zset" | "hash") { 2 } else { 1 };
                let heads: Vec<_> =
                    found[1..].iter().map(|words| (&words[0][..], &words[1][..], words.len())).collect();
                let want: Vec<_> =
                    chunks.iter().map(|items| (name.as_bytes(), &b"key"[..], 2 + width * items)).collect();
                assert_eq!(heads, want, "{kind} of {size}, small up to {entries}");
                let items: Vec<_> = found[1..].iter().flat_map(|words| &words[2..]).collect();
                if kind == "list" {
                    assert!(items.iter().copied().eq(&adding[2..]), "the order of a list");
                }
                if kind == "zset" {
                    let ranked = dataset(&mut space).into_values().next().unwrap().1;
                    assert!(
                        items.iter().skip(1).step_by(2).copied().eq(ranked.iter().step_by(2)),
                        "rank order"
                    );
                }
                let mut back = loaded(&rewritten(&space), Limits::default());
                assert_eq!(dataset(&mut back), dataset(&mut space), "{kind} of {size}");
            }
        }
    }
    let all = [
        ("list", "listpack"),
        ("list", "quicklist"),
        ("set", "intset"),
        ("set", "listpack"),
        ("set", "hashtable"),
        ("zset", "listpack"),
        ("zset", "skiplist"),
        ("hash", "listpack"),
        ("hash", "hashtable"),
    ];
    assert_eq!(seen, all.into());
}

#[test]
fn k06_intsets_of_every_width() {
    for top in [1i64, 0x7fff, 0x8000, 0x7fff_ffff, 0x8000_0000, i64::MAX, i64::MIN] {
        let words: Argv =
            ["SADD", "key", "-5", "0", &top.to_string()].map(|word| word.as_bytes().to_vec()).into();
        let mut space = place::after([&words], Limits::default());
        assert_eq!(space.keys(0, 0).get(b"key").unwrap().encoding(), "intset");
        let mut found = commands(&rewritten(&space)).remove(1);
        let mut want = words.clone();
        found[2..].sort();
        want[2..].sort();
        assert_eq!(found, want);
    }
}

#[test]
fn t11_k20_scores_are_the_shortest_text_and_come_back_bit_for_bit() {
    let scores: [(f64, &str); 11] = [
        (f64::NEG_INFINITY, "-inf"),
        (-0.0, "-0"),
        (5e-324, "5e-324"),
        (0.1, "0.1"),
        (1.0 / 3.0, "0.3333333333333333"),
        (3.0, "3"),
        (1e16, "1e16"),
        (1e17, "1e17"),
        (1e300, "1e300"),
        (f64::MAX, "1.7976931348623157e308"),
        (f64::INFINITY, "inf"),
    ];
    for entries in [128, 0] {
        let mut words = argv(&["ZADD", "key"]);
        scores.iter().rev().for_each(|(score, text)| words.extend(argv(&[&format!("{score:?}"), text])));
        let mut space = place::after([&words], small_up_to(entries));
        let found = commands(&rewritten(&space)).remove(1);
        assert!(found[2..].iter().step_by(2).eq(found[3..].iter().step_by(2)), "{found:?}");
        assert_eq!(found.len(), 2 + 2 * scores.len());
        let mut back = loaded(&rewritten(&space), Limits::default());
        assert_eq!(dataset(&mut back), dataset(&mut space));
        for (score, text) in scores {
            let got = back.keys(0, 0).zset(text.as_bytes()).ok().flatten().is_none();
            assert!(got);
            let zset = back.keys(0, 0).zset(b"key").unwrap().unwrap().score(text.as_bytes());
            assert_eq!(zset.map(f64::to_bits), Some(score.to_bits()), "{text}");
        }
    }
}

#[test]
fn r07_every_key_once_while_tables_change_size() {
    let name = |number: usize| format!("key:{number}").into_bytes();
    let mut space = Keyspace::new(1, Limits::default());
    let check = |space: &Keyspace, low: usize, high: usize| {
        let mut found = Vec::new();
        for words in commands(&rewritten(space)) {
            match &words[0][..] {
                b"SET" => found.push(String::from_utf8(words[1].clone()).unwrap()),
                b"PEXPIREAT" => assert_eq!(words[1], found.last().unwrap().as_bytes()),
                _ => {}
            }
        }
        let mut want: Vec<_> = (low..high).map(|number| String::from_utf8(name(number)).unwrap()).collect();
        found.sort();
        want.sort();
        assert_eq!(found, want);
    };
    for number in 0..700 {
        space.keys(0, 0).put_text(&name(number), b"v");
        if number % 3 == 0 {
            space.keys(0, 0).set_deadline(&name(number), T0);
        }
        check(&space, 0, number + 1);
    }
    for number in 0..700 {
        space.keys(0, 0).remove(&name(number));
        check(&space, number + 1, 700);
    }
}

#[test]
fn p09_an_output_may_stop_the_walk_after_any_key() {
    let mut space = Keyspace::new(2, Limits::default());
    for number in 0..10 {
        space.keys(number % 2, 0).put_text(number.to_string().as_bytes(), b"v");
    }
    assert_eq!(rewrite::keys(&space), 10);
    for most in 1..=10 {
        let mut out = Collected { stop_after: Some(most), ..Collected::default() };
        assert!(!rewrite::write(&space, &mut out));
        let sets = commands(&out.bytes).iter().filter(|words| words[0] == b"SET").count();
        assert_eq!((sets, out.keys), (most, most));
    }
}

#[test]
fn tables_stay_while_resizing_is_not_allowed() {
    let mut space = Keyspace::new(2, small_up_to(0));
    let fill = |space: &mut Keyspace, keys: std::ops::Range<usize>| {
        for number in keys {
            space.keys(0, 0).put_text(number.to_string().as_bytes(), b"v");
        }
    };
    fill(&mut space, 0..500);
    while space.rehash(100) {}
    let before = space.db(0).unwrap().memory();
    space.set_resize_allowed(false);
    fill(&mut space, 500..1500);
    // Chained buckets come, but no new array: the table would have doubled at least.
    assert!(!space.rehash(100));
    space.set_resize_allowed(true);
    let waited = space.db(0).unwrap().memory();
    while space.rehash(100) {}
    fill(&mut space, 1500..1501);
    assert!(waited > before && dataset(&mut space).len() == 1501);
    assert_eq!(dataset(&mut loaded(&rewritten(&space), Limits::default())).len(), 1501);
}
