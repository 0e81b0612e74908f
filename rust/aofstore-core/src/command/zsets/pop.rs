//! Taking members from either end, at once or when there are some. Logged as ZPOPMIN and ZPOPMAX.

use super::shrunk;
use crate::command::args::{self, Args};
use crate::command::context::{Context, Wait};
use crate::command::errors::{self, ErrorReply, Outcome};
use crate::command::instant;
use crate::keyspace::Kind;
use crate::num;

const NUMKEYS: ErrorReply = ErrorReply::new("ERR numkeys should be greater than 0");
const COUNT: ErrorReply = ErrorReply::new("ERR count should be greater than 0");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Min,
    Max,
}

impl End {
    /// The command that takes from this end.
    const fn name(self) -> &'static [u8] {
        match self {
            Self::Min => b"ZPOPMIN",
            Self::Max => b"ZPOPMAX",
        }
    }
}

/// How popped members stand in the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// member, score
    Flat,
    /// [[member, score], …]
    Pairs,
    /// key, member, score
    KeyFlat,
    /// key, [[member, score], …]
    KeyPairs,
}

/// Pops up to `count` members of an existing `key` and replies them; how many there were, 0 without a reply.
fn pop(cx: &mut Context<'_>, key: &[u8], end: End, count: usize, shape: Shape) -> Result<usize, ErrorReply> {
    let Some(zset) = cx.keys.zset_mut(key)? else { return Ok(0) };
    let (len, reply) = (zset.len(), &mut *cx.reply);
    let count = count.min(len);
    let ranks = if end == End::Min { 0..count } else { len - count..len };
    match shape {
        Shape::Flat => reply.array(2 * count),
        Shape::Pairs => reply.array(count),
        Shape::KeyFlat => {
            reply.array(1 + 2 * count);
            reply.bulk(key);
        }
        Shape::KeyPairs => {
            reply.array(2);
            reply.bulk(key);
            reply.array(count);
        }
    }
    for (member, score) in zset.walk(ranks.clone(), end == End::Max) {
        if matches!(shape, Shape::Pairs | Shape::KeyPairs) {
            reply.array(2);
        }
        reply.entry(member);
        reply.double(score);
    }
    zset.remove_ranks(ranks);
    let empty = zset.is_empty();
    shrunk(cx, key, count, empty);
    Ok(count)
}

fn pop_one_key(cx: &mut Context<'_>, args: Args<'_>, end: End) -> Outcome {
    if args.len() > 3 {
        return Err(errors::SYNTAX);
    }
    let (count, shape) = match args.from(2) {
        [count, ..] => (args::count(count)?, Shape::Pairs),
        [] => (1, Shape::Flat),
    };
    if cx.keys.zset_mut(args.at(1))?.is_none() {
        cx.reply.array(0);
        return Ok(());
    }
    pop(cx, args.at(1), end, count, shape)?;
    Ok(())
}

pub(super) fn zpopmin(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    pop_one_key(cx, args, End::Min)
}

pub(super) fn zpopmax(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    pop_one_key(cx, args, End::Max)
}

/// `numkeys key … MIN|MAX [COUNT n]`.
struct Request<'a> {
    keys: &'a [&'a [u8]],
    end: End,
    count: usize,
}

impl<'a> Request<'a> {
    /// `at` is where the number of keys stands.
    fn parse(args: Args<'a>, at: usize) -> Result<Self, ErrorReply> {
        let keys = positive(args.at(at), NUMKEYS)?;
        let (keys, rest) = args.from(at + 1).split_at_checked(keys).ok_or(errors::SYNTAX)?;
        let mut rest = Args::new(rest).options(0);
        let end = if rest.take("MIN") {
            End::Min
        } else if rest.take("MAX") {
            End::Max
        } else {
            return Err(errors::SYNTAX);
        };
        let mut count = None;
        while !rest.done() {
            if count.is_some() || !rest.take_with("COUNT", 1) {
                return Err(errors::SYNTAX);
            }
            count = Some(positive(rest.need()?, COUNT)?);
        }
        Ok(Self { keys, end, count: count.unwrap_or(1) })
    }

    /// Pops from the first key that has members; whether there was one.
    fn pop(&self, cx: &mut Context<'_>) -> Result<bool, ErrorReply> {
        for key in self.keys {
            let popped = pop(cx, key, self.end, self.count, Shape::KeyPairs)?;
            if popped > 0 {
                let mut text = itoa::Buffer::new();
                cx.effects.rewrite(&[self.end.name(), key, text.format(popped).as_bytes()]);
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn positive(arg: &[u8], error: ErrorReply) -> Result<usize, ErrorReply> {
    num::parse_i64(arg).filter(|&number| number > 0).map(|number| number as usize).ok_or(error)
}

/// Replies nil and asks to be run again when one of `keys` becomes a sorted set.
fn wait(cx: &mut Context<'_>, keys: &[&[u8]], timeout: Option<u64>) {
    cx.reply.nil();
    cx.wait = Some(Wait { keys: keys.iter().map(|key| (*key).into()).collect(), kind: Kind::ZSet, timeout });
}

pub(super) fn zmpop(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    if !Request::parse(args, 1)?.pop(cx)? {
        cx.reply.nil();
    }
    Ok(())
}

pub(super) fn bzmpop(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let request = Request::parse(args, 2)?;
    let timeout = instant::timeout(args.at(1), cx.keys.now())?;
    if !request.pop(cx)? {
        wait(cx, request.keys, timeout);
    }
    Ok(())
}

fn blocking_pop(cx: &mut Context<'_>, args: Args<'_>, end: End) -> Outcome {
    let Some((timeout, keys)) = args.from(1).split_last() else { return Ok(()) };
    let timeout = instant::timeout(timeout, cx.keys.now())?;
    for key in keys {
        if pop(cx, key, end, 1, Shape::KeyFlat)? > 0 {
            cx.effects.rewrite(&[end.name(), key]);
            return Ok(());
        }
    }
    wait(cx, keys, timeout);
    Ok(())
}

pub(super) fn bzpopmin(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    blocking_pop(cx, args, End::Min)
}

pub(super) fn bzpopmax(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    blocking_pop(cx, args, End::Max)
}
