//! When a rewrite begins by itself (theme 12): because it was asked for and had to wait, because the log grew, or
//! because a latched log needs a new file.
//!
//! Pure rules over monotonic time; the tick asks. After a failure the next attempt of any of these waits 1, 2, 4 …
//! 60 seconds: one that cannot succeed must not keep a disk busy. After three in a row a rewrite for growth waits
//! minutes, 1, 2, 4 … 60 (each may leave a file behind); while writes are refused, or a log is being switched on, that
//! would be too long. What somebody asks for does not wait.

use std::time::{Duration, Instant};

/// The first attempt to heal: a short while, so that whoever was told of the failure can see it.
const HEAL_AFTER: Duration = Duration::from_secs(3);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// So many failures in a row are bad luck.
const PATIENCE: u32 = 3;
const FIRST_REST: Duration = Duration::from_secs(60);
const LONGEST_REST: Duration = Duration::from_secs(60 * 60);

#[derive(Debug, Default)]
pub(super) struct Schedule {
    /// Asked for and not yet begun (`aof_rewrite_scheduled`).
    wanted: bool,
    /// In a row.
    failures: u32,
    not_before: Option<Instant>,
    /// The same for a rewrite that only growth asks for.
    rests_until: Option<Instant>,
    latched_since: Option<Instant>,
}

/// What the rules look at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    pub now: Instant,
    /// A child of any kind lives.
    pub busy: bool,
    pub latched: bool,
    /// Length of the log now and after the last rewrite; None while there is no log.
    pub log: Option<(u64, u64)>,
    pub percentage: u64,
    pub min_size: u64,
}

/// Why a rewrite begins, or a save.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Why {
    Asked,
    Scheduled,
    /// By so many percent.
    Growth(u64),
    Healing,
    /// The log is being switched on.
    Start,
}

impl Schedule {
    pub fn is_wanted(&self) -> bool {
        self.wanted
    }

    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// At the next moment without a child, whatever failed before.
    pub fn want(&mut self) {
        (self.wanted, self.failures, self.not_before, self.rests_until) = (true, 0, None, None);
    }

    /// The log was switched off: nothing is wanted any more (S-09).
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// A child was forked.
    pub fn started(&mut self) {
        self.wanted = false;
    }

    pub fn succeeded(&mut self) {
        (self.failures, self.not_before, self.rests_until) = (0, None, None);
    }

