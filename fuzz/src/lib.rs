//! What each fuzz target does with one input. An input that breaks a promise panics, which is how libFuzzer hears of it.
//!
//! `fuzz_targets/` hands libFuzzer's inputs here; `rust/aofstore-core/tests/fuzz_corpus.rs` includes this file and
//! replays the inputs under `seeds/` in `cargo test`, so nothing here needs more than aofstore-core.

pub mod check;
pub mod commands;
pub mod dataset;
pub mod glob;
pub mod input;
pub mod intset;
pub mod listpack;
pub mod loader;
pub mod longdouble;
pub mod memory;
pub mod rdb;
pub mod replay;
pub mod replies;
pub mod resp;
pub mod restore;
pub mod words;
