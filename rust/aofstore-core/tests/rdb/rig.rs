//! Snapshots made and read in memory, and a hand to write them by.

use std::io;
use std::path::Path;

use aofstore_core::error::{Error, LoadKind, Result};
use aofstore_core::fs::Source;
use aofstore_core::keyspace::{Keyspace, Limits};
use aofstore_core::rdb::file::{About, Reader, Snapshot, Unknown};
use aofstore_core::rdb::value::{Crc, Version};

/// Bytes as a file, `most` of them at a time.
pub struct Bytes {
    pub bytes: Vec<u8>,
    pub most: usize,
}

impl Source for Bytes {
    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let rest = self.bytes.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(into.len()).min(self.most);
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

pub fn about(version: Version) -> About {
    About { version, redis_version: "7.2.0", created: 1_700_000_000, used_memory: 1 << 20, aof_base: false }
}

pub fn written(space: &Keyspace, version: Version) -> Vec<u8> {
    let mut bytes = Vec::new();
    assert!(Snapshot::prepare(about(version)).write(space, &mut bytes));
    bytes
}

/// The same with long strings packed.
pub fn packed(space: &Keyspace, version: Version) -> Vec<u8> {
    let mut bytes = Vec::new();
    assert!(Snapshot::prepare(about(version)).packed().write(space, &mut bytes));
    bytes
}

pub fn reader(bytes: &[u8], unknown: Unknown) -> Reader {
    let source = Bytes { bytes: bytes.to_vec(), most: usize::MAX };
    Reader::new(Box::new(source), bytes.len() as u64, Path::new("dump.rdb"), unknown)
}

/// Reads a whole snapshot into an empty keyspace.
pub fn read(bytes: &[u8], limits: Limits) -> Result<Keyspace> {
    read_with(reader(bytes, Unknown::Refuse), limits).map(|(space, _)| space)
}

/// The same, with the notes on what was left out.
pub fn read_with(mut reader: Reader, limits: Limits) -> Result<(Keyspace, Vec<String>)> {
    let mut space = Keyspace::new(16, limits);
    space.set_expiring(false);
    while reader.next(&mut space)? {}
    Ok((space, reader.take_notes()))
}

pub fn kind(error: &Error) -> LoadKind {
    match error {
        Error::Load { kind, .. } => *kind,
        other => panic!("{other}"),
    }
}

/// A file made by hand: a header, records, the end.
pub fn file(magic: &[u8], records: &[&[u8]]) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    for record in records {
        bytes.extend_from_slice(record);
    }
    bytes.push(0xff);
    let crc = Crc::of(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

/// A short string as a file holds it.
pub fn text(bytes: &[u8]) -> Vec<u8> {
    match bytes.len() {
        0..64 => [&[bytes.len() as u8], bytes].concat(),
        len => [&[0x80], (len as u32).to_be_bytes().as_slice(), bytes].concat(),
    }
}

/// A key with its type and value.
pub fn record(code: u8, key: &str, value: &[u8]) -> Vec<u8> {
    [&[code], text(key.as_bytes()).as_slice(), value].concat()
}
