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

impl Error {
    /// What is wrong with a file at an offset, and what to do about it; `message` is the middle of a sentence.
    pub fn at(kind: LoadKind, path: &Path, offset: u64, message: &str, advice: &str) -> Self {
        let what = message.to_owned();
        let message = format!("{} at offset {offset}: {what}; {advice}", path.display());
        Self::Load { kind, path: path.to_owned(), offset, what, message }
    }

    /// The data as of a moment was asked for, and the file begins with the data of a later one.
    pub fn newer(path: &Path, offset: u64, second: i64) -> Self {
        let what = format!("it holds the data as of second {second}, and what was before is not in it");
        let advice = "the file was left untouched; ask for a later moment";
        Self::at(LoadKind::Unsupported, path, offset, &what, advice)
    }
}
