//! A whole keyspace into a new file, by the thread that asks: the rewrite, and the save, without a child.
//!
//! For a store that is closed or held still by its caller: what is changed meanwhile is nowhere in the file. The file
//! gets its own name only; putting it in the log's place is `switch`'s. INVARIANT: a failure, a panic included, leaves no
//! file behind.

use std::io;
use std::sync::Arc;

use super::form::{Form, Role};
use super::output::FileOutput;
use super::snapshot::Output;
use crate::aof::Control;
use crate::error::shown;
use crate::fs::{Create, Dir, File, errno};
use crate::keyspace::Keyspace;
use crate::sink::{KeySink, Sink};

/// Where the dump goes.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub dir: &'a dyn Dir,
    /// The new file's; nothing of that name may be there.
    pub name: &'a str,
    /// Permission bits, whatever the umask: those of the log that it replaces.
    pub mode: u32,
    pub role: Role,
    pub control: Control,
}

/// A finished, durable dump; its name is durable only after a sync of the directory.
pub struct Dumped {
    /// Open for appending.
    pub file: Arc<dyn File>,
    pub keys: u64,
    pub bytes: u64,
}

/// Why there is no dump.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failed {
    /// The system's number; `ECANCELED` if the caller stopped it.
    pub errno: i32,
    pub message: String,
}

/// Writes and syncs the dump. `watch` hears of keys and bytes after each key, and may stop it all by answering false.
pub fn dump(
    space: &Keyspace,
    place: Place<'_>,
    mut form: Form,
    incremental_sync: bool,
    watch: impl FnMut(u64, u64) -> bool,
) -> Result<Dumped, Failed> {
    let mut temp = Temp { place, keep: false };
    let made = place.dir.open_append(place.name, Create::New { mode: place.mode });
    let file = made.map_err(|error| {
        // Whose it is nobody knows. After any other error there may be one of ours, without its mode.
        temp.keep = errno(&error) == libc::EEXIST;
        place.failed("create", &error)
    })?;
    let mut out = Watched {
        out: FileOutput::new(file, incremental_sync).under(place.control),
        keys: 0,
        watch,
        stopped: false,
    };
    // The walk ends early for one of two reasons, and says neither.
    let whole = form.write(space, &mut out) && out.out.sync();
    if out.stopped {
        return Err(place.stopped());
    }
    if let Some(errno) = out.out.failed() {
        return Err(place.failed("write", &io::Error::from_raw_os_error(errno)));
    }
    debug_assert!(whole, "a walk that was not stopped goes to its end");
    let bytes = out.out.written();
    let file = out.out.into_target();
    place.check(&*file, bytes)?;
    temp.keep = true;
    Ok(Dumped { file, keys: out.keys, bytes })
}

impl Place<'_> {
    fn failed(&self, what: &str, error: &io::Error) -> Failed {
        let path = self.dir.path().join(self.name);
        let errno = errno(error);
        let next = match errno {
            libc::ENOSPC | libc::EDQUOT => format!("; free space and {} again", self.verb()),
            _ => String::new(),
        };
        let (path, kept) = (shown(&path), self.kept());
        Failed { errno, message: format!("cannot {what} {path}: {error}; {kept}{next}") }
    }

    const fn verb(&self) -> &'static str {
        match self.role {
            Role::Rewrite => "rewrite",
            Role::Save => "save",
            Role::Copy => "copy",
        }
    }

    /// What a failure has not touched.
    const fn kept(&self) -> &'static str {
        match self.role {
            Role::Rewrite => "the log is as it was",
            Role::Save => "the last dump is as it was",
            Role::Copy => "what is copied is as it was",
        }
    }

    fn stopped(&self) -> Failed {
        Failed {
            errno: libc::ECANCELED,
            message: format!("the {} was stopped; {}", self.verb(), self.kept()),
        }
    }

    /// Somebody may have cut or removed the file under its name; the descriptor would not tell.
    fn check(&self, file: &dyn File, bytes: u64) -> Result<(), Failed> {
        let size = file.size().map_err(|error| self.failed("look at", &error))?;
        let links = file.links().map_err(|error| self.failed("look at", &error))?;
        if size == bytes && links > 0 {
            return Ok(());
        }
        let path = self.dir.path().join(self.name);
        let (path, found) = (shown(&path), if links == 0 { "no file" } else { "another length" });
        Err(Failed {
            errno: libc::EIO,
            message: format!(
                "{path} was changed by somebody else during the {}: {found} instead of {bytes} bytes; {}",
                self.verb(),
                self.kept()
            ),
        })
    }
}

/// Removes the file unless it is to be kept. Best effort: what cannot be unlinked is swept at the next open.
struct Temp<'a> {
    place: Place<'a>,
    keep: bool,
}

impl Drop for Temp<'_> {
    fn drop(&mut self) {
        if !self.keep {
            drop(self.place.dir.unlink(self.place.name));
        }
    }
}

/// The output with somebody looking on.
struct Watched<W> {
    out: FileOutput<Arc<dyn File>>,
    keys: u64,
    watch: W,
    stopped: bool,
}

impl<W: FnMut(u64, u64) -> bool> Sink for Watched<W> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.out.put(bytes);
    }
}

impl<W: FnMut(u64, u64) -> bool> Output for Watched<W> {
    #[inline]
    fn bulk(&mut self, payload: &[u8]) {
        self.out.bulk(payload);
    }
}

impl<W: FnMut(u64, u64) -> bool> KeySink for Watched<W> {
    #[inline]
    fn key_done(&mut self) -> bool {
        self.keys += 1;
        self.stopped = !(self.watch)(self.keys, self.out.accepted());
        !self.stopped && self.out.key_done()
    }
}

#[cfg(test)]
#[path = "dump_tests.rs"]
mod tests;
