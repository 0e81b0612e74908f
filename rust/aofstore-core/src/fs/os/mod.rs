//! The real directory: descriptors relative to one locked directory, over libc.
//!
//! Opened by `engine` and the tools only. Nothing is opened by path after the directory itself, so a directory
//! that is renamed or replaced meanwhile cannot redirect us. The lock is `flock` on the directory's descriptor:
//! there is no lock file to leave behind, and a second open in the same process conflicts as well.
#![expect(clippy::disallowed_methods, reason = "this is the room where files are touched")]

mod bare;
mod dir;
mod file;
mod lock;
mod making;
mod signals;

pub use bare::{bare_sync, bare_write, bare_writeback};
pub use dir::{Access, OsDir};
pub use signals::with_signals_blocked;

#[cfg(test)]
mod tests;
