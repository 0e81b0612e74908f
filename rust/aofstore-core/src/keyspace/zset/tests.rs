use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::encoding::{LexBound, ScoreBound};

type Model = BTreeMap<Vec<u8>, f64>;

fn sorted(model: &Model) -> Vec<(Vec<u8>, f64)> {
    let mut all: Vec<_> = model.iter().map(|(member, score)| (member.clone(), *score)).collect();
    all.sort_by(|left, right| left.1.partial_cmp(&right.1).unwrap().then_with(|| left.0.cmp(&right.0)));
    all
}

fn told(walk: Walk<'_>) -> Vec<(Vec<u8>, f64)> {
    walk.map(|(member, score)| (member.to_vec(), score)).collect()
}

fn zset_of(members: &[(&str, f64)], growth: &Growth) -> ZSet {
    let mut zset = ZSet::new();
    for (member, score) in members {
        zset.insert(member.as_bytes(), *score, growth);
    }
    zset
}

#[test]
fn a_zset_is_small_in_its_object() {
    assert!(size_of::<ZSet>() <= 16);
    assert!(size_of::<crate::keyspace::Object>() <= 24);
}

#[test]
fn it_grows_at_its_limits() {
    let growth = Growth::for_test(3, 4);
    let mut zset = zset_of(&[("c", 3.0), ("a", 1.0), ("b", 2.0)], &growth);
    assert_eq!(zset.encoding(), "listpack");
    zset.insert(b"b", 9.5, &growth);
    assert_eq!(zset.encoding(), "listpack");
    zset.insert(b"d", 0.0, &growth);
    assert_eq!((zset.encoding(), zset.len()), ("skiplist", 4));
    assert_eq!(zset.rank(b"b"), Some((3, 9.5)));
    let mut long = zset_of(&[("5", 5.0)], &growth);
    long.insert(b"12345", 1.0, &growth);
    assert_eq!(long.encoding(), "skiplist");
    let mut ahead = ZSet::new();
    ahead.expect(4, 1, &growth);
    assert_eq!(ahead.encoding(), "skiplist");
}

#[test]
fn scores_keep_every_bit_in_a_listpack() {
    let growth = Growth::for_test(128, 64);
    for score in
        [0.1, 1.0 / 3.0, 3.0, 1e300, 1e16, 1e17, -0.0, f64::INFINITY, f64::NEG_INFINITY, 5e-324, f64::MAX]
    {
        let mut zset = ZSet::new();
        zset.insert(b"m", score, &growth);
        assert_eq!(zset.score(b"m").map(f64::to_bits), Some(score.to_bits()), "{score}");
    }
}

#[test]
fn numbers_among_the_members_sort_as_bytes() {
    let growth = Growth::for_test(128, 64);
    for growth in [growth, Growth::for_test(0, 0)] {
        let zset = zset_of(&[("9", 1.0), ("10", 1.0), ("-1", 1.0), ("a", 1.0), ("", 1.0)], &growth);
        let names: Vec<_> = told(zset.iter()).into_iter().map(|(member, _)| member).collect();
        assert_eq!(names, [b"".to_vec(), b"-1".to_vec(), b"10".to_vec(), b"9".to_vec(), b"a".to_vec()]);
    }
}

#[test]
fn members_of_a_skiplist_come_back_into_a_listpack_as_integers() {
    let big = zset_of(&[("5", 1.0), ("x", 2.0)], &Growth::for_test(0, 0));
    let small = ZSet::from_sorted(big.iter(), &Growth::for_test(8, 8));
    let pack = small.as_listpack().unwrap();
    assert_eq!(pack.iter().next(), Some(Entry::Int(5)));
    assert_eq!(told(small.iter()), told(big.iter()));
}

#[test]
fn listpacks_from_files_are_checked() {
    let growth = Growth::for_test(3, 8);
    let take = |entries: &[&str], growth: &Growth| {
        let mut pack = Listpack::new();
        for entry in entries {
            pack.push_back(entry.as_bytes());
        }
        ZSet::from_listpack(pack, growth).map(|zset| (zset.encoding(), told(zset.iter())))
    };
    let ab = vec![(b"a".to_vec(), 1.0), (b"b".to_vec(), 2.5)];
    assert_eq!(take(&["a", "1", "b", "2.5"], &growth), Some(("listpack", ab.clone())));
    assert_eq!(take(&["b", "2.5", "a", "1"], &growth), Some(("listpack", ab.clone())));
    assert_eq!(take(&["a", "1", "b", "2.5"], &Growth::for_test(1, 8)), Some(("skiplist", ab)));
    for broken in [&["a"][..], &["a", "1", "b"], &["a", "x"], &["a", "nan"], &["a", "1", "a", "2"], &[]] {
        assert_eq!(take(broken, &growth), None, "{broken:?}");
    }
}

#[test]
fn ranks_are_clipped_as_redis_does() {
    let zset = zset_of(&[("a", 1.0), ("b", 2.0), ("c", 3.0)], &Growth::for_test(8, 8));
    for (start, end, expected) in [
        (0, -1, 0..3),
        (-2, -1, 1..3),
        (-100, 100, 0..3),
        (1, 0, 0..0),
        (3, 5, 0..0),
        (0, -4, 0..0),
        (i64::MIN, i64::MIN, 0..0),
        (i64::MAX, i64::MAX, 0..0),
    ] {
        assert_eq!(zset.ranks(&Bounds::Ranks(start, end)), expected, "{start} {end}");
    }
}

