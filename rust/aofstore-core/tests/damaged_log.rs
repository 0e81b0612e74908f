//! S7: a log of 64 KiB with every bit of its head flipped in turn, loaded in this process.
//!
//! The only test of its process, because it looks at the process's memory.
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

use aofstore_core::aof::Next;
use aofstore_core::error::Error;
use aofstore_core::load::{Ended, OnReplayError};

#[allow(dead_code, reason = "the fuzz targets, of which this needs a part")]
#[path = "../../../fuzz/src/lib.rs"]
mod fuzz;

const SIZE: usize = 64 << 10;
const HEAD: usize = 8 << 10;

/// What our own store writes for the lines of all families, again and again.
fn log() -> Vec<u8> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/lines");
    let mut families: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    families.sort();
    let mut lines: Vec<u8> = families.iter().flat_map(|path| fs::read(path).unwrap()).collect();
    // Values far longer than a command's other parts would be most of the log.
    while let Some(at) = lines.windows(2).position(|pair| pair == b"\\Z") {
        lines[at + 1] = b'z';
    }
    let mut file = Vec::new();
    while file.len() < SIZE {
        file.extend_from_slice(&fuzz::replay::wrote(0, &lines).1);
        file.extend_from_slice(b"*1\r\n$8\r\nFLUSHALL\r\n");
    }
    file
}

fn starts(file: &[u8]) -> Vec<u64> {
    let mut reader = fuzz::resp::reader(file, usize::MAX, 0);
    let mut starts = Vec::new();
    while reader.next().unwrap() == Next::Command {
        starts.push(reader.command_start());
    }
    starts
}

/// The most memory the process has had, in KiB; 0 where that is not told.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

#[test]
fn s7_a_flipped_bit_near_the_start_is_harmless_or_refused_at_its_place() {
    let file = log();
    let starts = starts(&file);
    assert_eq!(fuzz::loader::load(&file, 0, OnReplayError::Stop).0, Ok(Ended::Whole));
    let before = peak();
    let (mut refused, mut harmless) = (0, 0);
    for at in 0..HEAD {
        let command = starts[starts.partition_point(|&start| start <= at as u64) - 1];
        // All bits of some bytes and some bit of all, the same ones every time.
        for bit in (0..8).filter(|bit| at % 16 == 0 || at % 8 == *bit) {
            let mut damaged = file.clone();
            damaged[at] ^= 1 << bit;
            match fuzz::loader::load(&damaged, 0, OnReplayError::Stop).0 {
                Ok(Ended::Whole) => harmless += 1,
                Ok(Ended::Torn { valid_to }) => {
                    panic!("bit {bit} of byte {at}: everything behind {valid_to} would be cut")
                }
                Ok(Ended::Later { .. }) => unreachable!("nobody asked for a time"),
                Err(Error::Load { offset, .. }) => {
                    refused += 1;
                    assert!(
                        offset >= command && offset < file.len() as u64,
                        "bit {bit} of byte {at}: {offset}"
                    );
                }
                Err(other) => panic!("bit {bit} of byte {at}: {other:?}"),
            }
        }
    }
    assert!(refused > HEAD / 4 && harmless > HEAD / 8, "{refused} refused, {harmless} harmless");
    assert!(peak() - before < 16 << 10, "{} KiB more", peak() - before);
}
