//! Rewrites through the whole engine: with and without a child, with the log on, off and being switched on.

use super::*;
use crate::aof::Reader;
use crate::command::testing::shown;
use crate::command::{self, Reply};
use crate::engine::leader::{self, Errand};
use crate::engine::{Begun, Engine, Request, RewriteHandle, Session, Settings, Slot, Summary, Waited};
use crate::error::{Result, RewriteCause};
use crate::fs::ReadFile;
use crate::fs::fault::{Call, Fault, FaultDir, Mode, Plan as Faults};
use crate::fs::os::{Access, OsDir};
use crate::fs::scratch::Scratch;
use crate::load::{Loader, OnReplayError};
use crate::rewrite::{Failure, Plan, SharedPage, Step};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

mod faults;
mod latency;
mod modes;
mod protocol;

/// A plan for children is the whole process's: tests that fork take turns.
static FORKS: Mutex<()> = Mutex::new(());

const NAME: &str = "appendonly.aof";
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

#[test]
fn a_rewrite_leaves_the_data_and_shortens_the_log() {
    for background in [false, true] {
        let rig = Rig::on();
        for i in 0..300 {
            rig.ok(&format!("RPUSH list {i}"));
            rig.ok("INCR n");
            rig.call_in(7, &format!("HSET h{} f {i}", i % 3)).unwrap();
        }
        let before = rig.content().len() as u64;
        let done = if background { rig.rewrite() } else { rig.engine.rewrite_now() }.unwrap();
        assert_eq!((done.bytes_before, done.keys), (before, 5));
        assert_eq!(done.bytes_after, rig.content().len() as u64);
        assert!(done.bytes_after < before / 5);
        assert_eq!(background, done.fork_micros > 0);
        assert_eq!(rig.info("aof_base_size"), done.bytes_after.to_string());
        assert_eq!(rig.info("aof_current_size"), done.bytes_after.to_string());
        rig.ok("INCR n");
        // D-13
        assert!(rig.content()[done.bytes_after as usize..].starts_with(b"*2\r\n$6\r\nSELECT"));
        rig.engine.flush(true).unwrap();
        let copy = rig.copy();
        assert_eq!(copy.ok("GET n"), "\"301\"");
        assert_eq!(copy.ok("LRANGE list 0 -1"), rig.ok("LRANGE list 0 -1"));
        assert_eq!(copy.call_in(7, "HGET h2 f").unwrap(), "\"299\"");
        assert_eq!(rig.names(), [NAME]);
        rig.engine.close().unwrap();
    }
}

#[test]
fn an_empty_store_becomes_an_empty_file() {
    for background in [false, true] {
        let rig = Rig::on();
        rig.ok("SET a 1");
        rig.ok("DEL a");
        let done = if background { rig.rewrite() } else { rig.engine.rewrite_now() }.unwrap();
        assert_eq!((done.bytes_after, done.keys, rig.content().len()), (0, 0, 0));
        assert_eq!(rig.info("aof_base_size"), "0");
    }
}

#[test]
fn g02_g17_one_at_a_time() {
    let rig = Rig::on();
    rig.ok("SET a 1");
    assert_eq!(rig.ok("BGREWRITEAOF"), "Background append only file rewriting started");
    rig.wait().unwrap();
    let (handle, page) = rig.begin(at(Step::Dumping));
    let text = "ERR Background append only file rewriting already in progress";
    assert_eq!(rig.call("BGREWRITEAOF").unwrap_err(), text);
    let refused = rig.engine.begin_rewrite().err().unwrap();
    assert_eq!((refused.to_string().as_str(), &refused), (text, &Error::RewriteInProgress));
    assert_eq!(rig.engine.rewrite_now(), Err(Error::RewriteInProgress));
    assert_eq!(rig.info("aof_rewrite_in_progress"), "1");
    page.resume();
    rig.wait_for(Some(handle)).unwrap();
    assert_eq!(rig.info("aof_rewrite_in_progress"), "0");
    assert_eq!((rig.info("total_forks"), rig.info("aof_rewrites")), ("2".into(), "2".into()));
}

