//! Snapshots: written and read back, handed in pieces, damaged in every bit, and with hostile sizes.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test"
)]

mod damage;
mod encodings;
#[allow(dead_code, reason = "of which this needs a part")]
#[path = "../rewrite/place.rs"]
mod place;
mod rig;
mod round_trip;
