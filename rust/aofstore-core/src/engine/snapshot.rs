//! Snapshots as this store writes them, wherever they go.

use super::info::REDIS_VERSION;
use crate::clock;
use crate::rdb::file::{About, Snapshot};
use crate::rdb::value::Version;
use crate::rewrite::Form;

/// Of `second`, in Unix time, or of now; `aof_base` says that commands may follow.
pub(super) fn form(version: Version, second: Option<i64>, used_memory: u64, aof_base: bool) -> Form {
    Form::Rdb(Box::new(Snapshot::prepare(About {
        version,
        redis_version: REDIS_VERSION,
        created: second.unwrap_or_else(|| clock::now_ms().div_euclid(1000)),
        used_memory,
        aof_base,
    })))
}
