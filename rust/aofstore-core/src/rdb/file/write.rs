//! The file, written. What it needs is made by [`Snapshot::prepare`], before a fork if there is one.

use super::super::value::codes::opcode;
use super::super::value::{self, Crc, Packer, Packing, Version, put_int, put_length, put_string};
use crate::keyspace::{Db, Keyspace, Stored};
use crate::sink::{KeySink, Sink};

/// Small pieces are gathered to as many bytes before they are checked and handed on.
const GATHERED: usize = 8 << 10;

/// What the file says about itself.
#[derive(Debug, Clone, Copy)]
pub struct About {
    pub version: Version,
    /// The server that could have written it: the version of Redis whose commands are spoken here.
    pub redis_version: &'static str,
    /// Unix seconds.
    pub created: i64,
    /// Bytes that the data takes in memory.
    pub used_memory: u64,
    /// Whether commands follow: the base of a log.
    pub aof_base: bool,
}

/// An RDB file to be written.
pub struct Snapshot {
    about: About,
    packer: Option<Packer>,
    checked: Checked,
}

impl Snapshot {
    /// All that allocates or asks the system is done here.
    pub fn prepare(about: About) -> Self {
        let gathered = vec![0; GATHERED].into_boxed_slice();
        Self { about, packer: None, checked: Checked { crc: Crc::new(), gathered, at: 0 } }
    }

    /// With long strings packed.
    #[must_use]
    pub fn packed(mut self) -> Self {
        self.packer = Some(Packer::new(Packer::ROOM));
        self
    }

    /// Writes the whole file; false if the sink stopped it. `key_done` is asked after every key, when up to
    /// some kilobytes of it may not have been put yet; after the last call all is.
    pub fn write(&mut self, space: &Keyspace, sink: &mut impl KeySink) -> bool {
        let Self { about, packer, checked } = self;
        checked.begin();
        let mut out = Out { packer: packer.as_mut(), checked, sink };
        header(about, &mut out);
        for (index, db) in space.iter_dbs().filter(|(_, db)| !db.is_empty()) {
            database(index, db, &mut out);
            for stored in db.entries() {
                key(&stored, about.version, &mut out);
                if !out.sink.key_done() {
                    return false;
                }
            }
        }
        out.put(&[opcode::END]);
        out.finish();
        true
    }
}

fn header(about: &About, out: &mut impl Packing) {
    let number = about.version.number();
    let digit = |place: u16| b'0' + (number / place % 10) as u8;
    out.put(b"REDIS00");
    out.put(&[digit(10), digit(1)]);
    aux(b"redis-ver", out);
    put_string(about.redis_version.as_bytes(), out);
    for (name, value) in [
        (b"redis-bits".as_slice(), i64::from(usize::BITS)),
        (b"ctime", about.created),
        (b"used-mem", i64::try_from(about.used_memory).unwrap_or(i64::MAX)),
        (b"aof-base", i64::from(about.aof_base)),
    ] {
        aux(name, out);
        put_int(value, out);
    }
}

fn aux(name: &[u8], out: &mut impl Packing) {
    out.put(&[opcode::AUX]);
    put_string(name, out);
}

fn database(index: usize, db: &Db, out: &mut impl Packing) {
    out.put(&[opcode::SELECT_DB]);
    put_length(index as u64, out);
    out.put(&[opcode::RESIZE_DB]);
    put_length(db.len() as u64, out);
    put_length(db.volatile() as u64, out);
}

#[inline]
fn key(stored: &Stored<'_>, version: Version, out: &mut impl Packing) {
    if let Some(deadline) = stored.deadline {
        // Redis reads -1 as no deadline at all; every instant before 1970 is as past as any other.
        out.put(&[opcode::EXPIRE_MS]);
        out.put(&deadline.max(0).to_le_bytes());
    }
    out.put(&[value::type_code(&stored.value, version)]);
    put_string(stored.key, out);
    value::write(&stored.value, version, out);
}

/// The checksum, and the pieces that are not yet in it.
struct Checked {
    crc: Crc,
    gathered: Box<[u8]>,
    /// INVARIANT: at most the length of `gathered`.
    at: usize,
}

impl Checked {
    fn begin(&mut self) {
        self.crc.reset();
        self.at = 0;
    }
}

/// A sink of checked bytes.
struct Out<'a, S> {
    packer: Option<&'a mut Packer>,
    checked: &'a mut Checked,
    sink: &'a mut S,
}

impl<S: Sink> Out<'_, S> {
    fn hand_on(&mut self) {
        let Checked { crc, gathered, at } = &mut *self.checked;
        let bytes = gathered.get(..*at).unwrap_or_default();
        crc.update(bytes);
        self.sink.put(bytes);
        *at = 0;
    }

    #[cold]
    fn put_beyond(&mut self, bytes: &[u8]) {
        self.hand_on();
        if let Some(room) = self.checked.gathered.get_mut(..bytes.len()) {
            room.copy_from_slice(bytes);
            self.checked.at = bytes.len();
        } else {
            self.checked.crc.update(bytes);
            self.sink.put(bytes);
        }
    }

    /// What is left, and the checksum.
    fn finish(&mut self) {
        self.hand_on();
        self.sink.put(&self.checked.crc.get().to_le_bytes());
    }
}

impl<S: Sink> Sink for Out<'_, S> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let Checked { gathered, at, .. } = &mut *self.checked;
        match gathered.get_mut(*at..).and_then(|room| room.get_mut(..bytes.len())) {
            Some(room) => {
                room.copy_from_slice(bytes);
                *at += bytes.len();
            }
            None => self.put_beyond(bytes),
        }
    }
}

impl<S: Sink> Packing for Out<'_, S> {
    #[inline]
    fn put_packed(&mut self, bytes: &[u8]) -> bool {
        // What is packed comes back here as bytes, when nothing is packed.
        let Some(packer) = self.packer.take() else { return false };
        let packed = packer.pack(bytes, self);
        self.packer = Some(packer);
        packed
    }
}
