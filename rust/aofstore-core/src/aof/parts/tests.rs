//! The manifest's changes under faults: before its rename nothing has happened, behind it there is only forwards.

use super::*;
use crate::aof::names::Form;
use crate::event::Level;
use crate::fs::fault::{Call, Fault, FaultDir, Mode, Plan};
use crate::fs::os::{Access, OsDir};
use crate::fs::scratch::Scratch;

const MANIFEST: &str = "log.manifest";

struct Rig {
    parts: Arc<Parts>,
    faults: Arc<Plan>,
    events: Arc<Events>,
    scratch: Scratch,
}

impl Rig {
    fn new(control: Control) -> Self {
        let scratch = Scratch::new();
        let (faults, events) = (Plan::new(), Events::new(64));
        let home = Arc::new(OsDir::open(scratch.path(), Access::Exclusive).unwrap());
        let home = FaultDir::new(home, Arc::clone(&faults));
        let parts = Parts::new(home, "dir", "log", control, Arc::clone(&events)).unwrap();
        Self { parts, faults, events, scratch }
    }

    /// With a log of one increment.
    fn opened() -> Self {
        let rig = Self::new(Control::None);
        let opened = rig.parts.open(Manifest::default(), false).unwrap();
        assert_eq!((opened.name.as_str(), opened.before, opened.base), ("log.1.incr.aof", 0, 0));
        rig
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.scratch.join("dir").join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.file(name), bytes).unwrap();
    }

    fn names(&self) -> Vec<String> {
        let mut names = self.parts.dir().unwrap().names().unwrap();
        names.sort_unstable();
        names
    }

    fn manifest(&self) -> String {
        std::fs::read_to_string(self.file(MANIFEST)).unwrap()
    }

    fn warnings(&self) -> Vec<String> {
        let records = self.events.drain().into_iter();
        records.filter(|record| record.level == Level::Warning).map(|record| record.text).collect()
    }
}

fn lines(entries: &[(&str, i64, char)]) -> String {
    let line = |(name, seq, kind): &(&str, i64, char)| format!("file {name} seq {seq} type {kind}\n");
    entries.iter().map(line).collect::<Vec<_>>().concat()
}

#[test]
fn a_rewrite_of_a_sound_log_goes_on_in_the_next_increment_and_then_forgets_what_was_before() {
    let rig = Rig::opened();
    rig.write("log.1.incr.aof", b"x");
    let next = rig.parts.begin_next(Form::Resp, "log.1.incr.aof", false).unwrap();
    let (incr, _) = next.incr.unwrap();
    assert_eq!((next.base.name.as_str(), incr.name.as_str()), ("log.1.base.aof", "log.2.incr.aof"));
    let planned = [("log.1.base.aof", 1, 'h'), ("log.1.incr.aof", 1, 'i'), ("log.2.incr.aof", 2, 'i')];
    assert_eq!(rig.manifest(), lines(&planned));
    rig.write("log.1.base.aof", b"base");
    assert_eq!(rig.parts.finish_next(next.base, &incr.name).unwrap(), Proof::Certain);
    let before = [("log.1.base.aof", 1, 'b'), ("log.1.incr.aof", 1, 'h'), ("log.2.incr.aof", 2, 'i')];
    assert_eq!(rig.manifest(), lines(&before));
    drop(rig.parts.collect());
    assert_eq!(rig.manifest(), lines(&[before[0], before[2]]));
    assert_eq!(rig.names(), ["log.1.base.aof", "log.2.incr.aof", MANIFEST]);
}

#[test]
fn the_names_of_the_history_go_at_once_and_its_bytes_with_what_is_held() {
    let rig = Rig::opened();
    rig.write("log.1.incr.aof", b"x");
    let next = rig.parts.begin_next(Form::Resp, "log.1.incr.aof", false).unwrap();
    rig.write("log.1.base.aof", b"base");
    rig.parts.finish_next(next.base, "log.2.incr.aof").unwrap().certain().unwrap();
    drop(next.incr);
    rig.faults.record(true);
    let held = rig.parts.collect();
    assert_eq!(rig.names(), ["log.1.base.aof", "log.2.incr.aof", MANIFEST]);
    assert_eq!(held.iter().map(|file| file.size().unwrap()).collect::<Vec<_>>(), [1]);
    let closed = || rig.faults.take_made().iter().any(|made| made.call == Call::Close);
    assert!(!closed());
    drop(held);
    assert!(closed());
    assert!(rig.parts.collect().is_empty(), "there is no more history");
}

