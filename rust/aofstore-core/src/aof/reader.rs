//! The commands of one file, one after the other, as slices of a window on it.
//!
//! The loader, `check` and `repair` call it. The window grows only as data arrives and never beyond what the file
//! still holds, so no header can make it allocate; a command is never copied. What ends a file is told apart by
//! `tail`; whether a MULTI is open is the loader's to know, see [`Reader::mark_valid`].

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use memchr::memchr;
use smallvec::SmallVec;

use super::ahead::Ahead;
use super::annotation::{self, Note};
use super::ending::{self, Known, Rest, Tear};
use crate::error::{Error, LoadKind, Result};
use crate::fs::{Source, read_some};
use crate::resp::decode::{Damage, Progress, decode};

/// Bytes asked for at once.
const BLOCK: usize = 1 << 20;
/// A window larger than this is given back once the long command is behind it.
const LARGE_WINDOW: usize = 16 * BLOCK;

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
    source: Box<dyn Source>,
    path: PathBuf,
    total: u64,
    max_bulk: u64,
    known: Known,
    window: Vec<u8>,
    /// File offset of the window's first byte.
    base: u64,
    /// Bytes of the window that hold data.
    filled: usize,
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
            source,
            path: path.to_owned(),
            total: total.max(start),
            max_bulk,
            known,
            window: Vec::new(),
            base: start,
            filled: 0,
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
        self.total = self.total.max(start);
        (self.base, self.valid_to) = (start, start);
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
            self.ahead.look(self.window.get(self.command..self.filled).unwrap_or_default(), self.max_bulk);
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
            let bytes = self.window.get(start..).unwrap_or_default();
            start += frame.len();
            Command { bytes, args: frame.args() }
        })
    }

    fn advance(&mut self) -> Result<Next> {
        loop {
            let bytes = self.window.get(self.command..self.filled).unwrap_or_default();
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
            let rest = self.total - self.command_start();
            if need > rest {
                // Only a line feed is missing: whether the last byte is its CR must not depend on what was read so far.
                if need == rest + 1 && ((self.filled - self.command) as u64) < rest {
                    self.fill(usize::try_from(rest).unwrap_or(usize::MAX))?;
                    continue;
                }
                return self.short();
            }
            // `need` is no more than the file holds from here, and was held back by the window only.
            self.fill(usize::try_from(need).unwrap_or(usize::MAX))?;
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
        self.window.get(self.command + range.start..self.command + range.end).unwrap_or_default()
    }

    /// File offset of the current command's first byte.
    #[inline]
    pub fn command_start(&self) -> u64 {
        self.base + self.command as u64
    }

    /// File offset behind the current command.
    #[inline]
    pub fn offset(&self) -> u64 {
        self.base + self.position as u64
    }

    /// The file's length, as given.
    pub fn total(&self) -> u64 {
        self.total
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
        let offset = offset.min(self.total);
        self.valid_to = offset;
        let near = offset.checked_sub(self.base).map(|at| at as usize).filter(|&at| at <= self.filled);
        if near.is_none() {
            (self.base, self.filled) = (offset, 0);
        }
        self.command = near.unwrap_or(0);
        self.position = self.command;
        self.ahead.clear();
        self.any_command = true;
        self.ended = None;
    }

    /// Bytes that the reader holds.
    pub fn memory(&self) -> usize {
        self.window.capacity() + self.ahead.memory()
    }

    /// An error about this file at `offset`, for the loader's own findings (`message` is the middle of a sentence).
    pub fn error(&self, kind: LoadKind, offset: u64, message: &str) -> Error {
        Error::at(kind, &self.path, offset, message, advice(kind))
    }

    /// The error of a torn file where cutting is not allowed.
    pub fn truncated(&self) -> Error {
        let lost = self.total - self.valid_to;
        let message =
            format!("the file ends inside a command or an open MULTI, its last {lost} bytes are not whole");
        self.error(LoadKind::Truncated, self.valid_to, &message)
    }

    fn torn(&self, tear: Tear) -> Next {
        Next::Torn { valid_to: self.valid_to, tear }
    }

    /// The file holds no more, and the command is not whole.
    fn short(&mut self) -> Result<Next> {
        let start = self.command_start();
        if start == self.total {
            return Ok(Next::End);
        }
        let found = ending::rest(&mut *self.source, start, self.total, self.max_bulk, self.known);
        match found.map_err(|error| self.unreadable(start, &error))? {
            Rest::Torn => Ok(self.torn(Tear::Command)),
            Rest::Commands(at) => {
                let message = format!(
                    "the command reaches beyond the end of the file, but a whole command follows at offset {at}: a \
                     count or a length is damaged"
                );
                Err(self.error(LoadKind::Format, start, &message))
            }
            Rest::Undecided => {
                let message = "the command reaches beyond the end of the file, and too much behind it looks like \
                               commands to tell a torn end from a damaged length";
                Err(self.error(LoadKind::Format, start, message))
            }
        }
    }

    fn damaged(&mut self, damage: Damage) -> Result<Next> {
        let at = self.command_start() + damage.at as u64;
        let byte = self.window.get(self.command + damage.at).copied().unwrap_or_default();
        self.zeros_or(at, byte, || format!("{}, found byte 0x{byte:02x}", damage.cause.text()))
    }

    /// A torn end if the file holds nothing but zeros from the byte at `at` on, else damage.
    fn zeros_or(&mut self, at: u64, byte: u8, message: impl FnOnce() -> String) -> Result<Next> {
        if byte != 0 {
            return Err(self.error(LoadKind::Format, at, &message()));
        }
        let found = ending::first_nonzero(&mut *self.source, at, self.total);
        match found.map_err(|error| self.unreadable(at, &error))? {
            None => Ok(self.torn(Tear::Zeros)),
            Some(other) => {
                let message = format!("zero bytes, followed by other bytes at offset {other}");
                Err(self.error(LoadKind::Format, at, &message))
            }
        }
    }

    fn skip_comment(&mut self) -> Result<Comment> {
        let bytes = self.window.get(self.command..self.filled).unwrap_or_default();
        let line = bytes.get(..annotation::LONGEST).unwrap_or(bytes);
        let start = self.command_start();
        if let Some(feed) = memchr(b'\n', line) {
            let end = feed + 1;
            if let Some(limit) = self.stop_after {
                let (line, rest) = bytes.split_at_checked(end).unwrap_or_default();
                if let Some(comment) = self.too_late(limit, line, rest)? {
                    return Ok(comment);
                }
            }
            if bytes.get(..end).map(Note::of) == Some(Note::NoTime) {
                self.undated.get_or_insert(start);
            }
            self.skip(end);
            return Ok(Comment::Skipped);
        }
        let seen = line.len() as u64;
        if start + seen == self.total {
            return Ok(Comment::Ended(self.torn(Tear::Comment)));
        }
        match (line.len() == annotation::LONGEST, bytes.get(line.len())) {
            (false, _) | (true, None) => Ok(Comment::Need(seen + 1)),
            // Servers read so far and take what follows for the next line.
            (true, Some(b'#')) => {
                self.skip(annotation::LONGEST);
                Ok(Comment::Skipped)
            }
            (true, Some(&byte)) => {
                let why = || "a '#' line is longer than 1023 bytes".to_owned();
                self.zeros_or(start + seen, byte, why).map(Comment::Ended)
            }
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.command += bytes;
        self.position = self.command;
    }

    /// Whether the `#` line, which has `rest` behind it, says that what follows was logged after `limit`.
    fn too_late(&self, limit: i64, line: &[u8], rest: &[u8]) -> Result<Option<Comment>> {
        let second = match Note::of(line) {
            Note::Time(second) if second.saturating_mul(1_000_000) > limit => second,
            Note::NoTime => {
                let why = "a '#TS' line without a number of seconds: what follows cannot be dated";
                return Err(self.error(LoadKind::Format, self.command_start(), why));
            }
            _ => return Ok(None),
        };
        let mark = annotation::BASE;
        let room = self.total - self.command_start() - line.len() as u64;
        if !self.any_command && rest.len() < mark.len() && room >= mark.len() as u64 {
            return Ok(Some(Comment::Need((line.len() + mark.len()) as u64)));
        }
        let leading = match (self.any_command, rest.starts_with(mark)) {
            (true, _) => Leading::No,
            (false, true) => Leading::Dump,
            (false, false) => Leading::Log,
        };
        Ok(Some(Comment::Ended(Next::Later { second, leading })))
    }

    fn unreadable(&self, offset: u64, error: &io::Error) -> Error {
        self.error(LoadKind::Io, offset, &format!("cannot be read: {error}"))
    }

    /// Reads until the window holds `need` bytes of the current command.
    fn fill(&mut self, need: usize) -> Result<()> {
        if self.command > 0 {
            self.window.copy_within(self.command..self.filled, 0);
            self.base += self.command as u64;
            self.filled -= self.command;
            self.position -= self.command;
            self.command = 0;
        }
        if self.window.len() > LARGE_WINDOW && need <= BLOCK && self.filled <= BLOCK {
            self.window.truncate(BLOCK);
            self.window.shrink_to_fit();
        }
        while self.filled < need {
            self.grow()?;
            let at = self.base + self.filled as u64;
            // Not a byte beyond `total`: whoever appends there has not finished. And not a whole large window at once:
            // it is to be given back.
            let rest = usize::try_from(self.total - at).unwrap_or(usize::MAX);
            let asked = (need - self.filled).max(BLOCK).min(rest);
            let end = (self.filled + asked).min(self.window.len());
            let room = self.window.get_mut(self.filled..end).unwrap_or_default();
            match read_some(&mut *self.source, at, room) {
                Ok(read) => self.filled += read,
                Err(error) => return Err(self.unreadable(at, &error)),
            }
        }
        Ok(())
    }

    /// Makes room: one block, or as much again as has arrived, but no more than the file still holds.
    fn grow(&mut self) -> Result<()> {
        if self.filled < self.window.len() {
            return Ok(());
        }
        let at = self.base + self.filled as u64;
        let rest = usize::try_from(self.total - at).unwrap_or(usize::MAX);
        let more = self.filled.max(BLOCK).min(rest);
        if self.window.try_reserve_exact(more).is_err() {
            return Err(self.error(
                LoadKind::Io,
                self.command_start(),
                "not enough memory to read this command",
            ));
        }
        self.window.resize(self.filled + more, 0);
        Ok(())
    }
}

/// What to do about an error, as the end of its message.
const fn advice(kind: LoadKind) -> &'static str {
    match kind {
        LoadKind::Io => "check the disk and the permissions, then open again",
        LoadKind::Truncated => {
            "open with aof_load_truncated=True to cut it there (what is cut is kept in a file beside)"
        }
        _ => {
            "the file was left untouched; put a sound copy in its place, or see what `aofstore check` says of it"
        }
    }
}

enum Comment {
    Skipped,
    Need(u64),
    Ended(Next),
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
