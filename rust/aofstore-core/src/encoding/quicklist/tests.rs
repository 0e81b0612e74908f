use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::encoding::Listpack;

fn list(fill: i64, values: &[&[u8]]) -> Quicklist {
    let mut list = Quicklist::new(Fill::from_setting(fill));
    for value in values {
        list.push_back(value);
    }
    list
}

fn texts(list: &Quicklist) -> Vec<Vec<u8>> {
    list.iter().map(|e| e.to_vec()).collect()
}

fn assert_sound(list: &Quicklist, model: &[Vec<u8>]) {
    assert_eq!(list.len(), model.len());
    assert_eq!(texts(list), model);
    let mut back: Vec<_> = list.iter_back_from(model.len().saturating_sub(1)).map(|e| e.to_vec()).collect();
    back.reverse();
    assert_eq!(back, model);
    for view in list.nodes() {
        match view {
            View::Plain(value) => assert!(value.len() > list.fill().bytes()),
            View::Packed(pack) => {
                assert!(!pack.is_empty());
                assert!(
                    pack.len() == 1 || !list.fill().exceeded(pack.bytes(), pack.len()),
                    "{} bytes",
                    pack.bytes()
                );
            }
        }
    }
    assert_eq!(list.front().map(|e| e.to_vec()), model.first().cloned());
    assert_eq!(list.back().map(|e| e.to_vec()), model.last().cloned());
}

#[test]
fn fill_setting_means_what_redis_documents() {
    let kib = |setting| Fill::from_setting(setting).bytes() / 1024;
    assert_eq!([-1, -2, -3, -4, -5, -99].map(kib), [4, 8, 16, 32, 64, 64]);
    assert_eq!(Fill::DEFAULT, Fill::from_setting(-2));
    assert_eq!(Fill::from_setting(0).count(), 1);
    assert_eq!(Fill::from_setting(128).count(), 128);
    assert_eq!(Fill::from_setting(1 << 20).count(), 32767);
    let (bytes, count) = (Fill::from_setting(-2), Fill::from_setting(3));
    assert!(!bytes.exceeded(8192, 100_000) && bytes.exceeded(8193, 1));
    assert!(!count.exceeded(8192, 3) && count.exceeded(10, 4) && count.exceeded(8193, 1));
}

#[test]
fn large_values_stand_alone() {
    let big = vec![b'x'; 5000];
    let mut list = list(-1, &[b"a", &big, b"b"]);
    assert_eq!(list.node_count(), 3);
    assert!(matches!(list.nodes().nth(1), Some(View::Plain(v)) if v == big));
    assert!(list.set(1, b"small"));
    assert_eq!(texts(&list), [&b"a"[..], b"small", b"b"]);
    assert!(list.set(-1, &big));
    assert!(matches!(list.nodes().nth(2), Some(View::Plain(_))));
    assert!(list.memory() > 5000);
}

#[test]
fn middle_insert_splits_and_removal_merges() {
    let values: Vec<Vec<u8>> = (0..100).map(|n| format!("value-{n:03}").into_bytes()).collect();
    let mut list = Quicklist::new(Fill::from_setting(8));
    for value in &values {
        list.push_back(value);
    }
    assert_eq!(list.node_count(), 13);
    assert!(list.insert_beside(b"value-044", b"new", Side::After));
    assert!(list.insert_beside(b"value-044", b"old", Side::Before));
    assert!(!list.insert_beside(b"none", b"new", Side::After));
    let around: Vec<_> = list.iter_from(43).take(4).map(|e| e.to_vec()).collect();
    assert_eq!(around, [&b"value-043"[..], b"old", b"value-044", b"new"]);
    list.remove_range(3, usize::MAX);
    assert_eq!(list.node_count(), 1);
    list.clear();
    for value in &values {
        list.push_back(value);
    }
    for start in 0..14 {
        list.remove_range(start, 6);
    }
    assert_eq!(list.len(), 16);
    assert!(list.node_count() <= 7, "{} nodes", list.node_count());
}

#[test]
fn one_listpack_comes_in_and_goes_out_whole() {
    let mut pack = Listpack::new();
    pack.push_back(b"a");
    pack.push_back(b"1");
    let bytes = pack.as_bytes().to_vec();
    let mut list = Quicklist::from_listpack(pack, Fill::DEFAULT);
    assert_eq!(list.len(), 2);
    assert_eq!(list.single_packed().map(Listpack::bytes), Some(bytes.len()));
    assert_eq!(list.take_single_packed().map(|p| p.as_bytes().to_vec()), Some(bytes));
    assert!(list.is_empty() && list.take_single_packed().is_none());
    list.append_packed(Listpack::new());
    assert_eq!(list.node_count(), 0);
    list.append_plain(b"plain");
    assert!(list.single_packed().is_none());
    assert_eq!(list.pop_back(|e| e.to_vec()), Some(b"plain".to_vec()));
}

#[test]
fn lrem_takes_from_the_asked_end() {
    let base: &[&[u8]] = &[b"x", b"1", b"x", b"2", b"x", b"3", b"x"];
    for (count, gone, rest) in [
        (2, 2, "12x3x"),
        (-2, 2, "x1x23"),
        (0, 4, "123"),
        (9, 4, "123"),
        (i64::MIN, 4, "123"),
        (-1, 1, "x1x2x3"),
    ] {
        let mut list = list(2, base);
        assert_eq!(list.remove_matches(count, b"x"), gone);
        assert_eq!(texts(&list).concat(), rest.as_bytes(), "{count}");
    }
}

