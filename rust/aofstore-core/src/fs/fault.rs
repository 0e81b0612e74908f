//! A directory that fails on plan: the N-th call, a kind of call, before or after its effect.
//!
//! Wraps any [`Dir`] and is compiled in always, so that a wheel can be tested as it ships; a store that was not
//! opened through it pays nothing. A [`Fault`] is plain data and may be added while the store runs. The plan
//! counts every call and every fault it caused, so that a test can assert that what it asked for happened:
//! a board of green tests over a fault that never fired proves nothing.

use super::{Create, Dir, File, ReadFile};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The kinds of calls that are counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    Open,
    OpenRead,
    Read,
    Write,
    Sync,
    SetLen,
    Stat,
    Names,
    Rename,
    Unlink,
    Link,
    WriteNew,
    SyncDir,
    Unlock,
    Close,
    MakeDir,
    OpenDir,
}

impl Call {
    pub const ALL: [Self; 17] = [
        Self::Open,
        Self::OpenRead,
        Self::Read,
        Self::Write,
        Self::Sync,
        Self::SetLen,
        Self::Stat,
        Self::Names,
        Self::Rename,
        Self::Unlink,
        Self::Link,
        Self::WriteNew,
        Self::SyncDir,
        Self::Unlock,
        Self::Close,
        Self::MakeDir,
        Self::OpenDir,
    ];

    /// The name tests use from outside.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::OpenRead => "open_read",
            Self::Read => "read",
            Self::Write => "write",
            Self::Sync => "sync",
            Self::SetLen => "set_len",
            Self::Stat => "stat",
            Self::Names => "names",
            Self::Rename => "rename",
            Self::Unlink => "unlink",
            Self::Link => "link",
            Self::WriteNew => "write_new",
            Self::SyncDir => "sync_dir",
            Self::Unlock => "unlock",
            Self::Close => "close",
            Self::MakeDir => "make_dir",
            Self::OpenDir => "open_dir",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|call| call.name() == name)
    }
}

/// What happens to a call that a fault hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The error, and no effect.
    Fail,
    /// The effect, and then the error all the same.
    FailAfter,
    /// Only `short_len` bytes are written or read, and that is what the call returns.
    Short,
    /// Nothing but `delay_ms`.
    Delay,
    /// The process is killed before the effect, or after it.
    Kill,
    KillAfter,
}

impl Mode {
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "fail" => Self::Fail,
            "fail_after" => Self::FailAfter,
            "short" => Self::Short,
            "delay" => Self::Delay,
            "kill" => Self::Kill,
            "kill_after" => Self::KillAfter,
            _ => return None,
        })
    }
}

/// One planned fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which kind of call; `None` = any.
    pub call: Option<Call>,
    /// Only calls on this file; `None` = any.
    pub name: Option<String>,
    /// The N-th matching call after the fault was added, counted from 1.
    pub nth: u64,
    pub mode: Mode,
    pub errno: i32,
    /// That call and every later one, until the plan is cleared.
    pub sticky: bool,
    /// Slept before the call, in any mode.
    pub delay_ms: u64,
    pub short_len: usize,
}

impl Fault {
    /// The next `call` fails with `errno`, once; change fields from here.
    pub fn on(call: Call, errno: i32) -> Self {
        Self {
            call: Some(call),
            name: None,
            nth: 1,
            mode: Mode::Fail,
            errno,
            sticky: false,
            delay_ms: 0,
            short_len: 0,
        }
    }

    #[must_use]
    pub fn nth(self, nth: u64) -> Self {
        Self { nth, ..self }
    }

    #[must_use]
    pub fn sticky(self) -> Self {
        Self { sticky: true, ..self }
    }

    #[must_use]
    pub fn mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    #[must_use]
    pub fn short(self, short_len: usize) -> Self {
        Self { mode: Mode::Short, short_len, ..self }
    }

    #[must_use]
    pub fn delay(self, delay_ms: u64) -> Self {
        Self { mode: Mode::Delay, delay_ms, ..self }
    }
}

/// One call that was made, in order; kept only while recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    pub call: Call,
    pub name: String,
    /// Bytes given to a write or a read, or the length of a cut.
    pub bytes: u64,
    /// What the caller saw: a count (0 where there is none) or an errno.
    pub result: Result<u64, i32>,
    /// Whether a fault of the plan made it so.
    pub injected: bool,
}

