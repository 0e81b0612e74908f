//! INFO: figures under Redis's field names, with those that only this log has (`aof_commits` and what follows it).
//!
//! What has no meaning in a library (replication, clients' buffers) is left out or stands at its resting value.

use std::fmt::{self, Write};

use super::core::Core;
use super::process;
use super::rewrite::Ticket;
use crate::aof::{self, Status};
use crate::clock;
use crate::command::{Outcome, Reply};

/// The Redis whose behaviour is the target.
pub const REDIS_VERSION: &str = "7.2.0";

type Section = fn(&mut Core, &mut String) -> fmt::Result;

/// In Redis's order.
const SECTIONS: &[(&str, Section)] = &[
    ("Server", Core::info_server),
    ("Clients", Core::info_clients),
    ("Memory", Core::info_memory),
    ("Persistence", Core::info_persistence),
    ("Stats", Core::info_stats),
    ("Replication", info_replication),
    ("CPU", info_cpu),
    ("Modules", info_modules),
    ("Commandstats", Core::info_commandstats),
    ("Errorstats", Core::info_errorstats),
    ("Cluster", info_cluster),
    ("Keyspace", Core::info_keyspace),
];

impl Core {
    /// Without arguments, and by `default`: every section but that of the commands, which `all` and `everything` add.
    pub(super) fn info(&mut self, args: &[&[u8]], reply: &mut Reply) -> Outcome {
        let every = args.iter().any(|arg| ["all", "everything"].iter().any(|word| is(arg, word)));
        let usual = args.is_empty() || args.iter().any(|arg| is(arg, "default"));
        let mut text = String::new();
        for (name, section) in SECTIONS {
            let usual = usual && *name != "Commandstats";
            if usual || every || args.iter().any(|arg| is(arg, name)) {
                // Writing into a String cannot fail.
                let _ = self.write_section(name, *section, &mut text);
            }
        }
        reply.bulk(text.as_bytes());
        Ok(())
    }

    fn write_section(&mut self, name: &str, section: Section, out: &mut String) -> fmt::Result {
        if !out.is_empty() {
            out.push_str("\r\n");
        }
        write!(out, "# {name}\r\n")?;
        section(self, out)
    }

    fn info_server(&mut self, out: &mut String) -> fmt::Result {
        let uptime = (clock::now_ms() - self.stats.opened_at_ms).max(0) / 1000;
        field(out, "redis_version", REDIS_VERSION)?;
        field(out, "redis_mode", "standalone")?;
        field(out, "aofstore_version", env!("CARGO_PKG_VERSION"))?;
        field(out, "os", process::system())?;
        field(out, "arch_bits", usize::BITS)?;
        field(out, "process_id", std::process::id())?;
        field(out, "process_supervised", "no")?;
        field(out, "run_id", &self.run_id)?;
        field(out, "tcp_port", 0)?;
        field(out, "server_time_usec", clock::now_us())?;
        field(out, "uptime_in_seconds", uptime)?;
        field(out, "uptime_in_days", uptime / 86_400)?;
        field(out, "hz", self.settings.hz)?;
        field(out, "configured_hz", self.settings.hz)?;
        field(out, "executable", process::executable())?;
        field(out, "config_file", "")?;
        field(out, "io_threads_active", 0)
    }

    fn info_clients(&mut self, out: &mut String) -> fmt::Result {
        field(out, "connected_clients", 1)?;
        field(out, "blocked_clients", self.blocked.len())?;
        field(out, "tracking_clients", 0)?;
        field(out, "clients_in_timeout_table", self.blocked.with_timeout())?;
        field(out, "total_blocking_keys", self.space.waited.len())?;
        field(out, "total_blocking_keys_on_nokey", 0)
    }

