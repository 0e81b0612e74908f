//! Snapshots through the whole engine: by a child, without one, at save points, and what their failures mean.

mod faults;
mod refusal;

use super::*;
use crate::engine::rewrite::tests::{Rig, at, until};
use crate::fs::fault::{Call, Fault, Made, Mode};
use crate::keyspace::{Keyspace, Limits};
use crate::rdb::file::{Reader, Unknown};
use crate::rewrite::{Plan, SharedPage, Step};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

const DUMP: &str = "dump.rdb";
/// Those that a save child passes.
const STEPS: [Step; 4] = [Step::Dumping, Step::EarlySync, Step::Synced, Step::Done];
const IN_PROGRESS: &str = "ERR Background save already in progress";

/// What the dump says, by a reader that checks every byte; an error if it says nothing.
fn dumped(rig: &Rig) -> std::result::Result<Keyspace, String> {
    let path = rig.scratch.join(DUMP);
    let bytes = std::fs::read(&path).map_err(|error| error.to_string())?;
    let (total, mut space) = (bytes.len() as u64, Keyspace::new(16, Limits::default()));
    let mut reader = Reader::new(Box::new(Bytes(bytes)), total, Path::new(DUMP), Unknown::Refuse);
    while reader.next(&mut space).map_err(|error| error.to_string())? {}
    assert_eq!(reader.offset(), total, "something behind the checksum");
    Ok(space)
}

struct Bytes(Vec<u8>);

