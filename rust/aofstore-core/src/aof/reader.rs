//! The commands of one file, one after the other, as slices of a window on it.
//!
//! The loader, `check` and `repair` call it. A command is never copied. What ends a file is told apart by
//! `ends`; whether a MULTI is open is the loader's to know, see [`Reader::mark_valid`].

mod comment;
mod ends;
mod window;

use std::ops::Range;
use std::path::{Path, PathBuf};

use smallvec::SmallVec;

use self::comment::Comment;
use self::window::Window;
use super::ahead::Ahead;
use super::ending::{Known, Tear};
use crate::error::Result;
use crate::fs::Source;
use crate::resp::decode::{Progress, decode};

/// What [`Reader::next`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// A whole command: `argc`, `arg`, `argv`.
    Command,
    /// The file ends behind a whole command (or `#` line).
    End,
    /// The file ends inside one; everything from `valid_to` on may be cut.
    Torn { valid_to: u64, tear: Tear },
    /// What follows was logged in a second that is [too late](Reader::stop_after).
    Later { second: i64, leading: Leading },
}

/// What a `#TS` line that is too late is preceded by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leading {
    /// By commands, which were logged before.
    No,
    /// By nothing.
    Log,
    /// By nothing, and the file begins with a dump: what was before is not in it.
    Dump,
}

/// A command that may not have had its turn yet.
#[derive(Clone, Copy)]
pub struct Command<'a> {
    bytes: &'a [u8],
    args: &'a [Range<usize>],
}

impl<'a> Command<'a> {
    pub fn argc(&self) -> usize {
        self.args.len()
    }

    /// One argument; empty behind the last one.
    #[inline]
    pub fn arg(&self, index: usize) -> &'a [u8] {
        self.args.get(index).and_then(|range| self.bytes.get(range.clone())).unwrap_or_default()
    }
}

/// Reads one file; see the module.
pub struct Reader {
    path: PathBuf,
    max_bulk: u64,
    known: Known,
    window: Window,
    /// Where the current command starts in the window, and where what follows it does.
    command: usize,
    position: usize,
    ahead: Ahead,
    valid_to: u64,
    /// Microseconds since 1970.
    stop_after: Option<i64>,
    any_command: bool,
    undated: Option<u64>,
    ended: Option<Result<Next>>,
}

impl Reader {
    /// Reads `source` from `start` (behind a snapshot, else 0) up to `total`, its length. `path` is for messages.
    pub fn new(
        source: Box<dyn Source>,
        start: u64,
        total: u64,
        path: &Path,
        max_bulk: u64,
        known: Known,
    ) -> Self {
        Self {
            path: path.to_owned(),
            max_bulk,
            known,
            window: Window::new(source, start, total),
            command: 0,
            position: 0,
            ahead: Ahead::default(),
            valid_to: start,
            stop_after: None,
            any_command: false,
            undated: None,
            ended: None,
        }
    }

    /// Reads only what was logged up to this moment, in microseconds since 1970: up to the first `#TS` line that is
    /// later. Then every such line has to be one.
    #[must_use]
    pub fn stop_after(mut self, micros: Option<i64>) -> Self {
        self.stop_after = micros;
        self
    }

    /// Begins at `start`, behind a snapshot. Before the first [`Reader::next`] only.
    pub fn begin_at(&mut self, start: u64) {
        self.window.begin_at(start);
        self.valid_to = start;
        self.any_command = true;
    }

