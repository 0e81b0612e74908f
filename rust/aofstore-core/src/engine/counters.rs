//! What INFO counts and nobody else keeps: commands, errors by their code, the pace, the cost of expiry.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::command::{self, ErrorReply, Spec};
use crate::keyspace::Sampled;

/// Codes that are told apart, as in Redis; our own are few, and what comes beyond is only counted.
const MOST_CODES: usize = 128;
const PACE_PERIOD: Duration = Duration::from_millis(100);
const PACE_SAMPLES: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub commands: u64,
    pub errors: u64,
    /// Errors by their first word.
    pub codes: BTreeMap<Box<str>, u64>,
    /// By the command's number.
    calls: Vec<Calls>,
    /// Those of subcommands, which have no number.
    subcalls: BTreeMap<&'static str, Calls>,
    pub opened_at_ms: i64,
    pub expiry: Expiry,
    pace: Pace,
}

/// What became of the calls of one command.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Calls {
    pub done: u64,
    /// Of those that were timed.
    pub micros: u64,
    /// Not carried out: wrong arguments, or not now.
    pub rejected: u64,
    pub failed: u64,
}

/// What active expiry did and took.
#[derive(Debug, Default)]
pub(super) struct Expiry {
    pub took: Duration,
    /// Slices that ended because their time was over.
    pub cut_short: u64,
    /// Of the keys with a deadline, the share that was past when looked at: a running average.
    pub stale_share: f64,
}

/// Commands a second, over the last 16 looks.
#[derive(Debug, Default)]
struct Pace {
    last: Option<(Instant, u64)>,
    samples: [u64; PACE_SAMPLES],
    next: usize,
}

impl Counters {
    pub fn since(opened_at_ms: i64) -> Self {
        Self { opened_at_ms, calls: vec![Calls::default(); command::COUNT], ..Self::default() }
    }

    /// A command was carried out.
    #[inline]
    pub fn ran(&mut self, spec: &'static Spec) {
        self.commands += 1;
        self.calls(spec).done += 1;
    }

    #[inline]
    pub fn calls(&mut self, spec: &'static Spec) -> &mut Calls {
        match spec.number.and_then(|number| self.calls.get_mut(usize::from(number))) {
            Some(calls) => calls,
            None => self.subcalls.entry(spec.name).or_default(),
        }
    }

    /// Every command that anybody called, with what became of it.
    pub fn called(&self) -> impl Iterator<Item = (&'static str, Calls)> {
        let commands = command::all().zip(&self.calls).map(|(spec, calls)| (spec.name, *calls));
        let called = |calls: &Calls| calls.done + calls.rejected + calls.failed > 0;
        commands
            .chain(self.subcalls.iter().map(|(name, calls)| (*name, *calls)))
            .filter(move |(_, calls)| called(calls))
    }

    /// Somebody gets this error.
    #[cold]
    pub fn failed(&mut self, error: &ErrorReply) {
        self.errors += 1;
        let code = error.text().split(' ').next().unwrap_or_default();
        if let Some(count) = self.codes.get_mut(code) {
            *count += 1;
        } else if self.codes.len() < MOST_CODES {
            self.codes.insert(code.into(), 1);
        }
    }

    /// CONFIG RESETSTAT.
    pub fn reset(&mut self) {
        *self = Self::since(self.opened_at_ms);
    }

    /// To be called ten times a second.
    pub fn keep_pace(&mut self, now: Instant) {
        let Some((then, before)) = self.pace.last else {
            self.pace.last = Some((now, self.commands));
            return;
        };
        let passed = now.saturating_duration_since(then);
        if passed < PACE_PERIOD {
            return;
        }
        let rate = (self.commands.saturating_sub(before)) as f64 / passed.as_secs_f64();
        if let Some(slot) = self.pace.samples.get_mut(self.pace.next % PACE_SAMPLES) {
            *slot = rate as u64;
        }
        self.pace.next += 1;
        self.pace.last = Some((now, self.commands));
    }

    pub fn commands_a_second(&self) -> u64 {
        self.pace.samples.iter().sum::<u64>() / PACE_SAMPLES as u64
    }
}

impl Expiry {
    /// A slice took this long and found this.
    pub fn add(&mut self, took: Duration, cut_short: bool, sampled: Sampled) {
        self.took += took;
        self.cut_short += u64::from(cut_short);
        let share = if sampled.looked == 0 { 0.0 } else { sampled.past as f64 / sampled.looked as f64 };
        self.stale_share = share.mul_add(0.05, self.stale_share * 0.95);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::errors;

    #[test]
    fn errors_are_counted_by_their_code() {
        let mut counters = Counters::since(7);
        counters.failed(&errors::SYNTAX);
        counters.failed(&errors::SYNTAX);
        counters.failed(&errors::WRONG_TYPE);
        let codes: Vec<_> = counters.codes.iter().map(|(code, count)| (&**code, *count)).collect();
        assert_eq!((counters.errors, codes), (3, vec![("ERR", 2), ("WRONGTYPE", 1)]));
        for n in 0..1000 {
            counters.failed(&format!("C{n} text").into());
        }
        assert_eq!((counters.errors, counters.codes.len()), (1003, MOST_CODES));
        counters.reset();
        assert_eq!((counters.errors, counters.codes.len(), counters.opened_at_ms), (0, 0, 7));
    }

    #[test]
    fn the_pace_is_the_average_of_sixteen_looks() {
        let mut counters = Counters::default();
        let began = Instant::now();
        for look in 0..=16_u32 {
            counters.keep_pace(began + PACE_PERIOD * look);
            counters.keep_pace(began + PACE_PERIOD * look + PACE_PERIOD / 2);
            counters.commands += 500;
        }
        assert_eq!(counters.commands_a_second(), 5000);
        counters.keep_pace(began + PACE_PERIOD * 18);
        assert_eq!(counters.commands_a_second(), (15 * 5000 + 2500) / 16);
    }

    #[test]
    fn the_share_of_stale_keys_follows_slowly() {
        let mut expiry = Expiry::default();
        expiry.add(Duration::from_millis(2), true, Sampled { looked: 20, past: 10 });
        assert!((expiry.stale_share - 0.025).abs() < 1e-9);
        expiry.add(Duration::from_millis(1), false, Sampled::default());
        assert!((expiry.stale_share - 0.02375).abs() < 1e-9);
        assert_eq!((expiry.took, expiry.cut_short), (Duration::from_millis(3), 1));
    }
}
