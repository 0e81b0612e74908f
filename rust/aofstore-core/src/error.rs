//! What can go wrong below the commands, grouped by what the caller can do about it.
//!
//! Command errors (`WRONGTYPE …`) are replies, not these. The binding maps each variant to one exception class
//! of `aofstore.errors`.

use std::path::{Path, PathBuf};

/// Result of everything that touches files or the life of a store.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a log or a directory could not be loaded (`AofLoadError.kind`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadKind {
    Truncated,
    Format,
    UnknownCommand,
    Unsupported,
    Replay,
    Checksum,
    Manifest,
    Io,
}

impl LoadKind {
    /// The text Python sees in `AofLoadError.kind`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::Format => "format",
            Self::UnknownCommand => "unknown-command",
            Self::Unsupported => "unsupported",
            Self::Replay => "replay",
            Self::Checksum => "checksum",
            Self::Manifest => "manifest",
            Self::Io => "io",
        }
    }
}

/// How a rewrite failed (`RewriteError.errno`, `.signal`, `.exit_code`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RewriteCause {
    /// The system refused a call.
    Errno(i32),
    /// The child was killed.
    Signal(i32),
    /// The child gave up.
    Exit(i32),
    /// The message says all there is.
    Other,
}

/// A failure of the store itself; `errno` is the operating system's number where it gave one, else 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A file or directory cannot be used: fix the path, the permissions or the disk, then open again.
    #[error("{message}")]
    Open { path: PathBuf, errno: i32, message: String },
    /// Another store has the directory: close that one first.
    #[error("{message}")]
    Locked { path: PathBuf, pid: Option<i32>, message: String },
    /// The file is damaged or foreign; it was left untouched. `what` is the middle of the message: neither where, nor
    /// what to do.
    #[error("{message}")]
    Load { kind: LoadKind, path: PathBuf, offset: u64, what: String, message: String },
    /// Bytes could not be written or synced: `pending_bytes` of acknowledged-or-applied log are not durable.
    #[error("{message}")]
    Write { path: PathBuf, errno: i32, pending_bytes: u64, message: String },
    /// A rewrite failed; the log that it should have replaced is in use and complete.
    #[error("{message}")]
    Rewrite { path: PathBuf, cause: RewriteCause, message: String },
    /// A snapshot could not be saved; the one before it is as it was.
    #[error("{message}")]
    Save { path: PathBuf, cause: RewriteCause, message: String },
    /// A rewrite runs already; the text is Redis's.
    #[error("ERR Background append only file rewriting already in progress")]
    RewriteInProgress,
    /// A setting that no store could take.
    #[error("{0}")]
    Config(String),
    /// The store was closed.
    #[error("the store is closed; open it again with aofstore.open()")]
    Closed,
    /// This process is a forked copy of the one that opened the store.
    #[error("the store was opened in another process (pid {owner}); open it again after the fork")]
    Forked { owner: u32 },
    /// A defect of ours; the store is latched.
    #[error("internal error: {0}")]
    Internal(String),
}

/// A path in a message, with `\xff` for a byte that is no text.
pub fn shown(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().escape_ascii().map(char::from));
    }
    text
}

impl Error {
    /// What is wrong with a file at an offset, and what to do about it; `message` is the middle of a sentence.
    pub fn at(kind: LoadKind, path: &Path, offset: u64, message: &str, advice: &str) -> Self {
        let what = message.to_owned();
        let message = format!("{} at offset {offset}: {what}; {advice}", shown(path));
        Self::Load { kind, path: path.to_owned(), offset, what, message }
    }

    /// The data as of a moment was asked for, and the file begins with the data of a later one.
    pub fn newer(path: &Path, offset: u64, second: i64) -> Self {
        let what = format!("it holds the data as of {}, and what was before is not in it", utc(second));
        let advice = "the file was left untouched; ask for a later moment";
        Self::at(LoadKind::Unsupported, path, offset, &what, advice)
    }
}

/// A second as people and `fromisoformat` read it; as a number where the year has more than four digits.
fn utc(second: i64) -> String {
    let (days, rest) = (second.div_euclid(86_400), second.rem_euclid(86_400));
    // Days in eras of 400 years that begin with a 1 March.
    let shifted = days.saturating_add(719_468);
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, over) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year + over;
    if !(1..=9999).contains(&year) {
        return format!("second {second}");
    }
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn a_second_is_told_as_a_date() {
        for (second, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_700_000_015, "2023-11-14T22:13:35Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (-62_135_596_800, "0001-01-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (253_402_300_800, "second 253402300800"),
            (i64::MAX, "second 9223372036854775807"),
            (i64::MIN, "second -9223372036854775808"),
        ] {
            assert_eq!(utc(second), text);
        }
    }
}
