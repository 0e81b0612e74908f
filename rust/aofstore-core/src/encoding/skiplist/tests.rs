#![expect(clippy::float_cmp, reason = "scores are compared as the order compares them")]

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

type Model = Vec<(f64, Vec<u8>)>;

fn empty() -> Skiplist {
    Skiplist::new(&mut fastrand::Rng::with_seed(7))
}

fn list(members: &[(f64, &[u8])]) -> Skiplist {
    let mut list = empty();
    for (score, member) in members {
        list.insert(*score, member);
    }
    list
}

fn owned(spot: Spot<'_>) -> (f64, Vec<u8>) {
    (spot.score(), spot.member().to_vec())
}

fn position(model: &Model, score: f64, member: &[u8]) -> usize {
    model.partition_point(|(s, m)| *s < score || (*s == score && m.as_slice() < member))
}

/// Order both ways, ranks at every node, and spans at every level.
fn assert_sound(list: &Skiplist, model: &Model) {
    assert_eq!(list.len(), model.len());
    assert_eq!(list.iter().map(owned).collect::<Vec<_>>(), *model);
    let mut back: Vec<_> = list.iter_back_from(model.len().saturating_sub(1)).map(owned).collect();
    back.reverse();
    assert_eq!(back, *model);
    for level in 0..list.levels {
        let (mut at, mut sum) = (list.head, 0);
        loop {
            sum += at.span(level);
            let Some(next) = at.next(level) else { break };
            assert_eq!(list.rank(next.score(), next.member()) + 1, sum, "level {level}");
            at = next;
        }
        assert_eq!(sum, model.len(), "level {level}");
    }
    for (rank, expected) in model.iter().enumerate() {
        assert_eq!(list.by_rank(rank).map(owned).as_ref(), Some(expected));
    }
    assert!(list.by_rank(model.len()).is_none());
}

#[test]
fn equal_scores_are_ordered_by_bytes() {
    let list = list(&[(1.0, b"b"), (1.0, b"a"), (0.5, b"z"), (1.0, b"a\0"), (1.0, b"B"), (1.0, b"")]);
    let order: Vec<_> = list.iter().map(Spot::member).collect();
    assert_eq!(order, [&b"z"[..], b"", b"B", b"a", b"a\0", b"b"]);
}

#[test]
fn negative_zero_is_zero_and_infinities_are_the_ends() {
    let list =
        list(&[(0.0, b"b"), (-0.0, b"a"), (f64::INFINITY, b"i"), (f64::NEG_INFINITY, b"n"), (-0.0, b"c")]);
    let order: Vec<_> = list.iter().map(Spot::member).collect();
    assert_eq!(order, [b"n", b"a", b"b", b"c", b"i"]);
    assert_eq!(list.score_span(ScoreBound::Incl(0.0), ScoreBound::Incl(-0.0)), 1..4);
    assert_eq!(list.score_span(ScoreBound::Excl(f64::NEG_INFINITY), ScoreBound::Incl(f64::INFINITY)), 1..5);
    assert_eq!(list.rank(-0.0, b"b"), 2);
}

#[test]
fn bounds_open_and_closed() {
    let list = list(&[(1.0, b"a"), (2.0, b"b"), (2.0, b"c"), (3.0, b"d")]);
    let (incl, excl) = (ScoreBound::Incl, ScoreBound::Excl);
    assert_eq!(list.score_span(incl(2.0), incl(2.0)), 1..3);
    assert_eq!(list.score_span(excl(1.0), excl(3.0)), 1..3);
    assert_eq!(list.score_span(excl(2.0), incl(9.0)), 3..4);
    assert!(list.score_span(excl(2.0), excl(2.0)).is_empty());
    assert!(list.score_span(incl(9.0), incl(1.0)).is_empty());
}

#[test]
fn lex_bounds_among_unequal_scores_do_not_depend_on_heights() {
    for _ in 0..100 {
        let list = list(&[(-5.0, b"c"), (0.0, b"a"), (0.0, b"b"), (0.0, b"d"), (1.0, b"a2")]);
        assert!(list.lex_span(LexBound::Incl(b"a"), LexBound::Incl(b"a")).is_empty());
        assert_eq!(list.lex_span(LexBound::Incl(b"c"), LexBound::Excl(b"d")), 0..3);
        assert_eq!(list.lex_span(LexBound::Excl(b"c"), LexBound::Max), 3..5);
        assert!(list.lex_span(LexBound::Incl(b"e"), LexBound::Max).is_empty());
    }
}

#[test]
fn lex_bounds_as_in_zrangebylex() {
    let list = list(&[(0.0, b"a"), (0.0, b"b"), (0.0, b"bb"), (0.0, b"c")]);
    assert_eq!(list.lex_span(LexBound::Min, LexBound::Max), 0..4);
    assert_eq!(list.lex_span(LexBound::Incl(b"b"), LexBound::Excl(b"c")), 1..3);
    assert_eq!(list.lex_span(LexBound::Excl(b"b"), LexBound::Incl(b"c")), 2..4);
    assert!(list.lex_span(LexBound::Max, LexBound::Min).is_empty());
    assert!(list.lex_span(LexBound::Max, LexBound::Max).is_empty());
}

#[test]
fn memory_returns_to_the_start_when_all_members_are_gone() {
    let mut list = empty();
    let start = list.memory();
    for n in 0..1000 {
        list.insert(f64::from(n), n.to_string().as_bytes());
    }
    assert!(list.memory() > start + 1000 * 36);
    let mut seen = Vec::new();
    assert_eq!(list.remove_range_by_rank(10, 500, &mut |score, _| seen.push(score)), 500);
    assert_eq!(seen, (10..510).map(f64::from).collect::<Vec<_>>());
    assert_eq!(list.remove_range_by_rank(0, usize::MAX, &mut |_, _| ()), 500);
    assert_eq!((list.memory(), list.len(), list.levels), (start, 0, 1));
}

