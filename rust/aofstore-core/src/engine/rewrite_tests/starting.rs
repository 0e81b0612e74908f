//! When a rewrite begins, at whose word, and when it does not.

use super::*;
use crate::engine::Request;

#[test]
fn g02_g17_one_at_a_time() {
    let rig = Rig::on();
    rig.ok("SET a 1");
    assert_eq!(rig.ok("BGREWRITEAOF"), "Background append only file rewriting started");
    rig.wait().unwrap();
    let (handle, page) = rig.begin(at(Step::Dumping));
    let text = "ERR Background append only file rewriting already in progress";
    assert_eq!(rig.call("BGREWRITEAOF").unwrap_err(), text);
    let refused = rig.engine.begin_rewrite().err().unwrap();
    assert_eq!((refused.to_string().as_str(), &refused), (text, &Error::RewriteInProgress));
    assert_eq!(rig.engine.rewrite_now(), Err(Error::RewriteInProgress));
    assert_eq!(rig.info("aof_rewrite_in_progress"), "1");
    page.resume();
    rig.wait_for(Some(handle)).unwrap();
    assert_eq!(rig.info("aof_rewrite_in_progress"), "0");
    assert_eq!((rig.info("total_forks"), rig.info("aof_rewrites")), ("2".into(), "2".into()));
}

#[test]
fn t19_behind_another_child_it_is_scheduled_and_begins_once() {
    let rig = Rig::on();
    rig.ok("SET a 1");
    let page = rig.begin_save(at(Step::Dumping));
    let scheduled = "Background append only file rewriting scheduled";
    assert_eq!(rig.ok("BGREWRITEAOF"), scheduled);
    assert_eq!(rig.ok("BGREWRITEAOF"), scheduled);
    assert!(matches!(rig.engine.begin_rewrite(), Ok(Begun::Scheduled)));
    assert_eq!(
        (rig.info("aof_rewrite_scheduled"), rig.info("aof_pending_rewrite")),
        ("1".into(), "1".into())
    );
    std::thread::sleep(Duration::from_millis(250));
    assert_eq!(rig.info("total_forks"), "1");
    SharedPage::set_default(Some(at(Step::Dumping)));
    page.resume();
    until(|| rig.info("aof_rewrite_in_progress") == "1" && rig.info("aof_rewrite_scheduled") == "0");
    assert_eq!(rig.engine.begin_rewrite().err(), Some(Error::RewriteInProgress));
    SharedPage::set_default(None);
    SharedPage::latest().unwrap().resume();
    rig.wait().unwrap();
    std::thread::sleep(Duration::from_millis(250));
    assert_eq!((rig.info("total_forks"), rig.info("rdb_last_bgsave_status")), ("2".into(), "ok".into()));
}

#[test]
fn in_a_transaction_it_is_scheduled_and_in_a_pipeline_it_starts() {
    let rig = Rig::on();
    let batch: [&[&[u8]]; 3] = [&[b"SET", b"a", b"1"], &[b"BGREWRITEAOF"], &[b"SET", b"b", b"2"]];
    let batch = batch.map(Request::new);
    for (transaction, word) in [(true, "scheduled"), (false, "started")] {
        let mut reply = Reply::new();
        let mut session = Session::view(0);
        let done = if transaction {
            rig.engine.execute_transaction(&mut session, &batch, &mut reply).unwrap().unwrap()
        } else {
            rig.engine.execute_batch(&mut session, &batch, &mut reply).unwrap()
        };
        done.due.map_or(Ok(()), |due| due.settle()).unwrap();
        let status = format!("Background append only file rewriting {word}");
        assert!(format!("{:?}", reply.nodes()).contains(&status), "{reply:?}");
        assert_eq!(rig.wait().unwrap().keys, 2);
    }
}

#[test]
fn t18_growth_starts_one_by_itself() {
    let rig = Rig::on();
    let value = "v".repeat(100);
    for i in 0..10 {
        rig.ok(&format!("SET k{i} {value}"));
    }
    rig.engine.rewrite_now().unwrap();
    let base: u64 = rig.info("aof_base_size").parse().unwrap();
    rig.ok("CONFIG SET auto-aof-rewrite-min-size 1");
    rig.ok("CONFIG SET auto-aof-rewrite-percentage 100");
    while rig.info("aof_current_size").parse::<u64>().unwrap() < base * 2 {
        rig.ok(&format!("SET k1 {value}"));
    }
    until(|| rig.info("aof_rewrites") == "2");
    rig.wait().unwrap();
    assert_eq!(rig.info("aof_base_size"), rig.info("aof_current_size"));
    assert_eq!(rig.info("aof_current_size"), rig.content().len().to_string());
    assert!(rig.events().iter().any(|text| text.contains("which grew by 1")));
    rig.ok("CONFIG SET auto-aof-rewrite-percentage 0");
    for _ in 0..50 {
        rig.ok(&format!("SET k1 {value}"));
    }
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(rig.info("aof_rewrites"), "2");
}

#[test]
fn g13_a_refused_fork_changes_nothing() {
    for errno in [libc::EAGAIN, libc::ENOMEM] {
        let rig = Rig::on();
        rig.ok("SET a 1");
        let before = rig.content();
        SharedPage::set_default(Some(Plan { refuse: Some(errno), ..Plan::default() }));
        let refused = rig.engine.begin_rewrite().err();
        SharedPage::set_default(None);
        assert!(matches!(refused, Some(Error::Rewrite { cause: RewriteCause::Errno(e), .. }) if e == errno));
        assert_eq!((rig.content(), rig.names()), (before, vec![NAME.to_owned()]));
        assert_eq!(rig.info("aof_last_bgrewrite_status"), "err");
        assert_eq!((rig.info("aof_rewrite_scheduled"), rig.info("total_forks")), ("0".into(), "0".into()));
        rig.ok("SET b 2");
        rig.rewrite().unwrap();
        assert_eq!(rig.info("aof_last_bgrewrite_status"), "ok");
    }
}

#[test]
fn g23_without_a_fork_it_is_done_in_place() {
    let rig = Rig::on();
    rig.ok("SET a 1");
    rig.ok("SET a 2");
    SharedPage::set_default(Some(Plan { refuse: Some(libc::ENOSYS), ..Plan::default() }));
    let done = rig.rewrite();
    SharedPage::set_default(None);
    assert_eq!((done.unwrap().keys, rig.info("total_forks")), (1, "0".into()));
    assert_eq!(rig.copy().ok("GET a"), "\"2\"");
    assert_eq!(rig.names(), [NAME]);
}

#[test]
fn a_store_in_memory_has_no_place_for_a_log() {
    let engine = Engine::new(Settings::default());
    engine.start(None, Control::None).unwrap();
    for refused in [engine.begin_rewrite().err(), engine.rewrite_now().err()] {
        let Some(Error::Rewrite { cause: RewriteCause::Other, message, .. }) = refused else {
            panic!("{refused:?}")
        };
        assert!(message.contains("no directory"), "{message}");
    }
}
