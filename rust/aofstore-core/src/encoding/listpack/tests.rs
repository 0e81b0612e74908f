use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn pack(values: &[&[u8]]) -> Listpack {
    let mut pack = Listpack::new();
    for value in values {
        pack.push_back(value);
    }
    pack
}

fn texts(pack: &Listpack) -> Vec<Vec<u8>> {
    pack.iter().map(|e| e.to_vec()).collect()
}

/// Everything that must hold whatever was done before.
fn assert_sound(pack: &Listpack, model: &[Vec<u8>]) {
    assert_eq!(texts(pack), model);
    let mut back: Vec<_> = pack.iter().rev().map(|e| e.to_vec()).collect();
    back.reverse();
    assert_eq!(back, model);
    assert_eq!(pack.len(), model.len());
    assert_eq!(pack.is_empty(), model.is_empty());
    assert!(pack.memory() >= pack.bytes());
    let again = Listpack::from_bytes_validated(pack.as_bytes()).expect("own bytes are sound");
    assert_eq!(again.as_bytes(), pack.as_bytes());
}

#[test]
fn empty_listpack_has_redis_bytes() {
    assert_eq!(Listpack::new().as_bytes(), [7, 0, 0, 0, 0, 0, 0xff]);
    assert_eq!(size_of::<Listpack>(), 8);
    assert_eq!(Listpack::new().first(), None);
    assert_eq!(Listpack::new().last(), None);
}

#[test]
fn hash_field_and_value_have_redis_bytes() {
    // One 6-bit string "f1" (0x82) and one 7-bit integer 1, each with its backward length.
    let golden = [13, 0, 0, 0, 2, 0, 0x82, b'f', b'1', 3, 1, 1, 0xff];
    assert_eq!(pack(&[b"f1", b"1"]).as_bytes(), golden);
}

#[test]
fn every_integer_form_has_redis_bytes() {
    let cases: &[(&[u8], &[u8])] = &[
        (b"0", &[0x00, 1]),
        (b"127", &[0x7f, 1]),
        (b"128", &[0xc0, 0x80, 2]),
        (b"4095", &[0xcf, 0xff, 2]),
        (b"-1", &[0xdf, 0xff, 2]),
        (b"-4096", &[0xd0, 0x00, 2]),
        (b"4096", &[0xf1, 0x00, 0x10, 3]),
        (b"-4097", &[0xf1, 0xff, 0xef, 3]),
        (b"32767", &[0xf1, 0xff, 0x7f, 3]),
        (b"-32768", &[0xf1, 0x00, 0x80, 3]),
        (b"32768", &[0xf2, 0x00, 0x80, 0x00, 4]),
        (b"-32769", &[0xf2, 0xff, 0x7f, 0xff, 4]),
        (b"8388607", &[0xf2, 0xff, 0xff, 0x7f, 4]),
        (b"-8388608", &[0xf2, 0x00, 0x00, 0x80, 4]),
        (b"8388608", &[0xf3, 0x00, 0x00, 0x80, 0x00, 5]),
        (b"-8388609", &[0xf3, 0xff, 0xff, 0x7f, 0xff, 5]),
        (b"2147483647", &[0xf3, 0xff, 0xff, 0xff, 0x7f, 5]),
        (b"-2147483648", &[0xf3, 0x00, 0x00, 0x00, 0x80, 5]),
        (b"2147483648", &[0xf4, 0x00, 0x00, 0x00, 0x80, 0, 0, 0, 0, 9]),
        (b"9223372036854775807", &[0xf4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 9]),
        (b"-9223372036854775808", &[0xf4, 0, 0, 0, 0, 0, 0, 0, 0x80, 9]),
    ];
    for (text, golden) in cases {
        let pack = pack(&[text]);
        assert_eq!(&pack.as_bytes()[6..pack.bytes() - 1], *golden, "{}", text.escape_ascii());
        assert_sound(&pack, &[text.to_vec()]);
    }
}