fn in_scores(model: &Model, min: ScoreBound, max: ScoreBound) -> Vec<(Vec<u8>, f64)> {
    sorted(model).into_iter().filter(|(_, s)| min.admits_above(*s) && max.admits_below(*s)).collect()
}

proptest! {
    #[test]
    fn a_zset_behaves_as_a_sorted_map_in_both_encodings(
        steps in vec((0u8..8, vec(prop_oneof![97u8..100, 48u8..51], 0..3), (-4i8..5).prop_map(|n| f64::from(n) / 2.0)), 0..60),
        entries in 0usize..12,
        low in (-5i8..5).prop_map(|n| f64::from(n) / 2.0),
        high in (-5i8..5).prop_map(|n| f64::from(n) / 2.0),
    ) {
        let growth = Growth::for_test(entries, 2);
        let (mut zset, mut model) = (ZSet::new(), Model::new());
        for (kind, member, score) in steps {
            match kind {
                0 => prop_assert_eq!(zset.remove(&member), model.remove(&member)),
                1 => {
                    let ranks = zset.ranks(&Bounds::Ranks(score as i64, score as i64 + 1));
                    for (gone, _) in told(zset.walk(ranks.clone(), false)) {
                        model.remove(&gone);
                    }
                    prop_assert_eq!(zset.remove_ranks(ranks.clone()), ranks.len());
                }
                _ => prop_assert_eq!(zset.insert(&member, score, &growth), model.insert(member.clone(), score)),
            }
            prop_assert_eq!(zset.len(), model.len());
            prop_assert_eq!(zset.is_empty(), model.is_empty());
        }
        let all = sorted(&model);
        prop_assert_eq!(told(zset.iter()), all.clone());
        prop_assert_eq!(told(zset.clone().iter()), all.clone());
        for (rank, (member, score)) in all.iter().enumerate() {
            prop_assert_eq!(zset.rank(member), Some((rank, *score)));
            prop_assert_eq!(zset.at(rank).map(|(member, _)| member.to_vec()), Some(member.clone()));
        }
        for (min, max) in [
            (ScoreBound::Incl(low), ScoreBound::Incl(high)),
            (ScoreBound::Excl(low), ScoreBound::Excl(high)),
        ] {
            let ranks = zset.ranks(&Bounds::Scores(min, max));
            let mut expected = in_scores(&model, min, max);
            prop_assert_eq!(told(zset.walk(ranks.clone(), false)), expected.clone());
            expected.reverse();
            prop_assert_eq!(told(zset.walk(ranks, true)), expected);
        }
        let mut scanned = Model::new();
        let mut cursor = 0;
        loop {
            cursor = zset.scan(cursor, &mut |member, score| _ = scanned.insert(member.to_vec(), score));
            if cursor == 0 { break; }
        }
        prop_assert_eq!(scanned, model);
    }

    #[test]
    fn lex_ranges_are_those_of_the_bytes(
        members in vec(vec(97u8..100, 0..3), 0..20),
        min in vec(97u8..100, 0..3),
        max in vec(97u8..100, 0..3),
        entries in prop_oneof![Just(0usize), Just(64)],
    ) {
        let growth = Growth::for_test(entries, 8);
        let mut zset = ZSet::new();
        for member in &members {
            zset.insert(member, 0.0, &growth);
        }
        let all: Vec<_> = told(zset.iter()).into_iter().map(|(member, _)| member).collect();
        for (from, to) in [
            (LexBound::Min, LexBound::Max),
            (LexBound::Max, LexBound::Min),
            (LexBound::Incl(&min), LexBound::Excl(&max)),
            (LexBound::Excl(&min), LexBound::Incl(&max)),
        ] {
            let found = told(zset.walk(zset.ranks(&Bounds::Lex(from, to)), false));
            let expected: Vec<_> =
                all.iter().filter(|m| from.admits_above(m) && to.admits_below(m)).cloned().collect();
            prop_assert_eq!(found.into_iter().map(|(member, _)| member).collect::<Vec<_>>(), expected);
        }
    }
}

proptest! {
    #[test]
    fn members_that_come_together_are_put_as_one_by_one(
        members in vec(("[a-d]{1,2}|[0-9]{1,3}", -3.0..3.0f64, any::<bool>()), 1..9),
        there in any::<bool>(),
    ) {
        let growth = Growth::for_test(6, 2);
        let before: &[(&str, f64)] = if there { &[("x", 1.0)] } else { &[] };
        let (mut single, mut together) = (zset_of(before, &growth), zset_of(before, &growth));
        let scored = |(member, score, round): &(String, f64, bool)| {
            (if *round { score.round() } else { *score }, member.clone())
        };
        let members: Vec<(f64, String)> = members.iter().map(scored).collect();
        for (score, member) in &members {
            single.insert(member.as_bytes(), *score, &growth);
        }
        let mut slices: Vec<(f64, &[u8])> =
            members.iter().map(|(score, member)| (*score, member.as_bytes())).collect();
        if together.fill(&mut slices, &growth) {
            prop_assert_eq!(told(together.iter()), told(single.iter()));
            prop_assert_eq!(together.as_listpack().map(Listpack::as_bytes), single.as_listpack().map(Listpack::as_bytes));
        } else {
            let mut names: Vec<_> = members.iter().map(|(_, member)| member).collect();
            names.sort();
            names.dedup();
            let fits = members.len() <= 6 && members.iter().all(|(_, member)| member.len() <= 2);
            prop_assert!(there || !fits || names.len() < members.len());
            prop_assert_eq!(together.len(), before.len());
        }
    }
}
