//! Unions, intersections and differences of sorted sets and plain sets, whose members count 1.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use smallvec::SmallVec;

use super::{store, tell};
use crate::command::args::{self, Args};
use crate::command::context::Context;
use crate::command::errors::{self, ErrorReply, Outcome};
use crate::keyspace::{Entry, Growth, Keys, Scores, Seed, Set, Value, ZSet};
use crate::num;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Inter,
    Diff,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

/// Where the result goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goal {
    Reply,
    Store,
    Count,
}

/// Members of a result.
type Found<'k> = Vec<(Entry<'k>, f64)>;

/// One input.
struct Source<'k> {
    input: Input<'k>,
    weight: f64,
}

#[derive(Clone, Copy)]
enum Input<'k> {
    Nothing,
    ZSet(&'k ZSet),
    Set(&'k Set),
}

impl Aggregate {
    fn of_word(word: &[u8]) -> Result<Self, ErrorReply> {
        [("SUM", Self::Sum), ("MIN", Self::Min), ("MAX", Self::Max)]
            .into_iter()
            .find_map(|(name, aggregate)| args::is(word, name).then_some(aggregate))
            .ok_or(errors::SYNTAX)
    }

    /// Takes `value` into `score`. The sum of both infinities is 0 by definition.
    fn join(self, score: f64, value: f64) -> f64 {
        match self {
            Self::Sum => or_zero(score + value),
            Self::Min if value < score => value,
            Self::Max if value > score => value,
            Self::Min | Self::Max => score,
        }
    }
}

fn or_zero(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

impl<'k> Input<'k> {
    fn len(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::ZSet(zset) => zset.len(),
            Self::Set(set) => set.len(),
        }
    }

    fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Nothing => None,
            Self::ZSet(zset) => zset.score(member),
            Self::Set(set) => set.contains(member).then_some(1.0),
        }
    }

    /// Calls `emit` with every member until it breaks off.
    fn each(self, mut emit: impl FnMut(Entry<'k>, f64) -> ControlFlow<()>) {
        let _ = match self {
            Self::Nothing => ControlFlow::Continue(()),
            Self::ZSet(zset) => zset.iter().try_for_each(|(member, score)| emit(member, score)),
            Self::Set(set) => set.iter().try_for_each(|member| emit(member, 1.0)),
        };
    }
}

/// What is asked for behind the keys.
struct Options {
    weights: SmallVec<[f64; 8]>,
    aggregate: Aggregate,
    with_scores: bool,
    /// 0: none.
    limit: usize,
}

impl Options {
    fn parse(mut args: Args<'_>, keys: usize, operation: Operation, goal: Goal) -> Result<Self, ErrorReply> {
        let mut options = Self {
            weights: SmallVec::from_elem(1.0, keys),
            aggregate: Aggregate::Sum,
            with_scores: false,
            limit: 0,
        };
        let weighed = operation != Operation::Diff && goal != Goal::Count;
        while !args.done() {
            if weighed && args.take_with("WEIGHTS", keys) {
                for weight in &mut options.weights {
                    *weight = num::parse_f64(args.need()?).ok_or(errors::WEIGHT_NOT_A_FLOAT)?;
                }
            } else if weighed && args.take_with("AGGREGATE", 1) {
                options.aggregate = Aggregate::of_word(args.need()?)?;
            } else if goal == Goal::Reply && args.take("WITHSCORES") {
                options.with_scores = true;
            } else if goal == Goal::Count && args.take_with("LIMIT", 1) {
                options.limit = args::count(args.need()?).map_err(|_| errors::NEGATIVE_LIMIT)?;
            } else {
                return Err(errors::SYNTAX);
            }
        }
        Ok(options)
    }
}

/// The keys, of which `args[at]` is the number. Those past their deadline are removed, other types refused.
fn keys<'a>(cx: &mut Context<'_>, args: Args<'a>, at: usize) -> Result<&'a [&'a [u8]], ErrorReply> {
    let number = args::int(args.at(at))?;
    if number < 1 {
        return Err(errors::no_input_key(cx.name));
    }
    let keys = args.from(at + 1).get(..number as usize).ok_or(errors::SYNTAX)?;
    for key in keys {
        if !matches!(cx.keys.read(key), None | Some(Value::ZSet(_) | Value::Set(_))) {
            return Err(errors::WRONG_TYPE);
        }
    }
    Ok(keys)
}

/// The values under keys that [`keys`] has looked up.
fn sources<'k>(held: &'k Keys<'_>, keys: &[&[u8]], weights: &[f64]) -> Vec<Source<'k>> {
    let input = |key: &&[u8]| match held.peek(key) {
        Some(Value::ZSet(zset)) => Input::ZSet(zset),
        Some(Value::Set(set)) => Input::Set(set),
        _ => Input::Nothing,
    };
    keys.iter().zip(weights).map(|(key, &weight)| Source { input: input(key), weight }).collect()
}

