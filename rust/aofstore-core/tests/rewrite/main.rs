//! What a rewrite writes, read back through the loader: rows of themes 7 and 8 of the file's behaviour under their ids.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test"
)]
#![allow(clippy::disallowed_methods, reason = "tests look at files from outside")]

mod allocations;
mod place;
mod properties;
mod snapshot;

#[allow(dead_code, reason = "the fuzz targets, of which this needs a part")]
#[path = "../../../../fuzz/src/lib.rs"]
mod fuzz;
