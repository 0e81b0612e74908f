//! The difference arrives whole, in order and once, wherever it is cut (theme 10, T-07).

use std::time::{Duration, Instant};

use aofstore_core::rewrite::{Plan, Reaped, SharedPage, Step};

use crate::rig::{Rig, TIMEOUT, command, dump_of, some_of_everything, space_of};

fn pausing(step: Step) -> Plan {
    Plan { pause: Some(step), ..Plan::default() }
}

#[test]
fn a_dump_without_a_difference() {
    let rig = Rig::new(Plan::default());
    let mut running = rig.fork();
    assert_eq!(running.finish(), Reaped::Exited(0));
    let report = running.report.unwrap();
    rig.check(&running, report);
    assert!(report.cow_bytes > 0 && report.cow_bytes.is_multiple_of(1024));
    assert_eq!(report.diff_bytes, 0);
    assert!(running.child.micros > 0);
}

#[test]
fn what_is_written_loads_as_what_was_there() {
    let rig = Rig::new(Plan::default());
    let mut running = rig.fork();
    running.feed(&command(&[b"SELECT", b"3"]));
    running.feed(&command(&[b"APPEND", b"n", b"3"]));
    assert_eq!(running.finish(), Reaped::Exited(0));
    rig.check(&running, running.report.unwrap());
    let again = dump_of(&space_of(&rig.file()));
    let n = command(&[b"SET", b"n", b"123"]);
    assert!(again.windows(n.len()).any(|part| part == n));
    assert_eq!(dump_of(&space_of(&dump_of(&rig.space))).len(), dump_of(&some_of_everything()).len());
}

#[test]
fn t_07_at_every_step_the_file_is_the_dump_and_exactly_what_was_sent() {
    let mut big = command(&[b"SELECT", b"0"]);
    big.extend(command(&[b"SET", b"big", &vec![b'x'; 5 << 20]]));
    for step in Step::ALL {
        let rig = Rig::new(pausing(step));
        let mut running = rig.fork();
        running.feed(&command(&[b"SELECT", b"0"]));
        running.feed(&command(&[b"SET", b"first", b"1"]));
        while rig.page.reached() != Some(step) {
            running.pump();
        }
        running.feed(&big);
        running.pump_until_still();
        rig.page.resume();
        assert_eq!(running.finish(), Reaped::Exited(0), "{}", step.name());
        rig.check(&running, running.report.unwrap());
        match step {
            // Whoever has said `!` is sent nothing more: the rest is the parent's to append (P-17).
            Step::Waiting | Step::Agreed | Step::Synced | Step::Done => assert!(running.sent < 5 << 20),
            Step::Asking => assert!(running.sent > 65536 / 2 && running.sent < 5 << 20),
            _ => assert!(running.sent > 65536 / 2),
        }
    }
}

#[test]
fn p_09_the_pipe_is_emptied_while_the_dump_goes_on() {
    let rig = Rig::new(Plan { micros_per_key: 200, ..Plan::default() });
    let mut running = rig.fork();
    let mut seen = 0;
    while rig.page.reached() <= Some(Step::Dumping) {
        seen = rig.page.bytes_received();
        if running.fed.len() < 4 << 20 {
            running.feed(&[b'y'; 10_000]);
        }
        running.pump();
    }
    // Four times what the pipe holds.
    assert!(seen > 4 * 65536, "{seen}");
    assert_eq!(running.finish(), Reaped::Exited(0));
    rig.check(&running, running.report.unwrap());
}

#[test]
fn p_11_a_parent_that_never_pauses_does_not_keep_the_child_draining() {
    let rig = Rig::new(Plan::default());
    let mut running = rig.fork();
    let begun = Instant::now();
    while !running.asked {
        if running.sent == running.fed.len() {
            running.feed(&[b'z'; 1000]);
        }
        running.pump();
        assert!(begun.elapsed() < TIMEOUT);
    }
    assert_eq!(running.finish(), Reaped::Exited(0));
    rig.check(&running, running.report.unwrap());
}

#[test]
fn p_11_twenty_empty_polls_end_the_drain() {
    let rig = Rig::new(Plan::default());
    let mut running = rig.fork();
    running.await_step(Step::Draining);
    let begun = Instant::now();
    running.await_step(Step::Waiting);
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(15) && took < Duration::from_millis(900), "{took:?}");
    assert_eq!(running.finish(), Reaped::Exited(0));
}

#[test]
fn p_16_what_lies_in_the_pipe_at_the_answer_is_read() {
    let rig = Rig::new(pausing(Step::Waiting));
    let mut running = rig.fork();
    running.await_step(Step::Waiting);
    // Sent after the child asked and before it is answered.
    let last = [b'w'; 10_000];
    running.feed(&last);
    assert_eq!(rustix::io::write(&running.ends.as_ref().unwrap().data, &last), Ok(last.len()));
    running.sent = last.len();
    rig.page.resume();
    assert_eq!(running.finish(), Reaped::Exited(0));
    rig.check(&running, running.report.unwrap());
}

#[test]
fn the_parent_may_close_its_data_end_once_it_has_answered() {
    let rig = Rig::new(pausing(Step::Agreed));
    let mut running = rig.fork();
    running.feed(b"abc");
    while rig.page.reached() != Some(Step::Agreed) {
        running.pump();
    }
    let ends = running.ends.take().unwrap();
    drop(ends.data);
    rig.page.resume();
    assert_eq!(running.child.reap(true), Reaped::Exited(0));
    running.pump();
    rig.check(&running, running.report.unwrap());
}

#[test]
fn progress_is_seen_from_outside() {
    let plan = Plan { pause: Some(Step::Dumping), after_keys: 1000, ..Plan::default() };
    let rig = Rig::new(plan);
    assert_eq!((rig.page.reached(), rig.page.pid()), (None, 0));
    let mut running = rig.fork();
    let begun = Instant::now();
    while rig.page.keys_done() < 1000 && begun.elapsed() < Duration::from_secs(5) {
        std::thread::yield_now();
    }
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!((rig.page.keys_done(), rig.page.pid()), (1000, running.child.pid()));
    assert!(rig.page.bytes_written() > 1000 && rig.page.reached() == Some(Step::Dumping));
    rig.page.resume();
    assert_eq!(running.finish(), Reaped::Exited(0));
    rig.check(&running, running.report.unwrap());
    assert_eq!(rig.page.reached(), Some(Step::Done));
}

#[test]
fn the_default_plan_is_that_of_pages_made_later() {
    let before = SharedPage::new().unwrap();
    drop(before);
    let page = SharedPage::new().unwrap();
    // Other tests make pages too.
    assert!(SharedPage::latest().is_some());
    assert_eq!(page.reached(), None);
}
