//! INFO, CONFIG, COMMAND, OBJECT, MEMORY, DEBUG and WAITAOF through a whole engine.
#![allow(clippy::expect_used, reason = "test code")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::core::LoadProgress;
use super::{Done, Engine, Session, Settings, Slot};
use crate::aof::Control;
use crate::command::Reply;
use crate::command::testing::shown;
use crate::command::transcripts::split;
use crate::error::Result;
use crate::fs::Dir;
use crate::fs::fault::{Call, Fault, FaultDir, Mode, Plan};
use crate::fs::os::{Access, OsDir};
use crate::fs::scratch::Scratch;

struct Store {
    engine: Engine,
    session: Session,
    plan: Arc<Plan>,
    _dir: Option<Scratch>,
}

impl Store {
    fn in_memory() -> Self {
        let engine = Engine::new(Settings::default());
        Self { engine, session: Session::connection(0), plan: Plan::new(), _dir: None }
    }

    fn logging(policy: &str) -> Self {
        let scratch = Scratch::new();
        let plan = Plan::new();
        let dir: Arc<dyn Dir> = FaultDir::new(
            Arc::new(OsDir::open(scratch.path(), Access::Exclusive).expect("opened")),
            Arc::clone(&plan),
        );
        let settings = Settings::of([("appendonly", "yes"), ("appendfsync", policy)]).expect("settings");
        let engine = Engine::new(settings);
        engine.start_log(dir, "appendonly.aof", Control::None).expect("a log");
        Self { engine, session: Session::connection(0), plan, _dir: Some(scratch) }
    }

    fn call(&mut self, line: &str) -> (Result<Done>, Reply) {
        let argv = split(line);
        let argv: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
        let mut reply = Reply::new();
        (self.engine.execute(&mut self.session, &argv, &mut reply), reply)
    }

    /// As a client sees it, waiting included.
    fn run(&mut self, line: &str) -> String {
        let (done, reply) = self.call(line);
        let done = done.expect("the engine is sound");
        if let Some(due) = &done.due
            && let Err(error) = due.settle()
        {
            return format!("(raised) {error}");
        }
        let Some(waiter) = done.waiter else {
            return done.outcome.map_or_else(|error| format!("(error) {}", error.text()), |()| shown(&reply));
        };
        while waiter.sleep(Duration::from_millis(20)) {}
        match self.engine.leave(&waiter) {
            Slot::Served { reply, due, .. } => match due.map_or(Ok(()), |due| due.settle()) {
                Ok(()) => shown(&reply),
                Err(error) => format!("(raised) {error}"),
            },
            Slot::Waiting => "(nothing)".into(),
            Slot::Closed => "(closed)".into(),
        }
    }

    fn info(&mut self, section: &str) -> String {
        self.run(&format!("INFO {section}")).replace("\\r\\n", "\n")
    }
}

#[track_caller]
fn check(store: &mut Store, rows: &[(&str, &str)]) {
    for (line, reply) in rows {
        assert_eq!(store.run(line), *reply, "{line}");
    }
}

