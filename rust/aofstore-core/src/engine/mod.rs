//! The store: one lock around keyspace and log, sessions, transactions, waiting, settings, the background.
//!
//! [`Engine::execute`] is the only way to change data. ORDER: engine lock before log lock, never the reverse;
//! nobody waits for a sync or for another session with the engine lock held.

mod batch;
mod birth;
mod blocking;
mod config;
mod core;
mod counters;
mod debug;
mod direct;
mod due;
mod execute;
mod export;
mod gather;
mod giveback;
mod info;
mod introspect;
mod latency;
mod leader;
mod lifecycle;
mod pause;
mod process;
mod queue;
mod record;
mod remains;
mod rewrite;
mod save;
mod server;
mod session;
mod settings;
mod snapshot;
mod standstill;
mod tick;
mod transaction;

pub use batch::Request;
pub use blocking::{Slot, Waiter};
pub use core::Engine;
pub use direct::Direct;
pub use due::{Done, Due};
pub use export::{Base, Exported, write_manifest};
pub use info::REDIS_VERSION;
pub use lifecycle::Flushing;
pub use rewrite::{Begun, Progress, RewriteHandle, Summary, Waited};
pub use session::Session;
pub use settings::Settings;
pub use standstill::stands_still;

#[cfg(all(test, not(feature = "shuttle")))]
mod server_tests;
