//! What a caller and the store learn of a rewrite while it runs and when it is over.

use super::*;

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