/// The faults to come and the account of what happened; shared by tests and every file of the directory.
#[derive(Debug, Default)]
pub struct Plan {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    faults: Vec<(Fault, u64)>,
    counts: [u64; Call::ALL.len()],
    injected: u64,
    recording: bool,
    made: Vec<Made>,
}

impl Plan {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    pub fn add(&self, fault: Fault) {
        self.lock().faults.push((fault, 0));
    }

    /// Forgets the faults to come; counts stay.
    pub fn clear(&self) {
        self.lock().faults.clear();
    }

    /// Starts or stops keeping [`Made`] records.
    pub fn record(&self, on: bool) {
        self.lock().recording = on;
    }

    /// Takes the records kept so far.
    pub fn take_made(&self) -> Vec<Made> {
        std::mem::take(&mut self.lock().made)
    }

    /// Calls of one kind so far, failed ones included.
    pub fn count(&self, call: Call) -> u64 {
        self.lock().counts.get(call as usize).copied().unwrap_or(0)
    }

    /// Calls of all kinds so far.
    pub fn total(&self) -> u64 {
        self.lock().counts.iter().sum()
    }

    /// Faults that really happened.
    pub fn injected(&self) -> u64 {
        self.lock().injected
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the call and picks the fault that hits it.
    fn arrive(&self, call: Call, name: &str) -> Option<Fault> {
        let mut inner = self.lock();
        if let Some(count) = inner.counts.get_mut(call as usize) {
            *count += 1;
        }
        let mut hit = None;
        inner.faults.retain_mut(|(fault, seen)| {
            let matches = fault.call.is_none_or(|kind| kind == call)
                && fault.name.as_deref().is_none_or(|wanted| wanted == name);
            if !matches {
                return true;
            }
            *seen += 1;
            if *seen < fault.nth || hit.is_some() {
                return true;
            }
            hit = Some(fault.clone());
            fault.sticky
        });
        inner.injected += u64::from(hit.is_some());
        hit
    }

    fn depart(&self, call: Call, name: &str, bytes: u64, result: Result<u64, i32>, injected: bool) {
        let mut inner = self.lock();
        if inner.recording {
            inner.made.push(Made { call, name: name.to_owned(), bytes, result, injected });
        }
    }

    /// Makes one call through the plan. `run` gets the number of bytes it may move.
    fn pass<T>(
        &self,
        call: Call,
        name: &str,
        bytes: usize,
        count: impl Fn(&T) -> u64,
        run: impl FnOnce(usize) -> io::Result<T>,
    ) -> io::Result<T> {
        let fault = self.arrive(call, name);
        let injected = fault.is_some();
        let result = match fault {
            None => run(bytes),
            Some(fault) => struck(&fault, bytes, run),
        };
        let seen = result.as_ref().map(count).map_err(super::errno);
        self.depart(call, name, bytes as u64, seen, injected);
        result
    }

    fn plain<T>(&self, call: Call, name: &str, run: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.pass(call, name, 0, |_| 0, |_| run())
    }
}

fn struck<T>(fault: &Fault, bytes: usize, run: impl FnOnce(usize) -> io::Result<T>) -> io::Result<T> {
    if fault.delay_ms > 0 {
        std::thread::sleep(Duration::from_millis(fault.delay_ms));
    }
    match fault.mode {
        Mode::Fail => Err(io::Error::from_raw_os_error(fault.errno)),
        Mode::FailAfter => run(bytes).and(Err(io::Error::from_raw_os_error(fault.errno))),
        Mode::Short => run(bytes.min(fault.short_len)),
        Mode::Delay => run(bytes),
        Mode::Kill => killed(),
        Mode::KillAfter => run(bytes).and_then(|_| killed()),
    }
}

fn killed<T>() -> io::Result<T> {
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)?;
    loop {
        std::thread::park();
    }
}

/// A [`Dir`] whose calls, and those of its files, pass through a [`Plan`].
pub struct FaultDir {
    dir: Arc<dyn Dir>,
    plan: Arc<Plan>,
}

impl FaultDir {
    pub fn new(dir: Arc<dyn Dir>, plan: Arc<Plan>) -> Arc<Self> {
        Arc::new(Self { dir, plan })
    }

    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }
}

impl Dir for FaultDir {
    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn open_append(&self, name: &str, create: Create) -> io::Result<Arc<dyn File>> {
        let file = self.plan.plain(Call::Open, name, || self.dir.open_append(name, create))?;
        Ok(Arc::new(FaultFile { file, name: name.to_owned(), plan: Arc::clone(&self.plan) }))
    }

