//! What the fuzzers start from, and every input that once broke something, run again by `cargo test`.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test"
)]
#![expect(clippy::disallowed_methods, reason = "reads its inputs")]

use std::fs;
use std::path::{Path, PathBuf};

#[path = "../../../fuzz/src/lib.rs"]
mod fuzz;

type Run = fn(&[u8]);

fn inputs(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let entries = fs::read_dir(&seeds).unwrap_or_else(|error| panic!("{}: {error}", seeds.display()));
    entries.map(|entry| entry.unwrap().path()).map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

#[test]
fn fuzz_corpus_replays() {
    let targets: [(&str, Run); 11] = [
        ("resp", fuzz::resp::run),
        ("check", fuzz::check::run),
        ("loader", fuzz::loader::run),
        ("commands", fuzz::commands::run),
        ("replay", fuzz::replay::run),
        ("listpack", fuzz::listpack::run),
        ("intset", fuzz::intset::run),
        ("rdb", fuzz::rdb::run),
        ("restore", fuzz::restore::run),
        ("glob", fuzz::glob::run),
        ("longdouble", fuzz::longdouble::run),
    ];
    for (target, run) in targets {
        let inputs = inputs(target);
        assert!(inputs.len() > 2, "{target} has no seeds");
        for (path, input) in inputs {
            println!("{}", path.display());
            run(&input);
        }
    }
}

/// The red control of the target `replay`: a log that lacks one command is noticed.
#[test]
fn a_log_without_its_last_command_is_another_dataset() {
    let (live, file) = fuzz::replay::wrote(0, b"SET a 1\nRPUSH l 1 2\nHSET h f v");
    assert!(live == fuzz::loader::load_own(&file, 0));
    let last = file.windows(3).rposition(|bytes| bytes == b"*4\r").unwrap();
    assert!(live != fuzz::loader::load_own(&file[..last], 0));
}

/// A few thousand damaged logs, always the same ones.
#[test]
fn what_a_salvage_leaves_is_sound() {
    let families = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/lines");
    let mut logs: Vec<Vec<u8>> = Vec::new();
    for entry in fs::read_dir(families).unwrap() {
        let lines = fs::read(entry.unwrap().path()).unwrap();
        logs.push(fuzz::replay::wrote(0, &lines).1);
    }
    let (mut random, mut left, mut all) = (fastrand::Rng::with_seed(7), 0, 0);
    for _ in 0..3000 {
        for log in &logs {
            let mut log = log.clone();
            for _ in 0..random.usize(1..6) {
                if log.is_empty() {
                    break;
                }
                let at = random.usize(..log.len());
                match random.u8(..4) {
                    0 => log[at] ^= 1 << random.u8(..8),
                    1 => drop(log.drain(at..(at + random.usize(..40)).min(log.len()))),
                    2 => log.truncate(log.len() - random.usize(..20).min(log.len() - 1)),
                    _ => drop(log.splice(at..at, (0..random.usize(..20)).map(|_| random.u8(..)))),
                }
            }
            all += log.len();
            left += fuzz::check::salvage(&log, 0);
        }
    }
    assert!(left * 2 > all, "{left} of {all} bytes are left");
}