    fn info_memory(&mut self, out: &mut String) -> fmt::Result {
        let pending = self.log.as_ref().map_or(0, |log| log.stats().buffer_capacity);
        let buffer = pending + self.rewrites.diff.as_ref().map_or(0, |diff| diff.memory());
        let data = self.space.memory();
        let used = data as u64 + buffer;
        let resident = process::resident_bytes().unwrap_or(0);
        let total = process::total_memory().unwrap_or(0);
        field(out, "used_memory", used)?;
        field(out, "used_memory_human", human(used))?;
        field(out, "used_memory_rss", resident)?;
        field(out, "used_memory_rss_human", human(resident))?;
        field(out, "used_memory_overhead", buffer)?;
        field(out, "used_memory_dataset", data)?;
        field(out, "total_system_memory", total)?;
        field(out, "total_system_memory_human", human(total))?;
        field(out, "maxmemory", 0)?;
        field(out, "maxmemory_human", "0B")?;
        field(out, "maxmemory_policy", "noeviction")?;
        field(out, "mem_aof_buffer", buffer)?;
        field(out, "active_defrag_running", 0)?;
        field(out, "lazyfree_pending_objects", 0)
    }

    fn info_persistence(&mut self, out: &mut String) -> fmt::Result {
        field(out, "loading", u8::from(self.loading))?;
        field(out, "async_loading", 0)?;
        for name in ["current_cow_peak", "current_cow_size", "current_cow_size_age"] {
            field(out, name, 0)?;
        }
        let saving = self.saves.current().map(Ticket::progress);
        let progress = saving.or_else(|| self.rewrites.progress()).unwrap_or_default();
        let share = progress.keys_done as f64 / progress.keys_total.max(1) as f64;
        field(out, "current_fork_perc", format_args!("{:.2}", share * 100.0))?;
        field(out, "current_save_keys_processed", progress.keys_done)?;
        field(out, "current_save_keys_total", progress.keys_total)?;
        self.info_snapshot(out)?;
        self.info_log(out)?;
        if self.loading { self.info_loading(out) } else { Ok(()) }
    }

    fn info_snapshot(&self, out: &mut String) -> fmt::Result {
        let (saves, figures) = (&self.saves, &self.saves.figures);
        let running = saves.current().map(|ticket| ticket.began.elapsed().as_secs() as i64);
        let last = figures.last_seconds.and_then(|seconds| i64::try_from(seconds).ok());
        field(out, "rdb_changes_since_last_save", self.space.stats.dirty)?;
        field(out, "rdb_bgsave_in_progress", u8::from(running.is_some()))?;
        field(out, "rdb_last_save_time", figures.saved_at_ms / 1000)?;
        field(out, "rdb_last_bgsave_status", if saves.failure().is_some() { "err" } else { "ok" })?;
        field(out, "rdb_last_bgsave_time_sec", last.unwrap_or(-1))?;
        field(out, "rdb_current_bgsave_time_sec", running.unwrap_or(-1))?;
        field(out, "rdb_saves", figures.saves)?;
        field(out, "rdb_last_cow_size", figures.last_cow_bytes)?;
        // Only of a snapshot without a log: with one, what is past its deadline is loaded too, and expires after.
        field(out, "rdb_last_load_keys_expired", self.load.expired)?;
        field(out, "rdb_last_load_keys_loaded", self.load.keys)
    }

    fn info_log(&self, out: &mut String) -> fmt::Result {
        let stats = self.log.as_ref().map(|log| log.stats());
        field(
            out,
            "aof_enabled",
            u8::from(
                stats.is_some()
                    || self.rewrites.waiting
                    || (self.loading && self.settings.is_yes("appendonly")),
            ),
        )?;
        self.info_rewrites(out)?;
        field(out, "aof_last_write_status", stats.as_ref().map_or("ok", aof::Stats::write_status))?;
        field(out, "aof_last_cow_size", self.rewrites.figures.last_cow_bytes)?;
        field(out, "module_fork_in_progress", 0)?;
        field(out, "module_fork_last_cow_size", 0)?;
        field(out, "aof_waits_for_rewrite", u8::from(self.rewrites.waiting))?;
        let diff = self.rewrites.diff.as_ref();
        let most = diff.map_or(self.rewrites.figures.most_in_memory, |diff| diff.most());
        field(out, "aof_rewrite_buffer_length", diff.map_or(0, |diff| diff.pending()))?;
        field(out, "aof_rewrite_buffer_memory", diff.map_or(0, |diff| diff.memory()))?;
        field(out, "aof_rewrite_buffer_memory_peak", most)?;
        let scheduled = u8::from(self.rewrites.is_scheduled());
        stats.map_or(Ok(()), |stats| write_log(out, &stats, scheduled))
    }

