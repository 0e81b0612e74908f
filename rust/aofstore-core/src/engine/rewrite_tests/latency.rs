//! What a rewrite gives the latency monitor.

use super::*;

const SLOW: u64 = 30;

fn events(rig: &Rig) -> Vec<String> {
    let told = rig.ok("LATENCY LATEST");
    let names = told.split('"').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

fn monitored() -> Rig {
    Rig::with(&[("appendonly", "yes"), ("latency-monitor-threshold", "20")])
}

fn slow(call: Call) -> Fault {
    Fault::on(call, 0).delay(SLOW).sticky()
}

#[test]
fn x10_a_fork_is_sampled_in_milliseconds() {
    let rig = monitored();
    rig.engine.shared.lock().fork_took(19_999);
    // A busy machine may add others.
    assert!(!events(&rig).iter().any(|name| name == "fork"));
    rig.engine.shared.lock().fork_took(20_000);
    assert!(rig.ok("LATENCY HISTORY fork").ends_with(", 20]]"));
    assert_eq!(rig.info("latest_fork_usec"), "20000");
}

#[test]
fn x12_a_slow_switch_is_told_step_by_step() {
    for (call, event) in [(Call::Rename, "aof-rename"), (Call::Stat, "aof-fstat")] {
        let rig = monitored();
        rig.ok("SET k v");
        rig.faults.add(slow(call));
        rig.rewrite().unwrap();
        assert!(events(&rig).iter().any(|name| name == event), "{event} in {:?}", events(&rig));
    }
}

#[test]
fn x08_x12_writes_beside_a_child_and_the_rest_of_the_difference() {
    let rig = monitored();
    rig.ok("SET k v");
    let (handle, page) = rig.begin(at(Step::Agreed));
    until(|| page.reached() == Some(Step::Agreed));
    rig.faults.add(slow(Call::Write));
    rig.ok("SET k beside");
    assert!(events(&rig).iter().any(|name| name == "aof-write-active-child"), "{:?}", events(&rig));
    rig.faults.add(Fault::on(Call::Sync, 0).delay(5 * SLOW).sticky());
    std::thread::scope(|scope| {
        // While the first rest is being synced, another comes: that one is appended with everybody waiting.
        let writer = scope.spawn(|| {
            while rig.info("aof_rewrite_in_progress") == "1" {
                rig.ok("SET k again");
            }
        });
        page.resume();
        rig.wait_for(Some(handle)).unwrap();
        writer.join().unwrap();
    });
    assert!(events(&rig).iter().any(|name| name == "aof-rewrite-diff-write"), "{:?}", events(&rig));
}

#[test]
fn nothing_of_it_is_kept_while_the_monitor_is_off() {
    let rig = Rig::on();
    rig.ok("SET k v");
    rig.faults.add(slow(Call::Rename));
    rig.rewrite().unwrap();
    rig.engine.shared.lock().fork_took(1_000_000);
    assert_eq!(events(&rig), [] as [&str; 0]);
}

#[test]
fn x10_x12_forks_and_switches_are_sampled() {
    let rig = Rig::on();
    rig.ok("CONFIG SET latency-monitor-threshold 1");
    rig.ok("SET a 1");
    rig.faults.add(Fault::on(Call::Rename, 0).delay(20));
    rig.rewrite().unwrap();
    let latest = rig.ok("LATENCY LATEST");
    assert!(latest.contains("aof-rename"), "{latest}");
}
