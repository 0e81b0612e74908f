//! The intset against a sorted set of the standard library; and foreign bytes, which are one or are refused.

use std::collections::BTreeSet;

use aofstore_core::encoding::Intset;

use super::input::Input;

pub fn run(data: &[u8]) {
    let mut input = Input(data);
    if input.byte() & 1 == 1 {
        foreign(input.0);
        return;
    }
    let (mut set, mut model) = (Intset::new(), BTreeSet::new());
    while !input.is_empty() {
        let operation = input.byte();
        let value = input.number();
        match operation % 4 {
            0 | 1 => assert_eq!(set.add(value), model.insert(value)),
            2 => assert_eq!(set.remove(value), model.remove(&value)),
            _ => assert_eq!(set.contains(value), model.contains(&value)),
        }
        assert_eq!(set.len(), model.len());
    }
    agrees(&set, &model);
    if !set.is_empty() {
        let again = Intset::from_bytes_validated(set.as_bytes()).expect("own bytes are sound");
        assert_eq!(again.as_bytes(), set.as_bytes());
    }
}

fn foreign(bytes: &[u8]) {
    let Some(mut set) = Intset::from_bytes_validated(bytes) else { return };
    assert_eq!(set.as_bytes(), bytes);
    let model: BTreeSet<i64> = set.iter().collect();
    agrees(&set, &model);
    for value in model {
        assert!(set.remove(value));
    }
    assert!(set.is_empty());
}

fn agrees(set: &Intset, model: &BTreeSet<i64>) {
    assert!(set.iter().eq(model.iter().copied()));
    assert!(set.iter().rev().eq(model.iter().rev().copied()));
    assert_eq!((set.min(), set.max()), (model.first().copied(), model.last().copied()));
    assert_eq!(set.get(model.len()), None);
    assert!(set.random(&mut fastrand()).is_none_or(|value| model.contains(&value)));
}

fn fastrand() -> fastrand::Rng {
    fastrand::Rng::with_seed(7)
}
