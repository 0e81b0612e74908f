//! Real children of this many-threaded process: those of a save, and the whole protocol of themes 9 and 10, with a parent
//! of a few lines.
//!
//! Every successful rewrite here is checked byte for byte, and its child for allocations.
#![cfg(target_os = "linux")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    unsafe_code,
    reason = "a test, which looks at files and processes from outside"
)]

mod alone;
mod failures;
mod manners;
mod protocol;
mod rig;
