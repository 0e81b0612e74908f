//! A keyspace, the files of a rewrite, and the smallest parent that keeps its side of the protocol.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aofstore_core::aof::{Reader, Source};
use aofstore_core::command;
use aofstore_core::keyspace::{Keyspace, Limits};
use aofstore_core::load::{Loader, OnReplayError};
use aofstore_core::rdb::file::{About, Snapshot};
use aofstore_core::rdb::value::Version;
use aofstore_core::rewrite::{
    self, Child, FileOutput, Form, Output, ParentEnds, Peer, Plan, Reaped, Report, Role, SharedPage, Step,
    Task,
};
use aofstore_core::sink::{KeySink, Sink};

/// Counts what children ask it for.
struct Counting;

thread_local! {
    /// The page of the child that this thread forks; the forking thread is the only one that a child has.
    static PAGE: Cell<*const AtomicU64> = const { Cell::new(std::ptr::null()) };
}

fn count() {
    if rewrite::in_child() {
        // SAFETY: set by the rig of this thread, which keeps the page until the child is gone.
        if let Some(count) = unsafe { PAGE.get().as_ref() } {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

// SAFETY: hands everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count();
        // SAFETY: the caller's promises.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

pub const TIMEOUT: Duration = Duration::from_secs(20);

/// A command as the log has it.
pub fn command(argv: &[&[u8]]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", argv.len()).into_bytes();
    for arg in argv {
        out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// A few keys of every type, encoding and lifetime.
pub fn some_of_everything() -> Keyspace {
    let mut log = Vec::new();
    let mut run = |line: &str| {
        let argv: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        log.extend_from_slice(&command(&argv));
    };
    run("SELECT 3");
    run("SET n 12");
    run("SET t text");
    run("PEXPIREAT t 1");
    for many in [3, 300] {
        for n in 0..many {
            let long = "x".repeat(n % 90);
            run(&format!("RPUSH list:{many} {n} v{n}{long}"));
            run(&format!("SADD ints:{many} {n}"));
            run(&format!("SADD set:{many} m{n}{long}"));
            run(&format!("ZADD zset:{many} {n}.5 m{n}{long}"));
            run(&format!("HSET hash:{many} f{n} v{n}{long}"));
        }
    }
    run("SELECT 0");
    for n in 0..2000 {
        run(&format!("SET key:{n} {}", "v".repeat(n % 200)));
    }
    space_of(&log)
}

/// What a log leaves behind.
pub fn space_of(log: &[u8]) -> Keyspace {
    let mut space = Keyspace::new(16, Limits::default());
    space.set_expiring(false);
    replay(&mut space, log);
    space
}

fn replay(space: &mut Keyspace, log: &[u8]) {
    struct Bytes(Vec<u8>);
    impl Source for Bytes {
        fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
            let rest = self.0.get(offset as usize..).unwrap_or_default();
            let count = rest.len().min(into.len());
            into[..count].copy_from_slice(&rest[..count]);
            Ok(count)
        }
    }
    let known = |name: &[u8], argc: usize| command::lookup(name).is_some_and(|spec| spec.accepts(argc));
    let source = Box::new(Bytes(log.to_vec()));
    let reader = Reader::new(source, 0, log.len() as u64, Path::new("rig.aof"), 1 << 29, known);
    let mut loader = Loader::new(reader, OnReplayError::Stop);
    while !loader.step(space, Duration::MAX).unwrap() {}
}

/// Collects.
struct Collected(Vec<u8>);

impl Sink for Collected {
    fn put(&mut self, bytes: &[u8]) {
        self.0.put(bytes);
    }
}

impl KeySink for Collected {
    fn key_done(&mut self) -> bool {
        true
    }
}

impl Output for Collected {}

/// What a rewrite of the keyspace writes.
pub fn dump_of(space: &Keyspace) -> Vec<u8> {
    let mut bytes = Collected(Vec::new());
    assert!(rewrite::write(space, &mut bytes));
    bytes.0
}

/// A file for a test's own eyes, gone with the rig.
pub struct Scratch(pub PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("aofstore-child-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A form, made anew for each child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Resp,
    Rdb,
}

/// What snapshots say of themselves here.
const ABOUT: About =
    About { version: Version::V10, redis_version: "7.2.0", created: 7, used_memory: 9, aof_base: false };

impl Kind {
    fn form(self) -> Form {
        match self {
            Self::Resp => Form::Resp(rewrite::Head::default()),
            Self::Rdb => Form::Rdb(Box::new(Snapshot::prepare(ABOUT))),
        }
    }

    fn dump_of(self, space: &Keyspace) -> Vec<u8> {
        match self {
            Self::Resp => dump_of(space),
            Self::Rdb => {
                let mut bytes = Collected(Vec::new());
                assert!(Snapshot::prepare(ABOUT).write(space, &mut bytes));
                bytes.0
            }
        }
    }
}

/// All that is made before a fork.
pub struct Rig {
    pub space: Keyspace,
    pub temp: File,
    pub spool: File,
    pub ack_timeout: Duration,
    pub kind: Kind,
    /// The child is told nothing: it dumps, syncs, reports.
    pub alone: bool,
    pub page: Arc<SharedPage>,
    _scratch: Scratch,
}

impl Rig {
    pub fn new(plan: Plan) -> Self {
        Self::over(some_of_everything(), plan)
    }

    pub fn over(space: Keyspace, plan: Plan) -> Self {
        let scratch = Scratch::new();
        let open = |name: &str, append: bool| {
            let mut options = OpenOptions::new();
            options.read(true).write(true).append(append).create_new(true);
            options.open(scratch.0.join(name)).unwrap()
        };
        let (temp, spool) = (open("temp", true), open("spool", false));
        fs::remove_file(scratch.0.join("spool")).unwrap();
        let page = SharedPage::new().unwrap();
        if plan != Plan::default() {
            page.arm(&plan);
        }
        let ack_timeout = Duration::from_secs(5);
        Self { space, temp, spool, ack_timeout, kind: Kind::Resp, alone: false, page, _scratch: scratch }
    }

    pub fn fork(&self) -> Running {
        self.try_fork().unwrap()
    }

    pub fn try_fork(&self) -> io::Result<Running> {
        let (ends, child_ends) = rewrite::pipes::difference().unwrap();
        let (told, report) = rewrite::pipes::report().unwrap();
        let peer = Peer { ends: child_ends, spool: self.spool.as_fd(), ack_timeout: self.ack_timeout };
        PAGE.set(self.page.allocations());
        let child = rewrite::fork(Task {
            role: if self.alone { Role::Save } else { Role::Rewrite },
            space: &self.space,
            output: FileOutput::new(self.temp.as_fd(), true),
            form: self.kind.form(),
            peer: (!self.alone).then_some(peer),
            report,
            shared: &self.page,
        })?;
        Ok(Running {
            child,
            ends: (!self.alone).then_some(ends),
            told: Some(told),
            page: Arc::clone(&self.page),
            fed: Vec::new(),
            sent: 0,
            asked: false,
            answer: Some(b'!'),
            report: None,
        })
    }

    pub fn file(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut temp = &self.temp;
        temp.seek(SeekFrom::Start(0)).unwrap();
        temp.read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// That the child did it all, and that the file is the dump and exactly what was sent.
    pub fn check(&self, running: &Running, report: Report) {
        let file = self.file();
        let dump = self.kind.dump_of(&self.space);
        assert!(report.ok, "{report:?}");
        assert_eq!((report.step, report.errno), (Step::Done, 0));
        assert_eq!(report.keys, rewrite::keys(&self.space));
        assert_eq!(report.bytes, file.len() as u64);
        assert_eq!(report.diff_bytes, running.sent as u64);
        assert!(file.starts_with(&dump), "not the dump of {} bytes", dump.len());
        assert!(file[dump.len()..] == running.fed[..running.sent], "not the difference");
        assert_eq!(self.page.bytes_written(), report.bytes);
        assert_eq!(self.page.keys_done(), report.keys);
        assert_eq!(self.page.bytes_received(), report.diff_bytes);
        assert_eq!(self.page.allocations().load(Ordering::Relaxed), 0, "allocations in the child");
    }
}

/// A child at work, and its parent's side.
pub struct Running {
    pub child: Child,
    pub ends: Option<ParentEnds>,
    /// The report comes out here.
    pub told: Option<OwnedFd>,
    page: Arc<SharedPage>,
    pub fed: Vec<u8>,
    pub sent: usize,
    /// Whether the `!` came: nothing is sent from then on.
    pub asked: bool,
    /// What the child is told then.
    pub answer: Option<u8>,
    pub report: Option<Report>,
}

impl Running {
    /// As a parent that is gone.
    pub fn hang_up(&mut self) {
        (self.ends, self.told) = (None, None);
    }

    pub fn await_step(&self, step: Step) {
        let begun = Instant::now();
        while self.page.reached() != Some(step) {
            assert!(begun.elapsed() < TIMEOUT, "stuck at {:?}", self.page.reached());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        self.fed.extend_from_slice(bytes);
    }

    /// One round; whether anything moved.
    pub fn pump(&mut self) -> bool {
        let mut moved = self.converse();
        if self.report.is_none()
            && let Some(told) = &self.told
            && let Ok(Some(report)) = Report::read(told)
        {
            self.report = Some(report);
            moved = true;
        }
        moved
    }

    fn converse(&mut self) -> bool {
        let Some(ends) = &self.ends else { return false };
        let mut moved = false;
        if !self.asked
            && let Ok(sent) = rustix::io::write(&ends.data, &self.fed[self.sent..])
        {
            self.sent += sent;
            moved = sent > 0;
        }
        let mut byte = [0];
        if rustix::io::read(&ends.asked, &mut byte) == Ok(1) {
            assert_eq!(byte, *b"!");
            self.asked = true;
            if let Some(answer) = self.answer {
                // Gone meanwhile: its end tells (P-13).
                let _ = rustix::io::write(&ends.answer, &[answer]);
            }
            moved = true;
        }
        moved
    }

    /// Pumps until nothing has moved for a while: the pipe is full, or the child stands still.
    pub fn pump_until_still(&mut self) {
        let mut last = Instant::now();
        while last.elapsed() < Duration::from_millis(30) {
            if self.pump() {
                last = Instant::now();
            }
        }
    }

    /// Pumps until the child is gone.
    pub fn finish(&mut self) -> Reaped {
        let begun = Instant::now();
        let reaped = loop {
            let moved = self.pump();
            match self.child.reap(false) {
                Reaped::Running if !moved => std::thread::sleep(Duration::from_micros(200)),
                Reaped::Running => {}
                reaped => break reaped,
            }
            assert!(begun.elapsed() < TIMEOUT, "stuck at {:?}", self.page.reached());
        };
        self.pump();
        assert_eq!(self.page.allocations().load(Ordering::Relaxed), 0, "allocations in the child");
        reaped
    }

    /// A file of the child's in `/proc`.
    pub fn proc(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.child.pid()))
    }

    /// One line of the child's status.
    pub fn status(&self, label: &str) -> String {
        let status = fs::read_to_string(self.proc("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(label)).unwrap();
        line.trim_start_matches(':').trim().to_owned()
    }

    pub fn fds(&self) -> Vec<(i32, String)> {
        let mut fds: Vec<_> = fs::read_dir(self.proc("fd"))
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let link = fs::read_link(entry.path()).unwrap();
                (entry.file_name().to_str().unwrap().parse().unwrap(), link.to_str().unwrap().to_owned())
            })
            .collect();
        fds.sort();
        fds
    }
}

pub fn raw(fd: impl AsFd) -> i32 {
    fd.as_fd().as_raw_fd()
}
