//! Children that are told nothing: they dump, sync, report and leave (theme 13).

use aofstore_core::event::Events;
use aofstore_core::rewrite::{self, DEFECT, Failure, Plan, Reaped, Report, Step, Watch};

use crate::rig::{Kind, Rig, Running, command};

/// Those that such a child passes.
const STEPS: [Step; 4] = [Step::Dumping, Step::EarlySync, Step::Synced, Step::Done];
const KINDS: [Kind; 2] = [Kind::Resp, Kind::Rdb];

fn each_form(plan: Plan, test: impl Fn(&Rig)) {
    for kind in KINDS {
        let mut rig = Rig::new(plan);
        (rig.alone, rig.kind) = (true, kind);
        test(&rig);
    }
}

fn wait(running: &Running, stop: impl Fn() -> Option<Failure>) -> Result<Report, Failure> {
    let told = running.told.as_ref().unwrap();
    rewrite::wait(Watch { child: &running.child, report: told, events: &Events::new(16) }, stop)
}

#[test]
fn c_01_it_writes_the_whole_dump_without_an_allocation_and_reports() {
    each_form(Plan::default(), |rig| {
        let running = rig.fork();
        let report = wait(&running, || None).unwrap();
        rig.check(&running, report);
        assert_eq!((report.diff_bytes, running.child.reap(true)), (0, Reaped::Exited(0)));
        assert!(report.cow_bytes > 0 && report.cow_bytes.is_multiple_of(1024));
    });
}

#[test]
fn it_has_its_file_and_its_pipe_and_no_other_descriptor() {
    each_form(Plan { pause: Some(Step::Dumping), ..Plan::default() }, |rig| {
        let running = rig.fork();
        running.await_step(Step::Dumping);
        let fds = running.fds();
        assert_eq!(fds.len(), 2, "{fds:?}");
        assert_eq!(fds.iter().filter(|(_, link)| link.starts_with("pipe:")).count(), 1, "{fds:?}");
        assert_eq!(running.status("Name"), "aofstore-save");
        assert_eq!(running.status("SigCgt"), "0000000000000000");
    });
}

#[test]
fn c_11_killed_at_any_step_it_is_told_by_the_signal() {
    for step in STEPS {
        each_form(Plan { kill: Some(step), ..Plan::default() }, |rig| {
            let running = rig.fork();
            let failure = wait(&running, || None).unwrap_err();
            assert_eq!(failure.what, "the save child was killed by signal 9", "{}", step.name());
            assert!(!failure.deliberate);
        });
    }
}

#[test]
fn c_10_an_error_at_any_step_is_told_with_its_errno() {
    for step in STEPS {
        each_form(Plan { fail: Some((step, libc::EIO)), ..Plan::default() }, |rig| {
            let failure = wait(&rig.fork(), || None).unwrap_err();
            let expected = match step {
                // The report was sent; the status is a witness too.
                Step::Done => "the save child ended with status 1 and without a report".to_owned(),
                _ => format!("the save child failed ({}): Input/output error (os error 5)", step.name()),
            };
            assert_eq!(failure.what, expected);
        });
    }
}

#[test]
fn a_status_without_a_report_and_a_defect_are_failures() {
    for step in STEPS {
        each_form(Plan { exit: Some((step, 7)), ..Plan::default() }, |rig| {
            let failure = wait(&rig.fork(), || None).unwrap_err();
            assert_eq!(failure.what, "the save child ended with status 7 and without a report");
        });
        each_form(Plan { panic: Some(step), ..Plan::default() }, |rig| {
            let running = rig.fork();
            wait(&running, || None).unwrap_err();
            assert_eq!(running.child.reap(true), Reaped::Exited(DEFECT));
        });
    }
}

#[test]
fn a_wish_to_stop_kills_it_at_once_and_is_no_error() {
    each_form(Plan { pause: Some(Step::Dumping), ..Plan::default() }, |rig| {
        let running = rig.fork();
        running.await_step(Step::Dumping);
        let failure = wait(&running, || Some(Failure::stopped("enough"))).unwrap_err();
        assert!(failure.deliberate && failure.what == "enough");
        assert_eq!(running.child.reap(false), Reaped::Signalled(libc::SIGKILL));
    });
}

#[test]
fn a_full_disk_is_told() {
    for kind in KINDS {
        let mut rig = Rig::new(Plan::default());
        (rig.alone, rig.kind) = (true, kind);
        rig.temp = std::fs::OpenOptions::new().read(true).write(true).open("/dev/full").unwrap();
        let failure = wait(&rig.fork(), || None).unwrap_err();
        assert!(failure.what.ends_with("No space left on device (os error 28)"), "{}", failure.what);
    }
}

#[test]
fn a_snapshot_may_be_followed_by_a_difference() {
    let mut rig = Rig::new(Plan::default());
    rig.kind = Kind::Rdb;
    let mut running = rig.fork();
    running.feed(&command(&[b"SELECT", b"0"]));
    assert_eq!(running.finish(), Reaped::Exited(0));
    rig.check(&running, running.report.unwrap());
}
