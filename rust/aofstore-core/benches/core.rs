//! The floors that everything stands on, one at a time: table, listpack, skip list, RESP, the walk of a rewrite.
//!
//! `make bench` runs them; `cargo bench -p aofstore-core -- table` some. For comparing two versions of this crate:
//! what users feel is measured by `benchmarks/`.

use std::hint::black_box;

use aofstore_core::encoding::skiplist::Spot;
use aofstore_core::encoding::{Blob, Listpack, Seed, SortedMembers, Table};
use aofstore_core::fs::os::{Access, OsDir};
use aofstore_core::fs::{Create, Dir};
use aofstore_core::keyspace::{End, Growth, Keyspace, Limits};
use aofstore_core::resp::{decode, encode};
use aofstore_core::rewrite::{self, FileOutput, Target};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];
const SMALL: [usize; 2] = [16, 128];

fn names(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| format!("key:{number:012}").into_bytes()).collect()
}

/// The names in an order that no cache line likes, again and again.
fn shuffled(names: &[Vec<u8>]) -> impl Iterator<Item = &[u8]> {
    let mut order: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
    fastrand::Rng::with_seed(1).shuffle(&mut order);
    order.into_iter().cycle()
}

fn table(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("table");
    for size in SIZES {
        let names = names(size);
        let mut table = Table::new(Seed::random());
        for name in &names {
            table.insert(Blob::new(name));
        }
        let mut next = shuffled(&names);
        group.bench_function(BenchmarkId::new("get", size), |bencher| {
            bencher.iter(|| table.get(next.next().unwrap_or_default()).is_some());
        });
        group.bench_function(BenchmarkId::new("remove and insert", size), |bencher| {
            bencher.iter(|| {
                let removed = table.remove(next.next().unwrap_or_default());
                removed.and_then(|element| table.insert(element))
            });
        });
        group.bench_function(BenchmarkId::new("scan, a bucket", size), |bencher| {
            let mut cursor = 0;
            bencher.iter(|| cursor = table.scan(cursor, &mut |element| _ = black_box(element)));
        });
    }
    group.finish();
}

fn listpack(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("listpack");
    for size in SMALL {
        let mut pack = Listpack::new();
        for name in names(size) {
            pack.push_back(&name);
        }
        group.bench_function(BenchmarkId::new("push and remove at the tail", size), |bencher| {
            bencher.iter(|| {
                pack.push_back(b"one more element");
                pack.last().and_then(|last| pack.remove(last))
            });
        });
        group.bench_function(BenchmarkId::new("find what is not there", size), |bencher| {
            bencher.iter(|| pack.first().and_then(|first| pack.find(first, b"key:000000009999", 0)));
        });
        group.bench_function(BenchmarkId::new("walk", size), |bencher| {
            bencher.iter(|| pack.iter().map(|entry| entry.len()).sum::<usize>());
        });
    }
    group.finish();
}

fn skiplist(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("skiplist");
    for size in SIZES {
        let mut rng = fastrand::Rng::with_seed(2);
        let names = names(size);
        let mut members = SortedMembers::new(Seed::random(), &mut rng);
        for name in &names {
            members.insert(rng.f64(), name);
        }
        let mut next = shuffled(&names);
        group.bench_function(BenchmarkId::new("move a member", size), |bencher| {
            bencher.iter(|| members.insert(rng.f64(), next.next().unwrap_or_default()));
        });
        group.bench_function(BenchmarkId::new("rank", size), |bencher| {
            bencher.iter(|| members.rank(next.next().unwrap_or_default()));
        });
        group.bench_function(BenchmarkId::new("ten from the middle", size), |bencher| {
            let middle = size / 2;
            bencher.iter(|| members.order().iter_from(middle).take(10).map(Spot::score).sum::<f64>());
        });
    }
    group.finish();
}

