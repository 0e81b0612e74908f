//! The append-only file: what was done, as bytes, and when a call that did it may return.
//!
//! The engine feeds finished argument vectors in order and, before it answers, lets [`Log::finish`] bring them as
//! far as the policy says: handed to `write(2)` under `everysec` and `no`, synced under `always`. [`Reader`] gives
//! the commands of a file back, and tells a torn end from damage. The room knows bytes and files, no keys. What it
//! keeps true: the file is always a prefix of what was fed, in order, without holes; nothing is acknowledged that
//! is not as safe as the policy promises; and after a failed sync nothing more is appended to that file.

mod ahead;
pub mod annotation;
mod buffer;
mod commit;
mod diff;
mod ending;
mod fsync;
mod heading;
mod latency;
mod line;
mod log;
pub mod manifest;
pub mod names;
mod outlet;
pub mod parts;
mod reader;
mod resync;
mod stats;
mod switch;
mod sync;
mod synced;
mod tail;
mod words;
mod write;

pub use ahead::AHEAD;
pub use buffer::Feed;
pub use diff::Diff;
pub use ending::{Known, Tear};
pub use latency::{Kind as LatencyKind, Sample as LatencySample};
pub use log::{Log, Pen, Settings};
pub use outlet::Outlet;
pub use reader::{Command, Leading, Next, Reader};
pub use resync::{Mark, Resync, Run, Sought, Until};
pub use stats::Stats;
pub use switch::{Hold, Install};
pub use synced::{Flush, Synced};
pub use tail::{Policy, Status};
#[doc(hidden)]
pub use write::Control;

pub use crate::fs::{Seekable, Source};
