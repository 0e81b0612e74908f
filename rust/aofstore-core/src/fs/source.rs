//! Where a reader's bytes come from.
//!
//! Logs and snapshots are read through it; whoever opens files gives them one. It has no position of its own, because a
//! log's end is looked at twice.

use std::io;

use super::{Dir, ReadFile};

/// A file that can be read anywhere; the tail is looked at twice.
pub trait Source: Send {
    /// Reads some bytes at `offset`; 0 only at the end or for an empty `into`.
    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<usize>;
}

impl Source for Box<dyn ReadFile> {
    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        ReadFile::read_at(&**self, offset, into)
    }
}

/// Anything with a position as a [`Source`].
#[derive(Debug)]
pub struct Seekable<R>(pub R);

impl<R: io::Read + io::Seek + Send> Source for Seekable<R> {
    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.0.seek(io::SeekFrom::Start(offset))?;
        self.0.read(into)
    }
}

/// Fills `into` whatever pieces the source gives.
pub(crate) fn read_full(source: &mut dyn Source, mut offset: u64, mut into: &mut [u8]) -> io::Result<()> {
    while !into.is_empty() {
        let read = read_some(source, offset, into)?;
        offset += read as u64;
        into = into.split_at_mut(read).1;
    }
    Ok(())
}

pub(crate) fn read_some(source: &mut dyn Source, offset: u64, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read_at(offset, into) {
            Ok(0) => {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "it became shorter while it was read",
                ));
            }
            Ok(read) => return Ok(read.min(into.len())),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// As many bytes as there are from `offset` on, up to the length of `into`.
pub(crate) fn read_up_to(source: &mut dyn Source, offset: u64, into: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(room) = into.get_mut(filled..).filter(|room| !room.is_empty()) {
        match source.read_at(offset + filled as u64, room) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// What a file begins with, up to `most` bytes.
pub fn head(dir: &dyn Dir, name: &str, most: usize) -> io::Result<Vec<u8>> {
    let mut file = dir.open_read(name)?;
    let mut bytes = vec![0; most];
    let filled = read_up_to(&mut file, 0, &mut bytes)?;
    bytes.truncate(filled);
    Ok(bytes)
}