fn resp(bench: &mut Criterion) {
    let value = [b'v'; 100];
    let argv: [&[u8]; 3] = [b"SET", b"key:000000000001", &value];
    let mut one = Vec::new();
    encode::command(&mut one, argv);
    let mut group = bench.benchmark_group("resp");
    group.throughput(Throughput::Bytes(one.len() as u64));
    group.bench_function("encode SET", |bencher| {
        let mut sink = Vec::with_capacity(1 << 12);
        bencher.iter(|| {
            sink.clear();
            encode::command(&mut sink, black_box(argv));
            sink.len()
        });
    });
    group.bench_function("decode SET", |bencher| {
        let mut frame = decode::Frame::default();
        bencher.iter(|| {
            frame.clear();
            decode::decode(black_box(&one), decode::MAX_BULK, &mut frame).is_ok()
        });
    });
    group.finish();
}

/// The data set of `benchmarks/`: strings, and a tenth as many of each collection with ten elements.
fn data_set(strings: usize) -> Keyspace {
    let mut space = Keyspace::new(1, Limits::default());
    let (limits, seed, growth) = (space.limits, space.seed(), Growth::of(&space));
    let mut keys = space.keys(0, 0);
    for name in names(strings) {
        keys.put_text(&name, &[b'v'; 100]);
    }
    for number in 0..strings / 10 {
        let name = |kind: &str| format!("{kind}:{number:012}").into_bytes();
        for element in 0..10 {
            let text = format!("element:{element:04}");
            let text = text.as_bytes();
            if let Ok(hash) = keys.hash_or_new(&name("hash")) {
                hash.set(text, text, &limits, seed);
            }
            if let Ok(zset) = keys.zset_or_new(&name("zset")) {
                zset.insert(text, f64::from(element) / 3.0, &growth);
            }
            if let Ok(list) = keys.list_or_new(&name("list")) {
                list.push(End::Back, &[text], limits.list_fill());
            }
        }
    }
    space
}

/// Takes everything and keeps nothing.
struct Nowhere;

impl Target for Nowhere {
    fn write(&self, bytes: &[u8]) -> Result<usize, i32> {
        Ok(black_box(bytes).len())
    }

    fn sync(&self) -> Result<(), i32> {
        Ok(())
    }

    fn begin_writeback(&self, _: bool) -> Result<bool, i32> {
        Ok(true)
    }
}

fn rewrite_into(space: &Keyspace, target: impl Target) -> u64 {
    let mut out = FileOutput::new(target, true);
    assert!(rewrite::write(space, &mut out) && out.sync());
    out.written()
}

fn rewrite(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("rewrite");
    group.sample_size(10);
    let Ok(dir) = OsDir::open(&std::env::temp_dir(), Access::Unlocked) else { return };
    for size in [100_000, 1_000_000] {
        let mut space = data_set(size);
        while space.rehash(1000) {}
        let bytes = rewrite_into(&space, Nowhere);
        group.throughput(Throughput::Bytes(bytes));
        group.bench_function(BenchmarkId::new("into nothing", size), |bencher| {
            bencher.iter(|| rewrite_into(&space, Nowhere));
        });
        // Onto a disk, and into memory that is only called a file.
        let mut measure = |name: &str, dir: &dyn Dir, file: &str| {
            let once = || {
                let made =
                    dir.open_append(file, Create::Missing).and_then(|file| file.set_len(0).map(|()| file));
                made.map_or(0, |file| rewrite_into(&space, file))
            };
            group.throughput(Throughput::Bytes(once()));
            group.bench_function(BenchmarkId::new(name, size), |bencher| bencher.iter(once));
            drop(dir.unlink(file));
        };
        measure("into a file", &dir, "aofstore-bench-rewrite.aof");
        if let Ok(shm) = OsDir::open(std::path::Path::new("/dev/shm"), Access::Unlocked) {
            measure("into memory", &shm, "aofstore-bench-rewrite.aof");
        }
    }
    group.finish();
}

criterion_group!(benches, table, listpack, skiplist, resp, rewrite);
criterion_main!(benches);
