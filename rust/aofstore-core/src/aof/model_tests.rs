//! Group commit under every schedule that shuttle tries: the code that ships, over a directory in memory that
//! knows how much of its file is synced.
//!
//! Run with `cargo test -p aofstore-core --features shuttle model`. What must hold: nobody is acknowledged before
//! the sync that covers him, everybody wakes, a failure reaches all who are not covered, and the file is what was
//! fed, in order. A deadlock is reported by shuttle itself.

use super::*;
use crate::aof::Control;
use crate::event::Events;
use crate::fs::ReadFile;
use crate::fs::{Create, Dir, File};
use std::io;
use std::path::Path;
use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicU64 as StdU64, Ordering::SeqCst};

const SCHEDULES: usize = 2000;

/// What the disk has; std's locks, never held across a scheduling point.
#[derive(Default)]
struct Disk {
    live: StdMutex<Vec<u8>>,
    durable: StdU64,
    syncs: StdU64,
    /// The N-th sync or write fails with this errno.
    failing_sync: StdU64,
    full_write: StdU64,
    writes: StdU64,
    /// Set while a sync runs: two at once would each see half of an error.
    syncing: StdU64,
    /// A sync takes until everybody has returned whom an earlier one covers.
    slow: StdU64,
    inside: Inside,
}

/// Where those who wait for their sync want to get to.
#[derive(Default)]
struct Inside {
    ends: shuttle::sync::Mutex<Vec<u64>>,
    fewer: shuttle::sync::Condvar,
}

impl Inside {
    fn enter(&self, end: u64) {
        self.ends.lock().unwrap().push(end);
    }

    fn leave(&self, end: u64) {
        self.ends.lock().unwrap().retain(|other| *other != end);
        self.fewer.notify_all();
    }

    /// Waits until nobody is inside who needs no more than `durable`.
    fn without(&self, durable: u64) {
        let mut ends = self.ends.lock().unwrap();
        while ends.iter().any(|end| *end <= durable) {
            ends = self.fewer.wait(ends).unwrap();
        }
    }
}

impl Disk {
    fn safe(&self, from_power_loss: bool) -> u64 {
        if from_power_loss { self.durable.load(SeqCst) } else { self.live.lock().unwrap().len() as u64 }
    }
}

struct MemoryDir(Arc<Disk>);
struct MemoryFile(Arc<Disk>);

fn failed<T>(errno: i32) -> io::Result<T> {
    Err(io::Error::from_raw_os_error(errno))
}

impl File for MemoryFile {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        shuttle::thread::yield_now();
        if self.0.writes.fetch_add(1, SeqCst) + 1 == self.0.full_write.load(SeqCst) {
            return failed(libc::ENOSPC);
        }
        self.0.live.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn sync_data(&self) -> io::Result<()> {
        assert_eq!(self.0.syncing.fetch_add(1, SeqCst), 0, "two syncs at once on one file");
        let covered = self.0.live.lock().unwrap().len() as u64;
        shuttle::thread::yield_now();
        if self.0.slow.load(SeqCst) == 1 {
            self.0.inside.without(self.0.durable.load(SeqCst));
        }
        self.0.syncing.fetch_sub(1, SeqCst);
        if self.0.syncs.fetch_add(1, SeqCst) + 1 == self.0.failing_sync.load(SeqCst) {
            return failed(libc::EIO);
        }
        self.0.durable.fetch_max(covered, SeqCst);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.live.lock().unwrap().truncate(len as usize);
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.0.live.lock().unwrap().len() as u64)
    }
}

impl Dir for MemoryDir {
    fn path(&self) -> &Path {
        Path::new("memory")
    }
    fn open_append(&self, _: &str, _: Create) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(MemoryFile(Arc::clone(&self.0))))
    }
    fn open_read(&self, _: &str) -> io::Result<Box<dyn ReadFile>> {
        failed(libc::ENOSYS)
    }
    fn size(&self, _: &str) -> io::Result<Option<u64>> {
        Ok(None)
    }
    fn mode(&self, _: &str) -> io::Result<Option<u32>> {
        Ok(None)
    }
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }
    fn rename(&self, _: &str, _: &str) -> io::Result<()> {
        failed(libc::ENOSYS)
    }
    fn unlink(&self, _: &str) -> io::Result<()> {
        failed(libc::ENOSYS)
    }
    fn hard_link(&self, _: &str, _: &str) -> io::Result<()> {
        failed(libc::ENOSYS)
    }
    fn write_new(&self, _: &str, _: &[u8]) -> io::Result<()> {
        failed(libc::ENOSYS)
    }
    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
    fn unlock(&self) -> io::Result<()> {
        Ok(())
    }
}