impl crate::fs::Source for Bytes {
    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> std::io::Result<usize> {
        let rest = self.0.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// How many keys the dump holds.
fn keys(rig: &Rig) -> u64 {
    crate::rewrite::keys(&dumped(rig).unwrap())
}

fn temps(rig: &Rig) -> Vec<String> {
    rig.names().into_iter().filter(|name| name.starts_with("temp-")).collect()
}

fn status(rig: &Rig) -> String {
    rig.info("rdb_last_bgsave_status")
}

#[test]
fn c03_c04_c09_a_save_holds_what_was_there_at_the_fork() {
    let rig = Rig::on();
    for key in ["a", "b"] {
        rig.ok(&format!("SET {key} 1"));
    }
    let before: i64 = rig.ok("LASTSAVE").trim_start_matches(':').parse().unwrap();
    assert_eq!(rig.info("rdb_changes_since_last_save"), "2");
    std::thread::sleep(Duration::from_millis(1100));
    let page = rig.begin_save(at(Step::Dumping));
    assert_eq!((rig.info("rdb_bgsave_in_progress"), rig.info("rdb_saves")), ("1".into(), "1".into()));
    assert!(rig.info("rdb_current_bgsave_time_sec").parse::<u32>().is_ok(), "-1 says that none runs");
    assert_eq!(rig.info("current_save_keys_total"), "2");
    assert_eq!(rig.call("BGSAVE").unwrap_err(), IN_PROGRESS);
    assert_eq!(rig.call("SAVE").unwrap_err(), IN_PROGRESS);
    assert_eq!(rig.call("BGSAVE SCHEDULE").unwrap_err(), IN_PROGRESS);
    assert_eq!(rig.call("BGSAVE NOW").unwrap_err(), "ERR syntax error");
    rig.ok("SET c 1");
    let temps = temps(&rig);
    let random = temps[0].strip_prefix(&format!("temp-{}-", std::process::id()));
    assert_eq!(random.and_then(|rest| rest.strip_suffix(".rdb")).unwrap().len(), 8);
    page.resume();
    rig.wait_save();
    assert_eq!(rig.names(), ["appendonly.aof", DUMP]);
    assert_eq!((keys(&rig), rig.info("rdb_changes_since_last_save")), (2, "1".into()));
    let after: i64 = rig.ok("LASTSAVE").trim_start_matches(':').parse().unwrap();
    assert!(after > before);
    assert_eq!(rig.info("rdb_last_save_time"), after.to_string());
    assert_eq!((status(&rig), rig.info("rdb_last_bgsave_time_sec")), ("ok".into(), "0".into()));
    assert_eq!(
        (rig.info("rdb_current_bgsave_time_sec"), rig.info("current_save_keys_total")),
        ("-1".into(), "0".into())
    );
    assert!(rig.info("rdb_last_cow_size").parse::<u64>().unwrap() > 0);
    let told = rig.events().join("\n");
    assert!(
        told.contains("background saving started by pid") && told.contains("snapshot of 2 keys saved"),
        "{told}"
    );
}

#[test]
fn save_writes_it_at_once_and_covers_all_changes() {
    let rig = Rig::off();
    rig.ok("SET a 1");
    rig.call_in(5, "RPUSH l 1 2").unwrap();
    assert_eq!(rig.ok("SAVE"), "OK");
    assert_eq!((keys(&rig), rig.info("rdb_changes_since_last_save")), (2, "0".into()));
    assert_eq!((rig.info("rdb_saves"), rig.info("total_forks")), ("1".into(), "0".into()));
    assert_eq!(rig.names(), [DUMP]);
    let mode =
        |bits| std::fs::set_permissions(rig.scratch.join(DUMP), PermissionsExt::from_mode(bits)).unwrap();
    let has = || std::fs::metadata(rig.scratch.join(DUMP)).unwrap().permissions().mode() & 0o777;
    assert_eq!(has(), 0o600);
    mode(0o640);
    for command in ["SAVE", "BGSAVE"] {
        rig.ok(command);
        rig.wait_save();
        assert_eq!(has(), 0o640, "{command}");
    }
}

#[test]
fn the_version_is_the_settings() {
    let rig = Rig::off();
    rig.ok("SADD s a b");
    for version in ["11", "10"] {
        rig.ok(&format!("CONFIG SET rdb-version {version}"));
        rig.ok("SAVE");
        let begin = std::fs::read(rig.scratch.join(DUMP)).unwrap();
        assert_eq!(&begin[..9], format!("REDIS00{version}").as_bytes());
        assert_eq!(keys(&rig), 1);
    }
}

#[test]
fn a_store_in_memory_has_nowhere_to_save_to() {
    let engine = crate::engine::Engine::new(crate::engine::Settings::default());
    engine.start(None, Control::None).unwrap();
    let mut session = crate::engine::Session::connection(0);
    for line in [&[b"SAVE".as_slice()][..], &[b"BGSAVE"], &[b"BGSAVE", b"SCHEDULE"]] {
        let mut reply = crate::command::Reply::new();
        let done = engine.execute(&mut session, line, &mut reply).unwrap();
        let error = done.outcome.unwrap_err();
        assert_eq!(error.text(), "ERR a store in memory has no directory for a snapshot");
    }
    engine.close().unwrap();
}

#[test]
fn c13_a_rewrite_refuses_a_save_unless_it_is_scheduled_and_then_there_is_exactly_one() {
    let rig = Rig::on();
    rig.ok("SET a 1");
    let (handle, page) = rig.begin(at(Step::Dumping));
    let refused = rig.call("BGSAVE").unwrap_err();
    assert!(
        refused.starts_with("ERR Another child process is active (AOF?): can't BGSAVE right now."),
        "{refused}"
    );
    for _ in 0..2 {
        assert_eq!(rig.ok("BGSAVE SCHEDULE"), "Background saving scheduled");
    }
    std::thread::sleep(Duration::from_millis(250));
    assert_eq!(rig.info("total_forks"), "1");
    // Without a child it may go on beside a rewrite.
    rig.ok("SAVE");
    rig.ok("BGSAVE SCHEDULE");
    page.resume();
    rig.wait_for(Some(handle)).unwrap();
    until(|| rig.info("total_forks") == "2");
    rig.wait_save();
    std::thread::sleep(Duration::from_millis(250));
    assert_eq!((rig.info("total_forks"), rig.info("rdb_saves")), ("2".into(), "2".into()));
    assert_eq!(keys(&rig), 1);
}

#[test]
fn in_a_transaction_it_is_scheduled_and_save_is_not_allowed() {
    let rig = Rig::on();
    let mut session = crate::engine::Session::connection(0);
    let mut run = |line: &str| {
        let argv: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let mut reply = crate::command::Reply::new();
        let done = rig.engine.execute(&mut session, &argv, &mut reply).unwrap();
        done.outcome.map(|()| crate::command::testing::shown(&reply)).map_err(|error| error.text().to_owned())
    };
    run("MULTI").unwrap();
    run("SET a 1").unwrap();
    run("BGSAVE").unwrap();
    run("SET b 1").unwrap();
    let replies = run("EXEC").unwrap();
    assert!(replies.contains("Background saving scheduled"), "{replies}");
    until(|| rig.info("rdb_saves") == "1");
    rig.wait_save();
    assert_eq!(keys(&rig), 2);
    run("MULTI").unwrap();
    assert!(run("SAVE").unwrap_err().contains("not allowed"));
}

/// Redis saves in the midst of it; half a transaction is not what was there at any moment.
#[test]
fn flushall_in_a_transaction_or_pipeline_is_saved_with_all_of_it_before_anybody_is_told() {
    let batch: [&[&[u8]]; 3] = [&[b"SET", b"a", b"1"], &[b"FLUSHALL"], &[b"SET", b"b", b"2"]];
    let batch = batch.map(crate::engine::Request::new);
    for way in ["MULTI", "transaction", "pipeline"] {
        let rig = Rig::with(&[("save", "3600 1000")]);
        rig.ok("SET old 1");
        rig.ok("SAVE");
        let (mut reply, mut session) = (crate::command::Reply::new(), crate::engine::Session::connection(0));
        match way {
            "MULTI" => {
                let ends: [&[&[u8]]; 2] = [&[b"MULTI"], &[b"EXEC"]];
                for argv in [&ends[..1], &batch.each_ref().map(|request| request.argv), &ends[1..]].concat() {
                    rig.engine.execute(&mut session, argv, &mut reply).unwrap().outcome.unwrap();
                }
            }
            "transaction" => {
                rig.engine.execute_transaction(&mut session, &batch, &mut reply).unwrap().unwrap();
            }
            _ => drop(rig.engine.execute_batch(&mut session, &batch, &mut reply).unwrap()),
        }
        let mut saved = dumped(&rig).unwrap();
        assert!(saved.keys(0, 0).contains(b"b") && crate::rewrite::keys(&saved) == 1, "{way}");
        assert_eq!(
            (rig.info("rdb_saves"), rig.info("rdb_changes_since_last_save")),
            ("2".into(), "0".into())
        );
        assert_eq!(rig.info("total_forks"), "0");
    }
}

#[test]
fn a_save_is_given_up_between_two_keys_and_leaves_the_last_dump() {
    let rig = Rig::off();
    rig.ok("SET a 1");
    rig.ok("SAVE");
    rig.ok("SET b 1");
    let given_up = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let (mut reply, mut session) = (crate::command::Reply::new(), crate::engine::Session::view(0));
    let done = rig.engine.execute_unless(&mut session, &[b"SAVE"], &mut reply, &given_up).unwrap();
    let told = done.outcome.unwrap_err();
    assert!(told.text().contains("the save was stopped; the last dump is as it was"), "{}", told.text());
    assert_eq!((keys(&rig), rig.info("rdb_changes_since_last_save")), (1, "1".into()));
    assert!(temps(&rig).is_empty() && status(&rig) == "ok");
    // Whoever asks next is not meant.
    rig.ok("SAVE");
    assert_eq!(keys(&rig), 2);
}

#[test]
fn c10_c11_c12_however_the_child_ends_the_last_dump_stays_and_the_next_save_is_good() {
    let rig = Rig::on();
    rig.ok("SET a 1");
    rig.ok("SAVE");
    let old = std::fs::read(rig.scratch.join(DUMP)).unwrap();
    rig.ok("SET b 1");
    let ends = STEPS.into_iter().flat_map(|step| {
        [
            Plan { kill: Some(step), ..Plan::default() },
            Plan { fail: Some((step, libc::ENOSPC)), ..Plan::default() },
            Plan { exit: Some((step, 7)), ..Plan::default() },
            Plan { panic: Some(step), ..Plan::default() },
        ]
    });
    for plan in ends {
        rig.begin_save(plan);
        rig.wait_save();
        assert_eq!(status(&rig), "err", "{plan:?}");
        assert_eq!(std::fs::read(rig.scratch.join(DUMP)).unwrap(), old, "{plan:?}");
        assert!(temps(&rig).is_empty(), "{plan:?}");
        assert_eq!(
            (rig.info("rdb_changes_since_last_save"), rig.info("rdb_last_bgsave_time_sec")),
            ("1".into(), "0".into())
        );
    }
    assert!(rig.events().iter().any(|text| text.contains("the save child was killed by signal 9")));
    rig.ok("BGSAVE");
    rig.wait_save();
    assert_eq!(
        (status(&rig), keys(&rig), rig.info("rdb_changes_since_last_save")),
        ("ok".into(), 2, "0".into())
    );
}

#[test]
fn x11_the_removal_of_a_failed_save_is_timed() {
    let rig = Rig::on();
    rig.ok("CONFIG SET latency-monitor-threshold 1");
    rig.faults.add(Fault::on(Call::Unlink, 0).mode(Mode::Delay).delay(5));
    rig.begin_save(Plan { kill: Some(Step::Dumping), ..Plan::default() });
    rig.wait_save();
    assert!(rig.ok("LATENCY HISTORY rdb-unlink-temp-file").len() > 2);
}

#[test]
fn c02_a_refused_fork_is_told_and_remembered() {
    let rig = Rig::on();
    SharedPage::set_default(Some(Plan { refuse: Some(libc::ENOMEM), ..Plan::default() }));
    let told = rig.call("BGSAVE").unwrap_err();
    SharedPage::set_default(None);
    assert!(told.contains("cannot fork a save child"), "{told}");
    until(|| status(&rig) == "err");
    assert!(temps(&rig).is_empty());
    rig.ok("BGSAVE");
    rig.wait_save();
    assert_eq!(status(&rig), "ok");
}

#[test]
fn a_save_point_saves_by_itself() {
    let rig = Rig::with(&[("appendonly", "yes"), ("save", "1 2")]);
    rig.ok("SET a 1");
    std::thread::sleep(Duration::from_millis(1400));
    assert_eq!(rig.info("rdb_saves"), "0");
    rig.ok("SET b 1");
    until(|| rig.info("rdb_saves") == "1" && rig.info("rdb_bgsave_in_progress") == "0");
    assert_eq!((keys(&rig), rig.info("rdb_changes_since_last_save")), (2, "0".into()));
}

#[test]
fn flushall_ends_a_running_save_and_with_save_points_leaves_an_empty_dump() {
    for points in ["", "3600 1000"] {
        let rig = Rig::with(&[("save", points)]);
        rig.ok("SET a 1");
        rig.ok("SAVE");
        rig.ok("SET b 1");
        let page = rig.begin_save(at(Step::Synced));
        until(|| page.reached() == Some(Step::Synced));
        rig.ok("FLUSHALL");
        page.resume();
        rig.wait_save();
        // A save that is stopped on purpose is no failure.
        assert_eq!(status(&rig), "ok");
        assert_eq!(keys(&rig), u64::from(points.is_empty()), "{points}");
        assert!(temps(&rig).is_empty());
    }
}

#[test]
fn closing_ends_a_running_save_and_with_save_points_saves() {
    for (points, appendonly) in [("", "no"), ("3600 1000", "no"), ("3600 1000", "yes")] {
        let rig = Rig::with(&[("save", points), ("appendonly", appendonly)]);
        rig.ok("SET a 1");
        rig.ok("SAVE");
        rig.ok("SET b 1");
        let page = rig.begin_save(at(Step::Dumping));
        let pid = rustix::process::Pid::from_raw(page.pid()).unwrap();
        rig.engine.close().unwrap();
        assert_eq!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH));
        assert_eq!(keys(&rig), if points.is_empty() { 1 } else { 2 }, "{points}");
        assert!(temps(&rig).is_empty());
    }
}