#[test]
fn t19_behind_another_child_it_is_scheduled_and_begins_once() {
    let rig = Rig::on();
    rig.ok("SET a 1");
    let page = rig.begin_save(at(Step::Dumping));
    let scheduled = "Background append only file rewriting scheduled";
    assert_eq!(rig.ok("BGREWRITEAOF"), scheduled);
    assert_eq!(rig.ok("BGREWRITEAOF"), scheduled);
    assert!(matches!(rig.engine.begin_rewrite(), Ok(Begun::Scheduled)));
    assert_eq!(
        (rig.info("aof_rewrite_scheduled"), rig.info("aof_pending_rewrite")),
        ("1".into(), "1".into())
    );
    std::thread::sleep(Duration::from_millis(250));
    assert_eq!(rig.info("total_forks"), "1");
    SharedPage::set_default(Some(at(Step::Dumping)));
    page.resume();
    until(|| rig.info("aof_rewrite_in_progress") == "1" && rig.info("aof_rewrite_scheduled") == "0");
    assert_eq!(rig.engine.begin_rewrite().err(), Some(Error::RewriteInProgress));
    SharedPage::set_default(None);
    SharedPage::latest().unwrap().resume();
    rig.wait().unwrap();
    std::thread::sleep(Duration::from_millis(250));
    assert_eq!((rig.info("total_forks"), rig.info("rdb_last_bgsave_status")), ("2".into(), "ok".into()));
}

#[test]
fn in_a_transaction_it_is_scheduled_and_in_a_pipeline_it_starts() {
    let rig = Rig::on();
    let batch: [&[&[u8]]; 3] = [&[b"SET", b"a", b"1"], &[b"BGREWRITEAOF"], &[b"SET", b"b", b"2"]];
    let batch = batch.map(Request::new);
    for (transaction, word) in [(true, "scheduled"), (false, "started")] {
        let mut reply = Reply::new();
        let mut session = Session::view(0);
        let done = if transaction {
            rig.engine.execute_transaction(&mut session, &batch, &mut reply).unwrap().unwrap()
        } else {
            rig.engine.execute_batch(&mut session, &batch, &mut reply).unwrap()
        };
        done.due.map_or(Ok(()), |due| due.settle()).unwrap();
        let status = format!("Background append only file rewriting {word}");
        assert!(format!("{:?}", reply.nodes()).contains(&status), "{reply:?}");
        assert_eq!(rig.wait().unwrap().keys, 2);
    }
}

#[test]
fn t18_growth_starts_one_by_itself() {
    let rig = Rig::on();
    let value = "v".repeat(100);
    for i in 0..10 {
        rig.ok(&format!("SET k{i} {value}"));
    }
    rig.engine.rewrite_now().unwrap();
    let base: u64 = rig.info("aof_base_size").parse().unwrap();
    rig.ok("CONFIG SET auto-aof-rewrite-min-size 1");
    rig.ok("CONFIG SET auto-aof-rewrite-percentage 100");
    while rig.info("aof_current_size").parse::<u64>().unwrap() < base * 2 {
        rig.ok(&format!("SET k1 {value}"));
    }
    until(|| rig.info("aof_rewrites") == "2");
    rig.wait().unwrap();
    assert_eq!(rig.info("aof_base_size"), rig.info("aof_current_size"));
    assert_eq!(rig.info("aof_current_size"), rig.content().len().to_string());
    assert!(rig.events().iter().any(|text| text.contains("which grew by 1")));
    rig.ok("CONFIG SET auto-aof-rewrite-percentage 0");
    for _ in 0..50 {
        rig.ok(&format!("SET k1 {value}"));
    }
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(rig.info("aof_rewrites"), "2");
}

#[test]
fn g13_a_refused_fork_changes_nothing() {
    for errno in [libc::EAGAIN, libc::ENOMEM] {
        let rig = Rig::on();
        rig.ok("SET a 1");
        let before = rig.content();
        SharedPage::set_default(Some(Plan { refuse: Some(errno), ..Plan::default() }));
        let refused = rig.engine.begin_rewrite().err();
        SharedPage::set_default(None);
        assert!(matches!(refused, Some(Error::Rewrite { cause: RewriteCause::Errno(e), .. }) if e == errno));
        assert_eq!((rig.content(), rig.names()), (before, vec![NAME.to_owned()]));
        assert_eq!(rig.info("aof_last_bgrewrite_status"), "err");
        assert_eq!((rig.info("aof_rewrite_scheduled"), rig.info("total_forks")), ("0".into(), "0".into()));
        rig.ok("SET b 2");
        rig.rewrite().unwrap();
        assert_eq!(rig.info("aof_last_bgrewrite_status"), "ok");
    }
}

