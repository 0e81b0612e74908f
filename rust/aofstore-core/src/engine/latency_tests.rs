//! The monitor itself, and what an engine gives it.

use super::{KEPT, Latency, Sample, doctor, event, graph};
use crate::command::Reply;
use crate::command::testing::shown;
use crate::engine::{Engine, Request, Session, Settings};

const NOW: i64 = 1_700_000_000;

fn with(samples: &[(i64, u64)]) -> Latency {
    let mut latency = Latency::new(1);
    for &(at, ms) in samples {
        latency.keep(event::COMMAND, Sample { at, ms });
    }
    latency
}

fn history(latency: &Latency) -> String {
    let mut reply = Reply::new();
    latency.history(b"command", &mut reply);
    shown(&reply)
}

fn latest(latency: &Latency) -> String {
    let mut reply = Reply::new();
    latency.latest(&mut reply);
    shown(&reply)
}

#[test]
fn x13_nothing_below_the_threshold_is_kept_and_nothing_at_threshold_0() {
    let mut latency = Latency::new(10);
    latency.sample(event::COMMAND, 9);
    assert!(latency.events.is_empty());
    latency.sample(event::COMMAND, 10);
    latency.sample("fork", 11);
    assert_eq!(latency.events.keys().copied().collect::<Vec<_>>(), ["command", "fork"]);
    let mut off = Latency::new(0);
    off.sample(event::COMMAND, 1_000_000);
    assert!(off.events.is_empty() && !off.is_on());
    latency.set_threshold(0);
    latency.sample("aof-rename", 100);
    assert_eq!(latency.events.len(), 2, "what was kept stays, and nothing comes to it");
}

#[test]
fn x13_samples_of_one_second_are_one_and_the_longest() {
    let latency = with(&[(NOW, 5), (NOW, 20), (NOW, 7), (NOW + 1, 3)]);
    assert_eq!(history(&latency), format!("[[{NOW}, 20], [{}, 3]]", NOW + 1));
    assert_eq!(latest(&latency), format!("[[\"command\", {}, 3, 20]]", NOW + 1));
}

#[test]
fn x13_160_samples_are_kept_and_the_worst_of_all_time() {
    let samples: Vec<(i64, u64)> = (0..200).map(|n| (NOW + n, 1000 - n as u64)).collect();
    let latency = with(&samples);
    let series = &latency.events["command"];
    assert_eq!(series.samples.len(), KEPT);
    assert_eq!(series.samples.front(), Some(&Sample { at: NOW + 40, ms: 960 }));
    assert_eq!(latest(&latency), format!("[[\"command\", {}, 801, 1000]]", NOW + 199));
}

#[test]
fn reset_forgets_what_is_named_or_all() {
    let mut latency = with(&[(NOW, 5)]);
    latency.sample("fork", 5);
    assert_eq!(latency.reset(&[b"nope"]), 0);
    assert_eq!(latency.reset(&[b"nope", b"fork", b"fork"]), 1);
    latency.sample("fork", 5);
    assert_eq!(latency.reset(&[]), 2);
    assert_eq!((history(&latency), latest(&latency)), ("[]".into(), "[]".into()));
}

#[test]
fn a_graph_has_four_rows_and_tells_how_long_ago() {
    let latency = with(&[(NOW - 90_000, 10), (NOW - 7200, 30), (NOW - 120, 20), (NOW, 10)]);
    let drawn = graph::draw("command", &latency.events["command"], NOW);
    let lines: Vec<&str> = drawn.split('\n').collect();
    assert_eq!(lines[0], "command - high 30 ms, low 10 ms (all time high 30 ms)");
    assert_eq!(lines[1], "-".repeat(80));
    assert_eq!(lines[2..], [" #  ", " |_ ", " || ", "_||_", "    ", "1220", "dhms", ""]);
}

#[test]
fn a_long_graph_goes_on_below() {
    let samples: Vec<(i64, u64)> = (0..100).map(|n| (NOW + n, 7)).collect();
    let drawn = graph::draw("command", &with(&samples).events["command"], NOW + 99);
    let widths: Vec<usize> = drawn.split('\n').skip(2).map(str::len).collect();
    assert_eq!(widths, [80, 80, 80, 80, 80, 80, 80, 80, 0, 20, 20, 20, 20, 20, 20, 20, 20, 0]);
}

#[test]
fn the_doctor_counts_and_advises() {
    let mut latency = with(&[(NOW - 30, 10), (NOW - 20, 20), (NOW - 10, 30)]);
    latency.keep("fork", Sample { at: NOW, ms: 100 });
    latency.keep("expire-del", Sample { at: NOW, ms: 100 });
    latency.keep("expire-cycle", Sample { at: NOW, ms: 100 });
    let text = doctor::report(&latency, NOW);
    let first = "1. command: 3 spikes, 20 ms on average (mean deviation 6 ms), one every 10.00 seconds; the last \
                 of 30 ms 10 seconds ago, the worst ever 30 ms.\n";
    assert!(text.starts_with(first), "{text}");
    assert!(text.contains("\n4. fork: 1 spike, 100 ms"), "{text}");
    assert_eq!(text.matches("\n- ").count(), 3, "one advice for both kinds of expiry: {text}");
    latency.set_threshold(0);
    assert!(doctor::report(&latency, NOW).ends_with("these are old.\n"));
    assert!(doctor::report(&Latency::new(0), NOW).contains("is off. CONFIG SET latency-monitor-threshold"));
    assert!(doctor::report(&Latency::new(1), NOW).contains("nothing has taken as long"));
}

#[test]
fn every_event_has_its_advice() {
    assert_eq!(event::ALL.into_iter().filter(|name| doctor::advice(name).is_none()).count(), 0);
    assert_eq!(doctor::advice("nope"), None);
}

fn engine(threshold: &str) -> Engine {
    Engine::new(Settings::of([("latency-monitor-threshold", threshold)]).expect("settings"))
}

fn run(engine: &Engine, argv: &[&[u8]]) -> Reply {
    let mut reply = Reply::new();
    let done = engine.execute(&mut Session::connection(0), argv, &mut reply).expect("sound");
    done.outcome.expect("no error");
    reply
}

#[test]
fn a_slow_command_is_an_event_and_a_fast_one_another() {
    let engine = engine("1");
    let big = vec![b'a'; 64 << 20];
    run(&engine, &[b"APPEND", b"k", &big]);
    run(&engine, &[b"DEBUG", b"STRINGMATCH-LEN", b"1000000", b"*a*a*a*b"]);
    let core = engine.shared.lock();
    assert!(core.latency.events.contains_key("fast-command"), "{:?}", core.latency);
    assert!(core.latency.events.contains_key("command"), "{:?}", core.latency);
}

#[test]
fn a_transaction_is_timed_command_by_command_and_nothing_at_threshold_0() {
    let engine = engine("0");
    run(&engine, &[b"DEBUG", b"STRINGMATCH-LEN", b"1000000", b"*a*a*a*b"]);
    assert!(engine.shared.lock().latency.events.is_empty());
    run(&engine, &[b"CONFIG", b"SET", b"latency-monitor-threshold", b"1"]);
    let batch = [Request::new(&[b"DEBUG", b"STRINGMATCH-LEN", b"1000000", b"*a*a*a*b"])];
    let mut reply = Reply::new();
    engine.execute_transaction(&mut Session::connection(0), &batch, &mut reply).expect("sound");
    assert_eq!(engine.shared.lock().latency.events.len(), 1);
}
