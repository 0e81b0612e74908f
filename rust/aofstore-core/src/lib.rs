//! The engine of aofstore, without Python: keyspace, commands, append-only file.
//!
//! Floors, lowest first; a floor may only import lower ones (`tests/meta/test_layers.py`):
//! ground (`error`, `event`, `clock`, `num`, `sink`, `resp`, `fs`), `encoding`, `keyspace`, `rdb`, `command` and `aof`,
//! `load` and `rewrite`, `check` and `engine`.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests look at files from outside"))]

pub mod aof;
pub mod check;
pub mod clock;
pub mod command;
pub mod encoding;
pub mod engine;
pub mod error;
pub mod event;
pub mod fs;
pub mod keyspace;
pub mod load;
pub mod num;
pub mod rdb;
pub mod resp;
pub mod rewrite;
pub mod sink;
