//! The table against a map, its sizes, its randomness and its elements.

#![expect(unsafe_code, reason = "the tests look into the chains")]

use std::collections::{HashMap, HashSet};

use super::bucket::{self, SLOTS};
use super::{Element, Entry, Seed, Table};
use crate::encoding::{Blob, Pair};

mod elements;
mod model;
mod random;
mod resizing;

fn key(n: u32) -> Vec<u8> {
    format!("key:{n}").into_bytes()
}

fn number(blob: &Blob) -> u32 {
    std::str::from_utf8(&blob.as_bytes()[4..]).unwrap().parse().unwrap()
}

fn filled(numbers: std::ops::Range<u32>) -> Table<Blob> {
    let mut table = Table::new(Seed::fixed(1, 2));
    for n in numbers {
        assert!(table.insert(Blob::new(&key(n))).is_none());
    }
    table
}

fn finish<E: Element>(table: &mut Table<E>) {
    while table.rehash_step(100) {}
}

/// Walks every chain and checks what the bucket module promises; returns elements found.
fn check_chains<E: Element>(table: &Table<E>) -> usize {
    let mut found = 0;
    let mut chained = 0;
    let old = table.migration.iter().map(|migration| &migration.old);
    for buckets in old.chain([&table.buckets]) {
        for head in (0..buckets.len()).filter_map(|index| buckets.get(index)) {
            // SAFETY: the table is borrowed.
            let chain: Vec<_> = unsafe { bucket::chain(head) }.collect();
            let (last, full) = chain.split_last().unwrap();
            assert!(full.iter().all(|bucket| bucket.len() == SLOTS - 1));
            assert!(full.is_empty() || last.len() >= 2);
            chained += full.len();
            found += chain.iter().map(|bucket| bucket.len()).sum::<usize>();
        }
    }
    assert_eq!(chained, table.chained);
    found
}