    /// With `again`, it is tried once more by itself.
    pub fn failed(&mut self, now: Instant, again: bool) {
        let pause = FIRST_PAUSE * 2_u32.saturating_pow(self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        self.not_before = now.checked_add(pause.min(LONGEST_PAUSE));
        if let Some(more) = self.failures.checked_sub(PATIENCE) {
            let rest = FIRST_REST * 2_u32.saturating_pow(more.min(16));
            self.rests_until = now.checked_add(rest.min(LONGEST_REST));
        }
        self.wanted |= again;
    }

    /// What is to begin now.
    pub fn due(&mut self, facts: &Facts) -> Option<Why> {
        self.latched_since = facts.latched.then(|| self.latched_since.unwrap_or(facts.now));
        if facts.busy || self.not_before.is_some_and(|at| facts.now < at) {
            return None;
        }
        if self.wanted {
            return Some(Why::Scheduled);
        }
        if let Some(since) = self.latched_since {
            return (facts.now.saturating_duration_since(since) >= HEAL_AFTER).then_some(Why::Healing);
        }
        if self.rests_until.is_some_and(|until| facts.now < until) {
            return None;
        }
        let growth = facts.growth()?;
        (growth >= facts.percentage).then_some(Why::Growth(growth))
    }
}

impl Facts {
    /// In percent of the size after the last rewrite, if the log is large enough to be looked at.
    fn growth(&self) -> Option<u64> {
        let (size, base) = self.log.filter(|(size, _)| self.percentage > 0 && *size > self.min_size)?;
        let percent = u128::from(size) * 100 / u128::from(base.max(1));
        Some(u64::try_from(percent.saturating_sub(100)).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(size: u64, base: u64) -> Facts {
        Facts {
            now: Instant::now(),
            busy: false,
            latched: false,
            log: Some((size, base)),
            percentage: 100,
            min_size: 1000,
        }
    }

    #[test]
    fn t18_growth_is_measured_strictly_above_the_least_size() {
        let due = |size| Schedule::default().due(&facts(size, 600));
        assert_eq!([due(1000), due(1001), due(1199)], [None; 3]);
        assert_eq!(due(1200), Some(Why::Growth(100)));
    }

    #[test]
    fn t18_percentage_0_never_and_base_0_is_1() {
        let never = Facts { percentage: 0, ..facts(1 << 60, 1) };
        assert_eq!(Schedule::default().due(&never), None);
        assert_eq!(Schedule::default().due(&facts(1001, 0)), Some(Why::Growth(100_000)));
    }

    #[test]
    fn a06_growth_does_not_overflow() {
        let huge = facts(u64::MAX, 1);
        assert_eq!(Schedule::default().due(&huge), Some(Why::Growth(u64::MAX)));
        assert_eq!(Schedule::default().due(&facts(2000, u64::MAX)), None);
    }

    #[test]
    fn a01_a02_a03_what_was_asked_for_waits_for_the_other_child_and_is_done_once() {
        let mut schedule = Schedule::default();
        schedule.want();
        schedule.want();
        let now = facts(0, 0);
        assert_eq!(schedule.due(&Facts { busy: true, ..now }), None);
        assert_eq!(schedule.due(&now), Some(Why::Scheduled));
        // A failed fork leaves it wanted.
        assert!(schedule.is_wanted());
        schedule.started();
        assert_eq!(schedule.due(&now), None);
    }

    #[test]
    fn d22_a11_failures_wait_1_2_4_and_at_most_60_seconds() {
        let mut schedule = Schedule::default();
        let start = facts(0, 0);
        let at = |seconds: f64| Facts { now: start.now + Duration::from_secs_f64(seconds), ..start };
        for (number, pause) in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0].into_iter().enumerate() {
            schedule.failed(start.now, true);
            assert_eq!(schedule.failures() as usize, number + 1);
            assert_eq!(schedule.due(&at(pause - 0.01)), None, "{number}");
            assert_eq!(schedule.due(&at(pause)), Some(Why::Scheduled), "{number}");
        }
        schedule.want();
        assert_eq!(schedule.due(&start), Some(Why::Scheduled), "who asks does not wait");
        schedule.failed(start.now, false);
        schedule.succeeded();
        schedule.started();
        assert_eq!((schedule.failures(), schedule.due(&start)), (0, None));
    }

    #[test]
    fn after_three_failures_growth_waits_minutes_up_to_an_hour_and_nothing_else_does() {
        let start = facts(5000, 1);
        let at = |seconds: u64| Facts { now: start.now + Duration::from_secs(seconds), ..start };
        let mut schedule = Schedule::default();
        for seconds in [1, 2] {
            schedule.failed(start.now, false);
            assert!(schedule.due(&at(seconds - 1)).is_none() && schedule.due(&at(seconds)).is_some());
        }
        for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
            schedule.failed(start.now, false);
            assert_eq!(schedule.due(&at(minutes * 60 - 1)), None, "{minutes}");
            assert!(matches!(schedule.due(&at(minutes * 60)), Some(Why::Growth(_))), "{minutes}");
        }
        let latched = |seconds| Facts { latched: true, ..at(seconds) };
        assert_eq!((schedule.due(&latched(57)), schedule.due(&latched(60))), (None, Some(Why::Healing)));
        schedule.want();
        assert_eq!(schedule.due(&start), Some(Why::Scheduled), "who asks does not wait");
        schedule.started();
        assert!(schedule.due(&start).is_some(), "and begins the count anew");
    }

    #[test]
    fn a_latched_log_is_healed_after_three_seconds_and_again_with_pauses() {
        let mut schedule = Schedule::default();
        let start = Facts { latched: true, ..facts(5000, 1) };
        let at = |ms: u64| Facts { now: start.now + Duration::from_millis(ms), ..start };
        assert_eq!(schedule.due(&start), None);
        assert_eq!(schedule.due(&at(2999)), None);
        assert_eq!(schedule.due(&at(3000)), Some(Why::Healing));
        schedule.failed(at(3000).now, false);
        assert_eq!(schedule.due(&at(3999)), None);
        assert_eq!(schedule.due(&at(4000)), Some(Why::Healing));
        // Healed, and latched once more: it waits anew.
        schedule.succeeded();
        assert_eq!(schedule.due(&Facts { latched: false, percentage: 0, ..at(5000) }), None);
        assert_eq!(schedule.due(&at(7500)), None);
        assert_eq!(schedule.due(&at(10_500)), Some(Why::Healing));
    }

    #[test]
    fn s09_switching_off_forgets_all() {
        let mut schedule = Schedule::default();
        schedule.failed(Instant::now(), true);
        schedule.forget();
        assert_eq!((schedule.is_wanted(), schedule.failures()), (false, 0));
    }
}