#[test]
fn a_store_that_is_closed_before_it_was_loaded_saves_nothing() {
    let rig = Rig::with(&[("save", "1 1")]);
    rig.ok("SET a 1");
    rig.engine.begin_load().unwrap();
    rig.engine.close().unwrap();
    assert!(rig.names().is_empty());
}

#[test]
fn closing_says_if_it_could_not_save() {
    let rig = Rig::with(&[("save", "1 1")]);
    rig.ok("SET a 1");
    rig.faults.add(Fault::on(Call::Rename, libc::EIO));
    let told = rig.engine.close().unwrap_err();
    assert!(
        matches!(&told, Error::Save { path, cause: RewriteCause::Errno(libc::EIO), .. } if path.ends_with(DUMP)),
        "{told:?}"
    );
    assert!(rig.names().is_empty());
}

#[test]
fn leftovers_of_saves_are_swept_at_the_opening() {
    let rig = Rig::off();
    rig.ok("SET a 1");
    rig.ok("SAVE");
    let scratch = std::sync::Arc::clone(&rig.scratch);
    rig.engine.close().unwrap();
    for name in ["temp-1-0123abcd.rdb", "temp-1.rdb"] {
        std::fs::write(scratch.join(name), "x").unwrap();
    }
    let again = Rig::open(scratch, &[]);
    // The other name is Redis's own, of a process that may live.
    assert_eq!(again.names(), [DUMP, "temp-1.rdb"]);
}