struct Model {
    disk: Arc<Disk>,
    /// Where the log goes over to in the model of a switch.
    next: Arc<Disk>,
    log: Arc<Log>,
    /// The engine's lock: order of feeding, and what was fed.
    engine: Arc<shuttle::sync::Mutex<Vec<String>>>,
}

impl Model {
    fn new(policy: Policy, control: Control) -> Self {
        let disk = Arc::new(Disk::default());
        let settings = Settings { policy, control, ..Settings::default() };
        let log = Log::open(Arc::new(MemoryDir(Arc::clone(&disk))), "log", settings, Events::new(4)).unwrap();
        Self { disk, next: Arc::default(), log, engine: Arc::default() }
    }

    /// A client that sets two keys and checks each acknowledgement.
    fn client(&self, name: u32) -> shuttle::thread::JoinHandle<u32> {
        let disks = [Arc::clone(&self.disk), Arc::clone(&self.next)];
        let (log, engine) = (Arc::clone(&self.log), Arc::clone(&self.engine));
        shuttle::thread::spawn(move || {
            let mut acknowledged = 0;
            for i in 0..2 {
                let key = format!("{name}:{i}");
                let (end, pen) = {
                    let mut order = engine.lock().unwrap();
                    let mut pen = log.pen();
                    let end = match &mut pen {
                        Some(pen) => pen.feed_at(None, |feed| feed.command(0, ["SET", &key])),
                        None => log.feed(|feed| feed.command(0, ["SET", &key])),
                    };
                    order.push(key);
                    (end, pen)
                };
                disks[0].inside.enter(end);
                let always = pen.is_none() && log.policy() == Policy::Always;
                let written = pen.map_or_else(|| log.try_finish(end), |pen| pen.finish(end));
                let reached = if written { Ok(()) } else { log.reach(end) };
                disks[0].inside.leave(end);
                // The way to the host's interpreter: short, or held up by others.
                shuttle::thread::yield_now();
                // A long way makes the line crowded, and then nobody is passed over.
                let way = if disks[0].slow.load(SeqCst) == 1 { 0 } else { u64::from(name) };
                log.left(std::time::Duration::from_millis(way));
                match reached {
                    Ok(()) => {
                        acknowledged += 1;
                        let safe: u64 = disks.iter().map(|disk| disk.safe(always)).sum();
                        assert!(safe >= end, "acknowledged {end} with {safe} safe");
                    }
                    // The timer may have ended it meanwhile.
                    Err(_) => assert_ne!(log.stats().last_errno, 0, "a failure without a reason"),
                }
            }
            acknowledged
        })
    }

    /// Any prefix is allowed while the log is not sound; with everything fed once it is.
    fn check(&self, whole: bool) {
        let mut expected = Vec::new();
        crate::resp::encode::select(&mut expected, 0);
        for key in &*self.engine.lock().unwrap() {
            crate::resp::encode::command(&mut expected, ["SET", key]);
        }
        let live = self.disk.live.lock().unwrap();
        assert!(expected.starts_with(&live) && (!whole || expected.len() == live.len()));
    }
}

fn every_schedule(body: impl Fn() + Send + Sync + 'static) {
    shuttle::check_random(body, SCHEDULES);
}

#[test]
fn model_nobody_is_acknowledged_before_the_sync_that_covers_him() {
    every_schedule(|| {
        let model = Model::new(Policy::Always, Control::None);
        let clients: Vec<_> = (0..3).map(|name| model.client(name)).collect();
        let acknowledged: u32 = clients.into_iter().map(|client| client.join().unwrap()).sum();
        assert_eq!(acknowledged, 6);
        assert!(model.disk.syncs.load(SeqCst) <= 6);
        model.check(true);
        model.log.close().unwrap();
    });
}

#[test]
#[should_panic(expected = "acknowledged")]
fn model_sees_an_acknowledgement_before_the_sync() {
    every_schedule(|| {
        let model = Model::new(Policy::Always, Control::AckBeforeSync);
        model.client(0).join().unwrap();
        drop(model.log.close());
    });
}

