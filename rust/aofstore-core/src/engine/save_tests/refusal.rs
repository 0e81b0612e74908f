//! Writes that are refused because snapshots fail (theme 14).

use super::*;

const TEXT: &str = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. \
     Commands that may modify the data set are disabled, because this instance is configured to report errors during \
     writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details \
     about the RDB error.";

fn failing(settings: &[(&str, &str)]) -> Rig {
    let rig = Rig::with(settings);
    rig.ok("SET a 1");
    rig.begin_save(Plan { fail: Some((Step::EarlySync, libc::EDQUOT)), ..Plan::default() });
    rig.wait_save();
    rig
}

#[test]
fn m01_m03_m07_writes_and_ping_are_refused_and_reads_are_not() {
    let rig = failing(&[("save", "3600 1"), ("appendonly", "yes")]);
    for line in ["SET a 2", "PING", "DEL a"] {
        assert_eq!(rig.call(line).unwrap_err(), TEXT);
    }
    assert_eq!((rig.ok("GET a"), rig.ok("EXISTS b")), ("\"1\"".into(), "0".into()));
    assert_eq!(rig.engine.write_errno(), libc::EDQUOT);
    let error = rig.engine.persistence_error().unwrap();
    assert!(matches!(error, Error::Save { cause: RewriteCause::Errno(libc::EDQUOT), .. }), "{error:?}");
    // What is no write of a user's goes on (M-09).
    rig.ok("CONFIG SET latency-monitor-threshold 5");
    rig.ok("BGREWRITEAOF");
    rig.wait().unwrap();
}

#[test]
fn m01_without_save_points_or_with_the_switch_off_nothing_is_refused() {
    let rig = failing(&[]);
    assert_eq!(status(&rig), "err");
    rig.ok("SET a 2");
    let error = rig.engine.persistence_error();
    assert!(matches!(error, Some(Error::Save { cause: RewriteCause::Errno(libc::EDQUOT), .. })), "{error:?}");
    rig.ok("SAVE");
    assert_eq!((status(&rig), rig.engine.persistence_error()), ("ok".into(), None));
}

#[test]
fn m01_the_settings_act_at_once() {
    let rig = failing(&[("save", "3600 1")]);
    assert_eq!(rig.call("SET a 2").unwrap_err(), TEXT);
    rig.ok("CONFIG SET stop-writes-on-bgsave-error no");
    rig.ok("SET a 2");
    rig.ok("CONFIG SET stop-writes-on-bgsave-error yes");
    assert_eq!(rig.call("SET a 3").unwrap_err(), TEXT);
}

#[test]
fn m04_a_transaction_is_aborted() {
    let rig = failing(&[("save", "3600 1")]);
    let mut session = crate::engine::Session::connection(0);
    let mut run = |line: &str| {
        let argv: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let mut reply = crate::command::Reply::new();
        let done = rig.engine.execute(&mut session, &argv, &mut reply).unwrap();
        done.outcome.map_err(|error| error.text().to_owned())
    };
    run("MULTI").unwrap();
    assert_eq!(run("SET a 2").unwrap_err(), TEXT);
    assert!(run("EXEC").unwrap_err().starts_with("EXECABORT"));
    rig.ok("CONFIG SET stop-writes-on-bgsave-error no");
    run("MULTI").unwrap();
    run("SET a 2").unwrap();
    rig.ok("CONFIG SET stop-writes-on-bgsave-error yes");
    assert!(run("EXEC").unwrap_err().contains("MISCONF"));
    assert_eq!(rig.ok("GET a"), "\"1\"");
}

#[test]
fn m06_the_logs_message_wins() {
    let rig = failing(&[("save", "3600 1"), ("appendonly", "yes")]);
    rig.ok("CONFIG SET stop-writes-on-bgsave-error no");
    rig.faults.add(Fault::on(Call::Write, libc::ENOSPC).sticky());
    assert!(rig.call("SET a 2").is_err());
    rig.ok("CONFIG SET stop-writes-on-bgsave-error yes");
    let told = rig.call("SET a 3").unwrap_err();
    assert_eq!(told, "MISCONF Errors writing to the AOF file: No space left on device");
    rig.faults.clear();
    until(|| rig.info("aof_last_write_status") == "ok");
    assert_eq!(rig.call("SET a 3").unwrap_err(), TEXT);
}

#[test]
fn m08_the_next_good_save_ends_it_and_the_timer_tries_again_after_five_seconds() {
    let rig = failing(&[("save", "1 1")]);
    assert_eq!(rig.call("SET a 2").unwrap_err(), TEXT);
    rig.ok("SAVE");
    rig.ok("SET a 2");
    rig.begin_save(Plan { kill: Some(Step::Dumping), ..Plan::default() });
    rig.wait_save();
    let began = Instant::now();
    assert_eq!(rig.call("SET a 3").unwrap_err(), TEXT);
    until(|| rig.call("SET a 3").is_ok());
    let took = began.elapsed();
    assert!(took > Duration::from_millis(4500) && took < Duration::from_secs(20), "{took:?}");
    assert_eq!(keys(&rig), 1);
}
