//! What was read of a damaged snapshot before its damage, as a snapshot of its own.
//!
//! A snapshot has no places to go on at: what is behind damage inside it is lost. When only its checksum is wrong all of
//! it was read, and commands behind it go on.

use std::io;

use super::mend;
use crate::error::Result;
use crate::fs::{self, Create, Dir, File};
use crate::keyspace::Keyspace;
use crate::rdb::file::{About, Snapshot};
use crate::sink::{KeySink, Sink};

const BLOCK: usize = 1 << 20;

/// How far it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rescue {
    /// Keys that were read.
    pub keys: u64,
    /// Where the damaged snapshot ends, if all of it was read.
    pub end: Option<u64>,
    /// When it says that it was made, in Unix seconds.
    pub created: Option<i64>,
    /// Whether commands may follow.
    pub is_base: bool,
}

impl Rescue {
    /// Writes the keys of `space`, and what stands in `name` behind the snapshot, to the new file `temp`, synced.
    pub fn write(&self, dir: &dyn Dir, name: &str, space: &Keyspace, about: About, temp: &str) -> Result<()> {
        let written = self.copy(dir, name, space, about, temp).and_then(|()| dir.sync());
        written.map_err(|error| {
            // A part of it is worth nothing, and on a full disk every try would leave another.
            drop(dir.unlink(temp));
            mend::refused(dir, name, "write what is left of", &error)
        })
    }

    fn copy(&self, dir: &dyn Dir, name: &str, space: &Keyspace, about: About, temp: &str) -> io::Result<()> {
        let from = dir.open_read(name)?;
        let mode = dir.mode(name)?.unwrap_or(0o600);
        let into = dir.open_append(temp, Create::New { mode })?;
        let mut out = Out { into: &*into, pending: Vec::with_capacity(BLOCK), keys: 0, failed: None };
        Snapshot::prepare(about).write(space, &mut out);
        out.flush();
        if let Some(error) = out.failed {
            return Err(error);
        }
        if out.keys != self.keys {
            // Files behind this one have put keys of their own there.
            return Err(io::ErrorKind::Unsupported.into());
        }
        if let Some(end) = self.end {
            mend::copy_span(&*from, end, from.size()?, &*into)?;
        }
        into.sync_data()
    }
}

/// A file, filled in large pieces.
struct Out<'a> {
    into: &'a dyn File,
    pending: Vec<u8>,
    keys: u64,
    failed: Option<io::Error>,
}

impl Out<'_> {
    fn flush(&mut self) {
        if self.failed.is_none() {
            self.failed = fs::write_all(self.into, &self.pending).err();
        }
        self.pending.clear();
    }
}

impl Sink for Out<'_> {
    fn put(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= BLOCK {
            self.flush();
        }
    }
}

impl KeySink for Out<'_> {
    fn key_done(&mut self) -> bool {
        self.keys += 1;
        self.failed.is_none()
    }
}
