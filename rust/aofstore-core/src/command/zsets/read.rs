//! Scores, ranks and counts.

use super::bounds::By;
use crate::command::args::{self, Args};
use crate::command::context::Context;
use crate::command::errors::{self, Outcome};
use crate::keyspace::ZSet;

pub(super) fn zcard(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let len = cx.keys.zset(args.at(1))?.map_or(0, ZSet::len);
    cx.reply.len(len);
    Ok(())
}

pub(super) fn zscore(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    match cx.keys.zset(args.at(1))?.and_then(|zset| zset.score(args.at(2))) {
        Some(score) => cx.reply.double(score),
        None => cx.reply.nil(),
    }
    Ok(())
}

pub(super) fn zmscore(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let zset = cx.keys.zset(args.at(1))?;
    let members = args.from(2);
    cx.reply.array(members.len());
    for member in members {
        match zset.and_then(|zset| zset.score(member)) {
            Some(score) => cx.reply.double(score),
            None => cx.reply.nil(),
        }
    }
    Ok(())
}

fn count(cx: &mut Context<'_>, args: Args<'_>, by: By) -> Outcome {
    let bounds = by.parse(args.at(2), args.at(3))?;
    let count = cx.keys.zset(args.at(1))?.map_or(0, |zset| zset.ranks(&bounds).len());
    cx.reply.len(count);
    Ok(())
}

pub(super) fn zcount(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    count(cx, args, By::Score)
}

pub(super) fn zlexcount(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    count(cx, args, By::Lex)
}

fn rank(cx: &mut Context<'_>, args: Args<'_>, reverse: bool) -> Outcome {
    if args.len() > 4 {
        return Err(errors::wrong_arity(cx.name));
    }
    let with_score = args.len() == 4;
    if with_score && !args::is(args.at(3), "WITHSCORE") {
        return Err(errors::SYNTAX);
    }
    let found = cx.keys.zset(args.at(1))?.and_then(|zset| {
        let (rank, score) = zset.rank(args.at(2))?;
        Some((if reverse { zset.len() - 1 - rank } else { rank }, score))
    });
    match found {
        None => cx.reply.nil(),
        Some((rank, _)) if !with_score => cx.reply.len(rank),
        Some((rank, score)) => {
            cx.reply.array(2);
            cx.reply.len(rank);
            cx.reply.double(score);
        }
    }
    Ok(())
}

pub(super) fn zrank(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    rank(cx, args, false)
}

pub(super) fn zrevrank(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    rank(cx, args, true)
}
