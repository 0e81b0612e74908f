//! How a file is to be read, and how it can end.

use crate::rdb::file::Unknown;

/// How a file ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Whole,
    /// Inside a command or an open MULTI; everything from here on may be cut.
    Torn {
        valid_to: u64,
    },
    /// At a `#TS` line that is later than what was asked for; everything before `at` was applied.
    Later {
        at: u64,
    },
}

/// What to do when a command of the log fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnReplayError {
    #[default]
    Stop,
    Warn,
}

/// How a file is to be read.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The longest argument that a command may have.
    pub max_bulk: u64,
    pub on_error: OnReplayError,
    /// What becomes of values in a snapshot that the store has no place for.
    pub unknown: Unknown,
    /// Read only what was logged up to this moment, in microseconds since 1970.
    pub until: Option<i64>,
    /// The file is a base: it has nothing of what was before its first `#TS` line.
    pub base: bool,
    /// The file is a snapshot and nothing else.
    pub snapshot: bool,
    /// Keys of it that are past their deadline are left out, as servers do it.
    pub expire: bool,
}