#[test]
fn history_that_cannot_be_held_goes_all_the_same() {
    let rig = Rig::opened();
    rig.write("log.1.incr.aof", b"x");
    let next = rig.parts.begin_next(Form::Resp, "log.1.incr.aof", false).unwrap();
    rig.write("log.1.base.aof", b"base");
    rig.parts.finish_next(next.base, "log.2.incr.aof").unwrap().certain().unwrap();
    rig.faults.add(Fault::on(Call::OpenRead, libc::EMFILE));
    assert!(rig.parts.collect().is_empty());
    assert_eq!(rig.names(), ["log.1.base.aof", "log.2.incr.aof", MANIFEST]);
}

#[test]
fn an_increment_that_a_failed_rewrite_left_is_used_by_the_next() {
    let rig = Rig::opened();
    rig.write("log.1.incr.aof", b"x");
    for _ in 0..3 {
        let next = rig.parts.begin_next(Form::Resp, "log.1.incr.aof", false).unwrap();
        assert_eq!(next.incr.unwrap().0.name, "log.2.incr.aof");
    }
    let fresh = rig.parts.begin_next(Form::Resp, "log.2.incr.aof", true).unwrap();
    assert!(fresh.incr.is_none());
    assert_eq!(rig.names(), ["log.1.incr.aof", "log.2.incr.aof", MANIFEST]);
}

#[test]
fn numbers_go_on_from_the_highest_and_around_what_is_there() {
    let rig = Rig::new(Control::None);
    rig.parts.make_dir().unwrap();
    for name in ["b", "i", "log.8.base.rdb", "log.10.incr.aof"] {
        rig.write(name, b"x");
    }
    rig.write(MANIFEST, lines(&[("b", 7, 'b'), ("i", 9, 'i')]).as_bytes());
    let manifest = rig.parts.read().unwrap().unwrap();
    rig.parts.open(manifest, false).unwrap();
    let next = rig.parts.begin_next(Form::Resp, "i", false).unwrap();
    assert_eq!((next.base.seq, next.incr.unwrap().0.seq), (9, 11));
    // Negative numbers are accepted from others, and 0 is never made of them.
    rig.write(MANIFEST, lines(&[("b", -1, 'b'), ("i", i64::MAX, 'i')]).as_bytes());
    let manifest = rig.parts.read().unwrap().unwrap();
    rig.parts.open(manifest, false).unwrap();
    let failed = rig.parts.begin_next(Form::Resp, "i", false).err().unwrap();
    assert!(failed.to_string().contains("free number"), "{failed}");
}

#[test]
fn a_log_that_was_never_loaded_is_kept_with_its_manifest_and_numbers_rise_above_its() {
    let rig = Rig::new(Control::None);
    rig.parts.make_dir().unwrap();
    let theirs = lines(&[("log.3.base.rdb", 3, 'b'), ("log.5.incr.aof", 5, 'i')]);
    rig.write("log.3.base.rdb", b"base");
    rig.write("log.5.incr.aof", b"incr");
    rig.write(MANIFEST, theirs.as_bytes());
    rig.write("log.manifest.old-7", b"older");
    let anew = rig.parts.begin_anew(Form::Resp, true).unwrap();
    assert_eq!(rig.manifest(), theirs);
    let ours = lines(&[("log.6.base.aof", 6, 'b'), ("log.6.incr.aof", 6, 'i')]);
    assert_eq!(rig.parts.finish_anew(anew, 7).unwrap(), Proof::Certain);
    drop(rig.parts.collect());
    assert_eq!(rig.manifest(), ours);
    assert_eq!(std::fs::read_to_string(rig.file("log.manifest.old-8")).unwrap(), theirs);
    assert_eq!(std::fs::read(rig.file("log.3.base.rdb")).unwrap(), b"base");
    assert_eq!(std::fs::read(rig.file("log.5.incr.aof")).unwrap(), b"incr");
    // From now on it is ours: nothing more is kept.
    let anew = rig.parts.begin_anew(Form::Resp, true).unwrap();
    rig.parts.finish_anew(anew, 9).unwrap().certain().unwrap();
    assert_eq!(rig.names().iter().filter(|name| name.contains(".old-")).count(), 2);
}