#[test]
fn only_canonical_integers_are_integers() {
    for text in [
        &b"007"[..],
        b"+1",
        b"-0",
        b" 1",
        b"1 ",
        b"",
        b"-",
        b"00",
        b"0x1",
        b"1.0",
        b"1e3",
        b"--1",
        b"-01",
        b"9223372036854775808",
        b"-9223372036854775809",
        b"18446744073709551616",
        b"99999999999999999999",
        b"\xff",
        b"1\0",
    ] {
        assert_eq!(Entry::parse(text), Entry::Str(text), "{}", text.escape_ascii());
        assert_sound(&pack(&[text]), &[text.to_vec()]);
    }
    for number in [0, 1, -1, 9, 10, i64::MAX, i64::MIN, i64::MAX - 1, i64::MIN + 1, 999_999_999_999_999_999] {
        assert_eq!(Entry::parse(number.to_string().as_bytes()), Entry::Int(number));
    }
}

#[test]
fn string_and_backward_lengths_change_form_at_their_borders() {
    let cases: &[(usize, &[u8], &[u8])] = &[
        (0, &[0x80], &[1]),
        (63, &[0xbf], &[64]),
        (64, &[0xe0, 64], &[66]),
        (125, &[0xe0, 125], &[127]),
        (126, &[0xe0, 126], &[1, 0x80]),
        (4095, &[0xef, 0xff], &[32, 0x81]),
        (4096, &[0xf0, 0, 0x10, 0, 0], &[32, 0x85]),
        (16_377, &[0xf0, 0xf9, 0x3f, 0, 0], &[127, 0xfe]),
        (16_378, &[0xf0, 0xfa, 0x3f, 0, 0], &[0, 0xff, 0xff]),
        (16_379, &[0xf0, 0xfb, 0x3f, 0, 0], &[1, 0x80, 0x80]),
        (2_097_145, &[0xf0, 0xf9, 0xff, 0x1f, 0], &[127, 0xff, 0xfe]),
        (2_097_146, &[0xf0, 0xfa, 0xff, 0x1f, 0], &[0, 0xff, 0xff, 0xff]),
    ];
    for &(len, head, tail) in cases {
        let value = vec![b'x'; len];
        let pack = pack(&[b"a", &value, b"5"]);
        let bytes = &pack.as_bytes()[9..pack.bytes() - 3];
        assert_eq!(&bytes[..head.len()], head, "{len}");
        assert_eq!(&bytes[head.len() + len..], tail, "{len}");
        assert_sound(&pack, &[b"a".to_vec(), value, b"5".to_vec()]);
    }
}

#[test]
fn redis_stores_integers_unlike_text_but_reads_them_alike() {
    let entry = pack(&[b"-12"]).get(Pos::FIRST).to_vec();
    assert_eq!(entry, b"-12");
    let mut digits: Digits = [0; 21];
    assert_eq!(Entry::Int(i64::MIN).as_bytes(&mut digits), b"-9223372036854775808");
    assert!(Entry::Int(7).equals(b"7") && !Entry::Int(7).equals(b"07") && Entry::Str(b"07").equals(b"07"));
    assert_eq!(Entry::Int(-10).len(), 3);
    assert_eq!(Entry::Str(b"12").as_int(), Some(12));
}

#[test]
fn find_skips_values_and_tells_numbers_from_texts() {
    let pack = pack(&[b"a", b"b", b"b", b"7", b"7", b"07"]);
    let first = pack.first().unwrap();
    assert_eq!(pack.find(first, b"b", 0), pack.seek(1));
    assert_eq!(pack.find(first, b"b", 1), pack.seek(2));
    assert_eq!(pack.find(first, b"7", 1), pack.seek(4));
    assert_eq!(pack.find(first, b"07", 0), pack.seek(5));
    assert_eq!(pack.find(first, b"07", 1), None);
    assert_eq!(pack.find(pack.seek(3).unwrap(), b"a", 0), None);
    assert_eq!(pack.find(pack.seek(2).unwrap(), b"b", 9), pack.seek(2));
}

#[test]
fn count_past_65534_is_unknown_and_walked() {
    let mut pack = Listpack::new();
    for _ in 0..65_534 {
        pack.push_back(b"1");
    }
    assert_eq!(pack.as_bytes()[4..6], [0xfe, 0xff]);
    pack.push_back(b"2");
    pack.push_front(b"0");
    assert_eq!(pack.as_bytes()[4..6], [0xff, 0xff]);
    assert_eq!(pack.len(), 65_536);
    assert_eq!(pack.seek(-1).map(|p| pack.get(p)), Some(Entry::Int(2)));
    assert_eq!(pack.seek(65_535).map(|p| pack.get(p)), Some(Entry::Int(2)));
    assert_eq!(pack.seek(65_536), None);
    assert_eq!(pack.seek(-65_537), None);
    assert_eq!(pack.remove_range(1, 65_534), 65_534);
    assert_eq!(texts(&pack), [b"0", b"2"]);
    assert_eq!(pack.len(), 2);
    assert!(Listpack::from_bytes_validated(pack.as_bytes()).is_some());
}

