//! The walk and the output allocate nothing: in a forked child another thread may hold the allocator's lock for ever.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs::File;
use std::os::fd::AsFd;

use aofstore_core::fs::Seekable;
use aofstore_core::keyspace::{Growth, Keyspace};
use aofstore_core::rdb::file::{About, Reader, Snapshot, Unknown};
use aofstore_core::rdb::value::Version;
use aofstore_core::rewrite::{self, FileOutput};

use super::place::{self, argv, loaded, small_up_to};

/// Counts the calls of this thread while it watches itself.
struct Counting;

thread_local! {
    static CALLS: Cell<Option<usize>> = const { Cell::new(None) };
}

fn count() {
    CALLS.with(|calls| calls.set(calls.get().map(|count| count + 1)));
}

#[expect(unsafe_code, reason = "the only way to see allocations")]
// SAFETY: all calls go to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs `work`; how often it called the allocator.
fn counted<T>(work: impl FnOnce() -> T) -> (T, usize) {
    CALLS.with(|calls| calls.set(Some(0)));
    let result = work();
    (result, CALLS.with(Cell::take).unwrap_or_default())
}

/// Every type in every encoding, with values of every size, in two databases, with deadlines and tables that move.
fn everything() -> Keyspace {
    let mut space = place::after(
        [
            &argv(&["SET", "int", "-12"]),
            &argv(&["SET", "embstr", "short"]),
            &argv(&["SET", "inline", &"x".repeat(3000)]),
            &argv(&["SET", "large", &"y".repeat(3 << 20)]),
            &argv(&["SET", "raw", "some"]),
            &argv(&["APPEND", "raw", " more"]),
            &argv(&["RPUSH", "quick", "1", "two", &"z".repeat(20_000), "-4"]),
            &argv(&["RPUSH", "list", "1", "two", "3"]),
            &argv(&["SADD", "ints", "1", "2", "-3", "4000000000"]),
            &argv(&["SADD", "pack", "1", "two", "3"]),
            &argv(&["ZADD", "zpack", "0.1", "a", "1e300", "b", "inf", "c", "-0", "d", "7", "8"]),
            &argv(&["HSET", "hpack", "f", "v", "1", "2"]),
            &argv(&["SELECT", "3"]),
            &argv(&["SET", "elsewhere", "v"]),
            &argv(&["PEXPIREAT", "elsewhere", "1"]),
        ],
        small_up_to(6),
    );
    for number in 0..1000 {
        let (name, score) = (format!("n{number}"), f64::from(number) / 7.0);
        let mut keys = space.keys(0, 0);
        keys.put_text(name.as_bytes(), b"v");
        keys.set_deadline(name.as_bytes(), i64::from(number));
        let limits = small_up_to(6);
        let seed = keys.space.seed();
        keys.hash_or_new(b"hash").unwrap().set(name.as_bytes(), b"v", &limits, seed);
        keys.set_or_new(b"set", b"x").unwrap().add(name.as_bytes(), &limits, seed);
        let growth = Growth::of(keys.space);
        keys.zset_or_new(b"zset").unwrap().insert(name.as_bytes(), score, &growth);
    }
    space
}

#[test]
fn a_rewrite_of_everything_allocates_nothing() {
    let mut space = everything();
    let encodings = [
        ("int", "int"),
        ("embstr", "embstr"),
        ("inline", "raw"),
        ("raw", "raw"),
        ("quick", "quicklist"),
        ("list", "listpack"),
        ("ints", "intset"),
        ("pack", "listpack"),
        ("set", "hashtable"),
        ("zpack", "listpack"),
        ("zset", "skiplist"),
        ("hpack", "listpack"),
        ("hash", "hashtable"),
    ];
    for (key, encoding) in encodings {
        assert_eq!(space.keys(0, 0).peek(key.as_bytes()).unwrap().encoding(), encoding, "{key}");
    }
    for incremental_sync in [false, true] {
        let directory = tempfile();
        let path = directory.join("rewritten.aof");
        let file = File::create(&path).unwrap();
        let mut out = FileOutput::new(file.as_fd(), incremental_sync);
        let (whole, calls) = counted(|| rewrite::write(&space, &mut out) && out.sync());
        assert_eq!(calls, 0, "calls of the allocator");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_dir_all(&directory).unwrap();
        assert!(whole && out.written() == bytes.len() as u64);
        assert_eq!(place::dataset(&mut loaded(&bytes, small_up_to(6))), place::dataset(&mut space));
    }
}

#[test]
fn a_snapshot_of_everything_allocates_nothing_once_it_is_prepared() {
    let mut space = everything();
    for (version, packed) in [(Version::V10, false), (Version::V11, false), (Version::V10, true)] {
        let about = About { version, redis_version: "7.2.0", created: 1, used_memory: 1, aof_base: true };
        let directory = tempfile();
        let path = directory.join("snapshot.rdb");
        let file = File::create(&path).unwrap();
        let mut out = FileOutput::new(file.as_fd(), true);
        let snapshot = Snapshot::prepare(about);
        let mut snapshot = if packed { snapshot.packed() } else { snapshot };
        let (whole, calls) = counted(|| snapshot.write(&space, &mut out) && out.sync());
        assert_eq!((whole, calls), (true, 0), "whole, calls of the allocator");
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.len() < 1 << 20, packed, "the large value");
        std::fs::remove_dir_all(&directory).unwrap();
        let source = Box::new(Seekable(std::io::Cursor::new(bytes.clone())));
        let mut reader = Reader::new(source, bytes.len() as u64, &path, Unknown::Refuse);
        let mut back = Keyspace::new(16, small_up_to(6));
        back.set_expiring(false);
        while reader.next(&mut back).unwrap() {}
        assert_eq!(place::dataset(&mut back), place::dataset(&mut space));
    }
}

#[test]
fn the_counter_counts() {
    assert_eq!(counted(|| drop(vec![1u8; 10])).1, 2);
}

fn tempfile() -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!(
        "aofstore-rewrite-{}-{:?}",
        std::process::id(),
        std::thread::current().id()
    ));
    std::fs::create_dir_all(&path).unwrap();
    path
}
