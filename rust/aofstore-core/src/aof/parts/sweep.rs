//! What is no part of the log any more, and what never became one.

use super::{Done, Failed, Parts};
use crate::aof::manifest::Manifest;
use crate::aof::write::Control;
use crate::error::shown;
use crate::fs::{Dir, ReadFile};
use std::io;
use std::sync::atomic::Ordering;

/// Files that are held while they lose their names: each takes a descriptor, which the host has few of.
const MOST_HELD: usize = 8;

impl Parts {
    /// Removes what a crash has left and nobody can miss: manifests that were never finished, increments that were
    /// never used. Other files that look like parts are somebody's: they are named in the log and left.
    pub(super) fn sweep(&self, manifest: &Manifest) -> Done<()> {
        let Some(dir) = self.dir() else { return Ok(()) };
        let names = dir.names().map_err(Failed::to("list the directory of the log"))?;
        for name in [self.names.temp_manifest(), self.names.temp_incr()] {
            if names.contains(&name) {
                self.remove(&**dir, &name);
            }
        }
        // An unused increment is listed in the manifest of a log that is kept: without it nobody could go back there.
        let kept = names.iter().any(|name| self.names.is_kept_manifest(name));
        for name in names {
            if self.names.part(&name).is_none() || manifest.all().any(|entry| entry.name == name) {
                continue;
            }
            match dir.size(&name) {
                Ok(Some(0)) if kept => {}
                Ok(Some(0)) => drop(self.remove(&**dir, &name)),
                Ok(Some(size)) => self.events.warning(format!(
                    "{name} ({size} bytes) is not in the manifest {}: nothing of it was loaded, it is left as it is",
                    shown(&self.path())
                )),
                _ => {}
            }
        }
        Ok(())
    }

    /// After an opening that failed, with nobody at work here any more: removes the directory if it was made for it and
    /// nothing was put there. Best effort: an empty log is no harm.
    pub fn forsake(&self) {
        if !self.made.load(Ordering::Relaxed) {
            return;
        }
        if let Some(dir) = self.dir() {
            let begun = self.read().ok().flatten().is_some_and(|manifest| manifest.live().next().is_some());
            let Ok(names) = dir.names() else { return };
            let is_empty = |name: &String| matches!(dir.size(name), Ok(Some(0)));
            let ours = [self.names.manifest(), self.names.temp_manifest()];
            // Whatever holds something was somebody's, and with it the manifest.
            if begun || !names.iter().all(|name| ours.contains(name) || is_empty(name)) {
                return;
            }
            // ORDER: first what the manifest lists.
            for name in names.iter().filter(|name| !ours.contains(name)).chain(&ours) {
                let _ = dir.unlink(name);
            }
        }
        let _ = self.home.remove_subdir(&self.folder);
    }

    /// Removes the history, first the files, then their lines. What cannot be removed stays listed, for another time.
    /// The bytes go with what is returned: closing large files takes long, and need not be waited for.
    #[must_use = "closing large files takes long: where it is dropped matters"]
    pub fn collect(&self) -> Vec<Box<dyn ReadFile>> {
        let Some(dir) = self.dir() else { return Vec::new() };
        let listed = self.state().manifest.history.clone();
        if listed.is_empty() {
            return Vec::new();
        }
        // What cannot be held loses its bytes with its name.
        let held =
            listed.iter().take(MOST_HELD).filter_map(|entry| dir.open_read(&entry.name).ok()).collect();
        let gone: Vec<_> = listed.iter().filter(|entry| self.remove(&**dir, &entry.name)).collect();
        // ORDER: a name that a power cut brings back must be listed still, or nobody removes it any more.
        if self.control != Control::SkipDirSync
            && let Err(error) = dir.sync()
        {
            self.events
                .warning(format!("cannot sync the directory of the log: {error}; history stays listed"));
            return held;
        }
        let mut state = self.state();
        let mut next = state.manifest.clone();
        next.history.retain(|entry| !gone.contains(&entry));
        let planned = state.planned.clone();
        if let Err(failed) = self.publish(&mut state, next, planned) {
            self.events.warning(format!("{failed}; files that are gone are still listed as history"));
        }
        held
    }

    /// Whether it is gone.
    fn remove(&self, dir: &dyn Dir, name: &str) -> bool {
        match dir.unlink(name) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => {
                self.events.warning(format!("cannot remove {name}: {error}; the next open tries again"));
                false
            }
        }
    }
}
