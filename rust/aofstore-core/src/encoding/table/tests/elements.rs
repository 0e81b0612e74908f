//! What a table does with its elements, and with keys that are chosen against it.

use super::*;

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
