//! What the transcripts of tests/golden/lists cannot see: watchers, waiting, counters, keys in several databases.

use crate::command::transcripts::Harness;
use crate::keyspace::{Kind, Limits};

fn lines(harness: &mut Harness, lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| harness.run(line)).collect()
}

#[test]
fn transcripts_agree() {
    for script in [
        include_str!("../../../../../tests/golden/lists/push_pop.txt"),
        include_str!("../../../../../tests/golden/lists/ranges.txt"),
        include_str!("../../../../../tests/golden/lists/by_value.txt"),
        include_str!("../../../../../tests/golden/lists/moves.txt"),
        include_str!("../../../../../tests/golden/lists/wrong_type.txt"),
        include_str!("../../../../../tests/golden/lists/blocking_at_once.txt"),
    ] {
        Harness::new().replay(script);
    }
}

#[test]
fn a_blocking_command_that_finds_nothing_says_what_it_waits_for() {
    let mut harness = Harness::new();
    for (line, keys, timeout) in [
        ("BLPOP a b 1.5", &["a", "b"][..], Some(1500)),
        ("BRPOP a 0", &["a"], None),
        ("BRPOP a 0.0001", &["a"], Some(1)),
        ("BLMOVE a b LEFT RIGHT 2", &["a"], Some(2000)),
        ("BRPOPLPUSH a b 0", &["a"], None),
        ("BLMPOP 3 2 a b LEFT COUNT 7", &["a", "b"], Some(3000)),
    ] {
        assert_eq!(harness.run(line), "(nil)");
        let wait = harness.wait.take().unwrap();
        assert_eq!(wait.kind, Kind::List);
        assert_eq!(wait.timeout, timeout, "{line}");
        assert!(wait.keys.iter().map(|key| &**key).eq(keys.iter().map(|key| key.as_bytes())));
    }
    assert!(harness.log().is_empty());
}

#[test]
fn an_emptied_list_is_gone_by_every_way_out() {
    for last in
        ["LPOP l", "RPOP l", "LPOP l 3", "LREM l 0 x", "LTRIM l 1 0", "LMOVE l m LEFT LEFT", "LMPOP 1 l LEFT"]
    {
        let mut harness = Harness::new();
        harness.run("RPUSH l x");
        harness.run(last);
        assert_eq!(harness.run("EXISTS l"), "(integer) 0", "{last}");
    }
}

#[test]
fn watchers_hear_of_changes_and_of_nothing_else() {
    let mut harness = Harness::new();
    harness.run("RPUSH l a b c");
    harness.space.watches.add(0, b"l");
    for line in ["LRANGE l 0 -1", "LREM l 0 x", "LPUSHX m a", "LPOP l 0", "LSET l 9 x", "LINSERT l AFTER x y"]
    {
        harness.run(line);
        assert_eq!(harness.space.watches.version(0, b"l"), 0, "{line}");
    }
    for (version, line) in
        ["LTRIM l 0 -1", "LPOP l", "RPUSH l x", "LSET l 0 y", "LMOVE l l LEFT RIGHT"].iter().enumerate()
    {
        harness.run(line);
        assert!(harness.space.watches.version(0, b"l") > version as u64, "{line}");
    }
}

#[test]
fn encodings_follow_the_live_limit() {
    let mut harness = Harness::with(Limits { list_max_listpack_size: 2, ..Limits::default() });
    lines(&mut harness, &["RPUSH l 1 2", "RPUSH m 1 2 3"]);
    let encoding = |harness: &mut Harness, key: &[u8]| harness.space.keys(0, 0).get(key).unwrap().encoding();
    assert_eq!(encoding(&mut harness, b"l"), "listpack");
    assert_eq!(encoding(&mut harness, b"m"), "quicklist");
    harness.space.limits.list_max_listpack_size = 8;
    lines(&mut harness, &["RPUSH l 3", "RPOP m"]);
    assert_eq!(encoding(&mut harness, b"l"), "listpack");
    lines(&mut harness, &["LREM m 1 1"]);
    assert_eq!(harness.run("LRANGE m 0 -1"), "1) \"2\"");
}

#[test]
fn a_copy_is_a_list_of_its_own() {
    let mut harness = Harness::new();
    let told = lines(&mut harness, &["RPUSH l a b", "COPY l m", "LPOP m", "LRANGE l 0 -1", "LLEN m"]);
    assert_eq!(told, ["(integer) 2", "(integer) 1", "\"a\"", "1) \"a\"\n2) \"b\"", "(integer) 1"]);
}

#[test]
fn a_list_past_its_deadline_is_none() {
    let mut harness = Harness::new();
    lines(&mut harness, &["RPUSH l a", "PEXPIREAT l 1700000001000"]);
    harness.now += 2000;
    harness.log();
    assert_eq!(harness.run("RPUSH l b"), "(integer) 1");
    assert_eq!(harness.log(), ["DEL l", "RPUSH l b"]);
    assert_eq!(harness.run("PTTL l"), "(integer) -1");
}
