//! a dump is whole and durable, or it is not there.

use std::sync::Arc;

use super::{Dumped, Failed, Form, Place, Role, dump};
use crate::aof::Control;
use crate::fs::Dir;
use crate::fs::fault::{Call, Fault, FaultDir, Mode, Plan};
use crate::fs::os::{Access, OsDir};
use crate::fs::scratch::Scratch;
use crate::keyspace::{Keyspace, Limits};
use crate::rewrite::Head;

const NAME: &str = "temp-rewriteaof-1.aof";

fn space(keys: usize) -> Keyspace {
    let mut space = Keyspace::new(2, Limits::default());
    for number in 0..keys {
        space.keys(1, 0).put_text(format!("key:{number}").as_bytes(), &[b'v'; 1000]);
    }
    space
}

fn run(space: &Keyspace, dir: &dyn Dir, watch: impl FnMut(u64, u64) -> bool) -> Result<Dumped, Failed> {
    let form = Form::Resp(Head::default());
    dump(
        space,
        Place { dir, name: NAME, mode: 0o640, role: Role::Rewrite, control: Control::None },
        form,
        true,
        watch,
    )
}

fn opened(scratch: &Scratch) -> Arc<OsDir> {
    Arc::new(OsDir::open(scratch.path(), Access::Exclusive).unwrap())
}

#[test]
fn r20_a_dump_is_whole_counted_and_of_the_mode_asked_for() {
    let scratch = Scratch::new();
    let dir = opened(&scratch);
    let mut heard = Vec::new();
    let dumped = run(&space(300), &*dir, |keys, bytes| {
        heard.push((keys, bytes));
        true
    });
    let dumped = dumped.unwrap();
    let bytes = std::fs::read(scratch.join(NAME)).unwrap();
    assert_eq!((dumped.keys, dumped.bytes), (300, bytes.len() as u64));
    assert_eq!(dir.mode(NAME).unwrap(), Some(0o640));
    assert_eq!(heard.last(), Some(&(300, dumped.bytes)));
    assert!(heard.len() == 300 && heard.is_sorted());
    assert_eq!(dumped.file.write(b"more").unwrap(), 4);
    let empty = Place { dir: &*dir, name: "empty", mode: 0o600, role: Role::Rewrite, control: Control::None };
    let form = Form::Resp(Head::default());
    assert_eq!(dump(&space(0), empty, form, false, |_, _| true).unwrap().bytes, 0);
    assert_eq!(dir.size("empty").unwrap(), Some(0));
}

#[test]
fn r14_every_failing_call_leaves_nothing_behind_and_says_what_failed() {
    let scratch = Scratch::new();
    let cases = [
        (Call::Open, 1, Mode::Fail, libc::EMFILE, "create"),
        (Call::Open, 1, Mode::FailAfter, libc::EIO, "create"),
        (Call::Write, 1, Mode::Fail, libc::ENOSPC, "write"),
        (Call::Write, 3, Mode::Fail, libc::EIO, "write"),
        (Call::Write, 2, Mode::FailAfter, libc::EDQUOT, "write"),
        (Call::Sync, 1, Mode::Fail, libc::EIO, "write"),
        (Call::Stat, 1, Mode::Fail, libc::EIO, "look at"),
    ];
    for (call, nth, mode, errno, what) in cases {
        let dir = FaultDir::new(opened(&scratch), Plan::new());
        dir.plan().add(Fault { nth, mode, ..Fault::on(call, errno) });
        let failed = run(&space(1000), &*dir, |_, _| true).err().unwrap();
        assert_eq!(failed.errno, errno, "{call:?}");
        assert!(
            failed.message.starts_with(&format!("cannot {what} {}", scratch.path().display())),
            "{failed}"
        );
        assert_eq!(dir.names().unwrap(), Vec::<String>::new(), "{call:?}");
    }
    let dir = FaultDir::new(opened(&scratch), Plan::new());
    dir.plan().add(Fault { mode: Mode::Short, short_len: 7, sticky: true, ..Fault::on(Call::Write, 0) });
    let dumped = run(&space(50), &*dir, |_, _| true).unwrap();
    assert_eq!(dir.size(NAME).unwrap(), Some(dumped.bytes));
}

#[test]
fn r02_a_name_that_is_taken_is_left_alone() {
    let scratch = Scratch::new();
    let dir = opened(&scratch);
    dir.write_new(NAME, b"somebody's").unwrap();
    assert_eq!(run(&space(1), &*dir, |_, _| true).err().unwrap().errno, libc::EEXIST);
    assert_eq!(std::fs::read(scratch.join(NAME)).unwrap(), b"somebody's");
}

#[test]
fn a_dump_can_be_stopped_after_any_key() {
    let scratch = Scratch::new();
    let dir = opened(&scratch);
    for most in [1, 150, 300] {
        let failed = run(&space(300), &*dir, |keys, _| keys < most).err().unwrap();
        assert_eq!(failed.errno, libc::ECANCELED);
        assert!(dir.names().unwrap().is_empty());
    }
}

#[test]
fn a_file_that_was_removed_or_cut_meanwhile_is_no_dump() {
    let scratch = Scratch::new();
    let dir = opened(&scratch);
    let removed = run(&space(300), &*dir, |keys, _| {
        if keys == 1 {
            dir.unlink(NAME).unwrap();
        }
        true
    });
    assert!(removed.err().unwrap().message.contains("no file instead of"));
    let longer = run(&space(300), &*dir, |keys, _| {
        if keys == 1 {
            dir.open_append(NAME, crate::fs::Create::Never).unwrap().write(b"x").unwrap();
        }
        true
    });
    assert!(longer.err().unwrap().message.contains("another length instead of"));
    assert!(dir.names().unwrap().is_empty());
}
