//! From what is in the directory to a log that can be appended to. Which files are loaded, and what is refused, is for
//! the caller to decide; here is what it asks for and what it has done.

use std::io;

use super::{Done, Failed, Parts};
use crate::aof::manifest::{self, Entry, Manifest};
use crate::aof::write::Control;
use crate::error::{Result, shown};
use crate::fs::{Create, errno, reason};

/// Where a log that was loaded goes on.
pub struct Opened {
    /// The newest increment.
    pub name: String,
    /// Bytes in the files before it.
    pub before: u64,
    /// Bytes of the base.
    pub base: u64,
}

impl Parts {
    /// The manifest; None if there is none.
    pub fn read(&self) -> Result<Option<Manifest>> {
        let path = self.path();
        let Some(bytes) = self.read_bytes().map_err(|failed| failed.open(&path))? else { return Ok(None) };
        Manifest::parse(&bytes, &path).map(Some)
    }

    fn read_bytes(&self) -> Done<Option<Vec<u8>>> {
        let Some(dir) = self.dir() else { return Ok(None) };
        let name = self.names.manifest();
        manifest::read(&**dir, &name).map_err(Failed::to(format!("read {name}")))
    }

    /// Bytes in the files of the log that is there, as far as that can be said.
    pub fn length(&self) -> u64 {
        let (Some(dir), Ok(Some(manifest))) = (self.dir(), self.read()) else { return 0 };
        manifest.live().filter_map(|entry| dir.size(&entry.name).ok().flatten()).sum()
    }

    /// Parts of this log by their names that `manifest` does not list, and that are not empty.
    pub fn unlisted(&self, manifest: &Manifest) -> Done<Vec<String>> {
        let mut found = Vec::new();
        let Some(dir) = self.dir() else { return Ok(found) };
        for name in dir.names().map_err(Failed::to("list the directory of the log"))? {
            let listed = manifest.all().any(|entry| entry.name == name);
            if listed || self.names.part(&name).is_none() {
                continue;
            }
            let size = dir.size(&name).map_err(Failed::to(format!("look at {name}")))?;
            if size.is_some_and(|size| size > 0) {
                found.push(name);
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Makes the single file of this name the base, as Redis 7 does at its first start. It can be done again at any
    /// moment of it: the manifest names the file before the file is there.
    pub fn take_over(&self) -> Done<()> {
        let stem = self.names.stem().to_owned();
        let mut manifest = self.read().map_err(|error| Failed::to("take over")(io::Error::other(error)))?;
        let base = manifest.as_ref().and_then(|manifest| manifest.base.as_ref());
        if base.is_none_or(|base| base.name != stem) {
            let mut next = manifest.take().unwrap_or_default();
            next.base = Some(Entry::new(&stem, 1));
            let mut state = self.state();
            self.publish(&mut state, next, Vec::new())?.certain()?;
            state.ours = false;
        }
        let dir = self.make_dir()?;
        let failed = || Failed::to(format!("move {stem} into {}", self.folder));
        match self.home.move_into(&stem, &self.folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.events.warning(format!(
                    "{} is left as it is: the log already has a base of that name",
                    shown(&self.home.path().join(&stem))
                ));
                return Ok(());
            }
            moved => moved.map_err(failed())?,
        }
        if self.control != Control::SkipDirSync {
            dir.sync().map_err(failed())?;
            self.home.sync().map_err(failed())?;
        }
        self.events
            .notice(format!("the log {stem} was moved into {} as the base of a multi-part log", self.folder));
        Ok(())
    }

    /// Everything that `manifest` lists is loaded, and what could be cut off was: makes sure that there is an increment
    /// to append to, and that nothing before it can still be lost. `keep` leaves history where it is.
    pub fn open(&self, manifest: Manifest, keep: bool) -> Done<Opened> {
        let dir = self.make_dir()?;
        self.sweep(&manifest)?;
        let mut state = self.state();
        let mut next = manifest.clone();
        (state.manifest, state.ours) = (manifest, true);
        self.sync_earlier(&next)?;
        let mut changed = next.incrs.last_mut().is_some_and(Entry::appended_to);
        if next.incrs.is_empty() {
            next.incrs.push(self.first_incr(&mut state)?);
            changed = true;
        }
        if changed {
            self.publish(&mut state, next, Vec::new())?.certain()?;
        }
        let size = |entry: &Entry| {
            let size = dir.size(&entry.name).map_err(Failed::to(format!("look at {}", entry.name)))?;
            Ok::<_, Failed>(size.unwrap_or(0))
        };
        let last = state.manifest.incrs.last().cloned().unwrap_or_else(|| Entry::new("", 1));
        let mut before = 0;
        for entry in state.manifest.live().filter(|entry| entry.name != last.name) {
            before += size(entry)?;
        }
        let base = state.manifest.base.as_ref().map_or(Ok(0), size)?;
        drop(state);
        if !keep {
            drop(self.collect());
        }
        Ok(Opened { name: last.name, before, base })
    }

    /// The files before the last, under any policy: what is appended behind them must not outlive a part of them.
    fn sync_earlier(&self, manifest: &Manifest) -> Done<()> {
        if self.control == Control::SkipOldSync {
            return Ok(());
        }
        let dir = self.make_dir()?;
        let last = manifest.incrs.last().map(|last| last.name.as_str());
        for entry in manifest.live().filter(|entry| Some(entry.name.as_str()) != last) {
            let file = dir.open_append(&entry.name, Create::Never);
            let synced = file.and_then(|file| file.sync_data());
            synced.map_err(Failed::to(format!("sync {}", entry.name)))?;
        }
        Ok(())
    }
}

impl Failed {
    /// As the error of an opening.
    pub fn open(self, path: &std::path::Path) -> crate::error::Error {
        let message = format!("{}: {}: {}", shown(path), self.what, reason(&self.error));
        crate::error::Error::Open { path: path.to_owned(), errno: errno(&self.error), message }
    }
}