#[test]
fn each_outcome_is_given_once_and_to_everybody_who_waits() {
    let rig = Rig::on();
    let mut seen = None;
    let nothing = |seen: &mut _| rig.engine.wait_rewrite(seen, Duration::ZERO).unwrap() == Waited::Nothing;
    assert!(nothing(&mut seen));
    let (_, page) = rig.begin(at(Step::Waiting));
    std::thread::scope(|scope| {
        // Each waits for it already: who came later would find that it was told.
        let waits = |_| {
            let mut own = None;
            assert_eq!(rig.engine.wait_rewrite(&mut own, Duration::ZERO).unwrap(), Waited::NotYet);
            scope.spawn(|| rig.wait_for(own))
        };
        let waiters: Vec<_> = (0..3).map(waits).collect();
        page.resume();
        for waiter in waiters {
            waiter.join().unwrap().unwrap();
        }
    });
    assert!(nothing(&mut seen));
    rig.begin(Plan::default());
    until(|| rig.info("aof_rewrite_in_progress") == "0");
    rig.wait().unwrap();
    assert!(nothing(&mut None));
}

#[test]
fn progress_is_told_while_one_runs() {
    let rig = Rig::on();
    for i in 0..20 {
        rig.ok(&format!("SET k{i} v"));
    }
    assert_eq!(rig.engine.rewrite_progress().unwrap(), None);
    let (handle, page) = rig.begin(Plan { after_keys: 10, ..at(Step::Dumping) });
    until(|| rig.engine.rewrite_progress().unwrap().is_some_and(|at| at.keys_done == 10));
    let progress = rig.engine.rewrite_progress().unwrap().unwrap();
    assert_eq!(progress.keys_total, 20);
    assert!(progress.bytes_written > 0 && progress.seconds >= 0.0);
    assert_eq!(
        (rig.info("current_save_keys_total"), rig.info("current_fork_perc")),
        ("20".into(), "50.00".into())
    );
    page.resume();
    rig.wait_for(Some(handle)).unwrap();
    assert_eq!(rig.engine.rewrite_progress().unwrap(), None);
}

#[test]
fn a_store_in_memory_has_no_place_for_a_log() {
    let engine = Engine::new(Settings::default());
    engine.start(None, Control::None).unwrap();
    for refused in [engine.begin_rewrite().err(), engine.rewrite_now().err()] {
        let Some(Error::Rewrite { cause: RewriteCause::Other, message, .. }) = refused else {
            panic!("{refused:?}")
        };
        assert!(message.contains("no directory"), "{message}");
    }
}

#[test]
fn leftovers_of_dead_processes_are_removed_at_open_and_nothing_else() {
    let rig = Rig::on();
    rig.ok("SET a 1");
    let stale = "temp-rewriteaof-bg-1234-00ff00ff.aof";
    let others =
        ["temp-rewriteaof-bg-12.aof", "temp-rewriteaof-bg-1-0000000g.aof", "temp-rewriteaof-7.aof", "x"];
    for name in others.iter().chain([&stale]) {
        std::fs::write(rig.scratch.join(name), "x").unwrap();
    }
    let copy = rig.copy();
    let mut left: Vec<String> = others.iter().map(|name| (*name).to_owned()).collect();
    left.push(NAME.to_owned());
    left.sort();
    assert_eq!(copy.names(), left);
    assert!(copy.events().iter().any(|text| text.contains(stale)));
}

#[test]
fn r20_the_new_file_has_the_mode_of_the_old_one() {
    use std::os::unix::fs::PermissionsExt as _;
    let rig = Rig::on();
    rig.ok("SET a 1");
    let mode = || std::fs::metadata(rig.scratch.join(NAME)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(), 0o600);
    std::fs::set_permissions(rig.scratch.join(NAME), std::fs::Permissions::from_mode(0o640)).unwrap();
    rig.rewrite().unwrap();
    assert_eq!(mode(), 0o640);
}

