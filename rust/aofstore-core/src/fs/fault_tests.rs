use super::super::os::{Access, OsDir};
use super::super::scratch::Scratch;
use super::*;

fn faulty(scratch: &Scratch) -> (Arc<FaultDir>, Arc<Plan>) {
    let plan = Plan::new();
    let dir = OsDir::open(scratch.path(), Access::Exclusive).unwrap();
    (FaultDir::new(Arc::new(dir), Arc::clone(&plan)), plan)
}

fn raw<T>(result: io::Result<T>) -> Result<T, i32> {
    result.map_err(|error| error.raw_os_error().unwrap())
}

#[test]
fn the_nth_call_of_a_kind_fails_once() {
    let scratch = Scratch::new();
    let (dir, plan) = faulty(&scratch);
    plan.add(Fault::on(Call::Write, libc::EIO).nth(2));
    let file = dir.open_append("log", Create::Missing).unwrap();
    let results: Vec<_> = (0..4).map(|_| raw(file.write(b"ab"))).collect();
    assert_eq!(results, [Ok(2), Err(libc::EIO), Ok(2), Ok(2)]);
    assert_eq!((plan.injected(), plan.count(Call::Write), plan.count(Call::Open)), (1, 4, 1));
    assert_eq!(file.size().unwrap(), 6);
}

#[test]
fn sticky_short_and_after_effect() {
    let scratch = Scratch::new();
    let (dir, plan) = faulty(&scratch);
    let file = dir.open_append("log", Create::Missing).unwrap();
    plan.add(Fault::on(Call::Write, 0).short(3).sticky());
    assert_eq!((file.write(b"abcdef").unwrap(), file.write(b"gh").unwrap()), (3, 2));
    plan.clear();
    plan.add(Fault::on(Call::Write, libc::EDQUOT).mode(Mode::FailAfter));
    assert_eq!(raw(file.write(b"xyz")), Err(libc::EDQUOT));
    assert_eq!(std::fs::read(scratch.join("log")).unwrap(), b"abcghxyz");
    plan.add(Fault { call: None, ..Fault::on(Call::Sync, libc::EINTR) }.nth(3));
    assert!(file.sync_data().is_ok() && dir.sync().is_ok());
    assert_eq!(raw(dir.rename("log", "other")), Err(libc::EINTR));
    assert_eq!(dir.size("log").unwrap(), Some(8));
}

#[test]
fn a_named_fault_leaves_other_files_alone() {
    let scratch = Scratch::new();
    let (dir, plan) = faulty(&scratch);
    plan.add(Fault { name: Some("b".into()), ..Fault::on(Call::Sync, libc::EIO) });
    let (a, b) =
        (dir.open_append("a", Create::Missing).unwrap(), dir.open_append("b", Create::Missing).unwrap());
    assert_eq!((raw(a.sync_data()), raw(b.sync_data())), (Ok(()), Err(libc::EIO)));
}

#[test]
fn what_was_recorded_is_what_happened() {
    let scratch = Scratch::new();
    let (dir, plan) = faulty(&scratch);
    plan.record(true);
    plan.add(Fault::on(Call::Sync, libc::ENOSPC).nth(2));
    let file = dir.open_append("log", Create::Missing).unwrap();
    file.write(b"abc").unwrap();
    file.sync_data().unwrap();
    file.sync_data().unwrap_err();
    drop(file);
    let made = plan.take_made();
    let seen: Vec<_> =
        made.iter().map(|made| (made.call.name(), made.bytes, made.result, made.injected)).collect();
    assert_eq!(
        seen,
        [
            ("open", 0, Ok(0), false),
            ("write", 3, Ok(3), false),
            ("sync", 0, Ok(0), false),
            ("sync", 0, Err(libc::ENOSPC), true),
            ("close", 0, Ok(0), false),
        ]
    );
    assert_eq!(made.iter().filter(|made| made.injected).count() as u64, plan.injected());
}

#[test]
fn a_delay_is_before_the_effect() {
    let scratch = Scratch::new();
    let (dir, plan) = faulty(&scratch);
    let file = dir.open_append("log", Create::Missing).unwrap();
    plan.add(Fault::on(Call::Sync, 0).delay(30));
    let start = std::time::Instant::now();
    file.sync_data().unwrap();
    assert!(start.elapsed() >= Duration::from_millis(30));
}

#[test]
fn every_kind_has_a_name_that_reads_back() {
    for call in Call::ALL {
        assert_eq!(Call::from_name(call.name()), Some(call));
        assert_eq!(Call::ALL[call as usize], call);
    }
}