#[derive(Debug, Clone)]
enum Step {
    PushFront(Vec<u8>),
    PushBack(Vec<u8>),
    PopFront,
    PopBack,
    Insert(usize, Vec<u8>),
    Beside(usize, Vec<u8>, bool),
    Set(i64, Vec<u8>),
    RemoveMatches(i64, usize),
    RemoveRange(usize, usize),
    Trim(usize, usize),
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (0u8..12).prop_map(|n| n.to_string().into_bytes()),
        3 => vec(any::<u8>(), 0..40),
        3 => (0u8..4, 600usize..1500).prop_map(|(b, len)| vec![b; len]),
        1 => (0u8..4, 4070usize..4110).prop_map(|(b, len)| vec![b; len]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let index = 0usize..80;
    prop_oneof![
        4 => value().prop_map(Step::PushFront),
        8 => value().prop_map(Step::PushBack),
        1 => Just(Step::PopFront),
        1 => Just(Step::PopBack),
        4 => (index.clone(), value()).prop_map(|(i, v)| Step::Insert(i, v)),
        4 => (index.clone(), value(), any::<bool>()).prop_map(|(i, v, after)| Step::Beside(i, v, after)),
        4 => (-80i64..80, value()).prop_map(|(i, v)| Step::Set(i, v)),
        1 => (-4i64..4, index.clone()).prop_map(|(n, i)| Step::RemoveMatches(n, i)),
        1 => (index.clone(), 0usize..12).prop_map(|(i, n)| Step::RemoveRange(i, n)),
        1 => (0usize..4, 20usize..200).prop_map(|(i, n)| Step::Trim(i, n)),
    ]
}

fn remove_matches(model: &mut Vec<Vec<u8>>, count: i64, value: &[u8]) -> usize {
    let mut hits: Vec<usize> = (0..model.len()).filter(|&i| model[i] == value).collect();
    let keep = if count == 0 { hits.len() } else { (count.unsigned_abs() as usize).min(hits.len()) };
    if count < 0 {
        hits.reverse();
    }
    hits.truncate(keep);
    hits.sort_unstable_by(|a, b| b.cmp(a));
    for &hit in &hits {
        model.remove(hit);
    }
    hits.len()
}

fn apply(list: &mut Quicklist, model: &mut Vec<Vec<u8>>, step: Step) {
    let len = model.len();
    match step {
        Step::PushFront(v) => {
            list.push_front(&v);
            model.insert(0, v);
        }
        Step::PushBack(v) => {
            list.push_back(&v);
            model.push(v);
        }
        Step::PopFront => {
            let expected = (len > 0).then(|| model.remove(0));
            assert_eq!(list.pop_front(|e| e.to_vec()), expected);
        }
        Step::PopBack => assert_eq!(list.pop_back(|e| e.to_vec()), model.pop()),
        Step::Insert(i, v) => {
            list.insert(i, &v);
            model.insert(i.min(len), v);
        }
        Step::Beside(i, v, after) => {
            let Some(pivot) = model.get(i).cloned() else { return };
            let side = if after { Side::After } else { Side::Before };
            assert!(list.insert_beside(&pivot, &v, side));
            let first = model.iter().position(|own| *own == pivot).expect("is there");
            model.insert(first + usize::from(after), v);
        }
        Step::Set(i, v) => {
            let at = if i < 0 { len as i64 + i } else { i };
            let within = (0..len as i64).contains(&at);
            assert_eq!(list.set(i, &v), within);
            if within {
                model[at as usize] = v;
            }
        }
        Step::RemoveMatches(count, i) => {
            let value = model.get(i).cloned().unwrap_or_default();
            assert_eq!(list.remove_matches(count, &value), remove_matches(model, count, &value));
        }
        Step::RemoveRange(i, n) => {
            let end = (i + n).min(len);
            assert_eq!(list.remove_range(i, n), end.saturating_sub(i));
            model.drain(i.min(end)..end);
        }
        Step::Trim(i, n) => {
            list.remove_range(i + n, usize::MAX);
            list.remove_range(0, i);
            *model = model.iter().skip(i).take(n).cloned().collect();
        }
    }
}

proptest! {
    #[test]
    fn quicklist_behaves_as_a_vec(
        fill in prop_oneof![Just(-1i64), Just(-2), Just(-5), Just(0), Just(1), Just(2), Just(5), Just(100)],
        steps in vec(step(), 0..120),
    ) {
        let (mut list, mut model) = (Quicklist::new(Fill::from_setting(fill)), Vec::new());
        for step in steps {
            apply(&mut list, &mut model, step);
            assert_sound(&list, &model);
        }
        assert_sound(&list.clone(), &model);
        for (i, value) in model.iter().enumerate() {
            prop_assert_eq!(&list.get(i as i64).expect("within").to_vec(), value);
            prop_assert_eq!(&list.get(i as i64 - model.len() as i64).expect("within").to_vec(), value);
            prop_assert_eq!(list.iter_from(i).count(), model.len() - i);
            prop_assert_eq!(list.iter_back_from(i).count(), i + 1);
        }
        prop_assert!(list.get(model.len() as i64).is_none());
        prop_assert!(list.get(-1 - model.len() as i64).is_none());
        prop_assert_eq!(list.iter_from(model.len()).count(), 0);
    }
}
