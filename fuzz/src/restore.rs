//! Payloads of DUMP: any bytes as type and value. What is taken can be given out and taken again.

use aofstore_core::keyspace::Keyspace;
use aofstore_core::rdb::value::{Crc, Making, Payload, Room, Version, seal};

use super::commands;
use super::dataset::{self, Dataset};
use super::input::Input;

/// The first byte: bit 0 the version is Valkey's, bits 1-2 limits, bit 3 the checksum is wrong.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let form = input.byte();
    let version: u16 = if form & 1 == 0 { 10 } else { 80 };
    let mut payload = [input.0, &version.to_le_bytes()].concat();
    let crc = Crc::of(&payload) ^ u64::from(form >> 3 & 1);
    payload.extend_from_slice(&crc.to_le_bytes());
    let (taken, space) = restored(&payload, form);
    if form & 8 != 0 || input.0.is_empty() {
        return assert!(!taken, "a wrong checksum");
    }
    if taken {
        comes_back(space, form);
    }
}

/// Whether it was taken, and the keyspace then.
fn restored(payload: &[u8], form: u8) -> (bool, Keyspace) {
    let mut space = Keyspace::new(4, commands::limits(form >> 1 & 3));
    let Some(mut payload) = Payload::open(payload) else { return (false, space) };
    let (mut room, making) = (Room::default(), Making::of(&space));
    let Ok(value) = payload.read(&mut room, &making) else { return (false, space) };
    space.keys(0, 0).put_fresh(b"k", value);
    (true, space)
}

fn comes_back(mut space: Keyspace, form: u8) {
    let found = checked(&mut space);
    for (version, packed) in [(Version::V10, true), (Version::V11, true), (Version::V10, false)] {
        let given = seal(&space.keys(0, 0).get(b"k").expect("it was stored"), version, packed);
        let (taken, mut back) = restored(&given, form);
        assert!(taken, "what was given out is refused");
        assert_eq!(checked(&mut back), found);
    }
}

fn checked(space: &mut Keyspace) -> Dataset {
    dataset::check_tables(space);
    dataset::of_keyspace(space)
}
