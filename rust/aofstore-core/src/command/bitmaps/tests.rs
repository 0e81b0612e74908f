//! Bits against a vector of booleans, fields against arithmetic on them; what transcripts cannot see.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{bits_between, count, first};
use crate::command::testing::Harness;
use crate::keyspace::{Limits, Text};

fn bits(bytes: &[u8]) -> Vec<bool> {
    bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte & (0x80 >> bit) != 0)).collect()
}

fn escaped(bytes: &[u8]) -> String {
    let hex: Vec<String> = bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
    format!("\"{}\"", hex.concat())
}

proptest! {
    #[test]
    fn counts_and_searches_agree_with_booleans(
        bytes in vec(prop::sample::select(vec![0u8, 0xFF, 0x10, 0xA5]), 0..40),
        start in -400i64..400,
        end in -400i64..400,
        in_bits in any::<bool>(),
        wanted in any::<bool>(),
    ) {
        let all = bits(&bytes);
        let Some(range) = bits_between(bytes.len(), start, end, in_bits) else { return Ok(()) };
        let (from, to) = (range.start as usize, range.end as usize);
        prop_assert!(from < to && to <= all.len());
        prop_assert_eq!(count(&bytes, range.clone()), all[from..to].iter().filter(|bit| **bit).count() as u64);
        let place = all[from..to].iter().position(|bit| *bit == wanted).map(|at| (from + at) as u64);
        prop_assert_eq!(first(&bytes, range, wanted), place);
    }

    #[test]
    fn operations_agree_with_booleans(operands in vec(vec(any::<u8>(), 0..12), 1..4), which in 0usize..3) {
        let mut harness = Harness::new();
        let names: Vec<String> = (0..operands.len()).map(|number| format!("k{number}")).collect();
        for (name, bytes) in names.iter().zip(&operands) {
            harness.run(&format!("SET {name} {}", escaped(bytes)));
        }
        let longest = operands.iter().map(Vec::len).max().unwrap_or(0);
        let byte = |operand: &Vec<u8>, at: usize| operand.get(at).copied().unwrap_or(0);
        let fold = |at: usize| {
            let all = operands.iter().map(|operand| byte(operand, at));
            match which {
                0 => all.reduce(|a, b| a & b),
                1 => all.reduce(|a, b| a | b),
                _ => all.reduce(|a, b| a ^ b),
            }
        };
        let wanted: Vec<u8> = (0..longest).filter_map(fold).collect();
        let name = ["AND", "or", "Xor"][which];
        prop_assert_eq!(harness.run(&format!("BITOP {name} d {}", names.join(" "))), longest.to_string());
        let mut keys = harness.space.keys(0, harness.now);
        prop_assert_eq!(keys.text(b"d").unwrap().map(Text::to_vec).unwrap_or_default(), wanted);
    }

    #[test]
    fn a_field_holds_what_was_written_and_nothing_beside_it(
        bytes in vec(any::<u8>(), 20),
        at in 0usize..90,
        width in 1u32..=64,
        value in any::<i64>(),
    ) {
        let mut harness = Harness::new();
        harness.run(&format!("SET k {}", escaped(&bytes)));
        let kept = if width == 64 { value } else { (value << (64 - width)) >> (64 - width) };
        harness.run(&format!("BITFIELD k SET i{width} {at} {value}"));
        prop_assert_eq!(harness.run(&format!("BITFIELD k GET i{width} {at}")), format!("[{kept}]"));
        let after = harness.space.keys(0, harness.now).text(b"k").unwrap().unwrap().to_vec();
        let (before, after) = (bits(&bytes), bits(&after));
        let end = at + width as usize;
        prop_assert_eq!(&before[..at], &after[..at]);
        prop_assert_eq!(&before[end..], &after[end..]);
    }
}

#[test]
fn an_offset_past_the_longest_string_is_refused_before_anything_is_allocated() {
    let mut harness = Harness::with(Limits { proto_max_bulk_len: 1 << 20, ..Limits::default() });
    let refusal = "(error) ERR bit offset is not an integer or out of range";
    for line in [
        "SETBIT k 8388608 1",
        "GETBIT k 8388608",
        "BITFIELD k SET u8 8388608 1",
        "BITFIELD k SET u8 #1048576 1",
        "BITFIELD k GET i64 #9223372036854775807",
        "SETBIT k 9223372036854775807 1",
    ] {
        harness.expect(line, refusal, &[]);
    }
    harness.expect("SETBIT k 8388607 1", "0", &["SETBIT k 8388607 1"]);
    harness.expect("STRLEN k", "1048576", &[]);
}

#[test]
fn what_changed_nothing_is_not_logged() {
    let mut harness = Harness::new();
    harness.expect("SETBIT k 0 1", "0", &["SETBIT k 0 1"]);
    harness.expect("SETBIT k 0 1", "1", &[]);
    harness.expect("SETBIT k 8 0", "0", &["SETBIT k 8 0"]);
    harness.expect("BITFIELD k SET u1 0 1 GET u8 0", "[1, 128]", &[]);
    harness.expect("BITFIELD k OVERFLOW FAIL INCRBY u1 0 1", "[nil]", &[]);
    harness.expect("BITOP AND nothing missing", "0", &[]);
}

#[test]
fn a_string_grown_by_a_field_that_failed_is_logged() {
    let mut harness = Harness::new();
    let line = "BITFIELD k OVERFLOW FAIL SET u8 0 256";
    harness.expect(line, "[nil]", &[line]);
    harness.expect("STRLEN k", "1", &[]);
}

#[test]
fn operations_drop_the_deadline_of_their_destination() {
    let mut harness = Harness::new();
    for line in ["SET a abc", "SET d x PXAT 1800000000000", "BITOP NOT d a"] {
        harness.run(line);
    }
    harness.expect("PTTL d", "-1", &[]);
    harness.expect("BITOP NOT a a", "3", &["BITOP NOT a a"]);
}
