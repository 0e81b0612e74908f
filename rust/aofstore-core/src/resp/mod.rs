//! The wire format of commands, as logs hold it.
//!
//! `decode` finds the arguments of a command in borrowed bytes. Knows no files and no commands.

pub mod decode;
