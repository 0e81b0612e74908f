//! The ends of ranges as arguments: ranks, scores ("5", "(5", "-inf"), bytes ("[a", "(a", "-", "+").

use crate::command::args;
use crate::command::errors::{self, ErrorReply};
use crate::keyspace::{Bounds, LexBound, ScoreBound};
use crate::num;

/// What the two ends of a range are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Rank,
    Score,
    Lex,
}

impl By {
    /// Reads the lower and the upper end.
    pub(super) fn parse<'a>(self, min: &'a [u8], max: &'a [u8]) -> Result<Bounds<'a>, ErrorReply> {
        match self {
            Self::Rank => Ok(Bounds::Ranks(args::int(min)?, args::int(max)?)),
            Self::Score => match (score_bound(min), score_bound(max)) {
                (Some(min), Some(max)) => Ok(Bounds::Scores(min, max)),
                _ => Err(errors::MIN_OR_MAX_NOT_A_FLOAT),
            },
            Self::Lex => match (lex_bound(min), lex_bound(max)) {
                (Some(min), Some(max)) => Ok(Bounds::Lex(min, max)),
                _ => Err(errors::MIN_OR_MAX_NOT_A_LEX_RANGE),
            },
        }
    }
}

fn score_bound(arg: &[u8]) -> Option<ScoreBound> {
    match arg {
        [b'(', number @ ..] => lenient_float(number).map(ScoreBound::Excl),
        number => lenient_float(number).map(ScoreBound::Incl),
    }
}

/// Bounds are read more leniently than scores: blanks before the number, nothing for zero, and numbers beyond all
/// doubles are as Redis takes them.
fn lenient_float(text: &[u8]) -> Option<f64> {
    if text.is_empty() {
        return Some(0.0);
    }
    let text = text.trim_ascii_start();
    num::parse_f64(text).or_else(|| {
        let starts_a_number =
            matches!(text, [b'0'..=b'9' | b'.', ..] | [b'+' | b'-', b'0'..=b'9' | b'.', ..]);
        starts_a_number.then(|| str::from_utf8(text).ok()?.parse().ok()).flatten()
    })
}

fn lex_bound(arg: &[u8]) -> Option<LexBound<'_>> {
    match arg {
        b"-" => Some(LexBound::Min),
        b"+" => Some(LexBound::Max),
        [b'[', member @ ..] => Some(LexBound::Incl(member)),
        [b'(', member @ ..] => Some(LexBound::Excl(member)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_read_as_strtod_does() {
        for (text, expected) in [
            ("5", Some(ScoreBound::Incl(5.0))),
            ("(5", Some(ScoreBound::Excl(5.0))),
            (" 5", Some(ScoreBound::Incl(5.0))),
            ("( 5", Some(ScoreBound::Excl(5.0))),
            ("", Some(ScoreBound::Incl(0.0))),
            ("(", Some(ScoreBound::Excl(0.0))),
            ("-inf", Some(ScoreBound::Incl(f64::NEG_INFINITY))),
            ("(+INFINITY", Some(ScoreBound::Excl(f64::INFINITY))),
            ("1e999", Some(ScoreBound::Incl(f64::INFINITY))),
            ("-1e999", Some(ScoreBound::Incl(f64::NEG_INFINITY))),
            ("1e-999", Some(ScoreBound::Incl(0.0))),
            ("0x10", Some(ScoreBound::Incl(16.0))),
            (" ", None),
            ("5 ", None),
            ("((5", None),
            ("[5", None),
            ("nan", None),
            ("a", None),
        ] {
            assert_eq!(score_bound(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn bytes_need_their_bracket() {
        assert_eq!(lex_bound(b"-"), Some(LexBound::Min));
        assert_eq!(lex_bound(b"+"), Some(LexBound::Max));
        assert_eq!(lex_bound(b"["), Some(LexBound::Incl(b"")));
        assert_eq!(lex_bound(b"(a"), Some(LexBound::Excl(b"a")));
        for text in ["", "a", "+a", "-a", "inf"] {
            assert_eq!(lex_bound(text.as_bytes()), None, "{text:?}");
        }
    }
}
