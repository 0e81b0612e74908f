#![expect(unsafe_code, reason = "the tests look into the chains")]

use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::bucket::{self, SLOTS};
use super::{Element, Entry, Seed, Table};
use crate::encoding::{Blob, Pair};

thread_local! {
    static ALIVE: Cell<isize> = const { Cell::new(0) };
}

/// An element that counts its own births and deaths.
struct Counted(Box<(Vec<u8>, u32)>);

impl Counted {
    fn new(key: &[u8], value: u32) -> Self {
        ALIVE.set(ALIVE.get() + 1);
        Self(Box::new((key.to_vec(), value)))
    }
}

impl Element for Counted {
    fn key(&self) -> &[u8] {
        &self.0.0
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        ALIVE.set(ALIVE.get() - 1);
    }
}

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

#[derive(Clone, Debug)]
enum Step {
    Insert(u32, u32),
    InsertMany(u32, u32),
    RemoveMany(u32, u32),
    Remove(u32),
    Entry(u32, u32),
    EntryRemove(u32),
    Change(u32, u32),
    Rehash(usize),
    Allow(bool),
    Walk,
    Clear,
}

fn step() -> impl Strategy<Value = Step> {
    let n = || 0u32..2000;
    prop_oneof![
        8 => (n(), any::<u32>()).prop_map(|(n, v)| Step::Insert(n, v)),
        4 => (n(), 0u32..600).prop_map(|(n, count)| Step::InsertMany(n, count)),
        4 => (n(), 0u32..900).prop_map(|(n, count)| Step::RemoveMany(n, count)),
        6 => n().prop_map(Step::Remove),
        6 => (n(), any::<u32>()).prop_map(|(n, v)| Step::Entry(n, v)),
        3 => n().prop_map(Step::EntryRemove),
        3 => (n(), any::<u32>()).prop_map(|(n, v)| Step::Change(n, v)),
        2 => (0usize..40).prop_map(Step::Rehash),
        1 => any::<bool>().prop_map(Step::Allow),
        2 => Just(Step::Walk),
        1 => Just(Step::Clear),
    ]
}

type Model = HashMap<Vec<u8>, u32>;

fn apply(table: &mut Table<Counted>, model: &mut Model, step: &Step) {
    match *step {
        Step::Insert(n, v) => {
            let old = table.insert(Counted::new(&key(n), v)).map(|old| old.0.1);
            assert_eq!(old, model.insert(key(n), v));
        }
        Step::InsertMany(n, count) => {
            for n in n..n + count {
                apply(table, model, &Step::Insert(n, n));
            }
        }
        Step::Remove(n) => {
            assert_eq!(table.remove(&key(n)).map(|old| old.0.1), model.remove(&key(n)));
        }
        Step::RemoveMany(n, count) => {
            for n in n..n + count {
                apply(table, model, &Step::Remove(n));
            }
        }
        Step::Entry(n, v) => {
            let old = match table.entry(&key(n)) {
                Entry::Occupied(mut occupied) => {
                    let before = occupied.get().0.1;
                    let old = occupied.replace(Counted::new(&key(n), v));
                    assert_eq!((before, occupied.get_mut().0.1), (old.0.1, v));
                    Some(before)
                }
                Entry::Vacant(vacant) => {
                    assert_eq!(vacant.insert(Counted::new(&key(n), v)).key(), key(n));
                    None
                }
            };
            assert_eq!(old, model.insert(key(n), v));
        }
        Step::EntryRemove(n) => match table.entry(&key(n)) {
            Entry::Occupied(occupied) => assert_eq!(Some(occupied.remove().0.1), model.remove(&key(n))),
            Entry::Vacant(_) => assert!(!model.contains_key(&key(n))),
        },
        Step::Change(n, v) => {
            let place = table.get_mut(&key(n));
            assert_eq!(place.is_some(), model.contains_key(&key(n)));
            if let Some(element) = place {
                element.0.1 = v;
                model.insert(key(n), v);
            }
        }
        Step::Rehash(buckets) => {
            table.rehash_step(buckets);
        }
        Step::Allow(allowed) => table.set_resize_allowed(allowed),
        Step::Walk => walk(table, model),
        Step::Clear => {
            table.clear();
            model.clear();
        }
    }
}