    /// Goes to the next command. What ended the file is told again at every further call.
    #[expect(
        clippy::should_implement_trait,
        reason = "a command borrows the reader, which no Iterator can say"
    )]
    pub fn next(&mut self) -> Result<Next> {
        if let Some(ended) = &self.ended {
            return ended.clone();
        }
        self.command = self.position;
        if let Some(frame) = self.ahead.advance() {
            self.position += frame.len();
            return Ok(Next::Command);
        }
        self.ahead.clear();
        let found = self.advance();
        if matches!(found, Ok(Next::Command)) {
            self.ahead.look(self.window.rest(self.command), self.max_bulk);
            return found;
        }
        self.ahead.clear();
        self.ended = Some(found.clone());
        found
    }

    /// How many commands were framed together with the current one and stand before it.
    #[inline]
    pub fn turn(&self) -> usize {
        self.ahead.turn()
    }

    /// The commands that were framed together, the first of them being the current one.
    #[inline]
    pub fn together(&self) -> impl Iterator<Item = Command<'_>> {
        let mut start = self.command;
        self.ahead.frames().iter().map(move |frame| {
            let bytes = self.window.from(start);
            start += frame.len();
            Command { bytes, args: frame.args() }
        })
    }

    fn advance(&mut self) -> Result<Next> {
        loop {
            let bytes = self.window.rest(self.command);
            let have = bytes.len() as u64;
            let need = match bytes.first() {
                Some(b'#') => match self.skip_comment()? {
                    Comment::Skipped => continue,
                    Comment::Need(need) => need,
                    Comment::Ended(next) => return Ok(next),
                },
                Some(_) => match decode(bytes, self.max_bulk, self.ahead.current_mut()) {
                    Ok(Progress::Complete) => {
                        self.position = self.command + self.ahead.current().len();
                        self.any_command = true;
                        return Ok(Next::Command);
                    }
                    Ok(Progress::Need(need)) => need,
                    Err(damage) => return self.damaged(damage),
                },
                None => 1,
            };
            let rest = self.total() - self.command_start();
            if need > rest {
                // Only a line feed is missing: whether the last byte is its CR must not depend on what was read so far.
                if need == rest + 1 && have < rest {
                    self.fill(rest)?;
                    continue;
                }
                return self.short();
            }
            // `need` is no more than the file holds from here, and was held back by the window only.
            self.fill(need)?;
        }
    }

    /// Arguments of the current command, its name counted; 0 when there is none.
    #[inline]
    pub fn argc(&self) -> usize {
        self.ahead.current().args().len()
    }

    /// One argument of the current command; empty behind the last one.
    #[inline]
    pub fn arg(&self, index: usize) -> &[u8] {
        self.ahead.current().args().get(index).map_or(&[], |range| self.slice(range))
    }

    /// All arguments of the current command.
    #[inline]
    pub fn args(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.ahead.current().args().iter().map(|range| self.slice(range))
    }

    /// All arguments of the current command; for a few nothing is allocated.
    #[inline]
    pub fn argv(&self) -> SmallVec<[&[u8]; 32]> {
        self.args().collect()
    }

    #[inline]
    fn slice(&self, range: &Range<usize>) -> &[u8] {
        self.window.slice(self.command + range.start..self.command + range.end)
    }

    /// File offset of the current command's first byte.
    #[inline]
    pub fn command_start(&self) -> u64 {
        self.window.offset(self.command)
    }

    /// File offset behind the current command.
    #[inline]
    pub fn offset(&self) -> u64 {
        self.window.offset(self.position)
    }

    /// The file's length, as given.
    pub fn total(&self) -> u64 {
        self.window.total()
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Says that the file is good up to [`Reader::offset`]. The loader calls it behind every command that is not inside
    /// a MULTI: a cut must take an open block as a whole.
    #[inline]
    pub fn mark_valid(&mut self) {
        self.valid_to = self.offset();
    }

    /// Where the first `#TS` line stands that does not say when.
    pub fn undated(&self) -> Option<u64> {
        self.undated
    }

    /// How far the file is good.
    pub fn valid_to(&self) -> u64 {
        self.valid_to
    }

    /// Goes on at `offset`, whatever stood before it.
    pub fn seek(&mut self, offset: u64) {
        let offset = offset.min(self.total());
        self.valid_to = offset;
        self.command = self.window.seek(offset);
        self.position = self.command;
        self.ahead.clear();
        self.any_command = true;
        self.ended = None;
    }

    /// Bytes that the reader holds.
    pub fn memory(&self) -> usize {
        self.window.memory() + self.ahead.memory()
    }

    /// Reads until the window holds `need` bytes of the current command.
    fn fill(&mut self, need: u64) -> Result<()> {
        // `need` is no more than the file holds from here.
        let filled = self.window.fill(self.command, usize::try_from(need).unwrap_or(usize::MAX));
        self.position -= self.command;
        self.command = 0;
        filled.map_err(|missing| self.missing(missing))
    }
}

#[cfg(test)]
mod tests;
