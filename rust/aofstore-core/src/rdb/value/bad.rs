//! Why bytes are no value.

use std::io;

/// What is wrong with the bytes of a value or of a snapshot; whoever reads them knows where and says so.
#[derive(Debug)]
pub enum Bad {
    /// They end too early.
    Truncated,
    /// No writer makes them like this: the words go into the middle of a sentence.
    Format(&'static str),
    /// Something that the store has no place for.
    Unsupported(&'static str),
    /// The system refused memory.
    Memory,
    Io(io::Error),
}

pub type Result<T> = std::result::Result<T, Bad>;
