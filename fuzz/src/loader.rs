//! The loader: a file of any bytes, or of real commands that are then damaged.

use std::time::Duration;

use aofstore_core::error::Result;
use aofstore_core::keyspace::Keyspace;
use aofstore_core::load::{Ended, Loader, OnReplayError};
use aofstore_core::resp::encode;

use super::dataset::{self, Dataset};
use super::input::Input;
use super::{commands, resp, words};

/// The first byte: bit 0 the rest are lines, bits 1-2 limits, bit 3 replay errors are tolerated, bit 4 three bytes
/// follow that say where a byte is changed and the file is cut.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let form = input.byte();
    let damage = if form & 16 == 0 { &[] } else { input.take(5) };
    let mut file = if form & 1 == 0 { input.0.to_vec() } else { encoded(&words::lines(input.0)) };
    if let &[a, b, bits, c, d] = damage
        && !file.is_empty()
    {
        let (at, cut) = (u16::from_le_bytes([a, b]) as usize, u16::from_le_bytes([c, d]) as usize);
        let length = file.len();
        file[at % length] ^= bits;
        file.truncate(if cut == 0 { length } else { cut % (length + 1) });
    }
    let on_error = if form & 8 == 0 { OnReplayError::Stop } else { OnReplayError::Warn };
    let (ended, found) = load(&file, form >> 1 & 3, on_error);
    match ended {
        Ok(Ended::Whole) => {}
        Ok(Ended::Torn { valid_to }) => {
            assert!(valid_to <= file.len() as u64, "cut at {valid_to} of {}", file.len());
            let (again, kept) = load(&file[..valid_to as usize], form >> 1 & 3, on_error);
            assert_eq!(again, Ok(Ended::Whole), "cut at {valid_to}");
            // What is drawn at random differs from one replay to the next.
            if !file.windows(4).any(|word| word.eq_ignore_ascii_case(b"SPOP")) {
                assert!(same(&found, &kept), "cut at {valid_to}:\n{found:?}\n{kept:?}");
            }
        }
        Ok(Ended::Later { .. }) => unreachable!("nobody asked for a time"),
        Err(error) => resp::damage(&error, file.len() as u64),
    }
}

fn encoded(lines: &[words::Line]) -> Vec<u8> {
    let mut file = Vec::new();
    for line in lines {
        encode::command(&mut file, line);
    }
    file
}

/// Deadlines that count from now are later in the second replay.
fn same(one: &Dataset, two: &Dataset) -> bool {
    one.len() == two.len() && one.iter().zip(two).all(|(a, b)| (a.0, &a.1.0, &a.1.1) == (b.0, &b.1.0, &b.1.1))
}

/// Loads a file; how it ended, and what is there then.
pub fn load(file: &[u8], limits: u8, on_error: OnReplayError) -> (Result<Ended>, Dataset) {
    let mut space = Keyspace::new(4, commands::limits(limits));
    space.set_expiring(false);
    let mut loader = Loader::new(resp::reader(file, usize::MAX, 0), on_error);
    let mut before = 0;
    let ended = loop {
        match loader.step(&mut space, Duration::ZERO) {
            Ok(false) => {}
            Ok(true) => break Ok(loader.ended().expect("it said that it ended")),
            Err(error) => break Err(error),
        }
        let (done, total) = loader.progress();
        assert!(done >= before && done <= total && total == file.len() as u64);
        before = done;
    };
    dataset::check_tables(&mut space);
    space.set_expiring(true);
    let found = dataset::of_keyspace(&mut space);
    dataset::check_tables(&mut space);
    (ended, found)
}

/// Loads what a store wrote: it must be whole and without an error.
pub fn load_own(file: &[u8], limits: u8) -> Dataset {
    let (ended, found) = load(file, limits, OnReplayError::Stop);
    assert_eq!(ended, Ok(Ended::Whole), "our own log is refused");
    found
}
