//! A table does what a map does, whatever is done to it in whatever order.

use std::cell::Cell;

use proptest::prelude::*;

use super::*;

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
