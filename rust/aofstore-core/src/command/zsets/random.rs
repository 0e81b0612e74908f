//! ZRANDMEMBER.

use super::tell;
use crate::command::args::{self, Args};
use crate::command::context::Context;
use crate::command::errors::{self, ErrorReply, Outcome};
use crate::command::hashes::random_count;

/// The count, negative with repetition, and whether scores are wanted.
fn parse(args: Args<'_>) -> Result<(i64, bool), ErrorReply> {
    let count = random_count(args.at(2))?;
    match args.from(3) {
        [] => Ok((count, false)),
        [word] if args::is(word, "WITHSCORES") => {
            if count.unsigned_abs() > i64::MAX as u64 / 2 {
                return Err(errors::OUT_OF_RANGE);
            }
            Ok((count, true))
        }
        _ => Err(errors::SYNTAX),
    }
}

pub(super) fn zrandmember(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let wanted = if args.len() > 2 { Some(parse(args)?) } else { None };
    let mut rng = cx.keys.space.rng.fork();
    let zset = cx.keys.zset(args.at(1))?;
    let reply = &mut *cx.reply;
    let (zset, count, with_scores) = match (zset, wanted) {
        (Some(zset), Some((count, with_scores))) => (zset, count, with_scores),
        (None, Some(_)) => {
            reply.array(0);
            return Ok(());
        }
        (zset, None) => {
            match zset.and_then(|zset| zset.random(&mut rng)) {
                Some((member, _)) => reply.entry(member),
                None => reply.nil(),
            }
            return Ok(());
        }
    };
    if let Ok(count) = usize::try_from(count) {
        let drawn = zset.distinct(count, &mut rng);
        reply.array(drawn.len());
        for (member, score) in drawn {
            tell(reply, member, score, with_scores);
        }
        return Ok(());
    }
    let count = count.unsigned_abs() as usize;
    if !reply.reserve(count.saturating_mul(if with_scores { 3 } else { 1 }).saturating_add(1)) {
        return Err(errors::OUT_OF_RANGE);
    }
    reply.array(count);
    for _ in 0..count {
        if let Some((member, score)) = zset.random(&mut rng) {
            tell(reply, member, score, with_scores);
        }
    }
    Ok(())
}