#[test]
fn safety_limit_is_one_gibibyte() {
    let pack = Listpack::new();
    assert!(pack.fits((1 << 30) - 7) && !pack.fits((1 << 30) - 6) && !pack.fits(usize::MAX));
}

#[test]
fn damaged_listpacks_are_refused() {
    let good = pack(&[b"abc", b"5", b"70000"]).as_bytes().to_vec();
    assert!(Listpack::from_bytes_validated(&good).is_some());
    for cut in 0..good.len() {
        assert!(Listpack::from_bytes_validated(&good[..cut]).is_none(), "cut at {cut}");
    }
    for (at, byte) in [(0, 1), (4, 2), (5, 1), (6, 0xf5), (6, 0xfe), (6, 0xff), (10, 9), (10, 0x84)] {
        let mut bad = good.clone();
        bad[at] = byte;
        assert!(Listpack::from_bytes_validated(&bad).is_none(), "byte {at}");
    }
    let huge = [17, 0, 0, 0, 1, 0, 0xf0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0xff];
    assert!(Listpack::from_bytes_validated(huge).is_none());
    let unknown_count = [9, 0, 0, 0, 0xff, 0xff, 5, 1, 0xff];
    assert_eq!(Listpack::from_bytes_validated(unknown_count).map(|p| p.len()), Some(1));
}

#[derive(Debug, Clone)]
enum Step {
    PushFront(Vec<u8>),
    PushBack(Vec<u8>),
    Before(usize, Vec<u8>),
    After(usize, Vec<u8>),
    Replace(usize, Vec<u8>),
    Remove(usize, usize),
    RemoveRange(i64, usize),
    SplitAndJoin(usize),
    Clear,
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        4 => (-5000i64..5000).prop_map(|n| n.to_string().into_bytes()),
        4 => vec(any::<u8>(), 0..80),
        1 => vec(any::<u8>(), 120..140),
        1 => vec(any::<u8>(), 4090..4100),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => value().prop_map(Step::PushFront),
        6 => value().prop_map(Step::PushBack),
        3 => (any::<usize>(), value()).prop_map(|(i, v)| Step::Before(i, v)),
        3 => (any::<usize>(), value()).prop_map(|(i, v)| Step::After(i, v)),
        4 => (any::<usize>(), value()).prop_map(|(i, v)| Step::Replace(i, v)),
        2 => (any::<usize>(), 0usize..4).prop_map(|(i, n)| Step::Remove(i, n)),
        2 => (-30i64..30, 0usize..5).prop_map(|(i, n)| Step::RemoveRange(i, n)),
        1 => any::<usize>().prop_map(Step::SplitAndJoin),
        1 => Just(Step::Clear),
    ]
}

fn at(pack: &Listpack, index: usize) -> Pos {
    pack.seek(index as i64).expect("within")
}

fn apply(pack: &mut Listpack, model: &mut Vec<Vec<u8>>, step: Step) {
    let len = model.len();
    match step {
        Step::PushFront(v) => {
            pack.push_front(&v);
            model.insert(0, v);
        }
        Step::PushBack(v) => {
            pack.push_back(&v);
            model.push(v);
        }
        Step::Clear => {
            pack.clear();
            model.clear();
        }
        Step::RemoveRange(index, count) => {
            let from = if index < 0 { len as i64 + index } else { index };
            let gone = if from < 0 || from as usize >= len { 0 } else { count.min(len - from as usize) };
            assert_eq!(pack.remove_range(index, count), gone);
            if gone > 0 {
                model.drain(from as usize..from as usize + gone);
            }
        }
        _ if len == 0 => {}
        Step::Before(i, v) => {
            let pos = at(pack, i % len);
            let new = pack.insert_before(pos, &v);
            assert!(pack.get(new).equals(&v));
            model.insert(i % len, v);
        }
        Step::After(i, v) => {
            let pos = at(pack, i % len);
            let new = pack.insert_after(pos, &v);
            assert!(pack.get(new).equals(&v));
            model.insert(i % len + 1, v);
        }
        Step::Replace(i, v) => {
            let pos = at(pack, i % len);
            assert_eq!(pack.replace(pos, &v), pos);
            model[i % len] = v;
        }
        Step::Remove(i, n) => {
            let i = i % len;
            let pos = at(pack, i);
            let next = pack.remove_at(pos, n);
            model.drain(i..(i + n).min(len));
            assert_eq!(next.map(|p| pack.get(p).to_vec()).as_ref(), model.get(i));
        }
        Step::SplitAndJoin(i) => {
            let right = pack.split_off(at(pack, i % len));
            assert_sound(pack, &model[..i % len]);
            assert_sound(&right, &model[i % len..]);
            pack.append(&right);
        }
    }
}

