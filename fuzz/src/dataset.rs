//! Everything that a store holds, read through commands, and what must hold of it.

use std::collections::BTreeMap;

use aofstore_core::clock;
use aofstore_core::command::{self, Context, Effects, Handler, Reply};
use aofstore_core::engine::{Engine, Session};
use aofstore_core::keyspace::Keyspace;

use super::replies::{self, Shown};

/// Answers one command on one database; None: there is no such command.
pub type Ask<'a> = dyn FnMut(usize, &[&[u8]]) -> Option<Shown> + 'a;

/// Database, key -> type, value, deadline.
pub type Dataset = BTreeMap<(usize, Vec<u8>), (Vec<u8>, Shown, i64)>;

/// A deadline nearer than this may pass while it is looked at.
const NEAR: i64 = 60_000;

/// Asks a keyspace without an engine.
pub fn of_keyspace(space: &mut Keyspace) -> Dataset {
    let databases = space.databases();
    let mut effects = Effects::default();
    let mut ask = |db: usize, argv: &[&[u8]]| {
        let spec = command::lookup(argv[0])?;
        let Handler::Keyspace(handler) = spec.handler else { return None };
        let mut reply = Reply::new();
        effects.begin(db);
        let keys = space.keys(db, clock::now_ms());
        let mut cx = Context {
            keys,
            reply: &mut reply,
            effects: &mut effects,
            replaying: false,
            name: spec.name,
            wait: None,
        };
        command::run(spec, handler, &mut cx, argv).unwrap_or_else(|error| panic!("{}", error.text()));
        Some(replies::only(&reply))
    };
    of(databases, &mut ask)
}

/// Asks an engine, as any other caller.
pub fn of_engine(engine: &Engine, databases: usize) -> Dataset {
    let mut ask = |db: usize, argv: &[&[u8]]| {
        command::lookup(argv[0])?;
        let mut reply = Reply::new();
        let done = engine.execute(&mut Session::view(db), argv, &mut reply).expect("the store works");
        done.outcome.unwrap_or_else(|error| panic!("{}", error.text()));
        Some(replies::only(&reply))
    };
    of(databases, &mut ask)
}

fn of(databases: usize, ask: &mut Ask<'_>) -> Dataset {
    let mut dataset = Dataset::new();
    for db in 0..databases {
        let Some(keys) = ask(db, &[b"KEYS", b"*"]) else { return dataset };
        for key in keys.items() {
            if let Some(found) = value(db, key.bytes(), ask) {
                assert!(
                    dataset.insert((db, key.bytes().to_vec()), found).is_none(),
                    "KEYS named a key twice"
                );
            }
        }
        scan_sees_all(db, keys.items(), ask);
    }
    dataset
}

/// The value under `key`, and what its kind promises; None if the key is about to expire.
fn value(db: usize, key: &[u8], ask: &mut Ask<'_>) -> Option<(Vec<u8>, Shown, i64)> {
    let deadline = ask(db, &[b"PEXPIRETIME", key])?.int();
    if deadline != -1 && deadline < clock::now_ms() + NEAR {
        return None;
    }
    let kind = ask(db, &[b"TYPE", key])?.bytes().to_vec();
    let (length, all, step): (&[u8], &[&[u8]], usize) = match &kind[..] {
        b"string" => (b"STRLEN", &[b"GET", key], 1),
        b"list" => (b"LLEN", &[b"LRANGE", key, b"0", b"-1"], 1),
        b"set" => (b"SCARD", &[b"SMEMBERS", key], 1),
        b"zset" => (b"ZCARD", &[b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"], 2),
        b"hash" => (b"HLEN", &[b"HGETALL", key], 2),
        other => panic!("a key of type {}", other.escape_ascii()),
    };
    let length = ask(db, &[length, key])?.int();
    let found = ask(db, all)?;
    if kind == b"string" {
        assert_eq!(length, found.bytes().len() as i64, "STRLEN");
    } else {
        assert_ne!(length, 0, "an empty {} is stored", kind.escape_ascii());
        let flat =
            found.items().iter().map(|item| if let Shown::Items(pair) = item { pair.len() } else { 1 });
        assert_eq!(length as usize * step, flat.sum::<usize>(), "the length of a {}", kind.escape_ascii());
    }
    let found = match &kind[..] {
        b"set" => found.unordered(1),
        b"hash" => found.unordered(2),
        _ => found,
    };
    distinct(&kind, &found);
    Some((kind, found, deadline))
}

/// Members and fields are there once.
fn distinct(kind: &[u8], found: &Shown) {
    if matches!(kind, b"set" | b"hash") {
        let names: Vec<_> = found.items().iter().map(|group| &group.items()[0]).collect();
        assert!(
            names.windows(2).all(|pair| pair[0] < pair[1]),
            "a {} holds a name twice",
            kind.escape_ascii()
        );
    }
}

/// A whole SCAN names every key, and no other.
fn scan_sees_all(db: usize, keys: &[Shown], ask: &mut Ask<'_>) {
    let (mut seen, mut cursor) = (Vec::new(), b"0".to_vec());
    loop {
        let Some(found) = ask(db, &[b"SCAN", &cursor, b"COUNT", b"7"]) else { return };
        seen.extend_from_slice(found.items()[1].items());
        cursor = found.items()[0].bytes().to_vec();
        if cursor == b"0" {
            break;
        }
    }
    seen.sort();
    seen.dedup();
    // Expired keys may be named or purged between the two, so only those that live are compared.
    let mut living = |key: &&Shown| {
        ask(db, &[b"PEXPIRETIME", key.bytes()])
            .is_none_or(|at| at.int() == -1 || at.int() > clock::now_ms() + NEAR)
    };
    let mut keys: Vec<_> = keys.iter().filter(&mut living).collect();
    keys.sort();
    let seen: Vec<_> = seen.iter().filter(living).collect();
    let gone = |key: &&&Shown| !seen.contains(*key);
    assert_eq!(keys.iter().find(gone), None, "SCAN missed a key");
}

/// Keys and deadlines agree with each other.
pub fn check_tables(space: &mut Keyspace) {
    for index in 0..space.databases() {
        let mut volatile = 0;
        let mut keys = Vec::new();
        let mut cursor = 0;
        loop {
            cursor = space.keys(index, 0).scan(cursor, &mut |key, value| {
                assert!(
                    !value.is_empty() || value.kind() == aofstore_core::keyspace::Kind::Text,
                    "an empty {} is stored",
                    value.kind().name()
                );
                keys.push(key.to_vec());
            });
            if cursor == 0 {
                break;
            }
        }
        keys.sort();
        keys.dedup();
        for key in &keys {
            volatile += usize::from(space.keys(index, i64::MIN).deadline(key).is_some());
        }
        let db = space.db(index).expect("a database");
        assert_eq!(db.len(), keys.len(), "keys of database {index}");
        assert_eq!(db.volatile(), volatile, "deadlines of database {index}");
    }
}
