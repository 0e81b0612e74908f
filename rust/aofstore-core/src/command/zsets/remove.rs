//! ZREM and the ZREMRANGE commands.

use super::bounds::By;
use super::shrunk;
use crate::command::args::Args;
use crate::command::context::Context;
use crate::command::errors::Outcome;

pub(super) fn zrem(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let (mut gone, mut empty) = (0, false);
    if let Some(zset) = cx.keys.zset_mut(key)? {
        gone = args.from(2).iter().filter(|member| zset.remove(member).is_some()).count();
        empty = zset.is_empty();
    }
    shrunk(cx, key, gone, empty);
    cx.reply.len(gone);
    Ok(())
}

fn remove_range(cx: &mut Context<'_>, args: Args<'_>, by: By) -> Outcome {
    let key = args.at(1);
    let bounds = by.parse(args.at(2), args.at(3))?;
    let (mut gone, mut empty) = (0, false);
    if let Some(zset) = cx.keys.zset_mut(key)? {
        gone = zset.remove_ranks(zset.ranks(&bounds));
        empty = zset.is_empty();
    }
    shrunk(cx, key, gone, empty);
    cx.reply.len(gone);
    Ok(())
}

pub(super) fn by_rank(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    remove_range(cx, args, By::Rank)
}

pub(super) fn by_score(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    remove_range(cx, args, By::Score)
}

pub(super) fn by_lex(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    remove_range(cx, args, By::Lex)
}
