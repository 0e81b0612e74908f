//! The latency monitor: what took at least `latency-monitor-threshold` milliseconds, event by event.
//!
//! The engine samples commands, expiry and children into it, the log keeps its own samples until the tick or a
//! question fetches them. INVARIANT: with the threshold at 0 nothing is kept and no clock is read; what was kept
//! before stays until LATENCY RESET, as in Redis.

mod doctor;
mod graph;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::core::{Core, Engine};
use crate::clock;
use crate::command::{Flags, LatencyCommand, Outcome, Reply, Spec, errors};
use crate::error::Result;

/// Samples of one event; the oldest goes.
const KEPT: usize = 160;

/// The events, by Redis's names.
pub(super) mod event {
    use crate::aof::LatencyKind as Log;

    pub const COMMAND: &str = "command";
    pub const FAST_COMMAND: &str = "fast-command";
    /// One slice of active expiry, as long as it had the lock.
    pub const EXPIRE_CYCLE: &str = "expire-cycle";
    /// The removal of one expired key.
    pub const EXPIRE_DEL: &str = "expire-del";
    pub const FORK: &str = "fork";
    /// What the parent appends to a rewritten file.
    pub const AOF_REWRITE_DIFF_WRITE: &str = "aof-rewrite-diff-write";
    pub const AOF_RENAME: &str = "aof-rename";
    pub const RDB_UNLINK_TEMP_FILE: &str = "rdb-unlink-temp-file";

    /// With those that the log measures.
    pub const ALL: [&str; 14] = [
        COMMAND,
        FAST_COMMAND,
        EXPIRE_CYCLE,
        EXPIRE_DEL,
        FORK,
        AOF_REWRITE_DIFF_WRITE,
        AOF_RENAME,
        RDB_UNLINK_TEMP_FILE,
        Log::Write.name(),
        Log::WritePendingFsync.name(),
        Log::WriteActiveChild.name(),
        Log::WriteAlone.name(),
        Log::FsyncAlways.name(),
        Log::Fstat.name(),
    ];
}

/// When, in Unix seconds, and how long, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    pub at: i64,
    pub ms: u64,
}

/// What is known of one event. Never empty.
#[derive(Debug)]
pub(super) struct Series {
    samples: VecDeque<Sample>,
    worst: u64,
}

#[derive(Debug, Default)]
pub(super) struct Latency {
    threshold: u64,
    events: BTreeMap<&'static str, Series>,
}

impl Latency {
    pub fn new(threshold: u64) -> Self {
        Self { threshold, events: BTreeMap::new() }
    }

    pub fn set_threshold(&mut self, ms: u64) {
        self.threshold = ms;
    }

    /// Whether anything is measured at all: all that a command pays for the monitor.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.threshold != 0
    }

    /// Something of this name took `ms` just now; kept if that is a spike.
    pub fn sample(&mut self, event: &'static str, ms: u64) {
        if self.is_on() && ms >= self.threshold {
            self.keep(event, Sample { at: clock::now_ms() / 1000, ms });
        }
    }

    /// Keeps a spike. Those of one second are one, the longest.
    fn keep(&mut self, event: &'static str, sample: Sample) {
        let series =
            self.events.entry(event).or_insert_with(|| Series { samples: VecDeque::new(), worst: 0 });
        series.worst = series.worst.max(sample.ms);
        match series.samples.back_mut() {
            Some(last) if last.at == sample.at => last.ms = last.ms.max(sample.ms),
            _ => {
                if series.samples.len() == KEPT {
                    series.samples.pop_front();
                }
                series.samples.push_back(sample);
            }
        }
    }

    fn of(&self, event: &[u8]) -> Option<(&'static str, &Series)> {
        self.events.iter().find(|(name, _)| name.as_bytes() == event).map(|(name, series)| (*name, series))
    }

    /// Forgets the named events, or all; how many there were.
    fn reset(&mut self, names: &[&[u8]]) -> usize {
        let before = self.events.len();
        self.events.retain(|event, _| !names.is_empty() && !names.contains(&event.as_bytes()));
        before - self.events.len()
    }

    fn latest(&self, reply: &mut Reply) {
        reply.array(self.events.len());
        for (event, series) in &self.events {
            let Some(last) = series.samples.back() else { continue };
            reply.array(4);
            reply.bulk(event.as_bytes());
            reply.int(last.at);
            reply.int(signed(last.ms));
            reply.int(signed(series.worst));
        }
    }

    fn history(&self, event: &[u8], reply: &mut Reply) {
        let Some((_, series)) = self.of(event) else { return reply.array(0) };
        reply.array(series.samples.len());
        for sample in &series.samples {
            reply.array(2);
            reply.int(sample.at);
            reply.int(signed(sample.ms));
        }
    }
}

impl Engine {
    /// As if `event` had just taken `ms`; whether there is such an event. For tests.
    #[doc(hidden)]
    pub fn sample_latency(&self, event: &str, ms: u64) -> Result<bool> {
        let Some(event) = event::ALL.into_iter().find(|known| *known == event) else { return Ok(false) };
        self.shared.enter()?.latency.sample(event, ms);
        Ok(true)
    }
}

pub(super) fn whole_ms(took: Duration) -> u64 {
    took.as_millis() as u64
}

impl Core {
    /// Fetches what the log measured.
    pub(super) fn fetch_latency(&mut self) {
        for sample in self.log.iter().flat_map(|log| log.drain_latency()) {
            self.latency.keep(sample.kind.name(), Sample { at: sample.at, ms: sample.ms });
        }
    }

    /// A command that began at `start` is done.
    pub(super) fn measure(&mut self, spec: &'static Spec, start: Instant) {
        self.stats.calls(spec).micros += start.elapsed().as_micros() as u64;
        if !self.latency.is_on() {
            return;
        }
        let event = if spec.flags.contains(Flags::FAST) { event::FAST_COMMAND } else { event::COMMAND };
        self.latency.sample(event, whole_ms(start.elapsed()));
        self.notice_removals();
    }

    /// Takes the longest removal of an expired key into account.
    pub(super) fn notice_removals(&mut self) {
        let ms = whole_ms(self.space.take_longest_removal());
        self.latency.sample(event::EXPIRE_DEL, ms);
    }

    /// `args` begin with the subcommand's name.
    pub(super) fn latency_command(
        &mut self,
        which: LatencyCommand,
        args: &[&[u8]],
        reply: &mut Reply,
    ) -> Outcome {
        self.fetch_latency();
        let names = args.get(1..).unwrap_or_default();
        let name = names.first().copied().unwrap_or_default();
        let now = clock::now_ms() / 1000;
        match which {
            LatencyCommand::Latest => self.latency.latest(reply),
            LatencyCommand::History => self.latency.history(name, reply),
            LatencyCommand::Reset => reply.len(self.latency.reset(names)),
            LatencyCommand::Graph => {
                let (event, series) = self.latency.of(name).ok_or_else(|| errors::no_samples(name))?;
                reply.bulk(graph::draw(event, series, now).as_bytes());
            }
            LatencyCommand::Doctor => reply.bulk(doctor::report(&self.latency, now).as_bytes()),
        }
        Ok(())
    }
}

fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "latency_tests.rs"]
mod tests;
