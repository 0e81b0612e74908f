//! What the transcripts of `tests/golden/sorted_sets` cannot see: watchers, waiting, change counts, big sets.

use crate::command::testing::Harness;
use crate::command::transcripts;
use crate::keyspace::{Kind, Limits};

#[test]
fn transcripts_agree_in_both_encodings() {
    let always_big = Limits { zset_max_listpack_entries: 0, ..Limits::default() };
    for script in [
        include_str!("../../../../../tests/golden/sorted_sets/add.txt"),
        include_str!("../../../../../tests/golden/sorted_sets/read.txt"),
        include_str!("../../../../../tests/golden/sorted_sets/range.txt"),
        include_str!("../../../../../tests/golden/sorted_sets/remove.txt"),
        include_str!("../../../../../tests/golden/sorted_sets/pop.txt"),
        include_str!("../../../../../tests/golden/sorted_sets/blocking_at_once.txt"),
        include_str!("../../../../../tests/golden/sorted_sets/combine.txt"),
    ] {
        for limits in [Limits::default(), always_big] {
            transcripts::Harness::with(limits).replay(script);
        }
    }
}

fn big() -> Harness {
    Harness::with(Limits { zset_max_listpack_entries: 0, ..Limits::default() })
}

#[test]
fn blocking_commands_say_what_they_wait_for() {
    let mut harness = Harness::new();
    for (line, keys, timeout) in [
        ("BZPOPMIN a b 1.5", &["a", "b"][..], Some(1500)),
        ("BZPOPMAX a 0", &["a"], None),
        ("BZMPOP 3 2 a b MAX COUNT 7", &["a", "b"], Some(3000)),
    ] {
        harness.expect(line, "nil", &[]);
        let wait = harness.wait.take().unwrap();
        assert_eq!((wait.kind, wait.timeout), (Kind::ZSet, timeout), "{line}");
        assert!(wait.keys.iter().map(|key| &**key).eq(keys.iter().map(|key| key.as_bytes())));
    }
    harness.run("ZADD b 1 x");
    harness.expect("BZPOPMIN a b 1", r#"["b", "x", 1]"#, &["ZPOPMIN b"]);
    assert!(harness.wait.is_none());
}

#[test]
fn an_emptied_set_is_gone_by_every_way_out() {
    for last in [
        "ZREM z x",
        "ZREMRANGEBYRANK z 0 -1",
        "ZREMRANGEBYSCORE z 0 2",
        "ZREMRANGEBYLEX z - +",
        "ZPOPMIN z",
        "ZPOPMAX z 5",
        "ZMPOP 1 z MIN COUNT 3",
        "BZPOPMAX z 0",
        "ZRANGESTORE z z 5 9",
        "ZUNIONSTORE z 1 none",
        "ZDIFFSTORE z 2 z z",
    ] {
        for mut harness in [Harness::new(), big()] {
            harness.run("ZADD z 1 x");
            harness.run(last);
            assert_eq!(harness.encoding("z"), "none", "{last}");
        }
    }
}

#[test]
fn a_command_that_is_refused_leaves_no_empty_set() {
    for line in
        ["ZADD z XX 1 a", "ZADD z XX INCR 1 a", "ZADD z x a", "ZADD z nan a", "ZADD z 1 a 2", "ZINCRBY z x a"]
    {
        let mut harness = Harness::new();
        harness.run(line);
        assert_eq!(harness.encoding("z"), "none", "{line}");
        assert!(harness.log().is_empty(), "{line}");
    }
}

#[test]
fn watchers_hear_of_changes_and_of_nothing_else() {
    let mut harness = Harness::new();
    harness.run("ZADD z 1 a 2 b 3 c");
    harness.space.watches.add(0, b"z");
    for line in [
        "ZRANGE z 0 -1",
        "ZADD z 1 a",
        "ZADD z NX 9 a",
        "ZADD z GT 0 a",
        "ZINCRBY z 0 a",
        "ZREM z x",
        "ZREMRANGEBYRANK z 5 6",
        "ZPOPMIN z 0",
        "ZUNION 1 z",
        "ZRANGESTORE d z 0 -1",
    ] {
        harness.run(line);
        assert_eq!(harness.space.watches.version(0, b"z"), 0, "{line}");
    }
    for (version, line) in
        ["ZADD z 9 a", "ZADD z 1 d", "ZINCRBY z 1 a", "ZPOPMIN z", "ZREM z a", "ZUNIONSTORE z 1 z"]
            .iter()
            .enumerate()
    {
        harness.run(line);
        assert!(harness.space.watches.version(0, b"z") > version as u64, "{line}");
    }
}

#[test]
fn scans_see_every_member_that_stays() {
    let mut harness = big();
    for member in 0..1000 {
        harness.run(&format!("ZADD z {member} m{member}"));
    }
    let (mut seen, mut cursor) = (std::collections::HashSet::new(), "0".to_owned());
    loop {
        let reply = harness.run(&format!("ZSCAN z {cursor} COUNT 7"));
        let mut words = reply.split(['[', ']', ',', ' ', '"']).filter(|word| !word.is_empty());
        cursor = words.next().unwrap().to_owned();
        seen.extend(words.filter(|word| word.starts_with('m')).map(str::to_owned));
        if cursor == "0" {
            break;
        }
        harness.run(&format!("ZADD z 1 extra{cursor}"));
    }
    assert_eq!(seen.len(), 1000);
}

#[test]
fn random_members_are_of_the_set_and_differ_unless_they_may_repeat() {
    for mut harness in [Harness::new(), big()] {
        for member in 0..100 {
            harness.run(&format!("ZADD z {member} m{member}"));
        }
        for count in [1, 10, 60, 99, 100, 200] {
            let reply = harness.run(&format!("ZRANDMEMBER z {count}"));
            let members: Vec<_> = reply.split(['[', ']', ',', ' ']).filter(|word| !word.is_empty()).collect();
            let unique: std::collections::HashSet<_> = members.iter().collect();
            assert_eq!((members.len(), unique.len()), (count.min(100), count.min(100)));
            assert!(members.iter().all(|member| member.starts_with("\"m")));
        }
        assert_eq!(harness.run("ZRANDMEMBER z -300").matches('m').count(), 300);
        let huge = "ZRANDMEMBER z -9000000000000000000";
        assert!(harness.run(huge).starts_with("(error)"), "a count beyond all memory is refused");
    }
}

#[test]
fn stores_of_many_members_are_big_at_once() {
    let mut harness = Harness::with(Limits { zset_max_listpack_entries: 3, ..Limits::default() });
    harness.run("ZADD z 1 5 2 6 3 7 4 8");
    for (line, encoding) in [
        ("ZUNIONSTORE d 1 z", "skiplist"),
        ("ZRANGESTORE d z 1 2", "listpack"),
        ("ZRANGESTORE d z 0 -1", "skiplist"),
        ("ZINTERSTORE d 2 z z", "skiplist"),
        ("ZDIFFSTORE d 1 z", "skiplist"),
    ] {
        harness.run(line);
        assert_eq!(harness.encoding("d"), encoding, "{line}");
    }
    harness.expect("ZRANGE d 0 -1", r#"["5", "6", "7", "8"]"#, &[]);
}