    fn open_read(&self, name: &str) -> io::Result<Box<dyn ReadFile>> {
        let file = self.plan.plain(Call::OpenRead, name, || self.dir.open_read(name))?;
        Ok(Box::new(FaultReadFile { file, name: name.to_owned(), plan: Arc::clone(&self.plan) }))
    }

    fn size(&self, name: &str) -> io::Result<Option<u64>> {
        self.plan.plain(Call::Stat, name, || self.dir.size(name))
    }

    fn mode(&self, name: &str) -> io::Result<Option<u32>> {
        self.plan.plain(Call::Stat, name, || self.dir.mode(name))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        self.plan.plain(Call::Names, "", || self.dir.names())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.plan.plain(Call::Rename, to, || self.dir.rename(from, to))
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        self.plan.plain(Call::Unlink, name, || self.dir.unlink(name))
    }

    fn hard_link(&self, from: &str, to: &str) -> io::Result<()> {
        self.plan.plain(Call::Link, to, || self.dir.hard_link(from, to))
    }

    fn write_new(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.plan.pass(
            Call::WriteNew,
            name,
            bytes.len(),
            |()| 0,
            |len| self.dir.write_new(name, bytes.get(..len).unwrap_or(bytes)),
        )
    }

    fn spool(&self) -> io::Result<OwnedFd> {
        self.plan.plain(Call::Open, "", || self.dir.spool())
    }

    fn subdir(&self, name: &str) -> io::Result<Option<Arc<dyn Dir>>> {
        let opened = self.plan.plain(Call::OpenDir, name, || self.dir.subdir(name))?;
        Ok(opened.map(|dir| -> Arc<dyn Dir> { Self::new(dir, Arc::clone(&self.plan)) }))
    }

    fn make_subdir(&self, name: &str) -> io::Result<()> {
        self.plan.plain(Call::MakeDir, name, || self.dir.make_subdir(name))
    }

    fn remove_subdir(&self, name: &str) -> io::Result<()> {
        self.plan.plain(Call::Unlink, name, || self.dir.remove_subdir(name))
    }

    fn move_into(&self, name: &str, subdir: &str) -> io::Result<()> {
        self.plan.plain(Call::Rename, name, || self.dir.move_into(name, subdir))
    }

    fn sync(&self) -> io::Result<()> {
        self.plan.plain(Call::SyncDir, "", || self.dir.sync())
    }

    fn unlock(&self) -> io::Result<()> {
        self.plan.plain(Call::Unlock, "", || self.dir.unlock())
    }

    fn disown(&self) -> io::Result<()> {
        self.dir.disown()
    }
}

struct FaultFile {
    file: Arc<dyn File>,
    name: String,
    plan: Arc<Plan>,
}

impl File for FaultFile {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let count = |written: &usize| *written as u64;
        self.plan.pass(Call::Write, &self.name, bytes.len(), count, |len| {
            self.file.write(bytes.get(..len).unwrap_or(bytes))
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.plan.plain(Call::Sync, &self.name, || self.file.sync_data())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.plan.pass(Call::SetLen, &self.name, len as usize, |()| 0, |_| self.file.set_len(len))
    }

    fn size(&self) -> io::Result<u64> {
        self.plan.plain(Call::Stat, &self.name, || self.file.size())
    }

    fn links(&self) -> io::Result<u64> {
        self.plan.plain(Call::Stat, &self.name, || self.file.links())
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.file.fd()
    }
}

impl Drop for FaultFile {
    fn drop(&mut self) {
        // A close cannot fail here, but a plan may kill at it, and tests count it.
        let _ = self.plan.plain(Call::Close, &self.name, || Ok(()));
    }
}

struct FaultReadFile {
    file: Box<dyn ReadFile>,
    name: String,
    plan: Arc<Plan>,
}

impl ReadFile for FaultReadFile {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let count = |read: &usize| *read as u64;
        self.plan.pass(Call::Read, &self.name, into.len(), count, |len| {
            self.file.read_at(offset, into.get_mut(..len).unwrap_or_default())
        })
    }

    fn size(&self) -> io::Result<u64> {
        self.plan.plain(Call::Stat, &self.name, || self.file.size())
    }
}

impl Drop for FaultReadFile {
    fn drop(&mut self) {
        let _ = self.plan.plain(Call::Close, &self.name, || Ok(()));
    }
}

#[cfg(test)]
#[path = "fault_tests.rs"]
mod tests;
