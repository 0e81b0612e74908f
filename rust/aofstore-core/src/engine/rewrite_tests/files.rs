//! What a rewrite leaves in the directory, and what it never takes from there.

use super::*;
use crate::engine::leader::{self, Errand};
use crate::fs::ReadFile;
use crate::rewrite::Failure;
use std::sync::Mutex;

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
