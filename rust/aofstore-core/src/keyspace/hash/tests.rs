//! Hashes against a model, at the limits of their encodings.

use std::collections::{BTreeMap, HashSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const SEED: (u64, u64) = (1, 2);

fn seed() -> Seed {
    Seed::fixed(SEED.0, SEED.1)
}

fn small() -> Limits {
    Limits { hash_max_listpack_entries: 4, hash_max_listpack_value: 8, ..Limits::default() }
}

fn content(hash: &Hash) -> BTreeMap<Vec<u8>, Vec<u8>> {
    hash.iter().map(|(field, value)| (field.to_vec(), value.to_vec())).collect()
}

fn filled(count: usize, limits: &Limits) -> Hash {
    let mut hash = Hash::new();
    for n in 0..count {
        assert!(hash.set(format!("f{n}").as_bytes(), n.to_string().as_bytes(), limits, seed()));
    }
    hash
}

#[test]
fn the_fifth_field_makes_a_table_of_a_four_field_listpack() {
    assert_eq!(size_of::<Hash>(), 16);
    let mut hash = filled(4, &small());
    assert_eq!(hash.encoding(), "listpack");
    assert!(!hash.set(b"f0", b"new", &small(), seed()));
    assert_eq!(hash.encoding(), "listpack");
    assert!(hash.set(b"f4", b"4", &small(), seed()));
    assert_eq!((hash.encoding(), hash.len()), ("hashtable", 5));
    assert!(hash.remove(b"f4") && !hash.remove(b"f4"));
    assert_eq!((hash.encoding(), hash.len()), ("hashtable", 4));
}

#[test]
fn a_long_field_or_value_makes_a_table() {
    for (field, value) in [(&b"123456789"[..], &b"v"[..]), (b"f0", b"123456789")] {
        let mut hash = filled(1, &small());
        hash.set(field, value, &small(), seed());
        assert_eq!(hash.encoding(), "hashtable");
        assert_eq!(hash.get(field).map(|value| value.to_vec()), Some(value.to_vec()));
    }
    let mut hash = filled(1, &small());
    hash.set(b"12345678", b"12345678", &small(), seed());
    assert_eq!(hash.encoding(), "listpack");
}

/// Whether it is kept as bytes that are walked, whatever it is called.
fn is_walked(hash: &Hash) -> bool {
    matches!(hash.0, Repr::Packed(_) | Repr::Few(_))
}

#[test]
fn a_hash_with_few_long_values_is_called_a_table_and_kept_as_bytes() {
    let limits = Limits::default();
    let mut hash = Hash::new();
    assert!(hash.set(b"field", &[7; 100], &limits, seed()));
    assert!(!hash.set(b"field", &[8; 100], &limits, seed()));
    assert_eq!((hash.encoding(), hash.listpack().is_none(), is_walked(&hash)), ("hashtable", true, true));
    let table_at_least = size_of::<Table<Pair>>() + 64 + Pair::new(b"field", &[8; 100]).memory();
    assert!(hash.memory() * 3 < table_at_least * 2, "{} {table_at_least}", hash.memory());
    assert_eq!(hash.get(b"field").map(|value| value.to_vec()), Some(vec![8; 100]));
    // Emptied of what made it one, it stays what Redis calls it.
    hash.set(b"field", b"1", &limits, seed());
    assert_eq!((hash.encoding(), hash.get(b"field")), ("hashtable", Some(Entry::Int(1))));
}

#[test]
fn a_hash_of_many_fields_or_bytes_is_found_by_hashing() {
    let mut hash = filled(FEW_FIELDS, &small());
    assert!(is_walked(&hash));
    assert!(!hash.set(b"f0", b"new", &small(), seed()) && is_walked(&hash));
    assert!(hash.set(b"one more", b"", &small(), seed()) && !is_walked(&hash));
    assert_eq!((hash.encoding(), hash.len()), ("hashtable", FEW_FIELDS + 1));

    for (field, value) in [(&b"f0"[..], FEW_BYTES), (b"new", FEW_BYTES), (b"f0", 1 << 20)] {
        let mut hash = filled(5, &small());
        assert_eq!((hash.encoding(), is_walked(&hash)), ("hashtable", true));
        let before = content(&hash);
        let value = vec![b'v'; value];
        assert_eq!(hash.set(field, &value, &small(), seed()), field == b"new");
        assert!(!is_walked(&hash));
        let mut after = before;
        after.insert(field.to_vec(), value);
        assert_eq!(content(&hash), after);
    }
}

#[test]
fn a_walked_hash_stays_small_however_its_values_change() {
    let mut hash = filled(FEW_FIELDS, &small());
    for round in 0..200 {
        let value = vec![b'v'; round * 37 % 300];
        hash.set(format!("f{}", round % FEW_FIELDS).as_bytes(), &value, &small(), seed());
        assert!(!is_walked(&hash) || hash.memory() < FEW_BYTES + 512);
    }
}

#[test]
fn many_fields_at_once_are_expected() {
    let mut hash = Hash::new();
    hash.expect(&[&b"f"[..]; 8], &small(), seed());
    assert_eq!(hash.encoding(), "listpack");
    hash.expect(&[&b"f"[..]; 10], &small(), seed());
    assert_eq!(hash.encoding(), "hashtable");
}

#[test]
fn listpacks_of_snapshots_are_checked() {
    let pack = |entries: &[&[u8]]| {
        let mut pack = Listpack::new();
        for entry in entries {
            pack.push_back(entry);
        }
        pack
    };
    let take = |entries: &[&[u8]]| Hash::from_listpack(pack(entries), &small(), seed());
    assert!(take(&[]).is_none());
    assert!(take(&[b"f"]).is_none());
    assert!(take(&[b"f", b"v", b"f", b"w"]).is_none());
    assert_eq!(take(&[b"f", b"v", b"v", b"f"]).unwrap().encoding(), "listpack");
    assert_eq!(take(&[b"f", b"123456789"]).unwrap().encoding(), "hashtable");
}

#[test]
fn draws_reach_every_field() {
    let mut rng = fastrand::Rng::with_seed(3);
    for count in [4, 40] {
        let hash = filled(count, &small());
        let seen: BTreeMap<_, _> = (0..2000)
            .filter_map(|_| hash.random(&mut rng))
            .map(|(field, value)| (field.to_vec(), value.to_vec()))
            .collect();
        assert_eq!(seen, content(&hash));
        for wanted in [1, 3, count - 1, count, count + 1] {
            let drawn = hash.distinct(wanted, &mut rng);
            let different: HashSet<_> = drawn.iter().map(|(field, _)| field.to_vec()).collect();
            assert_eq!((drawn.len(), different.len()), (wanted.min(count), wanted.min(count)));
        }
    }
    assert!(Hash::new().random(&mut rng).is_none());
}

proptest! {
    #[test]
    fn a_hash_behaves_as_a_map(steps in vec((any::<bool>(), 0u8..24, "[0-9a]{0,9}|b{300}"), 0..90)) {
        let (mut hash, mut model) = (Hash::new(), BTreeMap::new());
        for (set, field, value) in steps {
            let field = field.to_string();
            if set {
                let new = model.insert(field.clone().into_bytes(), value.clone().into_bytes()).is_none();
                prop_assert_eq!(hash.set(field.as_bytes(), value.as_bytes(), &small(), seed()), new);
            } else {
                prop_assert_eq!(hash.remove(field.as_bytes()), model.remove(field.as_bytes()).is_some());
            }
            prop_assert_eq!(hash.len(), model.len());
            prop_assert_eq!(hash.is_empty(), model.is_empty());
            prop_assert_eq!(hash.contains(field.as_bytes()), model.contains_key(field.as_bytes()));
        }
        prop_assert_eq!(content(&hash), model.clone());
        prop_assert_eq!(content(&hash.clone()), model.clone());
        let mut scanned = BTreeMap::new();
        let mut cursor = 0;
        loop {
            cursor = hash.scan(cursor, &mut |field, value| {
                scanned.insert(field.to_vec(), value.to_vec());
            });
            if cursor == 0 {
                break;
            }
        }
        prop_assert_eq!(scanned, model);
    }
}

proptest! {
    #[test]
    fn fields_that_come_together_are_set_as_one_by_one(
        pairs in vec(("[a-f]{1,2}|[0-9]{1,10}", "[a-z0-9]{0,10}"), 0..7),
        there in any::<bool>(),
    ) {
        let words: Vec<&[u8]> =
            pairs.iter().flat_map(|(field, value)| [field.as_bytes(), value.as_bytes()]).collect();
        let (mut single, mut together) = (filled(usize::from(there), &small()), filled(usize::from(there), &small()));
        for pair in words.chunks(2) {
            single.set(pair[0], pair[1], &small(), seed());
        }
        if together.fill(&words, &small()) {
            prop_assert_eq!(content(&together), content(&single));
            prop_assert_eq!((together.len(), together.encoding()), (single.len(), single.encoding()));
        } else {
            let fits = pairs.len() <= 4 && words.iter().all(|word| word.len() <= 8);
            let twice = pairs.iter().map(|(field, _)| field).collect::<HashSet<_>>().len() < pairs.len();
            prop_assert!(there || !fits || twice);
            prop_assert_eq!(together.len(), usize::from(there));
        }
    }
}
