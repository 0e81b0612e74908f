//! Snapshots as this store writes them, wherever they go.

use super::info::REDIS_VERSION;
use super::settings::Settings;
use crate::clock;
use crate::rdb::file::{About, Snapshot};
use crate::rdb::value::Version;
use crate::rewrite::Form;

/// Of `second`, in Unix time, or of now; `aof_base` says that commands may follow.
pub(super) fn form(
    settings: &Settings,
    version: Version,
    second: Option<i64>,
    used_memory: u64,
    aof_base: bool,
) -> Form {
    let snapshot = Snapshot::prepare(About {
        version,
        redis_version: REDIS_VERSION,
        created: second.unwrap_or_else(|| clock::now_ms().div_euclid(1000)),
        used_memory,
        aof_base,
    });
    Form::Rdb(Box::new(if settings.limits.rdb_compression { snapshot.packed() } else { snapshot }))
}
