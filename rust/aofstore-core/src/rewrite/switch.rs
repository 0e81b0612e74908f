//! From a finished file to the log: the rest of the difference, and the names (theme 11).
//!
//! ORDER: rest, sync, name, sync of the directory. Before the rename every failure leaves the old file as it was and
//! complete; behind it there is only forwards, for the name may already be the new file's on the disk.

use super::pump::Failure;
use super::temp::Temp;
use crate::aof::{Control, Outlet};
use crate::error::RewriteCause;
use crate::fs::{File, ReadFile, uninterrupted};
use std::io;
use std::time::{Duration, Instant};

/// What may be left for the moment in which everybody waits.
const SMALL: u64 = 64 << 10;
/// Against a host that writes faster than the disk syncs.
const MOST_ROUNDS: u32 = 10;

/// How the new file came to its place.
#[derive(Default)]
pub struct Placed {
    /// The file that had the name, if nobody else has it open: closing it may take long (D-07).
    pub old: Option<Box<dyn ReadFile>>,
    /// Its length.
    pub size: u64,
    /// Bytes of the difference appended here.
    pub appended: u64,
    /// The directory could not be synced: whether the name lasts is not known.
    pub unproven: Option<i32>,
    pub append_took: Duration,
    pub stat_took: Duration,
    pub rename_took: Duration,
}

/// A finished file on its way to its name.
pub struct Switch {
    temp: Temp,
    /// What the file must have.
    length: u64,
    /// Whether all of it is synced.
    synced: bool,
    control: Control,
}

impl Switch {
    /// `length` is what the writer of the file says it wrote, and synced; another length means that somebody else wrote, too.
    pub fn new(temp: Temp, length: u64, control: Control) -> Result<Self, Failure> {
        let switch = Self { temp, length, synced: true, control };
        switch.measure()?;
        Ok(switch)
    }

    pub fn temp(&self) -> &Temp {
        &self.temp
    }

    /// Brings most of the rest into the file, and onto the disk, while the store goes on; how many bytes.
    pub fn approach(&mut self, rest: &mut Outlet) -> Result<u64, Failure> {
        let begin = self.length;
        for _ in 0..MOST_ROUNDS {
            self.append(rest)?;
            if self.synced {
                break;
            }
            self.sync_early()?;
            if rest.diff().pending() <= SMALL {
                break;
            }
        }
        Ok(self.length - begin)
    }

    /// Brings what there is of the rest into the file, for a child that takes long; not onto the disk.
    pub fn take(&mut self, rest: &mut Outlet) -> Result<(), Failure> {
        self.append(rest)
    }

    /// All the rest, with everybody waiting. With `keep`, a time in Unix milliseconds, what has the name `target`
    /// now stays as `<target>.old-<keep>`; with `hold_old`, it is held open, since nobody else does.
    pub fn place(
        &mut self,
        target: &str,
        rest: Option<&mut Outlet>,
        keep: Option<i64>,
        hold_old: bool,
    ) -> Result<Placed, Failure> {
        let mut placed = Placed::default();
        if hold_old {
            // None is fine: then there is nothing there, or nothing that can be held.
            placed.old = self.temp.dir().open_read(target).ok();
        }
        let (before, start) = (self.length, Instant::now());
        if let Some(rest) = rest {
            self.append(rest)?;
            if rest.diff().is_spoilt() {
                return Err(Failure::new(RewriteCause::Errno(libc::ENOMEM), "the difference is not whole"));
            }
        }
        placed.appended = self.length - before;
        if !self.synced {
            self.sync_early()?;
        }
        placed.append_took = start.elapsed();
        let start = Instant::now();
        placed.size = self.measure()?;
        placed.stat_took = start.elapsed();
        let start = Instant::now();
        self.rename(target, keep)?;
        placed.rename_took = start.elapsed();
        placed.unproven = self.prove().err().map(|error| crate::fs::errno(&error));
        Ok(placed)
    }

    fn rename(&mut self, target: &str, keep: Option<i64>) -> Result<(), Failure> {
        let kept = match keep {
            Some(ms) if self.has(target)? => Some(self.keep(target, ms)?),
            _ => None,
        };
        self.temp.rename(target).map_err(|error| {
            if let Some(kept) = kept {
                let _ = self.temp.dir().unlink(&kept);
            }
            Failure::system(&format!("cannot rename {} to {target}", self.temp.name()), &error)
        })
    }

    /// Gives what is called `target` a second name that tells the time; the name.
    fn keep(&self, target: &str, ms: i64) -> Result<String, Failure> {
        let (dir, mut ms) = (self.temp.dir(), ms);
        loop {
            let name = format!("{target}.old-{ms}");
            match dir.hard_link(target, &name) {
                Ok(()) => return Ok(name),
                // What was kept before stays.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => ms = ms.saturating_add(1),
                Err(error) => {
                    let _ = dir.unlink(&name);
                    let what = format!("cannot keep the old {target} as {name}");
                    return Err(Failure::system(&what, &error));
                }
            }
        }
    }

    fn has(&self, name: &str) -> Result<bool, Failure> {
        let size = self.temp.dir().size(name);
        Ok(size.map_err(|error| Failure::system(&format!("cannot look at {name}"), &error))?.is_some())
    }

    /// Makes the name durable.
    fn prove(&self) -> io::Result<()> {
        if self.control == Control::RenameBeforeSync {
            sync(&**self.temp.file())?;
        }
        if self.control == Control::SkipDirSync { Ok(()) } else { self.temp.dir().sync() }
    }

    fn append(&mut self, rest: &mut Outlet) -> Result<(), Failure> {
        loop {
            let unreadable = |error| Failure::system("cannot read the difference back", &error);
            let bytes = rest.front().map_err(unreadable)?;
            if bytes.is_empty() {
                return Ok(());
            }
            let count = bytes.len();
            write_all(&**self.temp.file(), bytes)
                .map_err(|error| Failure::system("cannot append the difference to the new file", &error))?;
            rest.advance(count);
            self.length += count as u64;
            self.synced = false;
        }
    }

    /// Before the rename.
    fn sync_early(&mut self) -> Result<(), Failure> {
        if self.control != Control::RenameBeforeSync {
            let synced = sync(&**self.temp.file());
            synced.map_err(|error| Failure::system("cannot sync the new file", &error))?;
        }
        self.synced = true;
        Ok(())
    }

    fn measure(&self) -> Result<u64, Failure> {
        match self.temp.file().size() {
            Ok(size) if size == self.length => Ok(size),
            Ok(size) => {
                let what = format!("the new file has {size} bytes where {} were written", self.length);
                Err(Failure::new(RewriteCause::Other, what))
            }
            // Our own count stands.
            Err(error) => {
                self.temp.events().warning(format!("cannot ask for the length of the new log: {error}"));
                Ok(self.length)
            }
        }
    }
}

fn write_all(file: &dyn File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match uninterrupted(|| file.write(bytes))? {
            0 => return Err(io::Error::from_raw_os_error(libc::ENOSPC)),
            taken => bytes = bytes.get(taken..).unwrap_or_default(),
        }
    }
    Ok(())
}

fn sync(file: &dyn File) -> io::Result<()> {
    uninterrupted(|| file.sync_data())
}