/// A process that stops between two steps leaves a whole dump, the old one or the new one.
#[test]
fn at_every_step_of_the_child_the_dump_is_the_old_one() {
    let rig = Rig::on();
    rig.ok("SET a 1");
    rig.ok("SAVE");
    rig.ok("SET b 1");
    for step in STEPS {
        let page = rig.begin_save(at(step));
        until(|| page.reached() == Some(step));
        assert_eq!(keys(&rig), 1, "{}", step.name());
        rig.ok("FLUSHALL");
        rig.wait_save();
        rig.ok("SET a 1");
        rig.ok("SAVE");
        rig.ok("SET b 1");
    }
}

#[test]
fn d07_the_large_dump_that_lost_its_name_is_closed_when_everybody_was_told() {
    let rig = Rig::with(&[("rdbcompression", "no")]);
    rig.ok(&format!("SET a {}", "v".repeat(2 << 20)));
    rig.ok("SAVE");
    let late = Fault { name: Some(DUMP.to_owned()), ..Fault::on(Call::Close, 0).delay(2000) };
    rig.faults.add(late);
    rig.faults.record(true);
    rig.ok("BGSAVE");
    rig.wait_save();
    let closed = |made: &[Made]| made.iter().any(|made| made.call == Call::Close && made.name == DUMP);
    assert!(!closed(&rig.faults.take_made()), "before the end was told");
    until(|| closed(&rig.faults.take_made()));
}
