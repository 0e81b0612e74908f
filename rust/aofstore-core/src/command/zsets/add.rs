//! ZADD and ZINCRBY.

use smallvec::SmallVec;

use crate::command::args::{self, Args};
use crate::command::context::Context;
use crate::command::errors::{self, ErrorReply, Outcome};
use crate::keyspace::Growth;

bitflags::bitflags! {
    /// The options of ZADD.
    #[derive(Clone, Copy)]
    struct How: u8 {
        const NX = 1;
        const XX = 1 << 1;
        const GT = 1 << 2;
        const LT = 1 << 3;
        const CH = 1 << 4;
        const INCR = 1 << 5;
    }
}

impl How {
    fn of_word(word: &[u8]) -> Option<Self> {
        // Nearly every first argument is a number.
        if !word.first()?.is_ascii_alphabetic() {
            return None;
        }
        Self::all().iter_names().find_map(|(name, flag)| args::is(word, name).then_some(flag))
    }

    fn check(self, pairs: usize) -> Outcome {
        if self.contains(Self::NX | Self::XX) {
            return Err(errors::XX_AND_NX);
        }
        let bars = [Self::GT, Self::LT, Self::NX].into_iter().filter(|flag| self.contains(*flag)).count();
        if bars > 1 {
            return Err(errors::GT_LT_AND_NX);
        }
        if self.contains(Self::INCR) && pairs > 1 {
            return Err(errors::ONE_INCREMENT);
        }
        Ok(())
    }

    /// The score that `given` makes of `old`; None if the options leave the member alone. May be NaN.
    fn decide(self, old: Option<f64>, given: f64) -> Option<f64> {
        let Some(old) = old else { return (!self.contains(Self::XX)).then_some(given) };
        let new = if self.contains(Self::INCR) { old + given } else { given };
        let barred = self.contains(Self::NX)
            || self.contains(Self::GT) && new <= old
            || self.contains(Self::LT) && new >= old;
        (!barred).then_some(new)
    }
}

/// What became of the members.
#[derive(Default)]
struct Tally {
    added: usize,
    updated: usize,
    /// The last score given, unless the options barred it.
    score: Option<f64>,
}

pub(super) fn zadd(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    add_as(cx, args, How::empty())
}

/// The options of ZADD are options here too, and then leave no score.
pub(super) fn zincrby(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    add_as(cx, args, How::INCR)
}

fn add_as(cx: &mut Context<'_>, args: Args<'_>, mut how: How) -> Outcome {
    let mut first = 2;
    while let Some(option) = How::of_word(args.at(first)) {
        how |= option;
        first += 1;
    }
    add(cx, args.at(1), how, args.from(first))
}

fn add(cx: &mut Context<'_>, key: &[u8], how: How, pairs: &[&[u8]]) -> Outcome {
    let (pairs, odd) = pairs.as_chunks::<2>();
    if pairs.is_empty() || !odd.is_empty() {
        return Err(errors::SYNTAX);
    }
    how.check(pairs.len())?;
    let mut scores: SmallVec<[f64; 16]> = SmallVec::with_capacity(pairs.len());
    for [score, _] in pairs {
        scores.push(args::float(score)?);
    }
    let tally = apply(cx, key, how, pairs, &scores)?;
    if tally.added + tally.updated > 0 {
        cx.changed(key);
        cx.effects.changed_by(tally.added + tally.updated - 1);
    }
    match tally.score {
        _ if !how.contains(How::INCR) => {
            cx.reply.len(tally.added + if how.contains(How::CH) { tally.updated } else { 0 });
        }
        Some(score) => cx.reply.double(score),
        None => cx.reply.nil(),
    }
    Ok(())
}

fn apply(
    cx: &mut Context<'_>,
    key: &[u8],
    how: How,
    pairs: &[[&[u8]; 2]],
    scores: &[f64],
) -> Result<Tally, ErrorReply> {
    let growth = Growth::of(cx.keys.space);
    let mut tally = Tally::default();
    // XX must not leave an empty set behind; anything else adds at least the first member of a new one.
    let zset = if how.contains(How::XX) { cx.keys.zset_mut(key)? } else { Some(cx.keys.zset_or_new(key)?) };
    let Some(zset) = zset else { return Ok(tally) };
    if pairs.len() > 1 {
        let longest = pairs.iter().map(|[_, member]| member.len()).max();
        zset.expect(pairs.len(), longest.unwrap_or_default(), &growth);
        // Into an empty set every option but XX lets them all, and XX finds no empty set.
        let mut members: SmallVec<[(f64, &[u8]); 16]> =
            scores.iter().copied().zip(pairs.iter().map(|[_, member]| *member)).collect();
        if zset.is_empty() && zset.fill(&mut members, &growth) {
            return Ok(Tally { added: pairs.len(), updated: 0, score: scores.last().copied() });
        }
    }
    for ([_, member], given) in pairs.iter().zip(scores) {
        let mut nan = false;
        let update = zset.update(member, &growth, |old| {
            let new = how.decide(old, *given);
            nan = new.is_some_and(f64::is_nan);
            new.filter(|score| !score.is_nan())
        });
        if nan {
            // Only INCR gets here, with its one member: nothing has changed.
            return Err(errors::SCORE_NAN);
        }
        tally.score = update.new;
        match (update.old, update.new) {
            (None, Some(_)) => tally.added += 1,
            (old, new @ Some(_)) if old != new => tally.updated += 1,
            _ => {}
        }
    }
    Ok(tally)
}