    fn info_rewrites(&self, out: &mut String) -> fmt::Result {
        let (rewrites, figures) = (&self.rewrites, &self.rewrites.figures);
        let running = rewrites.progress().map(|progress| progress.seconds as i64);
        let last = figures.last_seconds.and_then(|seconds| i64::try_from(seconds).ok());
        field(out, "aof_rewrite_in_progress", u8::from(rewrites.is_running()))?;
        field(out, "aof_rewrite_scheduled", u8::from(rewrites.is_scheduled()))?;
        field(out, "aof_last_rewrite_time_sec", last.unwrap_or(-1))?;
        field(out, "aof_current_rewrite_time_sec", running.unwrap_or(-1))?;
        field(out, "aof_last_bgrewrite_status", if rewrites.failure().is_some() { "err" } else { "ok" })?;
        field(out, "aof_rewrites", figures.rewrites)?;
        field(out, "aof_rewrites_consecutive_failures", rewrites.failures_in_a_row())
    }

    fn info_loading(&self, out: &mut String) -> fmt::Result {
        let load = &self.load;
        let seconds = (clock::now_ms() - load.began_ms).max(0) / 1000;
        let share = load.bytes_done as f64 / load.bytes_total.max(1) as f64;
        let left = if load.bytes_done == 0 { 1.0 } else { seconds as f64 * (1.0 - share) / share };
        field(out, "loading_start_time", load.began_ms / 1000)?;
        field(out, "loading_total_bytes", load.bytes_total)?;
        field(out, "loading_rdb_used_mem", 0)?;
        field(out, "loading_loaded_bytes", load.bytes_done)?;
        field(out, "loading_loaded_perc", format_args!("{:.2}", share * 100.0))?;
        field(out, "loading_eta_seconds", left as u64)
    }

    fn info_stats(&mut self, out: &mut String) -> fmt::Result {
        let stats = self.space.stats;
        field(out, "total_commands_processed", self.stats.commands)?;
        field(out, "instantaneous_ops_per_sec", self.stats.commands_a_second())?;
        field(out, "expired_keys", stats.expired)?;
        let expiry = &self.stats.expiry;
        field(out, "expired_stale_perc", format_args!("{:.2}", expiry.stale_share * 100.0))?;
        field(out, "expired_time_cap_reached_count", expiry.cut_short)?;
        field(out, "expire_cycle_cpu_milliseconds", expiry.took.as_millis())?;
        field(out, "evicted_keys", 0)?;
        field(out, "keyspace_hits", stats.hits)?;
        field(out, "keyspace_misses", stats.misses)?;
        field(out, "total_forks", self.rewrites.figures.forks)?;
        field(out, "latest_fork_usec", self.rewrites.figures.last_fork_micros)?;
        field(out, "total_error_replies", self.stats.errors)
    }

    fn info_keyspace(&mut self, out: &mut String) -> fmt::Result {
        let now = clock::now_ms();
        let filled = self.space.iter_dbs().filter(|(_, db)| !db.is_empty());
        let sizes: Vec<_> = filled.map(|(index, db)| (index, db.len(), db.volatile())).collect();
        for (index, keys, expires) in sizes {
            let ttl = self.space.average_ttl(index, now);
            write!(out, "db{index}:keys={keys},expires={expires},avg_ttl={ttl}\r\n")?;
        }
        Ok(())
    }

