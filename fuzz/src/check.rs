//! Checking and salvaging: a file of any bytes, or of real commands that are then damaged in several places.

use std::sync::Arc;
use std::time::Duration;

use aofstore_core::check::{Limits, Scratch, Walk};
use aofstore_core::engine::Settings;
use aofstore_core::fs::{Create, Dir};
use aofstore_core::load::Options;
use aofstore_core::resp::encode;

use super::commands;
use super::input::Input;
use super::memory::Memory;
use super::words;

/// The first byte: bit 0 the rest are lines, bits 1-2 limits, bits 3-5 how many bytes are changed, each told by two bytes of
/// place and one of what is changed in it; bit 6 the file is cut, at a place that two more bytes tell.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let form = input.byte();
    let damage: Vec<(u16, u8)> = (0..form >> 3 & 7)
        .map(|_| (u16::from_le_bytes([input.byte(), input.byte()]), input.byte()))
        .collect();
    let cut = (form & 64 != 0).then(|| u16::from_le_bytes([input.byte(), input.byte()]));
    let mut file = if form & 1 == 0 { input.0.to_vec() } else { encoded(input.0) };
    for (at, bits) in damage {
        if !file.is_empty() {
            let length = file.len();
            file[at as usize % length] ^= bits;
        }
    }
    if let Some(at) = cut {
        file.truncate(at as usize % (file.len() + 1));
    }
    salvage(&file, form >> 1 & 3);
}

fn encoded(lines: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    for line in words::lines(lines) {
        encode::command(&mut file, line);
    }
    file
}

/// Checks a file and what a salvage leaves of it, which must be sound. How many bytes it leaves.
pub fn salvage(file: &[u8], limits: u8) -> usize {
    let walk = walk(file, limits);
    let (_, valid_to) = walk.good();
    assert!(valid_to <= file.len() as u64);
    let Some(finding) = walk.finding() else {
        assert_eq!(walk.holes().map(<[_]>::len), Some(0));
        assert_eq!(valid_to, file.len() as u64);
        return file.len();
    };
    assert!(finding.offset <= file.len() as u64);
    let Some(holes) = walk.holes() else { return 0 };
    let mut before = 0;
    for hole in holes {
        assert!(before <= hole.from && hole.from < hole.to && hole.to <= file.len() as u64, "{holes:?}");
        before = hole.to;
    }
    assert!(!holes.is_empty(), "{finding:?}");
    if walk.is_tail() {
        assert_eq!((holes[0].from, holes[0].instead.len()), (valid_to, 0));
    }
    let left = spliced(file, holes);
    if !walk.is_uncertain() && !walk.gave_up_replay() {
        let again = self::walk(&left, limits);
        assert_eq!(again.finding(), None, "left out of {finding:?}: {holes:?}");
    }
    left.len()
}

fn spliced(file: &[u8], holes: &[aofstore_core::check::Hole]) -> Vec<u8> {
    let (mut left, mut at) = (Vec::new(), 0);
    for hole in holes {
        left.extend_from_slice(&file[at..hole.from as usize]);
        left.extend_from_slice(&hole.instead);
        at = hole.to as usize;
    }
    left.extend_from_slice(&file[at..]);
    left
}

fn walk(file: &[u8], limits: u8) -> Walk {
    let memory = Memory::default();
    memory
        .open_append("log", Create::Missing)
        .and_then(|log| aofstore_core::fs::write_all(&*log, file))
        .unwrap();
    let options = Options { max_bulk: 1 << 16, ..Settings::default().load_options() };
    let keyspace = commands::limits(limits);
    let mut scratch = Scratch::new(Limits { databases: 4, keyspace, options, replay: true });
    let mut walk = Walk::open(Arc::new(memory), "log", &scratch, false).unwrap();
    while !walk.step(&mut scratch, Duration::ZERO).unwrap() {
        let (done, total) = walk.progress();
        assert!(done <= total);
    }
    walk
}
