use std::rc::Rc;

use proptest::prelude::*;

use super::{Element, Record, View};

type Plain = Record<Box<u32>>;

#[derive(Clone, Debug)]
enum Change {
    Str(Vec<u8>),
    Int(i64),
    Object(u32),
    Rename(Vec<u8>),
}

/// What a record should hold.
#[derive(Clone, Debug)]
enum Value {
    Str(Vec<u8>),
    Int(i64),
    Object(u32),
}

/// Lengths on both sides of each change of a length's width.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let len = prop_oneof![0usize..40, 120usize..140, 16_370usize..16_400];
    (any::<u8>(), len).prop_map(|(first, len)| (0..len).map(|i| first.wrapping_add(i as u8)).collect())
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => bytes().prop_map(Change::Str),
        2 => any::<i64>().prop_map(Change::Int),
        2 => any::<u32>().prop_map(Change::Object),
        1 => bytes().prop_map(Change::Rename),
    ]
}

fn check(record: &Plain, key: &[u8], value: &Value) {
    assert_eq!(record.key(), key);
    match value {
        Value::Str(bytes) => assert_eq!(record.view(), View::Str(bytes)),
        Value::Int(int) => assert_eq!(record.view(), View::Int(*int)),
        Value::Object(object) => assert_eq!(record.view(), View::Object(&Box::new(*object))),
    }
}

fn apply(mut record: Plain, change: Change, key: &mut Vec<u8>, value: &mut Value) -> Plain {
    match change {
        Change::Str(bytes) => {
            record.set_string(&bytes);
            *value = Value::Str(bytes);
        }
        Change::Int(int) => {
            record.set_int(int);
            *value = Value::Int(int);
        }
        Change::Object(object) => {
            record.set_object(Box::new(object));
            *value = Value::Object(object);
        }
        Change::Rename(new) => {
            record = record.with_key(&new);
            *key = new;
        }
    }
    record
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_change_of_kind_keeps_the_key(key in bytes(), changes in prop::collection::vec(change(), 1..30)) {
        let (mut key, mut value) = (key, Value::Int(7));
        let mut record = Plain::int(&key, 7);
        for change in changes {
            record = apply(record, change, &mut key, &mut value);
            check(&record, &key, &value);
        }
    }
}

#[test]
fn a_record_is_one_pointer() {
    assert_eq!(size_of::<Option<Record<[u64; 4]>>>(), 8);
}

#[test]
fn a_short_key_with_a_hundred_bytes_needs_120() {
    let record = Plain::string(&[b'k'; 16], &[b'v'; 100]);
    assert!(record.size() <= 120, "{} bytes", record.size());
    assert_eq!(record.memory(), 128);
    assert_eq!(Plain::int(&[b'k'; 14], 1).size(), 24);
    assert_eq!(Plain::object(&[b'k'; 16], Box::new(1)).size(), 32);
}

#[test]
fn a_string_of_equal_length_stays_in_its_allocation() {
    let mut record = Plain::string(b"key", b"12345");
    let before = record.0;
    record.set_string(b"54321");
    assert_eq!((record.0, record.view()), (before, View::Str(b"54321")));
}

#[test]
fn objects_are_dropped_once() {
    let witness = Rc::new(());
    let alive = || Rc::strong_count(&witness) - 1;
    let make = || Record::object(b"key", Rc::clone(&witness));

    drop(make());
    assert_eq!(alive(), 0);
    let mut record = make();
    record.set_object(Rc::clone(&witness));
    assert_eq!(alive(), 1);
    record = record.with_key(b"a longer key than before");
    assert_eq!((alive(), record.key()), (1, &b"a longer key than before"[..]));
    record.set_string(b"text");
    assert_eq!(alive(), 0);
    record.set_object(Rc::clone(&witness));
    record.set_int(5);
    assert_eq!((alive(), record.object_mut().is_none()), (0, true));
}

#[test]
fn an_object_is_aligned_and_changes_in_place() {
    for len in 0..20 {
        let mut record = Record::object(&vec![b'k'; len], 1u64);
        *record.object_mut().unwrap() += 41;
        assert_eq!(record.view(), View::Object(&42));
        assert!(record.object_at().is_aligned());
    }
}
