//! A store in a directory of its own, whose rewrites and saves can be told where to stand still and what fails.

use super::*;
use crate::aof::Reader;
use crate::command;
use crate::command::testing::shown;
use crate::engine::Summary;
use crate::error::Result;
use crate::fs::fault::{FaultDir, Plan as Faults};
use crate::fs::os::{Access, OsDir};
use crate::fs::scratch::Scratch;
use crate::load::{Loader, OnReplayError};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A plan for children is the whole process's: tests that fork take turns.
static FORKS: Mutex<()> = Mutex::new(());

pub(super) const NAME: &str = "appendonly.aof";
const PATIENCE: Duration = Duration::from_secs(30);

pub(in crate::engine) struct Rig {
    pub engine: Engine,
    pub faults: Arc<Faults>,
    pub scratch: Arc<Scratch>,
    turn: Option<MutexGuard<'static, ()>>,
}

impl Rig {
    pub fn on() -> Self {
        Self::with(&[("appendonly", "yes")])
    }

    pub fn off() -> Self {
        Self::with(&[])
    }

    pub fn with(settings: &[(&str, &str)]) -> Self {
        let turn = FORKS.lock().unwrap_or_else(PoisonError::into_inner);
        SharedPage::set_default(None);
        let mut rig = Self::open(Arc::new(Scratch::new()), settings);
        rig.turn = Some(turn);
        rig
    }

    pub fn open(scratch: Arc<Scratch>, settings: &[(&str, &str)]) -> Self {
        let engine = Engine::new(Settings::of(settings.iter().copied()).unwrap());
        let faults = Faults::new();
        let dir = Arc::new(OsDir::open(scratch.path(), Access::Exclusive).unwrap());
        let dir: Arc<dyn Dir> = FaultDir::new(dir, Arc::clone(&faults));
        if settings.contains(&("appendonly", "yes")) {
            load(&engine, &*dir);
            engine.start_log(dir, NAME, Control::None).unwrap();
        } else {
            engine.start(Some((dir, NAME)), Control::None).unwrap();
        }
        Self { engine, faults, scratch, turn: None }
    }

    /// What a store finds that opens the directory as it is now, while this one goes on.
    pub fn copy(&self) -> Self {
        let copy = Arc::new(Scratch::new());
        for name in self.names() {
            std::fs::copy(self.scratch.join(&name), copy.join(&name)).unwrap();
        }
        Self::open(copy, &[("appendonly", "yes")])
    }

    pub fn call_in(&self, db: usize, line: &str) -> std::result::Result<String, String> {
        let argv: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let mut reply = Reply::new();
        let mut session = Session::connection(db);
        let done = self.engine.execute(&mut session, &argv, &mut reply).map_err(|error| error.to_string())?;
        if let Some(due) = &done.due {
            due.settle().map_err(|error| error.to_string())?;
        }
        done.outcome.map_err(|error| error.text().to_owned())?;
        Ok(shown(&reply))
    }

    pub fn call(&self, line: &str) -> std::result::Result<String, String> {
        self.call_in(0, line)
    }

    #[track_caller]
    pub fn ok(&self, line: &str) -> String {
        self.call(line).unwrap()
    }

    pub fn wait(&self) -> Result<Summary> {
        self.wait_for(None)
    }

    #[track_caller]
    pub fn wait_for(&self, mut seen: Option<RewriteHandle>) -> Result<Summary> {
        let began = Instant::now();
        loop {
            match self.engine.wait_rewrite(&mut seen, Duration::from_millis(50)).unwrap() {
                Waited::NotYet => assert!(began.elapsed() < PATIENCE, "the rewrite never ended"),
                Waited::Nothing => panic!("there is no rewrite"),
                Waited::Over(outcome) => return outcome,
            }
        }
    }

    /// Begins one whose child follows `plan`.
    pub fn begin(&self, plan: Plan) -> (RewriteHandle, Arc<SharedPage>) {
        SharedPage::set_default(Some(plan));
        let begun = self.engine.begin_rewrite();
        SharedPage::set_default(None);
        match begun.unwrap() {
            Begun::Started(handle) => (handle, SharedPage::latest().unwrap()),
            Begun::Scheduled => panic!("only scheduled"),
        }
    }

    /// Begins a save whose child follows `plan`.
    pub fn begin_save(&self, plan: Plan) -> Arc<SharedPage> {
        SharedPage::set_default(Some(plan));
        let begun = self.call("BGSAVE");
        SharedPage::set_default(None);
        assert_eq!(begun.unwrap(), "Background saving started");
        SharedPage::latest().unwrap()
    }

    #[track_caller]
    pub fn wait_save(&self) {
        until(|| self.engine.wait_save(Duration::from_millis(50)).unwrap());
    }

    pub fn rewrite(&self) -> Result<Summary> {
        match self.engine.begin_rewrite()? {
            Begun::Started(handle) => self.wait_for(Some(handle)),
            Begun::Scheduled => self.wait(),
        }
    }

    pub fn info(&self, field: &str) -> String {
        let text = self.ok("INFO").replace("\\r\\n", "\n");
        let value = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.unwrap_or_else(|| panic!("no {field} in {text}")).to_owned()
    }

    pub fn content(&self) -> Vec<u8> {
        std::fs::read(self.scratch.join(NAME)).unwrap()
    }

    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.scratch.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub fn events(&self) -> Vec<String> {
        self.engine.events().drain().into_iter().map(|record| record.text).collect()
    }
}

fn load(engine: &Engine, dir: &dyn Dir) {
    let Ok(file) = dir.open_read(NAME) else { return };
    let size = file.size().unwrap();
    engine.begin_load().unwrap();
    let known = |name: &[u8], argc: usize| command::lookup(name).is_some_and(|spec| spec.accepts(argc));
    let reader =
        Reader::new(Box::new(file), 0, size, &dir.path().join(NAME), engine.load_options().max_bulk, known);
    let mut loader = Loader::new(reader, OnReplayError::Stop);
    while !engine.load_step(&mut loader, Duration::from_secs(1)).unwrap() {}
    assert_eq!(loader.ended(), Some(crate::load::Ended::Whole));
}

#[track_caller]
pub(in crate::engine) fn until(what: impl Fn() -> bool) {
    let began = Instant::now();
    while !what() {
        assert!(began.elapsed() < PATIENCE, "waited in vain");
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub(in crate::engine) fn at(step: Step) -> Plan {
    Plan { pause: Some(step), ..Plan::default() }
}