    /// Time is taken for commands whose work grows with the data, and for all while the latency monitor is on.
    fn info_commandstats(&mut self, out: &mut String) -> fmt::Result {
        self.stats.called().try_for_each(|(name, calls)| {
            let each = if calls.done == 0 { 0.0 } else { calls.micros as f64 / calls.done as f64 };
            write!(out, "cmdstat_{}:calls={},usec={},", name.to_ascii_lowercase(), calls.done, calls.micros)?;
            write!(out, "usec_per_call={each:.2},")?;
            write!(out, "rejected_calls={},failed_calls={}\r\n", calls.rejected, calls.failed)
        })
    }

    /// A line for every code that anybody got.
    fn info_errorstats(&mut self, out: &mut String) -> fmt::Result {
        self.stats
            .codes
            .iter()
            .try_for_each(|(code, count)| write!(out, "errorstat_{code}:count={count}\r\n"))
    }
}

/// Of the whole host process.
fn info_cpu(_: &mut Core, out: &mut String) -> fmt::Result {
    let Some(cpu) = process::cpu() else { return Ok(()) };
    for (name, seconds) in [
        ("used_cpu_sys", cpu.system),
        ("used_cpu_user", cpu.user),
        ("used_cpu_sys_children", cpu.children_system),
        ("used_cpu_user_children", cpu.children_user),
    ] {
        field(out, name, format_args!("{seconds:.6}"))?;
    }
    Ok(())
}

fn info_cluster(_: &mut Core, out: &mut String) -> fmt::Result {
    field(out, "cluster_enabled", 0)
}

fn info_replication(_: &mut Core, out: &mut String) -> fmt::Result {
    field(out, "role", "master")?;
    field(out, "connected_slaves", 0)
}

/// There are no modules, so there are no lines.
fn info_modules(_: &mut Core, _: &mut String) -> fmt::Result {
    Ok(())
}

/// Redis's fields of a log that is on, then ours.
fn write_log(out: &mut String, stats: &aof::Stats, scheduled: u8) -> fmt::Result {
    field(out, "aof_current_size", stats.current_size)?;
    field(out, "aof_base_size", stats.base_size)?;
    field(out, "aof_pending_rewrite", scheduled)?;
    field(out, "aof_buffer_length", stats.buffer_length)?;
    field(out, "aof_pending_bio_fsync", stats.pending_bio_fsync)?;
    field(out, "aof_delayed_fsync", stats.delayed_fsync)?;
    field(out, "aof_unsynced_milliseconds", stats.lag_ms)?;
    field(out, "aof_commits", stats.commits)?;
    field(out, "aof_writes", stats.writes)?;
    field(out, "aof_fsyncs", stats.fsyncs)?;
    field(out, "aof_synced_size", stats.synced_size)?;
    field(out, "aof_torn_bytes", stats.torn_bytes)?;
    field(out, "aof_write_errors", stats.write_errors)?;
    field(out, "aof_last_write_errno", stats.last_errno)?;
    field(out, "aof_latched", u8::from(matches!(stats.status, Status::Latched { .. })))
}

fn is(arg: &[u8], word: &str) -> bool {
    arg.eq_ignore_ascii_case(word.as_bytes())
}

fn field(out: &mut String, name: &str, value: impl fmt::Display) -> fmt::Result {
    write!(out, "{name}:{value}\r\n")
}

/// Redis's short form of a size.
fn human(bytes: u64) -> String {
    let units = [(1_u64 << 40, 'T'), (1 << 30, 'G'), (1 << 20, 'M'), (1 << 10, 'K')];
    match units.into_iter().find(|(size, _)| bytes >= *size) {
        Some((size, unit)) => format!("{:.2}{unit}", bytes as f64 / size as f64),
        None => format!("{bytes}B"),
    }
}
