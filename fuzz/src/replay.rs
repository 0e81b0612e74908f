//! What a store did and what its log says are the same: commands on a durable store, then its log loaded.

use std::sync::Arc;

use aofstore_core::aof::Control;

use super::commands::{DATABASES, Runner};
use super::dataset::{self, Dataset};
use super::memory::Memory;
use super::{loader, words};

/// Commands that change what is logged, or how, are left to others.
const NOT_HERE: [&str; 2] = ["CONFIG", "DEBUG"];

pub fn run(data: &[u8]) {
    let Some((&profile, rest)) = data.split_first() else { return };
    let (live, file) = wrote(profile, rest);
    let loaded = loader::load_own(&file, profile);
    assert!(live == loaded, "log: {}\nlive: {live:?}\nloaded: {loaded:?}", file.escape_ascii());
}

/// Runs lines on a durable store: what it holds then, and its log.
pub fn wrote(profile: u8, lines: &[u8]) -> (Dataset, Vec<u8>) {
    let mut runner = Runner::new(profile);
    let dir = Memory::default();
    runner.engine.start_log(Arc::new(dir.clone()), "fuzz.aof", Control::None).expect("the log opens");
    for line in words::lines(lines) {
        let name = &line[0];
        let name =
            name.strip_prefix(b"1").or(name.strip_prefix(b"2")).or(name.strip_prefix(b"3")).unwrap_or(name);
        if !NOT_HERE.iter().any(|word| name.eq_ignore_ascii_case(word.as_bytes())) {
            runner.line(line);
        }
    }
    runner.finish();
    runner.engine.flush(false).expect("memory takes every write");
    let live = dataset::of_engine(&runner.engine, DATABASES);
    runner.engine.close().expect("memory takes every write");
    (live, dir.bytes())
}