proptest! {
    #[test]
    fn listpack_behaves_as_a_vec(steps in vec(step(), 0..60)) {
        let (mut pack, mut model) = (Listpack::new(), Vec::new());
        for step in steps {
            apply(&mut pack, &mut model, step);
            assert_sound(&pack, &model);
        }
        for (i, value) in model.iter().enumerate() {
            prop_assert_eq!(&pack.get(at(&pack, i)).to_vec(), value);
            prop_assert_eq!(pack.seek(i as i64 - model.len() as i64), pack.seek(i as i64));
            let found = pack.find(Pos::FIRST, value, 0).expect("is there");
            let first = model.iter().position(|v| v == value).expect("is there");
            prop_assert_eq!(found, at(&pack, first));
            prop_assert_eq!(pack.iter_from(at(&pack, i)).count(), model.len() - i);
            prop_assert_eq!(pack.iter_through(at(&pack, i)).count(), i + 1);
        }
    }

    #[test]
    fn entry_reads_as_it_was_parsed(bytes in value()) {
        prop_assert_eq!(Entry::parse(&bytes).to_vec(), bytes);
    }

    #[test]
    fn hostile_bytes_never_panic(bytes in vec(any::<u8>(), 0..80)) {
        if let Some(pack) = Listpack::from_bytes_validated(&bytes) {
            prop_assert_eq!(pack.iter().count(), pack.iter().rev().count());
        }
    }

    #[test]
    fn hostile_bodies_under_a_true_header_never_panic(
        body in vec(prop_oneof![Just(1u8), Just(2), Just(3), Just(0x81), Just(0xf0), Just(0xf1), any::<u8>()], 0..24),
    ) {
        let mut bytes = (body.len() as u32 + 7).to_le_bytes().to_vec();
        bytes.extend([0xff, 0xff]);
        bytes.extend(&body);
        bytes.push(0xff);
        if let Some(mut pack) = Listpack::from_bytes_validated(&bytes) {
            let forward = texts(&pack);
            let mut back: Vec<_> = pack.iter().rev().map(|e| e.to_vec()).collect();
            back.reverse();
            prop_assert_eq!(&forward, &back);
            prop_assert_eq!(pack.len(), forward.len());
            pack.push_back(b"x");
            pack.remove_range(0, 1);
        }
    }

    #[test]
    fn flipped_bytes_never_panic(values in vec(value(), 0..6), flips in vec((any::<usize>(), any::<u8>()), 1..4)) {
        let mut pack = Listpack::new();
        for value in &values {
            pack.push_back(value);
        }
        let mut bytes = pack.as_bytes().to_vec();
        for (at, byte) in flips {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        if let Some(pack) = Listpack::from_bytes_validated(&bytes) {
            prop_assert_eq!(pack.iter().count(), pack.iter().rev().count());
        }
    }
}

proptest! {
    #[test]
    fn values_added_together_stand_as_those_added_one_by_one(
        first in vec("[0-9a-f-]{0,70}", 0..4),
        more in vec("(-?[0-9]{1,20}|[a-z]{0,300})", 0..20),
    ) {
        let bytes = |values: &[String]| values.iter().map(|value| value.clone().into_bytes()).collect::<Vec<_>>();
        let (first, more) = (bytes(&first), bytes(&more));
        let slices: Vec<&[u8]> = more.iter().map(Vec::as_slice).collect();
        let mut together = pack(&first.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let mut single = together.clone();
        together.extend(&slices);
        for value in &slices {
            single.push_back(value);
        }
        prop_assert_eq!(together.as_bytes(), single.as_bytes());
        assert_sound(&together, &[first, more].concat());
    }
}