fn walk(table: &Table<Counted>, model: &Model) {
    assert_eq!(check_chains(table), model.len());
    assert_eq!(table.iter().len(), model.len());
    let walked: Model = table.iter().map(|element| (element.key().to_vec(), element.0.1)).collect();
    assert_eq!(&walked, model);
    let (mut cursor, mut scanned) = (0, HashSet::new());
    loop {
        cursor = table.scan(cursor, &mut |element: &Counted| {
            assert!(scanned.insert(element.key().to_vec()), "an unchanged table gives each element once");
        });
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(scanned.len(), model.len());
    let random = table.random(&mut fastrand::Rng::with_seed(1)).map(|element| element.key().to_vec());
    assert_eq!(random.is_some(), !model.is_empty());
    assert!(random.is_none_or(|key| model.contains_key(&key)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn a_table_does_what_a_map_does(steps in prop::collection::vec(step(), 1..120)) {
        let before = ALIVE.get();
        let (mut table, mut model) = (Table::new(Seed::fixed(3, 4)), Model::new());
        for step in &steps {
            apply(&mut table, &mut model, step);
            prop_assert_eq!(table.len(), model.len());
        }
        walk(&table, &model);
        for (key, value) in &model {
            prop_assert_eq!(table.get(key).map(|element| element.0.1), Some(*value));
        }
        prop_assert_eq!(ALIVE.get() - before, model.len() as isize);
        drop(table);
        prop_assert_eq!(ALIVE.get(), before);
    }

    /// Elements 0..stay are present throughout; the others come and go between the calls.
    #[test]
    fn scan_gives_all_that_stay_while_the_table_resizes(
        stay in 1u32..600,
        first in 0u32..6000,
        changes in prop::collection::vec((any::<bool>(), 0u32..1500, 0usize..20), 1..40),
    ) {
        let mut table = filled(0..stay);
        let (mut low, mut high) = (10_000, 10_000);
        let mut add = |table: &mut Table<Blob>, grow: bool, count: u32| {
            for _ in 0..count {
                if grow {
                    table.insert(Blob::new(&key(high)));
                    high += 1;
                } else if low < high {
                    table.remove(&key(low)).unwrap();
                    low += 1;
                }
            }
        };
        add(&mut table, true, first);
        let (mut cursor, mut seen) = (0, HashSet::new());
        let mut changes = changes.into_iter();
        loop {
            for _ in 0..5 {
                cursor = table.scan(cursor, &mut |blob| { seen.insert(number(blob)); });
                if cursor == 0 { break; }
            }
            if cursor == 0 { break; }
            if let Some((grow, count, buckets)) = changes.next() {
                add(&mut table, grow, count);
                table.rehash_step(buckets);
            }
        }
        prop_assert!((0..stay).all(|n| seen.contains(&n)));
    }
}

#[test]
fn an_unused_table_holds_no_memory() {
    let mut table = Table::<Blob>::new(Seed::random());
    assert_eq!((table.memory(), table.len(), table.is_empty()), (0, 0, true));
    assert!(table.get(b"x").is_none() && table.remove(b"x").is_none() && table.iter().next().is_none());
    assert_eq!(table.scan(0, &mut |_| ()), 0);
    assert!(table.random(&mut fastrand::Rng::with_seed(1)).is_none());
    table.insert(Blob::new(b"x"));
    assert_eq!(table.memory(), 64);
}

#[test]
fn no_insert_moves_more_than_a_few_buckets() {
    let mut table = Table::new(Seed::fixed(5, 6));
    let mut most = 0;
    let (mut next, mut old) = (0, 0);
    for n in 0..1_000_000u32 {
        table.insert(Blob::new(&n.to_le_bytes()));
        let now = table.migration.as_ref().map(|migration| (migration.next, migration.old.len()));
        let moved = match now {
            Some((now, len)) if len == old => now - next,
            Some((now, _)) => now,
            None => old - next,
        };
        most = most.max(moved);
        (next, old) = now.unwrap_or((0, 0));
    }
    assert!((1..=8).contains(&most), "{most} buckets moved by one insert");
    finish(&mut table);
    assert_eq!(check_chains(&table), 1_000_000);
    table.spares.trim(usize::MAX);
    assert!(table.memory() <= 1_000_000 * 19, "{} bytes", table.memory());
}

#[test]
fn removal_gives_the_memory_back() {
    let mut table = filled(0..100_000);
    let full = table.memory();
    for n in 0..99_990 {
        table.remove(&key(n)).unwrap();
    }
    finish(&mut table);
    assert!(table.memory() * 1000 < full, "{} of {full}", table.memory());
    assert_eq!(check_chains(&table), 10);
    assert!((99_990..100_000).all(|n| table.contains(&key(n))));
}

#[test]
fn resizing_waits_while_it_is_not_allowed_until_it_must_not() {
    let mut table = filled(0..7);
    table.set_resize_allowed(false);
    for n in 7..28 {
        table.insert(Blob::new(&key(n)));
        assert!(!table.is_rehashing() && !table.rehash_step(1));
    }
    assert_eq!(table.buckets.len(), 1);
    for n in 28..40 {
        table.insert(Blob::new(&key(n)));
    }
    assert!(table.buckets.len() > 1, "four times too full is reason enough");
    table.set_resize_allowed(true);
    finish(&mut table);
    assert!((0..40).all(|n| table.contains(&key(n))));
}

#[test]
fn a_lookup_finds_moved_and_unmoved_elements() {
    let mut table = filled(0..4096 * 7);
    finish(&mut table);
    let mut n = 4096 * 7;
    while !table.is_rehashing() {
        table.insert(Blob::new(&key(n)));
        n += 1;
    }
    table.rehash_step(500);
    assert!(table.is_rehashing());
    for n in 0..n {
        let hash = table.hash(&key(n));
        table.prefetch(hash);
        table.prefetch_element(hash);
        assert_eq!(table.get_hashed(hash, &key(n)).map(number), Some(n));
    }
    assert!(!table.contains(&key(n)));
}

/// Each of the elements should be drawn `expected` times; the sum of squares is near the number of elements.
fn assert_fair(table: &Table<Blob>) {
    const EXPECTED: usize = 40;
    let mut rng = fastrand::Rng::with_seed(9);
    let mut counts: HashMap<&[u8], usize> = table.iter().map(|blob| (blob.as_bytes(), 0)).collect();
    for _ in 0..EXPECTED * table.len() {
        *counts.get_mut(table.random(&mut rng).unwrap().as_bytes()).unwrap() += 1;
    }
    let square = |count: usize| (count as f64 - EXPECTED as f64).powi(2) / EXPECTED as f64;
    let chi: f64 = counts.values().map(|count| square(*count)).sum();
    let freedom = (table.len() - 1) as f64;
    assert!(chi <= freedom + 5.0 * (2.0 * freedom).sqrt(), "chi square {chi} at {freedom}");
}

#[test]
fn random_is_fair_full_sparse_and_while_resizing() {
    for len in [1, 5, 8, 100, 112, 900, 1792] {
        assert_fair(&filled(0..len));
    }
    let mut growing = filled(0..1793);
    growing.rehash_step(100);
    assert!(growing.is_rehashing());
    assert_fair(&growing);
    let mut shrinking = filled(0..4000);
    finish(&mut shrinking);
    let mut n = 0;
    while !shrinking.is_rehashing() {
        shrinking.remove(&key(n)).unwrap();
        n += 1;
    }
    assert_fair(&shrinking);
    shrinking.rehash_step(300);
    assert_fair(&shrinking);
}

#[test]
fn remove_random_empties_a_table() {
    let (mut table, mut rng) = (filled(0..3000), fastrand::Rng::with_seed(4));
    let taken: HashSet<u32> =
        std::iter::from_fn(|| table.remove_random(&mut rng)).map(|blob| number(&blob)).collect();
    assert_eq!((taken.len(), table.len()), (3000, 0));
}

#[test]
fn random_finds_the_last_element_of_a_large_table() {
    let mut table = filled(0..20_000);
    finish(&mut table);
    table.set_resize_allowed(false);
    for n in 1..20_000 {
        table.remove(&key(n)).unwrap();
    }
    assert_eq!(table.random(&mut fastrand::Rng::with_seed(2)).map(number), Some(0));
}

#[test]
fn keys_chosen_against_one_seed_spread_under_another() {
    let known = Table::<Blob>::new(Seed::fixed(1, 2));
    let chosen: Vec<_> = (0u32..).map(key).filter(|key| known.hash(key) & 0xff == 7).take(2000).collect();
    let mut table = Table::new(Seed::random());
    for key in &chosen {
        table.insert(Blob::new(key));
    }
    finish(&mut table);
    let heads = (0..table.buckets.len()).filter_map(|index| table.buckets.get(index));
    // SAFETY: the table is borrowed.
    let longest = heads.map(|head| unsafe { bucket::population(head) }).max().unwrap();
    assert!(longest < 40, "{longest} elements in one chain");
}

#[test]
fn elements_with_one_tag_are_told_apart() {
    let mut table = Table::new(Seed::fixed(1, 2));
    let same: Vec<_> =
        (0u32..).map(key).filter(|key| bucket::tag_of(table.hash(key)) == 0).take(200).collect();
    for (n, key) in same.iter().enumerate() {
        table.insert(Pair::new(key, &n.to_le_bytes()));
    }
    for (n, key) in same.iter().enumerate() {
        assert_eq!(table.get(key).map(Pair::value), Some(&n.to_le_bytes()[..]));
    }
}

#[test]
fn an_element_may_move_its_allocation_under_get_mut() {
    let mut table = Table::new(Seed::random());
    for n in 0..100 {
        table.insert(Pair::new(&key(n), b"short"));
    }
    for n in 0..100 {
        table.get_mut(&key(n)).unwrap().set_value(&[n as u8; 500]);
    }
    assert!((0..100).all(|n| table.get(&key(n)).map(Pair::value) == Some(&[n as u8; 500][..])));
}

#[test]
fn a_clone_has_its_own_elements() {
    let mut table = filled(0..1000);
    let copy = table.clone();
    table.clear();
    assert_eq!((table.len(), copy.len(), check_chains(&copy)), (0, 1000, 1000));
    assert!((0..1000).all(|n| copy.contains(&key(n))));
}

#[test]
fn a_reserved_table_fills_without_moving() {
    let mut table = Table::new(Seed::random());
    table.reserve(50_000);
    for n in 0..50_000 {
        table.insert(Blob::new(&key(n)));
        assert!(!table.is_rehashing());
    }
    assert_eq!(check_chains(&table), 50_000);
    let mut absurd = Table::new(Seed::random());
    absurd.reserve(usize::MAX);
    absurd.insert(Blob::new(b"x"));
    assert!(absurd.contains(b"x"));
}

#[test]
fn or_insert_with_makes_only_what_is_missing() {
    let mut table = filled(0..3);
    assert_eq!(number(table.entry(&key(1)).or_insert_with(|| unreachable!("it is there"))), 1);
    assert_eq!(number(table.entry(&key(9)).or_insert_with(|| Blob::new(&key(9)))), 9);
    assert_eq!(table.len(), 4);
}

#[test]
fn a_table_can_go_to_another_thread() {
    let table = filled(0..100);
    let len = std::thread::spawn(move || table.iter().count()).join().unwrap();
    assert_eq!(len, 100);
}

#[test]
fn a_table_that_knows_what_comes_moves_its_elements_once() {
    let mut table = filled(0..600);
    finish(&mut table);
    table.expect(100_000);
    assert!(!table.is_rehashing(), "a small array is moved at once");
    let room = table.buckets.len();
    assert!(room * SLOTS > 100_000 && check_chains(&table) == 600);
    for n in 600..100_000 {
        table.insert(Blob::new(&key(n)));
        assert!(table.buckets.len() == room && !table.is_rehashing());
    }
    table.settle();
    assert_eq!(table.buckets.len(), room, "nothing was expected in vain");
}

#[test]
fn what_was_expected_in_vain_is_given_back() {
    let mut table = filled(0..20_000);
    finish(&mut table);
    let before = table.buckets.len();
    table.expect(100);
    table.expect(usize::MAX);
    assert!(table.is_rehashing() && table.buckets.len() == before * 16, "a large array grows by leaps");
    table.expect(usize::MAX);
    finish(&mut table);
    table.expect(usize::MAX);
    assert!(!table.is_rehashing(), "it is not half full");
    table.settle();
    finish(&mut table);
    assert_eq!((table.buckets.len(), check_chains(&table)), (4096, 20_000));
    assert_eq!((0..20_000).filter(|n| table.contains(&key(*n))).count(), 20_000);
}

#[test]
fn the_chained_buckets_that_growing_empties_are_used_again_and_go_little_by_little() {
    let mut table = filled(0..20_000);
    finish(&mut table);
    let mut n = 20_000;
    while !table.is_rehashing() {
        table.insert(Blob::new(&key(n)));
        n += 1;
    }
    finish(&mut table);
    let spares = table.spares.len();
    assert!(spares > 1000, "{spares}");
    assert_eq!(check_chains(&table), n as usize);
    for _ in 0..100 {
        table.insert(Blob::new(&key(n)));
        n += 1;
    }
    assert!((spares - 100..=spares - 50).contains(&table.spares.len()), "{} of {spares}", table.spares.len());
    for gone in 0..n - 10 {
        table.remove(&key(gone)).unwrap();
    }
    finish(&mut table);
    assert_eq!((table.spares.len(), check_chains(&table)), (0, 10));
}

#[test]
fn a_small_table_keeps_nothing_spare() {
    let mut table = filled(0..500);
    finish(&mut table);
    assert_eq!((table.spares.len(), check_chains(&table)), (0, 500));
}
