//! The append-only file as bytes and files; knows no keys and no commands.
//!
//! `reader` yields the commands of one file, `tail` tells a torn end from damage.

mod reader;
mod source;
mod tail;

pub use reader::{Next, Reader};
pub use source::{Seekable, Source};
pub use tail::{Known, Tear};
