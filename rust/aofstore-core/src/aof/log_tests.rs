//! Feeding, policies, group commit and the background sync (themes 2 to 4).

use super::*;
use crate::event::Events;
use crate::fs::fault::{Call, Fault, FaultDir, Mode, Plan};
use crate::fs::os::{Access, OsDir};
use crate::fs::scratch::Scratch;
use crate::fs::{Create, Dir};
use std::time::Duration;

pub(in crate::aof) struct Rig {
    pub(in crate::aof) scratch: Scratch,
    pub(in crate::aof) plan: Arc<Plan>,
    pub(in crate::aof) dir: Arc<FaultDir>,
    pub(in crate::aof) events: Arc<Events>,
    pub(in crate::aof) log: Arc<Log>,
    pub(in crate::aof) start: Instant,
}

pub(in crate::aof) const SET_A: &[u8] = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nv\r\n";
pub(in crate::aof) const SELECT_0: &[u8] = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n";

impl Rig {
    pub(in crate::aof) fn new(policy: Policy) -> Self {
        Self::with(Settings { policy, ..Settings::default() })
    }

    pub(in crate::aof) fn with(settings: Settings) -> Self {
        let scratch = Scratch::new();
        let plan = Plan::new();
        let dir = Arc::new(OsDir::open(scratch.path(), Access::Exclusive).unwrap());
        let dir = FaultDir::new(dir, Arc::clone(&plan));
        let events = Events::new(64);
        let log = Log::open(Arc::clone(&dir) as _, "log", settings, Arc::clone(&events)).unwrap();
        Self { scratch, plan, dir, events, log, start: Instant::now() }
    }

    pub(in crate::aof) fn feed(&self, key: &str) -> u64 {
        self.log.feed(|feed| feed.command(0, [b"SET", key.as_bytes(), b"v"]))
    }

    pub(in crate::aof) fn set(&self, key: &str) -> Result<()> {
        self.log.finish(self.feed(key))
    }

    pub(in crate::aof) fn content(&self) -> Vec<u8> {
        std::fs::read(self.scratch.join("log")).unwrap()
    }

    /// What the file must hold after these keys were set on a fresh log.
    pub(in crate::aof) fn expected(keys: &[&str]) -> Vec<u8> {
        let mut bytes = SELECT_0.to_vec();
        for key in keys {
            crate::resp::encode::command(&mut bytes, [b"SET", key.as_bytes(), b"v"]);
        }
        bytes
    }

    pub(in crate::aof) fn tick(&self, ms: u64) {
        self.log.timer(self.start + Duration::from_millis(ms));
    }