/// Every member of any source, in no order.
fn union(sources: &[Source<'_>], aggregate: Aggregate, seed: Seed) -> Scores {
    let largest = sources.iter().map(|source| source.input.len()).max();
    let mut found = Scores::new(largest.unwrap_or_default(), seed);
    for source in sources {
        source.input.each(|member, score| {
            let score = or_zero(source.weight * score);
            member.with_bytes(|member| found.join(member, score, |old| aggregate.join(old, score)));
            ControlFlow::Continue(())
        });
    }
    found
}

/// The score of a member of the first source in the intersection, if it is in all.
fn shared(member: &[u8], score: f64, sources: &[Source<'_>], aggregate: Aggregate) -> Option<f64> {
    let (first, others) = sources.split_first()?;
    others.iter().try_fold(or_zero(first.weight * score), |score, source| {
        Some(aggregate.join(score, source.input.score(member)? * source.weight))
    })
}

/// Members of all sources; `emit` may break off.
fn inter<'k>(
    sources: &[Source<'k>],
    aggregate: Aggregate,
    mut emit: impl FnMut(Entry<'k>, f64) -> ControlFlow<()>,
) {
    let Some(smallest) = sources.first() else { return };
    smallest.input.each(|member, score| {
        match member.with_bytes(|member| shared(member, score, sources, aggregate)) {
            Some(score) => emit(member, score),
            None => ControlFlow::Continue(()),
        }
    });
}

/// Members of the first source that no other has.
fn diff<'k>(sources: &[Source<'k>]) -> Found<'k> {
    let mut found = Found::new();
    if let Some((first, others)) = sources.split_first() {
        first.input.each(|member, score| {
            let has = |other: &Source<'_>| member.with_bytes(|member| other.input.score(member).is_some());
            if !others.iter().any(has) {
                found.push((member, score));
            }
            ControlFlow::Continue(())
        });
    }
    found
}

fn in_order(left: &(Entry<'_>, f64), right: &(Entry<'_>, f64)) -> Ordering {
    let bytes = || left.0.with_bytes(|left| right.0.with_bytes(|right| left.cmp(right)));
    left.1.partial_cmp(&right.1).unwrap_or(Ordering::Equal).then_with(bytes)
}

/// Reads the keys and replies or stores the result.
fn combine(cx: &mut Context<'_>, args: Args<'_>, operation: Operation, goal: Goal) -> Outcome {
    let at = if goal == Goal::Store { 2 } else { 1 };
    let keys = keys(cx, args, at)?;
    let options = Options::parse(args.options(at + 1 + keys.len()), keys.len(), operation, goal)?;
    let mut sources = sources(&cx.keys, keys, &options.weights);
    if operation != Operation::Diff {
        // As Redis does: it decides in which order doubles are added, and so their last digit.
        sources.sort_by_key(|source| source.input.len());
    }
    let scores;
    let mut found = Found::new();
    match operation {
        Operation::Union => {
            scores = union(&sources, options.aggregate, cx.keys.space.seed());
            found.extend(scores.iter().map(|(member, score)| (Entry::Str(member), score)));
        }
        Operation::Inter => inter(&sources, options.aggregate, |member, score| {
            found.push((member, score));
            ControlFlow::Continue(())
        }),
        Operation::Diff => found = diff(&sources),
    }
    found.sort_unstable_by(in_order);
    if goal == Goal::Store {
        let zset = ZSet::from_sorted(found.into_iter(), &Growth::of(cx.keys.space));
        store(cx, args.at(1), zset);
        return Ok(());
    }
    cx.reply.array(found.len());
    for (member, score) in found {
        tell(cx.reply, member, score, options.with_scores);
    }
    Ok(())
}

pub(super) fn zintercard(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let keys = keys(cx, args, 1)?;
    let options = Options::parse(args.options(2 + keys.len()), keys.len(), Operation::Inter, Goal::Count)?;
    let mut sources = sources(&cx.keys, keys, &options.weights);
    sources.sort_by_key(|source| source.input.len());
    let mut count = 0;
    inter(&sources, options.aggregate, |_, _| {
        count += 1;
        if count == options.limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    cx.reply.len(count);
    Ok(())
}

pub(super) fn zunion(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    combine(cx, args, Operation::Union, Goal::Reply)
}

pub(super) fn zunionstore(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    combine(cx, args, Operation::Union, Goal::Store)
}

pub(super) fn zinter(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    combine(cx, args, Operation::Inter, Goal::Reply)
}

pub(super) fn zinterstore(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    combine(cx, args, Operation::Inter, Goal::Store)
}

pub(super) fn zdiff(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    combine(cx, args, Operation::Diff, Goal::Reply)
}

pub(super) fn zdiffstore(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    combine(cx, args, Operation::Diff, Goal::Store)
}
