//! Whatever befalls the child or the parent, the other side learns of it, and of where and why.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileTypeExt;
use std::time::{Duration, Instant};

use aofstore_core::rewrite::{DEFECT, Plan, Reaped, Report, Step};

use crate::rig::{Rig, TIMEOUT, command};

#[test]
fn p_15_an_answer_that_does_not_come_fails_the_rewrite() {
    let mut rig = Rig::new(Plan::default());
    rig.ack_timeout = Duration::from_millis(300);
    let mut running = rig.fork();
    running.answer = None;
    running.await_step(Step::Waiting);
    let begun = Instant::now();
    assert_eq!(running.finish(), Reaped::Exited(1));
    assert!(begun.elapsed() > Duration::from_millis(250));
    let report = running.report.unwrap();
    assert_eq!((report.ok, report.step, report.errno), (false, Step::Waiting, libc::ETIMEDOUT));
}

#[test]
fn p_15_another_byte_fails_the_rewrite() {
    let rig = Rig::new(Plan::default());
    let mut running = rig.fork();
    running.answer = Some(b'?');
    assert_eq!(running.finish(), Reaped::Exited(1));
    let report = running.report.unwrap();
    assert_eq!((report.ok, report.step, report.errno), (false, Step::Waiting, libc::EPROTO));
}

#[test]
fn time_in_which_the_child_was_stopped_does_not_count() {
    let mut rig = Rig::new(Plan::default());
    rig.ack_timeout = Duration::from_millis(400);
    let mut running = rig.fork();
    running.answer = None;
    while !running.asked {
        running.pump();
    }
    signal(running.child.pid(), libc::SIGSTOP);
    std::thread::sleep(Duration::from_millis(700));
    signal(running.child.pid(), libc::SIGCONT);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(running.child.reap(false), Reaped::Running);
    rustix::io::write(&running.ends.as_ref().unwrap().answer, b"!").unwrap();
    assert_eq!(running.finish(), Reaped::Exited(0));
    rig.check(&running, running.report.unwrap());
}

#[test]
fn p_21_a_child_whose_parent_closed_its_ends_leaves_at_once() {
    for step in Step::ALL.into_iter().filter(|step| *step < Step::Agreed) {
        let rig = Rig::new(Plan { pause: Some(step), ..Plan::default() });
        let mut running = rig.fork();
        while rig.page.reached() != Some(step) {
            running.pump();
        }
        running.hang_up();
        let begun = Instant::now();
        rig.page.resume();
        assert_eq!(running.child.reap(true), Reaped::Exited(1), "{}", step.name());
        assert!(begun.elapsed() < Duration::from_secs(2));
    }
}

#[test]
fn a_report_that_nobody_reads_fails_the_child() {
    let rig = Rig::new(Plan { pause: Some(Step::Synced), ..Plan::default() });
    let mut running = rig.fork();
    while rig.page.reached() != Some(Step::Synced) {
        running.pump();
    }
    running.hang_up();
    // Another test may be forking: its child holds copies of the ends until it has closed them.
    std::thread::sleep(Duration::from_millis(200));
    rig.page.resume();
    assert_eq!(running.child.reap(true), Reaped::Exited(1));
}

#[test]
fn c_16_killed_at_any_step_it_leaves_no_report_but_the_last() {
    for step in Step::ALL {
        let rig = Rig::new(Plan { kill: Some(step), ..Plan::default() });
        let mut running = rig.fork();
        assert_eq!(running.finish(), Reaped::Signalled(libc::SIGKILL), "{}", step.name());
        assert_eq!(running.report.is_some_and(|report| report.ok), step == Step::Done);
        assert!(!running.proc("").exists());
    }
}

#[test]
fn an_error_at_any_step_is_told_with_step_and_errno() {
    for (step, errno) in Step::ALL.into_iter().zip(100..) {
        let rig = Rig::new(Plan { fail: Some((step, errno)), ..Plan::default() });
        let mut running = rig.fork();
        assert_eq!(running.finish(), Reaped::Exited(1), "{}", step.name());
        let report = running.report.unwrap();
        match step {
            Step::Done => assert!(report.ok),
            _ => assert_eq!((report.ok, report.step, report.errno), (false, step, errno)),
        }
    }
}

#[test]
fn an_error_in_the_middle_of_the_dump_says_how_far_it_came() {
    let plan = Plan { fail: Some((Step::Dumping, libc::EIO)), after_keys: 100, ..Plan::default() };
    let rig = Rig::new(plan);
    let mut running = rig.fork();
    assert_eq!(running.finish(), Reaped::Exited(1));
    let report = running.report.unwrap();
    assert_eq!((report.step, report.errno, report.keys), (Step::Dumping, libc::EIO, 100));
}

