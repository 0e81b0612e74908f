//! The output against a target that takes what it likes and fails when told.

use std::cell::{Cell, RefCell};

use super::{BEGIN_EVERY, BUFFER, FileOutput, SYNC_EVERY, Target};
use crate::resp::encode;
use crate::rewrite::snapshot::Output;
use crate::sink::{KeySink, Sink};

#[derive(Default)]
struct Script {
    bytes: RefCell<Vec<u8>>,
    /// The most that one write takes; None: all.
    most: Option<usize>,
    /// The write that fails, counted from 0, and how.
    fails: Option<(usize, Result<usize, i32>)>,
    sync: Option<i32>,
    writeback: bool,
    writes: Cell<usize>,
    calls: RefCell<Vec<&'static str>>,
}

impl Target for &Script {
    fn write(&self, bytes: &[u8]) -> Result<usize, i32> {
        let number = self.writes.replace(self.writes.get() + 1);
        if let Some((nth, outcome)) = self.fails
            && nth == number
        {
            return outcome;
        }
        let count = self.most.unwrap_or(usize::MAX).min(bytes.len());
        self.bytes.borrow_mut().extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn sync(&self) -> Result<(), i32> {
        self.calls.borrow_mut().push("sync");
        self.sync.map_or(Ok(()), Err)
    }

    fn begin_writeback(&self, wait_for_last: bool) -> Result<bool, i32> {
        self.calls.borrow_mut().push(if wait_for_last { "wait" } else { "begin" });
        Ok(self.writeback)
    }
}

/// Puts of sizes around every border, and what they should make.
fn sizes() -> impl Iterator<Item = usize> {
    let around = |border: usize| border - 26..border + 3;
    let borders = [100, 1000, BUFFER, 2 * BUFFER].into_iter().flat_map(around);
    (0..40).chain(borders).chain([BEGIN_EVERY as usize + 1])
}

fn fill(out: &mut FileOutput<&Script>) -> Vec<u8> {
    let mut want = Vec::new();
    for (turn, size) in sizes().enumerate() {
        let payload = vec![turn as u8; size];
        out.put(b"between");
        want.extend_from_slice(b"between");
        out.bulk(&payload);
        encode::bulk(&mut want, &payload);
        assert_eq!(out.accepted(), want.len() as u64);
        assert!(out.key_done());
    }
    want
}

#[test]
fn every_byte_arrives_once_however_little_a_write_takes() {
    for most in [None, Some(1 << 20), Some(70_001)] {
        let script = Script { most, ..Script::default() };
        let mut out = FileOutput::new(&script, false);
        let want = fill(&mut out);
        assert!(out.sync());
        assert!(*script.bytes.borrow() == want);
        assert_eq!((out.written(), out.failed()), (want.len() as u64, None));
        assert_eq!(*script.calls.borrow(), ["sync"]);
    }
}

#[test]
fn the_first_error_stays_and_nothing_is_written_after_it() {
    for (outcome, errno) in [(Err(libc::EIO), libc::EIO), (Ok(0), libc::ENOSPC)] {
        let script = Script { fails: Some((1, outcome)), sync: Some(libc::EDQUOT), ..Script::default() };
        let mut out = FileOutput::new(&script, true);
        let part = vec![b'x'; BUFFER / 2];
        for _ in 0..20 {
            out.put(&part);
            out.bulk(&vec![b'y'; 3 * BUFFER]);
        }
        assert!(!out.key_done() && !out.flush() && !out.sync());
        assert_eq!(out.failed(), Some(errno));
        assert_eq!(script.writes.get(), 2);
        assert_eq!(out.written(), script.bytes.borrow().len() as u64);
        assert_eq!(*script.calls.borrow(), [""; 0]);
    }
    let script = Script { sync: Some(libc::EIO), ..Script::default() };
    let mut out = FileOutput::new(&script, false);
    out.put(b"x");
    assert!(!out.sync());
    assert_eq!((out.failed(), out.written()), (Some(libc::EIO), 1));
}

#[test]
fn r22_the_disk_is_kept_busy_and_waited_for_every_32_mib() {
    for (writeback, last) in [(true, None), (false, Some("sync"))] {
        let script = Script { writeback, ..Script::default() };
        let mut out = FileOutput::new(&script, true);
        let part = vec![b'x'; BUFFER];
        for _ in 0..SYNC_EVERY as usize / BUFFER {
            out.put(&part);
            assert!(out.flush());
        }
        let begins = SYNC_EVERY / BEGIN_EVERY - 1;
        let want: Vec<_> = (0..begins).map(|_| "begin").chain(["wait"]).chain(last).collect();
        assert_eq!(*script.calls.borrow(), want);
    }
    let script = Script::default();
    let mut out = FileOutput::new(&script, false);
    (0..300).for_each(|_| out.put(&vec![b'x'; BUFFER]));
    assert!(out.flush() && script.calls.borrow().is_empty());
}
