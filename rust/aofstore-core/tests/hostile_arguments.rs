//! Every command with arguments at their limits, without a fuzzer: lines of `fuzz/lines`, a word or two of them replaced.
//!
//! A panic, a malformed reply, an empty collection or a log that says something else fails. `HOSTILE_ROUNDS` makes it
//! longer, `HOSTILE_SEED` another run.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test"
)]
#![expect(clippy::disallowed_methods, reason = "reads its inputs")]

use std::fs;
use std::path::Path;

#[allow(dead_code, reason = "the fuzz targets, of which this needs a part")]
#[path = "../../../fuzz/src/lib.rs"]
mod fuzz;

#[rustfmt::skip]
const HOSTILE: &[&str] = &[
    "0", "1", "-1", "2", "-2", "7", "64", "65", "-64", "63", "100", "4096", "32767", "-32768", "65536", "2147483647",
    "2147483648", "-2147483648", "-2147483649", "4294967295", "4294967296", "9223372036854775807",
    "9223372036854775806", "-9223372036854775808", "-9223372036854775807", "9223372036854775808",
    "18446744073709551615", "18446744073709551616", "4611686018427387904", "-4611686018427387905",
    "262143", "262144", "4294967303", "1e308", "-1e308", "1.7976931348623157e308", "5e-324", "inf", "-inf", "+inf",
    "nan", "0.1", "-0", "-0.0", "1e-400", "1e400", "0x10", "1e4932", "3.14", "+1", "01", "(1", "(inf", "[a", "(a", "-",
    "+", "", "*", "#", "a*", "#0", "#9223372036854775807", "u63", "u64", "i64", "i1", "i0", "u0", "i65", "a", "b", "c",
    "d", "l", "z", "h", "s", "nope", "COUNT", "LIMIT", "WITHSCORES", "STORE", "BY", "REV", "GET", "EX", "PX", "NX", "XX",
    "MATCH", "MAXLEN", "RANK", "\\x00", "\\n", "x\\z40", "x\\Z90", "9\\z20", "BIT", "BYTE", "KEEPTTL", "PERSIST", "INCR",
];

/// The lines of each family as words.
fn families() -> Vec<Vec<Vec<String>>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/lines");
    let mut families: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    families.sort();
    let texts = families.iter().map(|path| fs::read_to_string(path).unwrap());
    texts
        .map(|text| text.lines().map(|line| line.split(' ').map(str::to_owned).collect()).collect())
        .collect()
}

fn mutated(line: &[String], rng: &mut fastrand::Rng) -> String {
    let mut words = line.to_vec();
    for _ in 0..rng.usize(0..4) {
        let hostile = HOSTILE[rng.usize(..HOSTILE.len())].to_owned();
        let at = rng.usize(..words.len());
        match rng.u8(..6) {
            0 if words.len() > 1 => drop(words.remove(at.max(1))),
            1 => words.insert(at.max(1).min(words.len()), hostile),
            2 => words.push(hostile),
            _ if at > 0 => words[at] = hostile,
            _ => {}
        }
    }
    words.join(" ")
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn hostile_arguments_break_nothing() {
    let families = families();
    let mut rng = fastrand::Rng::with_seed(number("HOSTILE_SEED", 1));
    for round in 0..number("HOSTILE_ROUNDS", 40) {
        let profile = b"0123"[round as usize % 4];
        let mut input = vec![profile];
        // All families use the same few keys: one or two at a time, or most commands only met a wrong type.
        let lines: Vec<_> =
            (0..rng.usize(1..3)).flat_map(|_| &families[rng.usize(..families.len())]).collect();
        for _ in 0..rng.usize(20..300) {
            input.extend_from_slice(mutated(lines[rng.usize(..lines.len())], &mut rng).as_bytes());
            input.push(b'\n');
        }
        // Shown if it fails: what libFuzzer would have kept in a file.
        println!("--- round {round}\n{}", String::from_utf8_lossy(&input));
        let run: fn(&[u8]) = if round % 3 == 0 { fuzz::replay::run } else { fuzz::commands::run };
        run(&input);
    }
}