#[test]
fn g_08_a_status_without_a_report_and_a_defect() {
    for step in Step::ALL {
        let rig = Rig::new(Plan { exit: Some((step, 7)), ..Plan::default() });
        let mut running = rig.fork();
        assert_eq!(running.finish(), Reaped::Exited(7), "{}", step.name());
        let rig = Rig::new(Plan { panic: Some(step), ..Plan::default() });
        let mut running = rig.fork();
        assert_eq!(running.finish(), Reaped::Exited(DEFECT), "{}", step.name());
    }
}

#[test]
fn a_full_disk_is_told() {
    let full = || {
        let full = OpenOptions::new().read(true).write(true).open("/dev/full").unwrap();
        assert!(fs::metadata("/dev/full").unwrap().file_type().is_char_device());
        full
    };
    let mut rig = Rig::new(Plan::default());
    rig.temp = full();
    let mut running = rig.fork();
    assert_eq!(running.finish(), Reaped::Exited(1));
    let report = running.report.unwrap();
    assert_eq!((report.ok, report.errno, report.bytes), (false, libc::ENOSPC, 0));
    assert!(report.step <= Step::EarlySync);

    let mut rig = Rig::new(Plan::default());
    rig.spool = full();
    let mut running = rig.fork();
    running.feed(b"x");
    assert_eq!(running.finish(), Reaped::Exited(1));
    let report = running.report.unwrap();
    assert_eq!((report.ok, report.errno), (false, libc::ENOSPC));
    assert!(report.step <= Step::Draining);
}

#[test]
fn a_spool_that_somebody_cut_is_an_error_and_no_short_file() {
    let rig = Rig::new(Plan { pause: Some(Step::Agreed), ..Plan::default() });
    let mut running = rig.fork();
    running.feed(&command(&[b"SET", b"k", &vec![b'v'; 100_000]]));
    while rig.page.reached() != Some(Step::Agreed) {
        running.pump();
    }
    rig.spool.set_len(50_000).unwrap();
    rig.page.resume();
    assert_eq!(running.finish(), Reaped::Exited(1));
    let report = running.report.unwrap();
    assert_eq!((report.ok, report.step, report.errno), (false, Step::Agreed, libc::EIO));
}

#[test]
fn g_13_a_refused_fork_leaves_nothing_open() {
    let rig = Rig::new(Plan { refuse: Some(libc::EAGAIN), ..Plan::default() });
    let error = rig.try_fork().err().unwrap();
    assert_eq!(error.raw_os_error(), Some(libc::EAGAIN));
    rig.page.arm(&Plan::default());
    let mut running = rig.fork();
    assert_eq!(running.finish(), Reaped::Exited(0));
}

#[test]
fn the_status_may_be_taken_by_the_host() {
    let rig = Rig::new(Plan::default());
    let mut running = rig.fork();
    let pid = rustix::process::Pid::from_raw(running.child.pid());
    let begun = Instant::now();
    while running.report.is_none() {
        running.pump();
        assert!(begun.elapsed() < TIMEOUT);
    }
    let (_, status) = rustix::process::waitpid(pid, rustix::process::WaitOptions::empty()).unwrap().unwrap();
    assert_eq!(status.exit_status(), Some(0));
    assert_eq!(running.child.reap(true), Reaped::Unknown);
    assert_eq!(running.child.reap(false), Reaped::Unknown);
    running.child.kill();
    rig.check(&running, running.report.unwrap());
}

#[test]
fn the_end_is_told_again_and_nobody_is_killed_after_it() {
    let rig = Rig::new(Plan::default());
    let mut running = rig.fork();
    assert_eq!(running.child.reap(false), Reaped::Running);
    running.child.kill();
    assert_eq!(running.child.reap(true), Reaped::Signalled(libc::SIGKILL));
    running.child.kill();
    assert_eq!(running.child.reap(true), Reaped::Signalled(libc::SIGKILL));
    assert!(Report::read(running.told.take().unwrap()).unwrap().is_none());
}

#[test]
fn a_killer_need_not_wait_for_whoever_waits() {
    let rig = Rig::new(Plan { pause: Some(Step::Dumping), ..Plan::default() });
    let running = rig.fork();
    let child = &running.child;
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| child.reap(true));
        std::thread::sleep(Duration::from_millis(30));
        child.kill();
        assert_eq!(waiting.join().unwrap(), Reaped::Signalled(libc::SIGKILL));
    });
}

#[test]
fn a_dropped_child_is_gone_without_a_trace() {
    let rig = Rig::new(Plan { pause: Some(Step::Draining), ..Plan::default() });
    let running = rig.fork();
    let proc = running.proc("");
    assert!(proc.exists());
    drop(running);
    assert!(!proc.exists());
}

pub fn signal(pid: i32, signal: i32) {
    // SAFETY: two numbers; the process is a child that is not waited for yet.
    assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
}
