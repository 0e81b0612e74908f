//! What part of a sorted set is meant: by rank, by score or by the bytes of the members.

use std::ops::Range;

use crate::encoding::{LexBound, ScoreBound};

/// Two ends, both counted from the lowest member.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bounds<'a> {
    /// Both included; negative ranks count from the highest member, -1.
    Ranks(i64, i64),
    Scores(ScoreBound, ScoreBound),
    /// Means something only if all scores are equal.
    Lex(LexBound<'a>, LexBound<'a>),
}

/// Ranks `start` to `end` of `len` members, clipped as Redis does.
pub(super) fn resolve(start: i64, end: i64, len: usize) -> Range<usize> {
    let len = len as i64;
    let from_low = |rank: i64| if rank < 0 { rank.saturating_add(len) } else { rank };
    let (start, end) = (from_low(start).max(0), from_low(end).min(len - 1));
    if start > end { 0..0 } else { start as usize..end as usize + 1 }
}
