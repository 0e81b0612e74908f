//! The one way a manifest changes: a whole new file, synced, renamed over the old one, and the rename synced.

use std::io;

use super::{Done, Failed, Parts, State};
use crate::aof::manifest::{Entry, Manifest};
use crate::aof::write::Control;
use crate::fs::errno;

/// Whether a manifest that has its name will have it after a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Proof {
    Certain,
    /// The directory could not be synced: the manifest before this one may come back. Nothing that it lists may go.
    Unproven(i32),
}

impl Proof {
    /// For who has not begun to depend on the new manifest.
    pub fn certain(self) -> Done<()> {
        match self {
            Self::Certain => Ok(()),
            Self::Unproven(errno) => {
                Err(Failed::to("sync the directory of the log")(io::Error::from_raw_os_error(errno)))
            }
        }
    }
}

impl Parts {
    /// An error: the manifest is as it was. Else `next` is what counts, with `planned` listed as history.
    pub(super) fn publish(&self, state: &mut State, next: Manifest, planned: Vec<Entry>) -> Done<Proof> {
        let dir = self.make_dir()?;
        let mut listed = next.clone();
        listed.history.extend(planned.iter().cloned());
        let text = listed.render().map_err(|name| {
            Failed::to(format!("list {name:?} in a line of the manifest"))(
                io::ErrorKind::InvalidFilename.into(),
            )
        })?;
        let (temp, target) = (self.names.temp_manifest(), self.names.manifest());
        self.write(&temp, &text).map_err(Failed::to(format!("write {temp}")))?;
        let renamed = dir.rename(&temp, &target);
        let mut proof = Proof::Certain;
        if let Err(error) = renamed {
            match dir.size(&temp) {
                Ok(Some(_)) => {
                    let _ = dir.unlink(&temp);
                    return Err(Failed::to(format!("rename {temp} to {target}"))(error));
                }
                // The error came after the effect.
                Ok(None) => {}
                Err(_) => proof = Proof::Unproven(errno(&error)),
            }
        }
        (state.manifest, state.planned, state.ours) = (next, planned, true);
        if self.control != Control::SkipDirSync
            && let Err(error) = dir.sync()
        {
            proof = Proof::Unproven(errno(&error));
        }
        Ok(proof)
    }

    fn write(&self, temp: &str, text: &[u8]) -> io::Result<()> {
        let Some(dir) = self.dir() else { return Err(io::ErrorKind::NotFound.into()) };
        match dir.write_new(temp, text) {
            // Of a store that died; nobody else is here.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                dir.unlink(temp)?;
                dir.write_new(temp, text)
            }
            written => written,
        }
    }

    /// Gives the manifest that is there, a stranger's, a second name that tells the time.
    pub(super) fn keep_manifest(&self, mut ms: i64) -> Done<()> {
        let dir = self.make_dir()?;
        let name = self.names.manifest();
        loop {
            let kept = self.names.kept_manifest(ms);
            match dir.hard_link(&name, &kept) {
                Ok(()) => {
                    self.events
                        .notice(format!("the manifest of a log that was never loaded is kept as {kept}"));
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                // What was kept before stays.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => ms = ms.saturating_add(1),
                Err(error) => {
                    let _ = dir.unlink(&kept);
                    return Err(Failed::to(format!("keep the old {name} as {kept}"))(error));
                }
            }
        }
    }
}
