//! The files of a multi-part log: a directory of its own, a manifest that lists what is in it, and how both change.
//!
//! `open` looks at what is there and makes it ready for appending, `plan` makes what a rewrite needs and puts its result
//! in place, `publish` is the one way a manifest changes, `sweep` removes what is no part of anything. Knows names and
//! bytes, no keys. INVARIANT: a file is listed before anything depends on it, and removed only when a manifest without
//! it has its name for certain; whatever is made for a rewrite is listed as history first, so that after a crash it is
//! known to be nobody's.

mod open;
mod plan;
mod publish;
mod sweep;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::manifest::{Entry, Manifest};
use super::names::Names;
use super::write::Control;
use crate::event::Events;
use crate::fs::Dir;

pub use open::Opened;
pub use plan::{Anew, Next};
pub use publish::Proof;

/// What the system refused.
#[derive(Debug)]
pub struct Failed {
    /// "cannot rename temp-x to x".
    pub what: String,
    pub error: io::Error,
}

pub type Done<T> = std::result::Result<T, Failed>;

/// A multi-part log's files. One store has them, by the lock of the directory around them.
pub struct Parts {
    /// The data directory, which is locked.
    home: Arc<dyn Dir>,
    /// `appenddirname`.
    folder: String,
    names: Names,
    control: Control,
    events: Arc<Events>,
    dir: OnceLock<Arc<dyn Dir>>,
    /// The directory was made by this, or may have been.
    made: AtomicBool,
    state: Mutex<State>,
}

/// What is known of the manifest.
#[derive(Default)]
struct State {
    manifest: Manifest,
    /// Listed as history on the disk, though nothing may have been made of it yet.
    planned: Vec<Entry>,
    /// The highest numbers that a base and an increment ever had here: none comes back, even when its file is gone.
    used: (i64, i64),
    /// The manifest on the disk was read or written by this store; else there may be a stranger's, which is kept.
    ours: bool,
}

impl Parts {
    /// Of the log `stem` in the directory `folder` of `home`, whether or not there is one.
    pub fn new(
        home: Arc<dyn Dir>,
        folder: &str,
        stem: &str,
        control: Control,
        events: Arc<Events>,
    ) -> Done<Arc<Self>> {
        let found = home.subdir(folder).map_err(Failed::to(format!("open the directory {folder}")))?;
        let dir = OnceLock::new();
        if let Some(found) = found {
            // It was empty.
            let _ = dir.set(found);
        }
        let (folder, names) = (folder.to_owned(), Names::new(stem));
        Ok(Arc::new(Self {
            home,
            folder,
            names,
            control,
            events,
            dir,
            made: AtomicBool::new(false),
            state: Mutex::default(),
        }))
    }

    /// The directory around it, which is locked.
    pub fn home(&self) -> &Arc<dyn Dir> {
        &self.home
    }

    /// The directory of the files, if there is one.
    pub fn dir(&self) -> Option<&Arc<dyn Dir>> {
        self.dir.get()
    }

    pub fn control(&self) -> Control {
        self.control
    }

    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Where the manifest is, or would be; for messages.
    pub fn path(&self) -> std::path::PathBuf {
        self.home.path().join(&self.folder).join(self.names.manifest())
    }

    /// The directory of the files, made if missing, its name durable.
    pub fn make_dir(&self) -> Done<&Arc<dyn Dir>> {
        if let Some(dir) = self.dir.get() {
            return Ok(dir);
        }
        let failed = || Failed::to(format!("make the directory {}", self.folder));
        self.made.store(true, Ordering::Relaxed);
        self.home.make_subdir(&self.folder).map_err(failed())?;
        if self.control != Control::SkipDirSync {
            self.home.sync().map_err(failed())?;
        }
        let made = self.home.subdir(&self.folder).map_err(failed())?;
        let made = made.ok_or_else(|| failed()(io::ErrorKind::NotFound.into()))?;
        Ok(self.dir.get_or_init(|| made))
    }

    /// The base that is listed; empty without one.
    pub fn base_name(&self) -> String {
        self.state().manifest.base.as_ref().map(|base| base.name.clone()).unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Failed {
    /// For `map_err`: `what` could not be done.
    pub fn to(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = format!("cannot {}", what.into());
        move |error| Self { what, error }
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "{}: {}", self.what, self.error)
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests;