#[test]
fn heights_follow_one_in_four() {
    let mut list = empty();
    for n in 0..4096 {
        list.insert(f64::from(n), b"m");
    }
    let second = std::iter::successors(list.head.next(1), |node| node.next(1)).count();
    assert!((800..1250).contains(&second), "{second} of 4096 on the second level");
    assert!(list.levels >= 5);
}

fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => (-3i8..3).prop_map(f64::from),
        1 => Just(-0.0),
        1 => Just(f64::INFINITY),
        1 => Just(f64::NEG_INFINITY),
        2 => any::<f64>().prop_filter("NaN is never stored", |s| !s.is_nan()),
    ]
}

fn bound() -> impl Strategy<Value = ScoreBound> {
    (score(), any::<bool>())
        .prop_map(|(s, open)| if open { ScoreBound::Excl(s) } else { ScoreBound::Incl(s) })
}

fn lex_bound(index: u8, member: &[u8]) -> LexBound<'_> {
    match index % 6 {
        0 => LexBound::Min,
        1 => LexBound::Max,
        2 | 3 => LexBound::Incl(member),
        _ => LexBound::Excl(member),
    }
}

#[derive(Debug, Clone)]
enum Step {
    Put(f64, Vec<u8>),
    Remove(usize),
    RemoveMissing(f64, Vec<u8>),
    Rescore(usize, f64),
    RemoveRange(usize, usize),
    Clear,
}

fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(97u8..100, 0..3), vec(any::<u8>(), 0..20)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (score(), member()).prop_map(|(s, m)| Step::Put(s, m)),
        4 => any::<usize>().prop_map(Step::Remove),
        1 => (score(), member()).prop_map(|(s, m)| Step::RemoveMissing(s, m)),
        6 => (any::<usize>(), score()).prop_map(|(i, s)| Step::Rescore(i, s)),
        1 => (0usize..30, 0usize..6).prop_map(|(i, n)| Step::RemoveRange(i, n)),
        1 => Just(Step::Clear),
    ]
}

fn rescore(list: &mut Skiplist, member: &[u8], score: f64) {
    let mut nodes = std::iter::successors(list.head.next(0), |node| node.next(0));
    let node = nodes.find(|node| node.member() == member).unwrap();
    list.rescore(node, score);
}

/// Members are unique whatever their score, as in a sorted set.
fn apply(list: &mut Skiplist, model: &mut Model, step: Step) {
    match step {
        Step::Put(score, member) => {
            if let Some(at) = model.iter().position(|(_, own)| *own == member) {
                model.remove(at);
                rescore(list, &member, score);
            } else {
                assert_eq!(list.insert(score, &member).member(), member);
            }
            model.insert(position(model, score, &member), (score, member));
        }
        Step::Remove(i) if !model.is_empty() => {
            let (score, member) = model.remove(i % model.len());
            assert!(list.remove(score, &member) && !list.remove(score, &member));
        }
        Step::RemoveMissing(score, member) => {
            let there = model.iter().position(|(s, m)| *s == score && *m == member);
            assert_eq!(list.remove(score, &member), there.is_some());
            there.map(|at| model.remove(at));
        }
        Step::Rescore(i, score) if !model.is_empty() => {
            let (_, member) = model.remove(i % model.len());
            rescore(list, &member, score);
            model.insert(position(model, score, &member), (score, member));
        }
        Step::RemoveRange(start, count) => {
            let mut seen = Vec::new();
            let gone = list.remove_range_by_rank(start, count, &mut |s, m| seen.push((s, m.to_vec())));
            let end = (start + count).min(model.len());
            let expected: Model = model.drain(start.min(end)..end).collect();
            assert_eq!((gone, seen), (expected.len(), expected));
        }
        Step::Clear => {
            list.clear();
            model.clear();
        }
        Step::Remove(_) | Step::Rescore(..) => {}
    }
}

proptest! {
    #[test]
    fn skiplist_behaves_as_a_sorted_vec(
        steps in vec(step(), 0..120),
        bounds in vec((bound(), bound()), 8),
        lex in vec((any::<u8>(), member(), any::<u8>(), member()), 8),
    ) {
        let (mut list, mut model) = (empty(), Model::new());
        for step in steps {
            apply(&mut list, &mut model, step);
            assert_sound(&list, &model);
        }
        for (min, max) in bounds {
            let hits: Vec<_> = model.iter().filter(|(s, _)| min.admits_above(*s) && max.admits_below(*s)).collect();
            let span = list.score_span(min, max);
            prop_assert_eq!(span.len(), hits.len());
            prop_assert!(list.iter_from(span.start).take(span.len()).map(owned).eq(hits.into_iter().cloned()));
        }
        let (mut flat, mut members) = (empty(), Vec::new());
        for (_, member) in &model {
            flat.insert(1.0, member);
            members.push(member.clone());
        }
        members.sort();
        for (a, low, b, high) in &lex {
            let (min, max) = (lex_bound(*a, low), lex_bound(*b, high));
            let hits: Vec<_> = members.iter().filter(|m| min.admits_above(m) && max.admits_below(m)).collect();
            let span = flat.lex_span(min, max);
            let found: Vec<_> = flat.iter_from(span.start).take(span.len()).map(|s| s.member().to_vec()).collect();
            prop_assert!(found.iter().eq(hits));
        }
    }
}
