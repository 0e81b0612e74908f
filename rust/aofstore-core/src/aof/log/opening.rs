//! How a log comes to be: over a file of the directory, over the last of several, or over one that a rewrite wrote.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::super::buffer::Buffer;
use super::super::commit::Shared;
use super::super::fsync;
use super::super::heading::Heading;
use super::super::line::Round;
use super::super::sync::{AtomicBool, Mutex, Ordering, spawn};
use super::super::tail::{Clock, Count, Policy, Status, Tail};
use super::super::write::{self, Control};
use super::{Log, Settings};
use crate::error::{Error, Result, shown};
use crate::event::Events;
use crate::fs::{Create, Dir, File, errno};

/// A file that is open for appending, and what is in it.
struct Opened {
    file: Arc<dyn File>,
    size: u64,
    synced: u64,
    /// Bytes of the files before it.
    before: u64,
    /// What growth is measured from.
    base_size: u64,
}

impl Log {
    /// Opens `name` for append, made if missing, and makes its name durable. What the file holds counts as
    /// loaded by the caller; under `always` it is synced first, since whoever wrote it may have died before
    /// doing so and what was loaded can be read from now on.
    pub fn open(dir: Arc<dyn Dir>, name: &str, settings: Settings, events: Arc<Events>) -> Result<Arc<Self>> {
        Self::resume(dir, name, None, settings, events)
    }

    /// The same for the last of several files: the bytes of those before it, and those of the base among them.
    pub fn resume(
        dir: Arc<dyn Dir>,
        name: &str,
        earlier: Option<(u64, u64)>,
        settings: Settings,
        events: Arc<Events>,
    ) -> Result<Arc<Self>> {
        let (file, size) = prepare(&*dir, name, settings).map_err(|error| unopened(&*dir, name, &error))?;
        let synced = if settings.policy == Policy::Always { size } else { 0 };
        let (before, base_size) = earlier.unwrap_or((0, size));
        Self::over(dir, name, Opened { file, size, synced, before, base_size }, settings, events)
    }

    /// A log over a file that a rewrite writes. It counts as empty till the [switch](super::super::Install) says
    /// how long it is, and it is for the caller to give the file its `name`.
    pub fn adopt(
        dir: Arc<dyn Dir>,
        name: &str,
        file: Arc<dyn File>,
        settings: Settings,
        events: Arc<Events>,
    ) -> Result<Arc<Self>> {
        Self::over(dir, name, Opened { file, size: 0, synced: 0, before: 0, base_size: 0 }, settings, events)
    }

    fn over(
        dir: Arc<dyn Dir>,
        name: &str,
        opened: Opened,
        settings: Settings,
        events: Arc<Events>,
    ) -> Result<Arc<Self>> {
        let tail = opened.tail(name, settings.policy);
        let shared = Arc::new(Shared::new(tail, dir, events));
        shared.no_fsync_on_rewrite.store(settings.no_fsync_on_rewrite, Ordering::Relaxed);
        shared.postpone.store(settings.postpone, Ordering::Relaxed);
        shared.control.store(settings.control as u64, Ordering::Relaxed);
        shared.latency.set_threshold(settings.latency_threshold);
        let theirs = Arc::clone(&shared);
        let worker = spawn("aofstore-fsync", move || fsync::work(&theirs))
            .map_err(|error| unopened(&*shared.dir, name, &error))?;
        Ok(Arc::new(Self {
            shared,
            worker: Mutex::new(Some(worker)),
            owner: std::process::id(),
            over: AtomicBool::new(false),
        }))
    }
}

impl Opened {
    /// The state of a log in which nothing was done yet.
    fn tail(self, name: &str, policy: Policy) -> Tail {
        let Self { file, size, synced, before, base_size } = self;
        Tail {
            buffer: Buffer::default(),
            heading: Heading::default(),
            diff: None,
            file,
            name: name.into(),
            generation: 0,
            policy,
            status: Status::Sound,
            closed: false,
            refused_at: 0,
            waiting: 0,
            writing: false,
            syncing: false,
            fed: size,
            written: size,
            synced,
            size,
            before,
            base_size,
            torn: 0,
            clock: Clock::new(Instant::now()),
            round: Round::default(),
            count: Count::default(),
        }
    }
}

fn prepare(dir: &dyn Dir, name: &str, settings: Settings) -> io::Result<(Arc<dyn File>, u64)> {
    let file = dir.open_append(name, Create::Missing)?;
    let size = file.size()?;
    if size > 0 && settings.policy == Policy::Always {
        write::sync(&*file, settings.control).map_err(io::Error::from_raw_os_error)?;
    }
    // Also when the file was there: whoever made it may have died before this line.
    if settings.control != Control::SkipDirSync {
        dir.sync()?;
    }
    Ok((file, size))
}

fn unopened(dir: &dyn Dir, name: &str, error: &io::Error) -> Error {
    let path: PathBuf = dir.path().join(name);
    let message = format!("cannot open {} for appending: {error}", shown(&path));
    Error::Open { path, errno: errno(error), message }
}