#[test]
fn tables_stand_still_while_a_child_lives() {
    let rig = Rig::on();
    let (handle, page) = rig.begin(at(Step::Waiting));
    assert!(rig.engine.shared.lock().rewrites.has_child());
    page.resume();
    rig.wait_for(Some(handle)).unwrap();
    assert!(!rig.engine.shared.lock().rewrites.has_child());
}

#[test]
fn closing_kills_the_child_and_removes_its_file() {
    let rig = Rig::on();
    rig.ok("SET a 1");
    let (_, page) = rig.begin(at(Step::Dumping));
    rig.ok("SET b 2");
    let began = Instant::now();
    rig.engine.close().unwrap();
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(rig.names(), [NAME]);
    let pid = rustix::process::Pid::from_raw(page.pid()).unwrap();
    assert_eq!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH), "killed and reaped");
    assert_eq!(rig.copy().ok("GET b"), "\"2\"");
}

#[test]
fn g23_without_a_fork_it_is_done_in_place() {
    let rig = Rig::on();
    rig.ok("SET a 1");
    rig.ok("SET a 2");
    SharedPage::set_default(Some(Plan { refuse: Some(libc::ENOSYS), ..Plan::default() }));
    let done = rig.rewrite();
    SharedPage::set_default(None);
    assert_eq!((done.unwrap().keys, rig.info("total_forks")), (1, "0".into()));
    assert_eq!(rig.copy().ok("GET a"), "\"2\"");
    assert_eq!(rig.names(), [NAME]);
}

#[test]
fn a_file_that_took_the_place_of_the_log_is_kept() {
    let rig = Rig::on();
    rig.ok("SET a 1");
    std::fs::write(rig.scratch.join("foreign"), "precious").unwrap();
    std::fs::rename(rig.scratch.join("foreign"), rig.scratch.join(NAME)).unwrap();
    rig.rewrite().unwrap();
    let kept = rig.names().into_iter().find(|name| name.starts_with("appendonly.aof.old-")).unwrap();
    assert_eq!(std::fs::read(rig.scratch.join(&kept)).unwrap(), b"precious");
    rig.ok("SET b 2");
    assert_eq!(rig.copy().ok("EXISTS a b"), "2");
}

#[test]
fn x10_x12_forks_and_switches_are_sampled() {
    let rig = Rig::on();
    rig.ok("CONFIG SET latency-monitor-threshold 1");
    rig.ok("SET a 1");
    rig.faults.add(Fault::on(Call::Rename, 0).delay(20));
    rig.rewrite().unwrap();
    let latest = rig.ok("LATENCY LATEST");
    assert!(latest.contains("aof-rename"), "{latest}");
}

/// A file that says, when it is closed, whether the rewrite was over.
struct Closing {
    ticket: Arc<Ticket>,
    size: u64,
    over: Arc<Mutex<Vec<(u64, bool)>>>,
}

impl ReadFile for Closing {
    fn read_at(&self, _: u64, _: &mut [u8]) -> std::io::Result<usize> {
        Ok(0)
    }

    fn size(&self) -> std::io::Result<u64> {
        Ok(self.size)
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        let over = self.ticket.wait(Duration::ZERO).is_some();
        self.over.lock().unwrap().push((self.size, over));
    }
}

#[test]
fn d07_large_files_that_lost_their_names_are_closed_when_nobody_waits_any_more() {
    let rig = Rig::on();
    let (ticket, over) = (Ticket::new(Why::Asked), Arc::default());
    let closing = |size| -> Box<dyn ReadFile> {
        Box::new(Closing { ticket: Arc::clone(&ticket), size, over: Arc::clone(&over) })
    };
    ticket.leave([closing(1), closing(1 << 30)]);
    let errand = Errand {
        name: "aofstore-test",
        carry_out: |_, _| Err(Failure::stopped("nothing to do")),
        end: Core::end_rewrite,
    };
    leader::start(errand, Arc::clone(&rig.engine.shared), &ticket, None).unwrap().join().unwrap();
    assert_eq!(*over.lock().unwrap(), [(1, false), (1 << 30, true)]);
}
