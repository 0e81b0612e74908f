//! The table grows and shrinks a little with each change, and gives back what it does not need.

use super::*;

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
