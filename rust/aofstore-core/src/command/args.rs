//! A cursor over a command's borrowed arguments, with Redis's own checks and error texts.

use super::errors::{self, ErrorReply};
use crate::num;

/// The arguments of one command, its name at index 0, and a position for options.
#[derive(Debug, Clone, Copy)]
pub struct Args<'a> {
    argv: &'a [&'a [u8]],
    pos: usize,
}

impl<'a> Args<'a> {
    pub fn new(argv: &'a [&'a [u8]]) -> Self {
        Self { argv, pos: 1 }
    }

    pub fn argv(&self) -> &'a [&'a [u8]] {
        self.argv
    }

    /// Number of arguments, the name included.
    pub fn len(&self) -> usize {
        self.argv.len()
    }

    pub fn is_empty(&self) -> bool {
        self.argv.is_empty()
    }

    /// Argument `index` (0 is the name); empty past the end, which arity has ruled out.
    pub fn at(&self, index: usize) -> &'a [u8] {
        self.argv.get(index).copied().unwrap_or_default()
    }

    /// Arguments from `index` to the end.
    pub fn from(&self, index: usize) -> &'a [&'a [u8]] {
        self.argv.get(index..).unwrap_or_default()
    }

    /// The same arguments with the cursor at `index`, where options begin.
    #[must_use]
    pub fn options(&self, index: usize) -> Self {
        Self { argv: self.argv, pos: index }
    }

    pub fn pos(&self) -> usize {
        self.pos
    }

    /// What the cursor has not passed yet.
    pub fn rest(&self) -> &'a [&'a [u8]] {
        self.from(self.pos)
    }

    #[expect(clippy::should_implement_trait, reason = "a cursor, not an iterator: it is asked in many ways")]
    pub fn next(&mut self) -> Option<&'a [u8]> {
        let arg = self.argv.get(self.pos).copied();
        self.pos += usize::from(arg.is_some());
        arg
    }

    /// The next argument, or Redis's syntax error.
    pub fn need(&mut self) -> Result<&'a [u8], ErrorReply> {
        self.next().ok_or(errors::SYNTAX)
    }

    pub fn need_i64(&mut self) -> Result<i64, ErrorReply> {
        int(self.need()?)
    }

    /// Steps over `word` (any case) if it is next.
    pub fn take(&mut self, word: &str) -> bool {
        let hit = self.argv.get(self.pos).is_some_and(|arg| is(arg, word));
        self.pos += usize::from(hit);
        hit
    }

    /// As [`Args::take`], but only if at least `following` arguments come behind the word.
    pub fn take_with(&mut self, word: &str, following: usize) -> bool {
        self.pos + following < self.argv.len() && self.take(word)
    }

    pub fn done(&self) -> bool {
        self.pos >= self.argv.len()
    }
}

/// Whether `arg` is `word` in any case.
pub fn is(arg: &[u8], word: &str) -> bool {
    arg.eq_ignore_ascii_case(word.as_bytes())
}

pub fn int(arg: &[u8]) -> Result<i64, ErrorReply> {
    num::parse_i64(arg).ok_or(errors::NOT_AN_INTEGER)
}

pub fn float(arg: &[u8]) -> Result<f64, ErrorReply> {
    num::parse_f64(arg).ok_or(errors::NOT_A_FLOAT)
}

/// A count that may not be negative (`must be positive` is Redis's wording for it).
pub fn count(arg: &[u8]) -> Result<usize, ErrorReply> {
    match num::parse_i64(arg) {
        Some(n) if n >= 0 => Ok(n as usize),
        _ => Err(errors::MUST_BE_POSITIVE),
    }
}
