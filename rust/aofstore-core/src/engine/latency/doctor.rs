//! LATENCY DOCTOR: the monitor's figures in sentences, with what usually helps against each event.

use std::fmt::{self, Write};

use super::{Latency, Series, event};

const OFF: &str = "The latency monitor is off. CONFIG SET latency-monitor-threshold <milliseconds> turns it on: from \
then on everything that takes at least that long is kept here. A tenth of the longest pause that your program \
can bear is a good threshold.\n";
const QUIET: &str = "The latency monitor is on, and nothing has taken as long as the threshold yet.\n";

pub(super) fn report(latency: &Latency, now: i64) -> String {
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = write_report(latency, now, &mut text);
    text
}

fn write_report(latency: &Latency, now: i64, out: &mut String) -> fmt::Result {
    if latency.events.is_empty() {
        return out.write_str(if latency.is_on() { QUIET } else { OFF });
    }
    for (number, (name, series)) in latency.events.iter().enumerate() {
        writeln!(out, "{}. {name}: {}", number + 1, Figures::of(series, now))?;
    }
    let advice: Vec<&str> = distinct(latency.events.keys().filter_map(|name| advice(name)));
    if !advice.is_empty() {
        out.write_str("\nWhat may help:\n\n")?;
    }
    for line in advice {
        writeln!(out, "- {line}")?;
    }
    if latency.is_on() {
        Ok(())
    } else {
        out.write_str("\nThe latency monitor is off by now: these are old.\n")
    }
}

/// In order, each once.
fn distinct<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for line in lines {
        if !seen.contains(&line) {
            seen.push(line);
        }
    }
    seen
}

/// What the spikes of an event have in common.
struct Figures {
    count: usize,
    average: u64,
    deviation: u64,
    /// Seconds from one spike to the next.
    period: f64,
    last: u64,
    last_ago: i64,
    worst: u64,
}

impl Figures {
    fn of(series: &Series, now: i64) -> Self {
        let count = series.samples.len().max(1) as u64;
        let mean = |values: &mut dyn Iterator<Item = u64>| values.fold(0_u64, u64::saturating_add) / count;
        let average = mean(&mut series.samples.iter().map(|sample| sample.ms));
        let deviation = mean(&mut series.samples.iter().map(|sample| sample.ms.abs_diff(average)));
        let first = series.samples.front().map_or(now, |sample| sample.at);
        let last = series.samples.back().copied();
        Self {
            count: series.samples.len(),
            average,
            deviation,
            period: (now - first).max(0) as f64 / count as f64,
            last: last.map_or(0, |sample| sample.ms),
            last_ago: last.map_or(0, |sample| (now - sample.at).max(0)),
            worst: series.worst,
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spikes = if self.count == 1 { "spike" } else { "spikes" };
        write!(
            out,
            "{} {spikes}, {} ms on average (mean deviation {} ms), one every {:.2} seconds; the last of {} ms {} \
             seconds ago, the worst ever {} ms.",
            self.count, self.average, self.deviation, self.period, self.last, self.last_ago, self.worst,
        )
    }
}

/// What usually helps; None where the name says all.
pub(super) fn advice(name: &str) -> Option<&'static str> {
    Some(match name {
        event::COMMAND => {
            "A slow command works on much data at once: take less per call (SCAN instead of KEYS, ranges instead of \
             whole collections, smaller transactions)."
        }
        event::FAST_COMMAND => {
            "A fast command needs microseconds. One that took milliseconds was held up from outside: by other threads \
             and processes on too few processors, by swapping, or by the first write to pages shared with a rewrite \
             child (transparent huge pages make each of those up to 512 times as big)."
        }
        event::EXPIRE_CYCLE | event::EXPIRE_DEL => {
            "Many keys, or big ones, expire at the same moment: spread the times to live, and keep what expires small."
        }
        "aof-write" | "aof-write-alone" => {
            "write(2) itself waits: the disk or its file system is busy. Look for other writers on it, or give the log \
             a faster disk."
        }
        "aof-write-pending-fsync" => {
            "write(2) waits for the fdatasync that runs beside it: the disk is busy. aof-postpone-write yes holds \
             writes back for up to two seconds instead, at the price of losing them in a crash."
        }
        "aof-write-active-child" => {
            "write(2) waits for the disk while a rewrite or save child writes to it too: \
             aof-rewrite-incremental-fsync yes keeps its syncs short, no-appendfsync-on-rewrite yes leaves ours out \
             meanwhile, and rewriting less often (auto-aof-rewrite-percentage) helps both."
        }
        "aof-fsync-always" => {
            "appendfsync always waits for the disk with every commit: put more into one commit (pipelines, or several \
             threads at once), take a disk with a protected cache, or appendfsync everysec if the last second may be \
             lost."
        }
        event::FORK => {
            "The time of a fork grows with the memory of the whole process: keep big data of other kinds in another \
             process, rewrite less often, and use a machine whose virtualization makes page tables cheap."
        }
        event::AOF_REWRITE_DIFF_WRITE => {
            "Much was written during the rewrite and had to be appended at its end: rewrite when there is less to do, \
             or on a faster disk."
        }
        event::AOF_RENAME | event::RDB_UNLINK_TEMP_FILE | "aof-fstat" => {
            "The file system itself is slow: a busy journal, a full disk, or a network between."
        }
        _ => return None,
    })
}
