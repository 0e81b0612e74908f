//! The listpack against a vector of byte strings; and foreign bytes, which are one or are refused.

use aofstore_core::encoding::{Listpack, Pos};

use super::input::Input;

pub fn run(data: &[u8]) {
    let mut input = Input(data);
    if input.byte() & 1 == 1 {
        let length = usize::from(input.byte());
        let Some(pack) = Listpack::from_bytes_validated(input.take(length)) else {
            // Most of what is left may still be one.
            if let Some(pack) = Listpack::from_bytes_validated(data.get(2..).unwrap_or_default()) {
                sound(&pack, &texts(&pack));
            }
            return;
        };
        let model = texts(&pack);
        edits(pack, model, input);
    } else {
        edits(Listpack::new(), Vec::new(), input);
    }
}

fn texts(pack: &Listpack) -> Vec<Vec<u8>> {
    pack.iter().map(|entry| entry.to_vec()).collect()
}

fn edits(mut pack: Listpack, mut model: Vec<Vec<u8>>, mut input: Input<'_>) {
    sound(&pack, &model);
    let mut budget = 64;
    while !input.is_empty() && budget > 0 {
        budget -= 1;
        edit(&mut pack, &mut model, &mut input);
        sound(&pack, &model);
    }
}

fn value(input: &mut Input<'_>) -> Vec<u8> {
    let form = input.byte();
    match form & 3 {
        0 => input.take(usize::from(form >> 2)).to_vec(),
        1 => input.number().to_string().into_bytes(),
        2 => vec![form; usize::from(input.byte()) * 17],
        _ => vec![b'0' + (form >> 2) % 10],
    }
}

fn edit(pack: &mut Listpack, model: &mut Vec<Vec<u8>>, input: &mut Input<'_>) {
    let operation = input.byte();
    let index = if model.is_empty() { 0 } else { usize::from(input.byte()) % model.len() };
    let pos: Option<Pos> = pack.seek(index as i64);
    assert_eq!(pos.is_some(), !model.is_empty());
    let from_end = index as i64 - model.len() as i64;
    match (operation % 12, pos) {
        (0 | 1, _) => {
            let value = value(input);
            pack.push_back(&value);
            model.push(value);
        }
        (2, _) => {
            let value = value(input);
            pack.push_front(&value);
            model.insert(0, value);
        }
        (3, Some(pos)) => {
            let value = value(input);
            let at = pack.insert_before(pos, &value);
            assert!(pack.get(at).equals(&value));
            model.insert(index, value);
        }
        (4, Some(pos)) => {
            let value = value(input);
            let at = pack.insert_after(pos, &value);
            assert!(pack.get(at).equals(&value));
            model.insert(index + 1, value);
        }
        (5, Some(pos)) => {
            let value = value(input);
            pack.replace(pos, &value);
            model[index] = value;
        }
        (6, Some(pos)) => {
            let next = pack.remove(pos);
            model.remove(index);
            assert_eq!(next.map(|pos| pack.get(pos).to_vec()).as_ref(), model.get(index));
        }
        (7, Some(pos)) => {
            let count = usize::from(input.byte());
            pack.remove_at(pos, count);
            drop(model.drain(index..(index + count).min(model.len())));
        }
        (8, _) => {
            let count = usize::from(input.byte()) % 8;
            let gone = pack.remove_range(from_end, count);
            assert_eq!(gone, count.min(model.len() - index));
            drop(model.drain(index..index + gone));
        }
        (9, Some(pos)) => {
            let mut right = pack.split_off(pos);
            let tail = model.split_off(index);
            sound(&right, &tail);
            right.append(pack);
            *model = tail.into_iter().chain(model.drain(..)).collect();
            *pack = right;
        }
        (10, Some(pos)) => {
            let (value, skip) = (value(input), usize::from(input.byte()) % 3);
            let found = pack.find(pos, &value, skip).map(|pos| pack.get(pos).to_vec());
            let expected = model[index..].iter().step_by(skip + 1).find(|&other| *other == value);
            assert_eq!(found.as_ref(), expected);
        }
        _ => {
            let other = pack.clone();
            if model.len() < 200 && other.bytes() < 1 << 13 {
                pack.append(&other);
                model.extend_from_within(..);
            }
        }
    }
}

/// Everything that must hold whatever was done before.
fn sound(pack: &Listpack, model: &[Vec<u8>]) {
    assert_eq!(texts(pack), model);
    assert!(pack.iter().rev().map(|entry| entry.to_vec()).eq(model.iter().rev().cloned()));
    assert_eq!((pack.len(), pack.is_empty()), (model.len(), model.is_empty()));
    assert_eq!(pack.seek(model.len() as i64), None);
    assert_eq!(pack.seek(-1 - model.len() as i64), None);
    let again = Listpack::from_bytes_validated(pack.as_bytes()).expect("own bytes are sound");
    assert_eq!(again.as_bytes(), pack.as_bytes());
}
