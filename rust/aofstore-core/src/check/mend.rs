//! Writing what is left of a damaged file: beside it, synced, then in its place; the old file is kept under another name.

use std::io;

use super::span::Hole;
use crate::error::{Error, Result, shown};
use crate::fs::{self, Create, Dir, File, ReadFile};

const BLOCK: usize = 1 << 20;

/// Writes a copy of `name` without the holes to the new file `temp`, synced.
pub fn write(dir: &dyn Dir, name: &str, holes: &[Hole], temp: &str) -> Result<()> {
    let written = copy(dir, name, holes, temp).and_then(|()| dir.sync());
    written.map_err(|error| {
        // A part of a copy is worth nothing, and on a full disk every try would leave another.
        drop(dir.unlink(temp));
        refused(dir, name, "write a mended copy of", &error)
    })
}

/// Puts `temp` in the place of `name`, which is kept as `kept`.
pub fn replace(dir: &dyn Dir, name: &str, temp: &str, kept: &str) -> Result<()> {
    let replaced = keep(dir, name, kept).and_then(|()| dir.sync()).and_then(|()| dir.rename(temp, name));
    if let Err(error) = replaced {
        // Not `kept`: the rename may have worked all the same.
        drop(dir.unlink(temp));
        return Err(refused(dir, name, "replace", &error));
    }
    dir.sync().map_err(|error| refused(dir, name, "make durable what now is", &error))
}

/// Makes `name` a small file of these bytes, by way of `temp`; what was there is kept as `kept`.
pub fn publish(dir: &dyn Dir, name: &str, bytes: &[u8], temp: &str, kept: &str) -> Result<()> {
    let written = dir.write_new(temp, bytes).and_then(|()| dir.size(name));
    if written.map_err(|error| refused(dir, name, "write", &error))?.is_some() {
        return replace(dir, name, temp, kept);
    }
    dir.rename(temp, name).and_then(|()| dir.sync()).map_err(|error| {
        drop(dir.unlink(temp));
        refused(dir, name, "write", &error)
    })
}

/// Not every file system has hard links.
fn keep(dir: &dyn Dir, name: &str, kept: &str) -> io::Result<()> {
    match dir.hard_link(name, kept) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            let copied = copy(dir, name, &[], kept);
            if copied.is_err() {
                drop(dir.unlink(kept));
            }
            copied
        }
        linked => linked,
    }
}

fn copy(dir: &dyn Dir, name: &str, holes: &[Hole], to: &str) -> io::Result<()> {
    let from = dir.open_read(name)?;
    let mode = dir.mode(name)?.unwrap_or(0o600);
    let into = dir.open_append(to, Create::New { mode })?;
    let mut at = 0;
    for hole in holes {
        copy_span(&*from, at, hole.from, &*into)?;
        fs::write_all(&*into, &hole.instead)?;
        at = hole.to;
    }
    copy_span(&*from, at, from.size()?, &*into)?;
    into.sync_data()
}

pub(super) fn copy_span(from: &dyn ReadFile, mut at: u64, to: u64, into: &dyn File) -> io::Result<()> {
    let mut block = vec![0; BLOCK.min(usize::try_from(to.saturating_sub(at)).unwrap_or(BLOCK))];
    while at < to {
        let room = block.len().min(usize::try_from(to - at).unwrap_or(usize::MAX));
        let read = from.read_at(at, block.get_mut(..room).unwrap_or_default())?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        fs::write_all(into, block.get(..read).unwrap_or_default())?;
        at += read as u64;
    }
    Ok(())
}

pub(super) fn refused(dir: &dyn Dir, name: &str, what: &str, error: &io::Error) -> Error {
    let path = dir.path().join(name);
    let message = format!("cannot {what} {}: {error}", shown(&path));
    Error::Open { path, errno: fs::errno(error), message }
}