#[test]
fn what_a_new_beginning_will_make_is_history_until_it_is_finished() {
    let rig = Rig::new(Control::None);
    let anew = rig.parts.begin_anew(Form::Resp, true).unwrap();
    assert_eq!(rig.manifest(), lines(&[("log.1.base.aof", 1, 'h'), ("log.1.incr.aof", 1, 'h')]));
    // A crash here: the next open sees no data, and removes what was made.
    rig.write("log.1.base.aof", b"base");
    let manifest = rig.parts.read().unwrap().unwrap();
    assert!(manifest.is_empty() && rig.parts.unlisted(&manifest).unwrap().is_empty());
    rig.parts.finish_anew(anew, 1).unwrap().certain().unwrap();
    assert_eq!(rig.manifest(), lines(&[("log.1.base.aof", 1, 'b'), ("log.1.incr.aof", 1, 'i')]));
}

#[test]
fn every_fault_before_the_rename_leaves_the_manifest_and_no_file() {
    for (call, nth) in
        [(Call::Open, 1), (Call::SyncDir, 1), (Call::WriteNew, 1), (Call::Rename, 1), (Call::Stat, 1)]
    {
        for mode in [Mode::Fail, Mode::FailAfter] {
            let rig = Rig::opened();
            rig.write("log.1.incr.aof", b"x");
            let (manifest, names) = (rig.manifest(), rig.names());
            rig.faults.add(Fault::on(call, libc::EIO).nth(nth).mode(mode));
            let begun = rig.parts.begin_next(Form::Resp, "log.1.incr.aof", false);
            assert_eq!(rig.faults.injected(), 1);
            if begun.is_ok() {
                assert_eq!((call, mode), (Call::Rename, Mode::FailAfter));
                continue;
            }
            let mut left = rig.names();
            left.retain(|name| !name.starts_with("temp-"));
            assert_eq!((rig.manifest(), left), (manifest, names), "{call:?} {mode:?}");
            rig.parts.begin_next(Form::Resp, "log.1.incr.aof", false).unwrap();
        }
    }
}

#[test]
fn a_directory_that_cannot_be_synced_behind_the_rename_proves_nothing() {
    let rig = Rig::opened();
    rig.write("log.1.incr.aof", b"x");
    rig.faults.add(Fault::on(Call::SyncDir, libc::EIO).nth(2));
    let failed = rig.parts.begin_next(Form::Resp, "log.1.incr.aof", false).err().unwrap();
    assert!(failed.to_string().contains("sync the directory"), "{failed}");
    // It may be listed after a power cut: so it stays, and is what the next one takes.
    assert_eq!(rig.names(), ["log.1.incr.aof", "log.2.incr.aof", MANIFEST]);
    let next = rig.parts.begin_next(Form::Resp, "log.1.incr.aof", false).unwrap();
    let (incr, _) = next.incr.unwrap();
    assert_eq!(incr.name, "log.2.incr.aof");
    rig.faults.add(Fault::on(Call::SyncDir, libc::EIO));
    assert_eq!(rig.parts.finish_next(next.base, &incr.name).unwrap(), Proof::Unproven(libc::EIO));
}

#[test]
fn history_that_cannot_be_removed_stays_listed() {
    let rig = Rig::opened();
    let anew = rig.parts.begin_anew(Form::Resp, true).unwrap();
    for name in [&anew.base.name, &anew.incr.as_ref().unwrap().name] {
        rig.write(name, b"x");
    }
    rig.parts.finish_anew(anew, 1).unwrap().certain().unwrap();
    rig.faults.add(Fault::on(Call::Unlink, libc::EPERM));
    drop(rig.parts.collect());
    let kept = [("log.1.base.aof", 1, 'b'), ("log.1.incr.aof", 1, 'h'), ("log.2.incr.aof", 2, 'i')];
    assert_eq!(rig.manifest(), lines(&kept));
    assert!(rig.warnings()[0].contains("cannot remove log.1.incr.aof"));
    drop(rig.parts.collect());
    assert_eq!(rig.manifest(), lines(&[kept[0], kept[2]]));
}