#[test]
fn config_get_takes_patterns_and_old_names() {
    check(
        &mut Store::in_memory(),
        &[
            ("CONFIG GET hz", r#"{"hz": "10"}"#),
            ("CONFIG GET HZ hz nope", r#"{"HZ": "10"}"#),
            (
                "CONFIG GET hash-max-*-entries",
                r#"{"hash-max-listpack-entries": "512", "hash-max-ziplist-entries": "512"}"#,
            ),
            ("CONFIG GET nope", "{}"),
            ("CONFIG GET", "(error) ERR wrong number of arguments for 'config|get' command"),
            ("CONFIG", "(error) ERR wrong number of arguments for 'config' command"),
            ("CONFIG NOPE", "(error) ERR unknown subcommand 'NOPE'. Try CONFIG HELP."),
            ("CONFIG REWRITE", "(error) ERR The server is running without a config file"),
        ],
    );
}

#[test]
fn config_set_is_all_or_none() {
    let failed = |name: &str, why: &str| {
        format!("(error) ERR CONFIG SET failed (possibly related to argument '{name}') - {why}")
    };
    let unknown = "(error) ERR Unknown option or number of arguments for CONFIG SET - 'nope'";
    let mut store = Store::in_memory();
    check(
        &mut store,
        &[
            ("CONFIG SET hz", "(error) ERR wrong number of arguments for 'config|set' command"),
            ("CONFIG SET hz 1 x", "(error) ERR syntax error"),
            ("CONFIG SET nope 1 databases 3", unknown),
            ("CONFIG SET databases 3 nope 1", &failed("databases", "can't set immutable config")),
            ("CONFIG SET hz 11 hz 12 nope 1", &failed("hz", "duplicate parameter")),
            ("CONFIG SET list-max-ziplist-size 1 list-max-listpack-size 2", "OK"),
            ("CONFIG GET list-max-listpack-size", r#"{"list-max-listpack-size": "2"}"#),
            (
                "CONFIG SET active-expire-effort 5 hz abc",
                &failed("hz", "argument couldn't be parsed into an integer"),
            ),
            ("CONFIG GET active-expire-effort", r#"{"active-expire-effort": "1"}"#),
            ("CONFIG SET hz 1000", "OK"),
            ("CONFIG GET hz", r#"{"hz": "500"}"#),
            ("CONFIG SET hz -1", &failed("hz", "argument must be between 0 and 2147483647 inclusive")),
            (
                "CONFIG SET aof-load-truncated true",
                &failed("aof-load-truncated", "argument must be 'yes' or 'no'"),
            ),
            (
                "CONFIG SET appendfsync x",
                &failed("appendfsync", "argument(s) must be one of the following: everysec, always, no"),
            ),
            (
                "CONFIG SET proto-max-bulk-len 5x",
                &failed("proto-max-bulk-len", "argument must be a memory value"),
            ),
            ("CONFIG SET proto-max-bulk-len 1mb HASH-max-listpack-entries 3", "OK"),
            (
                "CONFIG GET proto* hash-max-listpack-entries",
                r#"{"hash-max-listpack-entries": "3", "proto-max-bulk-len": "1048576"}"#,
            ),
            ("CONFIG SET save \"3600 1  300 100\"", "OK"),
            ("CONFIG GET save", r#"{"save": "3600 1 300 100"}"#),
            ("CONFIG SET save \"3600\"", &failed("save", "Invalid save parameters")),
            ("CONFIG SET appendonly no", "OK"),
        ],
    );
    assert!(store.run("CONFIG SET appendonly yes").contains("no directory for a log"));
    assert_eq!(store.engine.shared.lock().space.limits.hash_max_listpack_entries, 3);
}

#[test]
fn a_new_policy_is_the_logs_before_config_set_returns() {
    let mut store = Store::logging("no");
    store.run("SET k v");
    assert_eq!(store.run("CONFIG SET appendfsync always"), "OK");
    let log = store.engine.log().expect("open").expect("a log");
    assert_eq!(log.stats().synced, log.stats().fed);
    assert_eq!(store.run("CONFIG GET appendfsync"), r#"{"appendfsync": "always"}"#);
}

#[test]
fn a_policy_that_cannot_be_had_is_not_acknowledged() {
    let mut store = Store::logging("no");
    store.run("SET k v");
    let (call, mode) = (Some(Call::Sync), Mode::Fail);
    let (name, errno) = (None, libc::EIO);
    store.plan.add(Fault { call, name, nth: 1, mode, errno, sticky: true, delay_ms: 0, short_len: 0 });
    assert!(store.run("CONFIG SET appendfsync always").starts_with("(raised)"));
    assert_eq!(store.run("CONFIG GET appendfsync"), r#"{"appendfsync": "no"}"#);
}

#[test]
fn waitaof_syncs_under_no_and_waits_under_everysec() {
    for policy in ["no", "everysec", "always"] {
        let mut store = Store::logging(policy);
        check(&mut store, &[("SET k v", "OK"), ("WAITAOF 1 0 5000", "[1, 0]"), ("WAITAOF 0 0 0", "[1, 0]")]);
    }
}

#[test]
fn waitaof_refuses_and_times_out() {
    let mut store = Store::logging("no");
    check(
        &mut store,
        &[
            ("WAITAOF 2 0 0", "(error) ERR value is out of range, value must between 0 and 1"),
            ("WAITAOF x 0 0", "(error) ERR value is not an integer or out of range"),
            ("WAITAOF 1 -1 0", "(error) ERR value is out of range, must be positive"),
            ("WAITAOF 1 0 x", "(error) ERR timeout is not an integer or out of range"),
            ("WAITAOF 1 0 -1", "(error) ERR timeout is negative"),
            ("SET k v", "OK"),
            ("WAITAOF 0 1 30", "[0, 0]"),
            ("MULTI", "OK"),
            ("WAITAOF 1 0 0", "QUEUED"),
            ("EXEC", "[[0, 0]]"),
        ],
    );
    assert_eq!(
        Store::in_memory().run("WAITAOF 1 0 0"),
        "(error) ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.",
    );
}

#[test]
fn waitaof_tells_that_a_sync_failed() {
    let mut store = Store::logging("no");
    store.run("SET k v");
    let (call, mode) = (Some(Call::Sync), Mode::Fail);
    let (name, errno) = (None, libc::EIO);
    store.plan.add(Fault { call, name, nth: 1, mode, errno, sticky: true, delay_ms: 0, short_len: 0 });
    assert!(store.run("WAITAOF 1 0 0").starts_with("(raised)"));
}

#[test]
fn closing_wakes_a_sleeper() {
    let mut store = Store::in_memory();
    let (done, _) = store.call("DEBUG SLEEP 100");
    let waiter = done.expect("sound").waiter.expect("it waits");
    let began = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| store.engine.close());
        while waiter.sleep(Duration::from_secs(100)) {}
    });
    assert!(began.elapsed() < Duration::from_secs(10));
    assert!(matches!(store.engine.leave(&waiter), Slot::Closed));
}

#[test]
fn debug_sleep_answers_later_and_not_inside_multi() {
    let mut store = Store::in_memory();
    let began = Instant::now();
    assert_eq!(store.run("DEBUG SLEEP 0.05"), "OK");
    assert!(began.elapsed() >= Duration::from_millis(50));
    check(&mut store, &[("MULTI", "OK"), ("DEBUG SLEEP 100", "QUEUED"), ("EXEC", "[OK]")]);
}

#[test]
fn debug_knows_its_words() {
    check(
        &mut Store::in_memory(),
        &[
            (
                "DEBUG NOPE",
                "(error) ERR unknown subcommand or wrong number of arguments for 'NOPE'. Try DEBUG HELP.",
            ),
            (
                "DEBUG OBJECT",
                "(error) ERR unknown subcommand or wrong number of arguments for 'OBJECT'. Try DEBUG HELP.",
            ),
            ("DEBUG OBJECT k", "(error) ERR no such key"),
            ("DEBUG SET-ACTIVE-EXPIRE 0", "OK"),
            ("DEBUG STRINGMATCH-LEN 10 a*", "OK"),
            ("DEBUG QUICKLIST-PACKED-THRESHOLD 100b", "OK"),
            (
                "DEBUG QUICKLIST-PACKED-THRESHOLD x",
                "(error) ERR argument must be a memory value bigger than 1 and smaller than 4gb",
            ),
            ("DEBUG JMAP", "OK"),
            ("DEBUG CHANGE-REPL-ID", "OK"),
        ],
    );
}

#[test]
fn a_wrong_subcommand_spoils_the_transaction() {
    check(
        &mut Store::in_memory(),
        &[
            ("MULTI", "OK"),
            ("CONFIG NOPE", "(error) ERR unknown subcommand 'NOPE'. Try CONFIG HELP."),
            ("EXEC", "(error) EXECABORT Transaction discarded because of previous errors."),
        ],
    );
}

#[test]
fn object_and_memory_look_at_one_key() {
    let mut store = Store::in_memory();
    check(
        &mut store,
        &[
            ("SET n 12", "OK"),
            ("SET t text", "OK"),
            ("OBJECT ENCODING n", "\"int\""),
            ("OBJECT ENCODING t", "\"embstr\""),
            ("OBJECT ENCODING none", "nil"),
            ("OBJECT REFCOUNT n", "2147483647"),
            ("OBJECT REFCOUNT t", "1"),
            ("OBJECT IDLETIME t", "0"),
            ("OBJECT IDLETIME none", "nil"),
            ("OBJECT FREQ none", "nil"),
            ("OBJECT ENCODING", "(error) ERR wrong number of arguments for 'object|encoding' command"),
            ("OBJECT NOPE k", "(error) ERR unknown subcommand 'NOPE'. Try OBJECT HELP."),
            ("MEMORY USAGE none", "nil"),
            ("MEMORY USAGE t SAMPLES", "(error) ERR syntax error"),
            ("MEMORY USAGE t SAMPLES -1", "(error) ERR syntax error"),
            ("MEMORY USAGE none SAMPLES x", "(error) ERR value is not an integer or out of range"),
        ],
    );
    assert!(store.run("OBJECT FREQ t").starts_with("(error) ERR An LFU maxmemory policy is not selected"));
    assert!(store.run("MEMORY USAGE t SAMPLES 0").parse::<u64>().is_ok_and(|bytes| bytes > 4));
    // They are looks, not reads: nothing is counted.
    assert!(store.info("stats").contains("keyspace_hits:0\nkeyspace_misses:0\n"));
}

#[test]
fn info_has_redis_sections_and_counts() {
    let mut store = Store::logging("always");
    store.run("SET k v PX 1000000");
    store.run("GET k");
    store.run("GET none");
    store.run("NOPE");
    assert!(store.info("").starts_with("\"# Server\nredis_version:7.2.0\n"));
    let headers =
        |text: String| text.lines().filter(|line| line.contains("# ")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(headers(store.info("default")), headers(store.info("")));
    assert_eq!(headers(store.info("memory CLIENTS")), ["\"# Clients", "# Memory"]);
    assert_eq!(store.info("nope"), "\"\"");
    let stats = store.info("stats");
    assert!(
        stats.contains("keyspace_hits:1\nkeyspace_misses:1\n") && stats.contains("total_error_replies:1\n"),
        "{stats}"
    );
    let keyspace = store.info("keyspace");
    assert!(keyspace.starts_with("\"# Keyspace\ndb0:keys=1,expires=1,avg_ttl="), "{keyspace}");
    let log = store.info("persistence");
    for field in [
        "loading:0\n",
        "aof_enabled:1\n",
        "aof_last_write_status:ok\n",
        "aof_pending_rewrite:0\n",
        "aof_commits:1\n",
    ] {
        assert!(log.contains(field), "{field} in {log}");
    }
    assert!(stats.contains("total_commands_processed:8\n"), "what was refused does not count: {stats}");
    assert_eq!(store.info("errorstats"), "\"# Errorstats\nerrorstat_ERR:count=1\n\"");
    store.run("CONFIG RESETSTAT");
    assert!(store.info("stats").contains("total_commands_processed:1\n"));
    assert_eq!(store.info("errorstats"), "\"# Errorstats\n\"");
    assert!(!Store::in_memory().info("persistence").contains("aof_current_size"));
}

#[test]
fn info_counts_calls_by_command_where_they_are_asked_for() {
    let mut store = Store::in_memory();
    for line in ["SET s v", "GET s", "get none", "GET", "LPUSH s v", "MULTI", "LPUSH s v", "GET s", "EXEC"] {
        store.run(line);
    }
    let told = store.info("commandstats");
    for line in [
        "cmdstat_get:calls=3,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0\n",
        "cmdstat_lpush:calls=2,usec=0,usec_per_call=0.00,rejected_calls=0,failed_calls=2\n",
        "cmdstat_multi:calls=1,",
    ] {
        assert!(told.contains(line), "{line} in {told}");
    }
    assert!(!told.contains("cmdstat_set:calls=0"));
    assert!(store.info("everything").contains("# Commandstats") && !store.info("default").contains("# Comm"));
    store.run("CONFIG RESETSTAT");
    assert!(store.info("all").contains("cmdstat_config|resetstat:calls=1,"));
    assert!(!store.info("all").contains("cmdstat_get"));
}

#[test]
fn info_counts_what_a_transaction_does_and_who_waits() {
    let mut store = Store::in_memory();
    for line in ["BLPOP l 0", "BLPOP l m 100"] {
        assert!(store.call(line).0.expect("sound").waiter.is_some());
    }
    let clients = store.info("clients");
    for field in ["blocked_clients:2\n", "clients_in_timeout_table:1\n", "total_blocking_keys:2\n"] {
        assert!(clients.contains(field), "{field} in {clients}");
    }
    store.run("SET s v");
    for line in ["MULTI", "GET s", "LPUSH s v", "EXEC"] {
        store.run(line);
    }
    let stats = store.info("stats");
    assert!(stats.contains("total_commands_processed:8\n"), "{stats}");
    assert_eq!(store.info("errorstats"), "\"# Errorstats\nerrorstat_WRONGTYPE:count=1\n\"");
}

#[test]
fn x16_info_tells_how_far_a_load_is() {
    let mut store = Store::in_memory();
    assert!(!store.info("persistence").contains("loading_"));
    store.engine.begin_load().expect("open");
    let load = LoadProgress {
        began_ms: crate::clock::now_ms() - 10_000,
        bytes_done: 250,
        bytes_total: 1000,
        ..LoadProgress::default()
    };
    store.engine.shared.lock().load = load;
    let told = store.info("persistence");
    for field in [
        "loading:1\n",
        &format!("loading_start_time:{}\n", load.began_ms / 1000),
        "loading_total_bytes:1000\n",
        "loading_loaded_bytes:250\n",
        "loading_loaded_perc:25.00\n",
        "loading_eta_seconds:30\n",
    ] {
        assert!(told.contains(field), "{field} in {told}");
    }
    store.engine.start(None, Control::None).expect("open");
    assert!(store.info("persistence").contains("loading:0\n"));
    assert!(!store.info("persistence").contains("loading_"));
}

#[test]
fn command_describes_the_table() {
    check(
        &mut Store::in_memory(),
        &[
            ("COMMAND INFO nope", "[nil]"),
            ("COMMAND GETKEYS NOPE a", "(error) ERR Invalid command specified"),
            ("COMMAND GETKEYS PING a", "(error) ERR The command has no key arguments"),
            ("COMMAND GETKEYS GET a b", "(error) ERR Invalid number of arguments specified for command"),
            ("COMMAND GETKEYS", "(error) ERR wrong number of arguments for 'command|getkeys' command"),
            ("COMMAND GETKEYS MSET a 1 b 2", r#"["a", "b"]"#),
            ("COMMAND GETKEYS OBJECT ENCODING a", r#"["a"]"#),
            ("COMMAND GETKEYS WATCH a b", r#"["a", "b"]"#),
            ("COMMAND LIST FILTERBY PATTERN config|g*", r#"["config|get"]"#),
            ("COMMAND LIST FILTERBY MODULE x", "[]"),
            (
                "COMMAND LIST FILTERBY ACLCAT transaction",
                r#"["multi", "exec", "discard", "watch", "unwatch"]"#,
            ),
            ("COMMAND LIST FILTERBY X y", "(error) ERR syntax error"),
            ("COMMAND LIST FILTERBY", "(error) ERR syntax error"),
            ("COMMAND DOCS nope", "{}"),
            (
                "COMMAND DOCS echo",
                r#"{"echo": {"summary": "Answers with its argument.", "since": "1.0.0", "group": "connection"}}"#,
            ),
        ],
    );
    let mut store = Store::in_memory();
    assert!(store.run("COMMAND INFO get").starts_with(r#"[["get", 2, ~{"readonly", "fast"}, 1, 1, 1, ~{"#));
    let count = store.run("COMMAND COUNT").parse::<usize>().expect("a number");
    assert_eq!(count, crate::command::all().count());
}