/// Clients while every sync takes as long as it can: so many that one is left after the two whom the end of a round
/// and its leader let out.
fn slow_syncs(control: Control) {
    every_schedule(move || {
        let model = Model::new(Policy::Always, control);
        model.disk.slow.store(1, SeqCst);
        let clients: Vec<_> = (0..5).map(|name| model.client(name)).collect();
        for client in clients {
            client.join().unwrap();
        }
        model.log.close().unwrap();
    });
}

#[test]
fn model_whoever_is_covered_does_not_wait_for_the_next_sync() {
    slow_syncs(Control::None);
}

#[test]
#[should_panic(expected = "deadlock")]
fn model_sees_who_sleeps_through_the_next_sync() {
    slow_syncs(Control::LeaveCovered);
}

#[test]
fn model_a_failed_sync_reaches_everybody_who_is_not_covered() {
    every_schedule(|| {
        let model = Model::new(Policy::Always, Control::None);
        model.disk.failing_sync.store(2, SeqCst);
        let clients: Vec<_> = (0..3).map(|name| model.client(name)).collect();
        let acknowledged: u32 = clients.into_iter().map(|client| client.join().unwrap()).sum();
        let syncs = model.disk.syncs.load(SeqCst);
        assert!(acknowledged < 6 || syncs < 2, "{acknowledged} acknowledged by {syncs} syncs");
        assert!(syncs <= 2, "synced again after a failure");
        model.check(false);
        assert_eq!(model.log.close().is_err(), syncs == 2);
    });
}

#[test]
fn model_a_full_disk_fails_the_round_and_the_timer_writes_it_in_order() {
    every_schedule(|| {
        let model = Model::new(Policy::Always, Control::None);
        model.disk.full_write.store(2, SeqCst);
        let clients: Vec<_> = (0..2).map(|name| model.client(name)).collect();
        let log = Arc::clone(&model.log);
        let begin = Instant::now();
        let timer = shuttle::thread::spawn(move || {
            for second in 1..4 {
                log.timer(begin + std::time::Duration::from_secs(2 * second));
            }
        });
        for client in clients {
            client.join().unwrap();
        }
        timer.join().unwrap();
        model.log.timer(begin + std::time::Duration::from_secs(100));
        assert_eq!(model.log.status(), Status::Sound);
        model.log.flush(true).unwrap();
        model.check(true);
        model.log.close().unwrap();
    });
}

#[test]
fn model_timer_flush_policy_and_commits_meet() {
    every_schedule(|| {
        let model = Model::new(Policy::Everysec, Control::None);
        let clients: Vec<_> = (0..2).map(|name| model.client(name)).collect();
        let log = Arc::clone(&model.log);
        let begin = Instant::now();
        let timer = shuttle::thread::spawn(move || {
            for second in 1..3 {
                log.timer(begin + std::time::Duration::from_secs(2 * second));
            }
        });
        model.log.set_policy(Policy::Always).unwrap();
        model.log.flush(true).unwrap();
        for client in clients {
            assert_eq!(client.join().unwrap(), 2);
        }
        timer.join().unwrap();
        model.check(true);
        model.log.close().unwrap();
        assert_eq!(model.disk.durable.load(SeqCst), model.disk.live.lock().unwrap().len() as u64);
    });
}

#[test]
fn model_a_switch_meets_commits() {
    every_schedule(|| {
        let model = Model::new(Policy::Always, Control::None);
        let client = model.client(0);
        {
            // The engine switches under its own lock, so nothing is fed meanwhile.
            let engine = model.engine.lock().unwrap();
            let mut hold = model.log.hold().synced().unwrap();
            assert_eq!(hold.position(), model.disk.durable.load(SeqCst));
            let file = Arc::new(MemoryFile(Arc::clone(&model.next)));
            hold.install(super::super::Install {
                name: "next".into(),
                file,
                size: 0,
                before: 0,
                base_size: 0,
            })
            .unwrap();
            drop(hold);
            drop(engine);
        }
        let end = model.log.feed(|feed| feed.command(0, ["LAST"]));
        model.log.finish(end).unwrap();
        assert_eq!(client.join().unwrap(), 2);
        model.log.close().unwrap();
        assert_eq!(model.disk.safe(false) + model.next.safe(false), model.log.position());
        assert_eq!(model.next.safe(true), model.next.safe(false));
    });
}