    /// Waits for the background sync to be over.
    pub(in crate::aof) fn quiet(&self) {
        let begin = Instant::now();
        while self.log.stats().pending_bio_fsync > 0 {
            assert!(begin.elapsed() < Duration::from_secs(10), "the background sync never ended");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub(in crate::aof) fn warnings(&self) -> Vec<String> {
        let warning = |record: &crate::event::Record| record.level == crate::event::Level::Warning;
        self.events.drain().into_iter().filter(warning).map(|record| record.text).collect()
    }

    pub(in crate::aof) fn wait_until(what: impl Fn() -> bool) {
        let begin = Instant::now();
        while !what() {
            assert!(begin.elapsed() < Duration::from_secs(10), "waited in vain");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

pub(in crate::aof) fn errno_of<T: std::fmt::Debug>(result: Result<T>) -> i32 {
    match result {
        Err(Error::Write { errno, .. }) => errno,
        other => panic!("expected a write error, got {other:?}"),
    }
}

#[test]
fn t01_the_file_holds_exactly_what_was_fed() {
    let rig = Rig::new(Policy::Everysec);
    let argv: [&[u8]; 5] = [b"SET", b"k", b"v", b"PXAT", b"1700000010000"];
    let end = rig.log.feed(|feed| feed.command(0, argv));
    assert_eq!(rig.content(), b"");
    rig.log.finish(end).unwrap();
    assert_eq!(
        rig.content(),
        b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*5\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n$4\r\nPXAT\r\n$13\r\n1700000010000\r\n"
    );
    assert_eq!(rig.log.stats().current_size, end);
}

#[test]
fn b01_one_write_for_everything_fed_since_the_last() {
    for policy in [Policy::Always, Policy::Everysec, Policy::No] {
        let rig = Rig::new(policy);
        let ends: Vec<u64> = (0..100).map(|i| rig.feed(&i.to_string())).collect();
        rig.log.finish(ends[99]).unwrap();
        for end in &ends {
            rig.log.finish(*end).unwrap();
        }
        assert_eq!(rig.plan.count(Call::Write), 1, "{policy:?}");
        assert_eq!(rig.plan.count(Call::Sync), u64::from(policy == Policy::Always), "{policy:?}");
        let stats = rig.log.stats();
        assert_eq!((stats.written, stats.buffer_length, stats.writes), (stats.fed, 0, 1));
    }
}

#[test]
fn f04_after_open_the_first_record_brings_a_select() {
    let rig = Rig::new(Policy::Everysec);
    rig.set("a").unwrap();
    rig.log.close().unwrap();
    let again = Log::open(Arc::clone(&rig.dir) as _, "log", Settings::default(), Events::new(8)).unwrap();
    assert_eq!(again.stats().current_size, rig.content().len() as u64);
    let end = again.feed(|feed| feed.command(0, [b"SET", b"a".as_slice(), b"v"]));
    again.finish(end).unwrap();
    assert_eq!(rig.content(), [SELECT_0, SET_A, SELECT_0, SET_A].concat());
}

#[test]
fn y03_always_returns_synced_and_readers_wait_for_nothing_then() {
    let rig = Rig::new(Policy::Always);
    let end = rig.feed("a");
    assert!(!rig.log.is_durable(end) && !rig.log.try_finish(end));
    rig.log.finish(end).unwrap();
    assert!(rig.log.is_durable(end) && rig.log.try_finish(end));
    assert_eq!((rig.plan.count(Call::Write), rig.plan.count(Call::Sync)), (1, 1));
    rig.log.settle();
    assert_eq!(rig.plan.count(Call::Sync), 1);
    rig.feed("b");
    rig.log.settle();
    assert_eq!((rig.log.stats().synced, rig.plan.count(Call::Sync)), (rig.log.position(), 2));
}

#[test]
fn group_commit_needs_fewer_syncs_than_commits() {
    const THREADS: u64 = 8;
    const EACH: u64 = 50;
    let rig = Rig::new(Policy::Always);
    rig.plan.add(Fault::on(Call::Sync, 0).delay(1).sticky());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let rig = &rig;
            scope.spawn(move || {
                for i in 0..EACH {
                    let end = rig.feed(&format!("{thread}:{i}"));
                    rig.log.finish(end).unwrap();
                    assert!(rig.log.stats().synced >= end);
                }
            });
        }
    });
    let (stats, syncs) = (rig.log.stats(), rig.plan.count(Call::Sync));
    assert!(syncs * 2 < THREADS * EACH, "{syncs} syncs for {} commits", THREADS * EACH);
    assert_eq!(
        (stats.fsyncs, stats.synced, stats.current_size),
        (syncs, stats.fed, rig.content().len() as u64)
    );
}

#[test]
fn y04_everysec_syncs_in_the_background_once_a_second() {
    let rig = Rig::new(Policy::Everysec);
    rig.set("a").unwrap();
    assert_eq!(rig.plan.count(Call::Sync), 0);
    rig.tick(0);
    rig.quiet();
    assert_eq!(rig.plan.count(Call::Sync), 1);
    for ms in (100..=800).step_by(100) {
        rig.set("b").unwrap();
        rig.tick(ms);
    }
    rig.quiet();
    assert_eq!(rig.plan.count(Call::Sync), 1);
    rig.tick(1000);
    rig.quiet();
    assert_eq!(rig.plan.count(Call::Sync), 2);
}

#[test]
fn y08_y09_the_tail_is_synced_without_further_calls() {
    let rig = Rig::new(Policy::Everysec);
    rig.plan.add(Fault::on(Call::Sync, 0).delay(40));
    rig.set("a").unwrap();
    rig.tick(0);
    rig.set("b").unwrap();
    rig.quiet();
    assert!(rig.log.stats().synced < rig.log.stats().written);
    rig.tick(1000);
    rig.quiet();
    let stats = rig.log.stats();
    assert_eq!((stats.synced_size, stats.synced), (stats.current_size, stats.written));
    rig.tick(2000);
    rig.quiet();
    assert_eq!(rig.plan.count(Call::Sync), 2, "nothing is left to sync");
}

#[test]
fn t17_a_slow_disk_delays_no_write_and_is_counted() {
    let rig = Rig::new(Policy::Everysec);
    rig.plan.add(Fault::on(Call::Sync, 0).delay(4000));
    rig.set("a").unwrap();
    rig.tick(0);
    for ms in [100, 1000, 2000, 3000] {
        let begin = Instant::now();
        rig.set("b").unwrap();
        assert!(begin.elapsed() < Duration::from_secs(2));
        assert_eq!(rig.log.stats().buffer_length, 0);
        rig.tick(ms);
    }
    assert_eq!((rig.log.stats().delayed_fsync, rig.log.stats().pending_bio_fsync), (3, 1));
    assert_eq!(rig.log.stats().lag_ms, 3000);
    let notices: Vec<_> = rig.events.drain().into_iter().map(|record| record.text).collect();
    assert!(notices.len() == 1 && notices[0].contains("longer than a second"), "{notices:?}");
    rig.quiet();
    rig.tick(4000);
    rig.quiet();
    assert_eq!(rig.log.stats().synced_size, rig.content().len() as u64);
}

#[test]
fn b07_b10_postponed_writes_go_out_after_two_seconds_or_when_the_sync_ends() {
    let rig = Rig::with(Settings { postpone: true, ..Settings::default() });
    rig.set("a").unwrap();
    let before = rig.content().len();
    rig.plan.add(Fault::on(Call::Sync, 0).delay(3000));
    rig.tick(0);
    rig.set("b").unwrap();
    rig.tick(1900);
    assert_eq!(rig.content().len(), before, "deferred while the sync runs");
    rig.tick(2100);
    assert!(rig.content().len() > before, "but for two seconds only");
    assert!(rig.log.stats().delayed_fsync >= 1);
    let before = rig.content().len();
    rig.set("c").unwrap();
    assert_eq!(rig.content().len(), before);
    rig.quiet();
    rig.tick(2200);
    assert!(rig.content().len() > before, "the timer writes once the sync is over");
    rig.plan.add(Fault::on(Call::Sync, 0).delay(200));
    rig.tick(4000);
    rig.set("d").unwrap();
    rig.log.flush(false).unwrap();
    assert_eq!(rig.content(), Rig::expected(&["a", "b", "c", "d"]), "a forced flush waits for nobody");
}

#[test]
fn y05_no_is_never_synced_but_flush_and_close_are() {
    let rig = Rig::new(Policy::No);
    rig.set("a").unwrap();
    rig.tick(0);
    rig.tick(5000);
    rig.quiet();
    assert_eq!(rig.plan.count(Call::Sync), 0);
    rig.log.flush(true).unwrap();
    rig.log.flush(true).unwrap();
    assert_eq!(rig.plan.count(Call::Sync), 1, "nothing new to sync the second time");
    rig.set("b").unwrap();
    rig.log.close().unwrap();
    assert_eq!(rig.plan.count(Call::Sync), 2);
}

#[test]
fn t23_y06_no_sync_while_a_child_lives() {
    for policy in [Policy::Always, Policy::Everysec] {
        let rig = Rig::with(Settings { policy, no_fsync_on_rewrite: true, ..Settings::default() });
        rig.log.set_child_alive(true);
        let end = rig.feed("a");
        rig.log.finish(end).unwrap();
        assert!(rig.log.is_durable(end));
        rig.tick(0);
        rig.tick(2000);
        rig.quiet();
        assert_eq!(rig.plan.count(Call::Sync), 0, "{policy:?}");
        assert_eq!(rig.warnings().len(), usize::from(policy == Policy::Always));
        rig.log.set_child_alive(false);
        rig.set("b").unwrap();
        rig.tick(2100);
        rig.quiet();
        assert_eq!(rig.plan.count(Call::Sync), 1, "{policy:?}");
        assert_eq!(rig.log.stats().synced, rig.log.stats().fed);
    }
}

#[test]
fn y06_what_a_child_left_unsynced_is_synced_without_further_calls() {
    let rig =
        Rig::with(Settings { policy: Policy::Always, no_fsync_on_rewrite: true, ..Settings::default() });
    rig.log.set_child_alive(true);
    rig.set("a").unwrap();
    rig.log.set_child_alive(false);
    rig.tick(100);
    rig.quiet();
    assert_eq!(rig.log.stats().synced, rig.log.stats().fed);
}

#[test]
fn y06_without_the_setting_syncs_go_on() {
    let rig = Rig::new(Policy::Always);
    rig.log.set_child_alive(true);
    rig.set("a").unwrap();
    assert_eq!(rig.plan.count(Call::Sync), 1);
}

#[test]
fn y16_going_to_always_syncs_what_is_pending() {
    let rig = Rig::new(Policy::No);
    rig.set("a").unwrap();
    rig.feed("b");
    rig.log.set_policy(Policy::Always).unwrap();
    let stats = rig.log.stats();
    assert_eq!((stats.synced, stats.policy, rig.plan.count(Call::Sync)), (stats.fed, Policy::Always, 1));
    rig.set("c").unwrap();
    assert_eq!(rig.plan.count(Call::Sync), 2);
    rig.log.set_policy(Policy::Everysec).unwrap();
    rig.set("d").unwrap();
    assert_eq!(rig.plan.count(Call::Sync), 2);
    rig.plan.add(Fault::on(Call::Sync, libc::EIO));
    assert_eq!(errno_of(rig.log.set_policy(Policy::Always)), libc::EIO);
    assert_eq!(rig.log.policy(), Policy::Everysec);
}

#[test]
fn always_syncs_at_open_what_somebody_else_wrote() {
    let rig = Rig::new(Policy::Everysec);
    rig.set("a").unwrap();
    rig.log.close().unwrap();
    let syncs = rig.plan.count(Call::Sync);
    let settings = Settings { policy: Policy::Always, ..Settings::default() };
    let again = Log::open(Arc::clone(&rig.dir) as _, "log", settings, Events::new(8)).unwrap();
    assert_eq!(rig.plan.count(Call::Sync), syncs + 1);
    assert_eq!(again.stats().synced, again.stats().fed);
    assert!(rig.plan.count(Call::SyncDir) >= 2, "the name is made durable at every open");
}

#[test]
fn b05_memory_falls_back_after_a_burst() {
    let rig = Rig::new(Policy::Everysec);
    let value = vec![b'x'; 10 << 20];
    let end = rig.log.feed(|feed| feed.command(0, [b"SET", b"k".as_slice(), &value]));
    assert!(rig.log.stats().buffer_capacity > 10 << 20);
    rig.log.finish(end).unwrap();
    assert!(rig.log.stats().buffer_capacity < 4000);
}

#[test]
fn close_saves_everything_once_and_ends_the_log() {
    let rig = Rig::new(Policy::Everysec);
    rig.feed("a");
    rig.log.close().unwrap();
    assert_eq!(rig.content(), Rig::expected(&["a"]));
    assert_eq!(rig.plan.count(Call::Sync), 1);
    assert_eq!(rig.plan.count(Call::Close), 1, "the descriptor is gone, whoever still holds the log");
    rig.log.close().unwrap();
    assert_eq!(rig.set("b"), Err(Error::Closed));
    assert_eq!(rig.log.flush(true), Err(Error::Closed));
    assert_eq!(rig.content(), Rig::expected(&["a"]));
}

#[test]
fn dropping_an_open_log_closes_it() {
    let rig = Rig::new(Policy::Everysec);
    rig.feed("a");
    let Rig { log, scratch, .. } = rig;
    drop(log);
    assert_eq!(std::fs::read(scratch.join("log")).unwrap(), Rig::expected(&["a"]));
}

#[test]
fn a_switch_drops_what_the_new_file_holds_and_starts_with_a_select() {
    let rig = Rig::new(Policy::Everysec);
    rig.set("a").unwrap();
    rig.feed("b");
    let (generation_end, file) = (rig.log.position(), rig.dir.open_append("new", Create::Missing).unwrap());
    file.write(b"base").unwrap();
    let mut hold = rig.log.hold();
    assert_eq!(hold.position(), generation_end);
    hold.install(super::super::Install { name: "new".into(), file, size: 4, before: 0, base_size: 4 })
        .unwrap();
    hold.covered();
    drop(hold);
    rig.set("a").unwrap();
    let stats = rig.log.stats();
    assert_eq!(std::fs::read(rig.scratch.join("new")).unwrap(), [b"base", SELECT_0, SET_A].concat());
    assert_eq!(rig.content(), Rig::expected(&["a"]), "b is in the base already (D-14)");
    assert_eq!((stats.name.as_str(), stats.base_size), ("new", 4));
    assert_eq!(stats.current_size, 4 + (SELECT_0.len() + SET_A.len()) as u64);
}

#[test]
fn y17_a_sync_of_the_replaced_file_says_nothing_about_the_new_one() {
    let rig = Rig::new(Policy::Everysec);
    rig.set("a").unwrap();
    rig.plan.add(Fault { delay_ms: 100, ..Fault::on(Call::Sync, libc::EIO) });
    rig.tick(0);
    let file = rig.dir.open_append("new", Create::Missing).unwrap();
    let mut hold = rig.log.hold();
    hold.install(super::super::Install { name: "new".into(), file, size: 0, before: 0, base_size: 0 })
        .unwrap();
    hold.covered();
    drop(hold);
    rig.set("b").unwrap();
    Rig::wait_until(|| rig.plan.count(Call::Close) == 1);
    assert_eq!(rig.log.status(), Status::Sound);
    rig.tick(1000);
    rig.quiet();
    assert_eq!(rig.log.stats().synced_size, rig.log.stats().current_size);
}

#[test]
fn a_hold_can_make_everything_durable_before_the_switch() {
    let rig = Rig::new(Policy::Everysec);
    rig.set("a").unwrap();
    rig.feed("b");
    let hold = rig.log.hold().synced().unwrap();
    drop(hold);
    let stats = rig.log.stats();
    assert_eq!((stats.synced, rig.content()), (stats.fed, Rig::expected(&["a", "b"])));
    rig.set("c").unwrap();
    rig.plan.add(Fault::on(Call::Sync, libc::EIO));
    assert_eq!(errno_of(rig.log.hold().synced().map(drop)), libc::EIO);
    assert!(matches!(rig.log.status(), Status::Latched { .. }));
}

#[test]
fn x07_slow_writes_and_syncs_are_sampled_above_the_threshold_only() {
    use super::super::LatencyKind::{FsyncAlways, Write, WriteAlone};
    let rig = Rig::with(Settings { policy: Policy::Always, latency_threshold: 5, ..Settings::default() });
    rig.plan.add(Fault::on(Call::Write, 0).delay(10));
    rig.set("a").unwrap();
    rig.plan.add(Fault::on(Call::Sync, 0).delay(10));
    rig.set("b").unwrap();
    let kinds: Vec<_> = rig.log.drain_latency().into_iter().map(|sample| sample.kind).collect();
    assert!(kinds.starts_with(&[Write, WriteAlone]) && kinds.ends_with(&[FsyncAlways]), "{kinds:?}");
    rig.log.set_latency_threshold(0);
    rig.plan.add(Fault::on(Call::Write, 0).delay(10));
    rig.set("c").unwrap();
    assert!(rig.log.drain_latency().is_empty());
}

#[test]
fn an_unwanted_fault_mode_changes_nothing() {
    let rig = Rig::new(Policy::Always);
    rig.plan.add(Fault::on(Call::Write, 0).mode(Mode::Delay));
    rig.set("a").unwrap();
    assert_eq!((rig.plan.injected(), rig.content()), (1, Rig::expected(&["a"])));
}
