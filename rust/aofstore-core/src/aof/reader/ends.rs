//! What ends a file before its end: torn commands and damage, and the errors that say so.

use std::io;

use super::super::ending::{self, Rest, Tear};
use super::window::Missing;
use super::{Next, Reader};
use crate::error::{Error, LoadKind, Result};
use crate::resp::decode::Damage;

impl Reader {
    /// An error about this file at `offset`, for the loader's own findings (`message` is the middle of a sentence).
    pub fn error(&self, kind: LoadKind, offset: u64, message: &str) -> Error {
        Error::at(kind, &self.path, offset, message, advice(kind))
    }

    /// The error of a torn file where cutting is not allowed.
    pub fn truncated(&self) -> Error {
        let lost = self.window.total() - self.valid_to;
        let message =
            format!("the file ends inside a command or an open MULTI, its last {lost} bytes are not whole");
        self.error(LoadKind::Truncated, self.valid_to, &message)
    }

    pub(super) fn torn(&self, tear: Tear) -> Next {
        Next::Torn { valid_to: self.valid_to, tear }
    }

    /// The file holds no more, and the command is not whole.
    pub(super) fn short(&mut self) -> Result<Next> {
        let (start, total) = (self.command_start(), self.window.total());
        if start == total {
            return Ok(Next::End);
        }
        let found = ending::rest(&mut *self.window.source, start, total, self.max_bulk, self.known);
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

    pub(super) fn damaged(&mut self, damage: Damage) -> Result<Next> {
        let at = self.command_start() + damage.at as u64;
        let byte = self.window.from(self.command + damage.at).first().copied().unwrap_or_default();
        self.zeros_or(at, byte, || format!("{}, found byte 0x{byte:02x}", damage.cause.text()))
    }

    /// A torn end if the file holds nothing but zeros from the byte at `at` on, else damage.
    pub(super) fn zeros_or(&mut self, at: u64, byte: u8, message: impl FnOnce() -> String) -> Result<Next> {
        if byte != 0 {
            return Err(self.error(LoadKind::Format, at, &message()));
        }
        let total = self.window.total();
        let found = ending::first_nonzero(&mut *self.window.source, at, total);
        match found.map_err(|error| self.unreadable(at, &error))? {
            None => Ok(self.torn(Tear::Zeros)),
            Some(other) => {
                let message = format!("zero bytes, followed by other bytes at offset {other}");
                Err(self.error(LoadKind::Format, at, &message))
            }
        }
    }

    pub(super) fn missing(&self, Missing { at, why }: Missing) -> Error {
        self.error(LoadKind::Io, at, &why)
    }

    fn unreadable(&self, at: u64, error: &io::Error) -> Error {
        self.missing(Missing::unread(at, error))
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
