//! The wire format of commands, as logs hold it.
//!
//! `encode` writes argument vectors into any sink, `decode` finds the arguments of a command in borrowed bytes.
//! Knows no files and no commands.

pub mod decode;
pub mod encode;
