//! `#` lines between commands: passed over, unless one says that what follows is too late.

use memchr::memchr;

use super::super::annotation::{self, Note};
use super::super::ending::Tear;
use super::{Leading, Next, Reader};
use crate::error::{LoadKind, Result};

/// What became of a `#` line.
pub(super) enum Comment {
    Skipped,
    /// Cannot be told before the window holds so many bytes of it.
    Need(u64),
    Ended(Next),
}

impl Reader {
    pub(super) fn skip_comment(&mut self) -> Result<Comment> {
        let bytes = self.window.rest(self.command);
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
        if start + seen == self.window.total() {
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
        let room = self.window.total() - self.command_start() - line.len() as u64;
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
}
