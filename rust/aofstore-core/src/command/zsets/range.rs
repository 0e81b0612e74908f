//! ZRANGE in all its forms, and ZRANGESTORE.

use std::ops::Range;

use super::bounds::By;
use super::{store, tell};
use crate::command::args::Args;
use crate::command::context::Context;
use crate::command::errors::{self, ErrorReply, Outcome};
use crate::keyspace::{Bounds, Growth, ZSet};

/// What the command's name says already; None where an option may say it.
#[derive(Clone, Copy)]
struct Form {
    by: Option<By>,
    reverse: Option<bool>,
    /// ZRANGESTORE: the destination comes first, WITHSCORES is no option.
    store: bool,
}

/// One request for a range.
struct Request<'a> {
    bounds: Bounds<'a>,
    reverse: bool,
    offset: i64,
    /// Negative: no limit.
    limit: i64,
    with_scores: bool,
}

/// The options behind the two ends.
struct Options {
    form: Form,
    offset: i64,
    limit: i64,
    with_scores: bool,
}

impl Options {
    fn parse(mut args: Args<'_>, form: Form) -> Result<Self, ErrorReply> {
        let mut options = Self { form, offset: 0, limit: -1, with_scores: false };
        while !args.done() {
            if !form.store && args.take("WITHSCORES") {
                options.with_scores = true;
            } else if args.take_with("LIMIT", 2) {
                options.offset = args.need_i64()?;
                options.limit = args.need_i64()?;
            } else if form.reverse.is_none() && options.form.reverse.is_none() && args.take("REV") {
                options.form.reverse = Some(true);
            } else if options.form.by.is_none() && args.take("BYLEX") {
                options.form.by = Some(By::Lex);
            } else if options.form.by.is_none() && args.take("BYSCORE") {
                options.form.by = Some(By::Score);
            } else {
                return Err(errors::SYNTAX);
            }
        }
        Ok(options)
    }
}

impl<'a> Request<'a> {
    /// `at` is where the source key stands.
    fn parse(args: Args<'a>, at: usize, form: Form) -> Result<Self, ErrorReply> {
        let Options { form, offset, limit, with_scores } = Options::parse(args.options(at + 3), form)?;
        let (by, reverse) = (form.by.unwrap_or(By::Rank), form.reverse.unwrap_or(false));
        if limit != -1 && by == By::Rank {
            return Err(errors::LIMIT_WITHOUT_BY);
        }
        if with_scores && by == By::Lex {
            return Err(errors::LEX_WITH_SCORES);
        }
        let (mut low, mut high) = (args.at(at + 1), args.at(at + 2));
        if reverse && by != By::Rank {
            std::mem::swap(&mut low, &mut high);
        }
        Ok(Self { bounds: by.parse(low, high)?, reverse, offset, limit, with_scores })
    }

    /// The ranks that are meant.
    fn ranks(&self, zset: &ZSet) -> Range<usize> {
        let found = zset.ranks(&self.bounds);
        if let Bounds::Ranks(..) = self.bounds {
            let len = zset.len();
            return if self.reverse { len - found.end..len - found.start } else { found };
        }
        let skip = usize::try_from(self.offset).unwrap_or(usize::MAX).min(found.len());
        let take = usize::try_from(self.limit).unwrap_or(usize::MAX).min(found.len() - skip);
        if self.reverse {
            found.end - skip - take..found.end - skip
        } else {
            found.start + skip..found.start + skip + take
        }
    }
}

fn range(cx: &mut Context<'_>, args: Args<'_>, by: Option<By>, reverse: Option<bool>) -> Outcome {
    let request = Request::parse(args, 1, Form { by, reverse, store: false })?;
    let Some(zset) = cx.keys.zset(args.at(1))? else {
        cx.reply.array(0);
        return Ok(());
    };
    let walk = zset.walk(request.ranks(zset), request.reverse);
    cx.reply.array(walk.len());
    for (member, score) in walk {
        tell(cx.reply, member, score, request.with_scores);
    }
    Ok(())
}

pub(super) fn zrange(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    range(cx, args, None, None)
}

pub(super) fn zrevrange(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    range(cx, args, Some(By::Rank), Some(true))
}

pub(super) fn zrangebyscore(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    range(cx, args, Some(By::Score), Some(false))
}

pub(super) fn zrevrangebyscore(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    range(cx, args, Some(By::Score), Some(true))
}

pub(super) fn zrangebylex(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    range(cx, args, Some(By::Lex), Some(false))
}

pub(super) fn zrevrangebylex(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    range(cx, args, Some(By::Lex), Some(true))
}

pub(super) fn zrangestore(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let request = Request::parse(args, 2, Form { by: None, reverse: None, store: true })?;
    let growth = Growth::of(cx.keys.space);
    let found = cx
        .keys
        .zset(args.at(2))?
        .map_or_else(ZSet::new, |zset| ZSet::from_sorted(zset.walk(request.ranks(zset), false), &growth));
    store(cx, args.at(1), found);
    Ok(())
}
