//! What LMPOP, ZMPOP and their blocking forms are asked for.

use super::args::{self, Args};
use super::errors::{self, ErrorReply};

/// `numkeys key … END [COUNT n]`: so many elements of one end of the first key that has any.
pub(super) struct Request<'a, E> {
    pub(super) keys: &'a [&'a [u8]],
    pub(super) end: E,
    pub(super) count: usize,
}

impl<'a, E> Request<'a, E> {
    /// `at` is where the number of keys stands; `end` tells the end that a word names.
    pub(super) fn parse(
        args: Args<'a>,
        at: usize,
        end: impl FnOnce(&[u8]) -> Result<E, ErrorReply>,
    ) -> Result<Self, ErrorReply> {
        let numkeys = positive(args.at(at), errors::NUMKEYS)?;
        let (keys, rest) = args.from(at + 1).split_at_checked(numkeys).ok_or(errors::SYNTAX)?;
        let end = end(rest.first().ok_or(errors::SYNTAX)?)?;
        let mut rest = args.options(at + numkeys + 2);
        let mut count = None;
        while !rest.done() {
            if count.is_some() || !rest.take_with("COUNT", 1) {
                return Err(errors::SYNTAX);
            }
            count = Some(positive(rest.need()?, errors::COUNT)?);
        }
        Ok(Self { keys, end, count: count.unwrap_or(1) })
    }
}

fn positive(arg: &[u8], refusal: ErrorReply) -> Result<usize, ErrorReply> {
    args::count(arg).ok().filter(|&count| count > 0).ok_or(refusal)
}
