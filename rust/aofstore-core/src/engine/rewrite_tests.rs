//! Rewrites through the whole engine: with and without a child, with the log on, off and being switched on.

use super::*;
use crate::aof::{Control, Reader};
use crate::command::{self, Reply};
use crate::engine::{Begun, Engine, RewriteHandle, Session, Settings, Summary, Waited};
use crate::error::{Result, RewriteCause};
use crate::fs::fault::{Call, Fault, FaultDir, Mode, Plan as Faults};
use crate::fs::os::{Access, OsDir};
use crate::fs::scratch::Scratch;
use crate::keyspace::Keyspace;
use crate::load::{Loader, OnReplayError};
use crate::rewrite::{Plan, SharedPage, Step};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A plan for children is the whole process's: tests that fork take turns.
static FORKS: Mutex<()> = Mutex::new(());

struct Rig {
    engine: Engine,
    faults: Arc<Faults>,
    scratch: Scratch,
    _turn: MutexGuard<'static, ()>,
}

const NAME: &str = "appendonly.aof";
const PATIENCE: Duration = Duration::from_secs(30);

impl Rig {
    fn on() -> Self {
        Self::with(&[("appendonly", "yes")], Scratch::new())
    }

    fn off() -> Self {
        Self::with(&[], Scratch::new())
    }

    fn with(settings: &[(&str, &str)], scratch: Scratch) -> Self {
        let turn = FORKS.lock().unwrap_or_else(PoisonError::into_inner);
        SharedPage::set_default(None);
        let engine = Engine::new(Settings::of(settings.iter().copied()).unwrap());
        let faults = Faults::new();
        let dir = Arc::new(OsDir::open(scratch.path(), Access::Exclusive).unwrap());
        let dir: Arc<dyn Dir> = FaultDir::new(dir, Arc::clone(&faults));
        if settings.contains(&("appendonly", "yes")) {
            engine.start_log(dir, NAME, Control::None).unwrap();
        } else {
            engine.start(Some((dir, NAME)), Control::None).unwrap();
        }
        Self { engine, faults, scratch, _turn: turn }
    }

    fn call(&self, line: &str) -> std::result::Result<String, String> {
        self.call_in(0, line)
    }

    fn call_in(&self, db: usize, line: &str) -> std::result::Result<String, String> {
        let argv: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let mut reply = Reply::new();
        let done = self.engine.execute(&mut Session::view(db), &argv, &mut reply).map_err(|e| e.to_string())?;
        if let Some(due) = &done.due {
            due.settle().map_err(|error| error.to_string())?;
        }
        done.outcome.map_err(|error| error.text().to_owned())?;
        Ok(format!("{:?}", reply.nodes().first()))
    }

    fn ok(&self, line: &str) {
        self.call(line).unwrap();
    }

    fn wait(&self) -> Result<Summary> {
        let mut seen: Option<RewriteHandle> = None;
        let began = Instant::now();
        loop {
            match self.engine.wait_rewrite(&mut seen, Duration::from_millis(50)).unwrap() {
                Waited::NotYet => assert!(began.elapsed() < PATIENCE, "the rewrite never ended"),
                Waited::Nothing => panic!("there is no rewrite"),
                Waited::Over(outcome) => return outcome,
            }
        }
    }

    fn rewrite(&self) -> Result<Summary> {
        assert_eq!(self.engine.begin_rewrite()?, Begun::Started);
        self.wait()
    }

    fn info(&self, field: &str) -> String {
        let mut reply = Reply::new();
        let argv: [&[u8]; 1] = [b"INFO"];
        let done = self.engine.execute(&mut Session::view(0), &argv, &mut reply).unwrap();
        assert!(done.outcome.is_ok());
        let text = format!("{:?}", reply);
        drop(text);
        let all = self.info_text();
        let line = all.lines().find_map(|line| line.strip_prefix(&format!("{field}:")));
        line.unwrap_or_else(|| panic!("no {field}")).to_owned()
    }

    fn info_text(&self) -> String {
        let mut core = self.engine.shared.lock();
        let mut reply = Reply::new();
        core.info(&[], &mut reply).unwrap();
        reply.to_wire_text()
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.scratch.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}
