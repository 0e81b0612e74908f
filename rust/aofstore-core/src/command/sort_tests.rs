//! What transcripts cannot see: what is stored does not depend on chance, who hears of it, expiry on the way.

use crate::command::testing::Harness;
use crate::keyspace::Limits;

fn prepared(lines: &[&str]) -> Harness {
    let mut harness = Harness::new();
    for line in lines {
        harness.run(line);
    }
    harness
}

#[test]
fn ties_of_a_set_are_broken_by_its_members() {
    for limits in [Limits::default(), Limits { set_max_listpack_entries: 1, ..Limits::default() }] {
        let mut harness = Harness::with(limits);
        harness.run("SADD s d b a c e");
        for line in ["SORT s BY w_* ALPHA STORE l", "SORT s BY w_* STORE l", "SORT s BY nosort STORE l"] {
            harness.expect(line, "5", &[line]);
            harness.expect("LRANGE l 0 -1", r#"["a", "b", "c", "d", "e"]"#, &[]);
        }
    }
}

#[test]
fn the_destination_loses_type_and_deadline_and_tells_watchers() {
    let mut harness = prepared(&["RPUSH l 2 1", "SET d x PXAT 1800000000000"]);
    harness.space.watches.add(0, b"d");
    harness.expect("SORT l STORE d", "2", &["SORT l STORE d"]);
    assert_eq!(harness.space.watches.version(0, b"d"), 1);
    harness.expect("PTTL d", "-1", &[]);
    harness.expect("SORT missing STORE d", "0", &["SORT missing STORE d"]);
    harness.expect("SORT missing STORE d", "0", &[]);
    harness.expect("EXISTS d", "0", &[]);
}

#[test]
fn a_stored_result_takes_the_encoding_of_its_size() {
    let mut harness = Harness::with(Limits { list_max_listpack_size: 3, ..Limits::default() });
    harness.run("RPUSH l 4 3 2 1");
    harness.run("SORT l STORE big");
    harness.run("SORT l LIMIT 0 3 STORE small");
    assert_eq!((harness.encoding("big"), harness.encoding("small")), ("quicklist", "listpack"));
}

#[test]
fn weights_past_their_deadline_do_not_count() {
    let mut harness = prepared(&["RPUSH l a b", "SET w_a 2", "SET w_b 1 PXAT 1700000000500"]);
    harness.expect("SORT l BY w_*", r#"["b", "a"]"#, &[]);
    harness.run("SET w_a -1");
    harness.now += 1000;
    harness.expect("SORT l BY w_* GET w_* GET #", r#"["-1", "a", nil, "b"]"#, &["DEL w_b"]);
}

#[test]
fn numbers_read_as_strtod_reads_them() {
    let mut harness = prepared(&[r#"RPUSH l 1e2 " 5" "" 0x10 -inf"#]);
    harness.expect("SORT l", r#"["-inf", "", " 5", "0x10", "1e2"]"#, &[]);
    for bad in [r#""5 ""#, "nan", "1x", r#"" ""#, "1e400"] {
        harness.run("DEL m");
        harness.run(&format!("RPUSH m {bad}"));
        harness.expect("SORT m", "(error) ERR One or more scores can't be converted into double", &[]);
    }
}
