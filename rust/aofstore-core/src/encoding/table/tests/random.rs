//! A random element: each as likely as any other, and found in a table that is nearly empty.

use super::*;

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
fn random_finds_the_last_element_of_a_large_table() {
    let mut table = filled(0..20_000);
    finish(&mut table);
    table.set_resize_allowed(false);
    for n in 1..20_000 {
        table.remove(&key(n)).unwrap();
    }
    assert_eq!(table.random(&mut fastrand::Rng::with_seed(2)).map(number), Some(0));
}
