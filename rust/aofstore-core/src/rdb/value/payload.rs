//! A value on its own, as DUMP gives it and RESTORE takes it: type, value, version of the format, checksum.

use super::bad::{Bad, Result};
use super::codes::Version;
use super::crc::Crc;
use super::input::Room;
use super::pack::{Packer, Packing};
use super::read::{Making, is_known, read};
use super::write::{type_code, write};
use crate::keyspace::{Fresh, Value};
use crate::sink::Sink;

/// Version and checksum.
const FOOTER: usize = 10;
/// The newest versions whose values can be read.
const NEWEST: u16 = 13;
const VALKEY: u16 = 80;

/// The value as DUMP gives it.
pub fn seal(value: &Value<'_>, version: Version, packed: bool) -> Vec<u8> {
    let mut bytes = vec![type_code(value, version)];
    if packed {
        let mut out = Packed { bytes, packer: None };
        write(value, version, &mut out);
        bytes = out.bytes;
    } else {
        write(value, version, &mut bytes);
    }
    bytes.extend_from_slice(&version.number().to_le_bytes());
    let crc = Crc::of(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

/// A payload with packed strings; most have none that is long enough.
struct Packed {
    bytes: Vec<u8>,
    packer: Option<Packer>,
}

impl Sink for Packed {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.bytes.put(bytes);
    }
}

impl Packing for Packed {
    fn put_packed(&mut self, bytes: &[u8]) -> bool {
        let packer = self.packer.get_or_insert_with(|| Packer::new(bytes.len().min(Packer::ROOM)));
        packer.pack(bytes, &mut self.bytes)
    }
}

/// What a payload holds, once its version and checksum were found right.
pub struct Payload<'a> {
    code: u8,
    value: &'a [u8],
}

impl<'a> Payload<'a> {
    /// None: it is of a version that is not known here, or damaged.
    pub fn open(bytes: &'a [u8]) -> Option<Self> {
        let (body, footer) = bytes.split_at_checked(bytes.len().checked_sub(FOOTER)?)?;
        let (version, stated) = footer.split_first_chunk()?;
        // The types that Redis and Valkey gave the same number for are none of the five.
        if !matches!(u16::from_le_bytes(*version), 0..=NEWEST | VALKEY) {
            return None;
        }
        let mut crc = Crc::new();
        crc.update(body);
        crc.update(version);
        let (&code, value) = body.split_first()?;
        (crc.get().to_le_bytes() == *stated).then_some(Self { code, value })
    }

    /// Reads the value; what is unpacked stands in `room`.
    pub fn read<'b>(&'b mut self, room: &'b mut Room, making: &Making) -> Result<Fresh<'b>> {
        if !is_known(self.code) {
            return Err(Bad::Unsupported("a value of another type"));
        }
        let Self { code, value } = self;
        let read = read(*code, value, room, making)?;
        read.ok_or(Bad::Format("a collection without elements"))
    }
}
