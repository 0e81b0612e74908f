//! A keyspace made by commands, the bytes a rewrite makes of it, and those bytes loaded again.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use aofstore_core::aof::{Next, Reader, Source};
use aofstore_core::command;
use aofstore_core::keyspace::{Keyspace, Limits, Value};
use aofstore_core::load::{Ended, Loader, OnReplayError};
use aofstore_core::resp::encode;
use aofstore_core::rewrite::{self, Output};
use aofstore_core::sink::{KeySink, Sink};

pub type Argv = Vec<Vec<u8>>;

/// Database and key -> kind, value in comparable form, deadline.
pub type Dataset = BTreeMap<(usize, Vec<u8>), (&'static str, Argv, Option<i64>)>;

/// Collects; stops after some keys if told to.
#[derive(Default)]
pub struct Collected {
    pub bytes: Vec<u8>,
    pub keys: usize,
    pub stop_after: Option<usize>,
}

impl Sink for Collected {
    fn put(&mut self, bytes: &[u8]) {
        self.bytes.put(bytes);
    }
}

impl Output for Collected {}

impl KeySink for Collected {
    fn key_done(&mut self) -> bool {
        self.keys += 1;
        self.stop_after.is_none_or(|most| self.keys < most)
    }
}

struct Bytes(Vec<u8>);

impl Source for Bytes {
    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let rest = self.0.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

fn reader(bytes: &[u8]) -> Reader {
    let known = |name: &[u8], argc: usize| command::lookup(name).is_some_and(|spec| spec.accepts(argc));
    let source = Box::new(Bytes(bytes.to_vec()));
    Reader::new(source, 0, bytes.len() as u64, Path::new("rewritten.aof"), 512 << 20, known)
}

/// Limits under which small encodings hold this many items and bytes.
pub fn small_up_to(entries: usize) -> Limits {
    Limits {
        hash_max_listpack_entries: entries,
        list_max_listpack_size: entries.max(1) as i64,
        set_max_intset_entries: entries,
        set_max_listpack_entries: entries,
        zset_max_listpack_entries: entries,
        ..Limits::default()
    }
}

/// Replays commands into an empty keyspace.
pub fn loaded(bytes: &[u8], limits: Limits) -> Keyspace {
    replayed(bytes, limits, OnReplayError::Stop)
}

/// The same, minding errors or not.
pub fn replayed(bytes: &[u8], limits: Limits, on_error: OnReplayError) -> Keyspace {
    let mut space = Keyspace::new(16, limits);
    space.set_expiring(false);
    let mut loader = Loader::new(reader(bytes), on_error);
    while !loader.step(&mut space, Duration::MAX).unwrap() {}
    assert_eq!(loader.ended(), Some(Ended::Whole));
    space
}

/// A keyspace after these commands.
pub fn after<'a>(commands: impl IntoIterator<Item = &'a Argv>, limits: Limits) -> Keyspace {
    let mut bytes = Vec::new();
    for argv in commands {
        encode::command(&mut bytes, argv);
    }
    loaded(&bytes, limits)
}

pub fn argv(words: &[&str]) -> Argv {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

pub fn rewritten(space: &Keyspace) -> Vec<u8> {
    let mut out = Collected::default();
    assert!(rewrite::write(space, &mut out));
    assert_eq!(out.keys as u64, rewrite::keys(space));
    out.bytes
}

/// The commands in a file.
pub fn commands(bytes: &[u8]) -> Vec<Argv> {
    let (mut reader, mut found) = (reader(bytes), Vec::new());
    while reader.next().unwrap() == Next::Command {
        found.push(reader.args().map(<[u8]>::to_vec).collect());
    }
    assert_eq!(reader.offset(), bytes.len() as u64);
    found
}

/// What a keyspace holds, by another way than the walk of a rewrite.
pub fn dataset(space: &mut Keyspace) -> Dataset {
    let mut found = Dataset::new();
    space.set_expiring(false);
    for db in 0..space.databases() {
        let mut names = Vec::new();
        space.keys(db, 0).each(&mut |key, _| names.push(key.to_vec()));
        for name in names {
            let mut keys = space.keys(db, 0);
            let deadline = keys.deadline(&name);
            let value = keys.get(&name).unwrap();
            let (kind, mut parts) = (value.kind().name(), Vec::new());
            match value {
                Value::Text(text) => parts.push(text.to_vec()),
                Value::List(list) => list.iter().for_each(|entry| parts.push(entry.to_vec())),
                Value::Set(set) => {
                    set.iter().for_each(|entry| parts.push(entry.to_vec()));
                    parts.sort();
                }
                Value::ZSet(zset) => zset.each(&mut |member, score| {
                    parts.extend([member.to_vec(), score.to_bits().to_be_bytes().to_vec()]);
                }),
                Value::Hash(hash) => {
                    let mut pairs = Vec::new();
                    hash.each(&mut |field, value| pairs.push((field.to_vec(), value.to_vec())));
                    pairs.sort();
                    parts = pairs.into_iter().flat_map(|(field, value)| [field, value]).collect();
                }
            }
            assert!(found.insert((db, name), (kind, parts, deadline)).is_none());
        }
    }
    found
}
