//! Taking members from either end, at once or when there are some. Logged as ZPOPMIN and ZPOPMAX.

use super::shrunk;
use crate::command::args::{self, Args};
use crate::command::context::{Context, Wait};
use crate::command::errors::{self, ErrorReply, Outcome};
use crate::command::instant;
use crate::command::mpop::Request;
use crate::keyspace::Kind;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Min,
    Max,
}

impl End {
    fn of(word: &[u8]) -> Result<Self, ErrorReply> {
        if args::is(word, "MIN") {
            Ok(Self::Min)
        } else if args::is(word, "MAX") {
            Ok(Self::Max)
        } else {
            Err(errors::SYNTAX)
        }
    }

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

/// Pops from the first key that has members; whether there was one.
fn pop_first(cx: &mut Context<'_>, request: &Request<'_, End>) -> Result<bool, ErrorReply> {
    for key in request.keys {
        let popped = pop(cx, key, request.end, request.count, Shape::KeyPairs)?;
        if popped > 0 {
            let mut text = itoa::Buffer::new();
            cx.effects.rewrite(&[request.end.name(), key, text.format(popped).as_bytes()]);
            return Ok(true);
        }
    }
    Ok(false)
}

/// Replies nil and asks to be run again when one of `keys` becomes a sorted set.
fn wait(cx: &mut Context<'_>, keys: &[&[u8]], timeout: Option<u64>) {
    cx.reply.nil();
    cx.wait = Some(Wait { keys: keys.iter().map(|key| (*key).into()).collect(), kind: Kind::ZSet, timeout });
}

pub(super) fn zmpop(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    if !pop_first(cx, &Request::parse(args, 1, End::of)?)? {
        cx.reply.nil();
    }
    Ok(())
}

pub(super) fn bzmpop(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let request = Request::parse(args, 2, End::of)?;
    let timeout = instant::timeout(args.at(1), cx.keys.now())?;
    if !pop_first(cx, &request)? {
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
