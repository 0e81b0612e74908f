//! When a save begins by itself: at a save point, or because it was asked for and had to wait.
//!
//! Pure rules over monotonic time; the tick asks.

use std::time::{Duration, Instant};

/// After a failure, before the next try (Redis's `CONFIG_BGSAVE_RETRY_DELAY`).
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// So many changes, and more than so many seconds since the last save.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    pub seconds: u64,
    pub changes: u64,
}

#[derive(Debug, Default)]
pub(super) struct Schedule {
    /// Asked for and not yet begun.
    wanted: bool,
    tried_at: Option<Instant>,
}

/// What the rules look at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    pub now: Instant,
    /// A child of any kind lives.
    pub busy: bool,
    /// How the last save ended.
    pub failed: bool,
    pub changes: u64,
    pub saved_at: Instant,
}

/// Why a save begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Scheduled,
    Changes(Point),
}

impl Schedule {
    pub fn want(&mut self) {
        self.wanted = true;
    }

    pub fn forget(&mut self) {
        self.wanted = false;
    }

    /// Whatever becomes of it.
    pub fn tried(&mut self, now: Instant) {
        self.tried_at = Some(now);
    }

    /// A child was forked.
    pub fn started(&mut self) {
        self.wanted = false;
    }

    /// What is to begin now.
    pub fn due(&self, facts: &Facts, points: &[Point]) -> Option<Why> {
        let since = |then: Instant| facts.now.saturating_duration_since(then);
        let rests = facts.failed && self.tried_at.is_some_and(|tried| since(tried) <= RETRY_AFTER);
        if facts.busy || rests {
            return None;
        }
        if self.wanted {
            return Some(Why::Scheduled);
        }
        let waited = since(facts.saved_at);
        let due =
            |point: &&Point| facts.changes >= point.changes && waited > Duration::from_secs(point.seconds);
        points.iter().find(due).copied().map(Why::Changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINTS: [Point; 2] = [Point { seconds: 900, changes: 1 }, Point { seconds: 60, changes: 100 }];

    fn facts(changes: u64, seconds: f64) -> Facts {
        let saved_at = Instant::now();
        let now = saved_at + Duration::from_secs_f64(seconds);
        Facts { now, busy: false, failed: false, changes, saved_at }
    }

    #[test]
    fn a_point_needs_its_changes_and_more_than_its_seconds() {
        let due = |changes, seconds| Schedule::default().due(&facts(changes, seconds), &POINTS);
        assert_eq!([due(0, 5000.0), due(99, 61.0), due(100, 60.0), due(1, 900.0)], [None; 4]);
        assert_eq!(due(100, 60.1), Some(Why::Changes(POINTS[1])));
        assert_eq!(due(1, 900.1), Some(Why::Changes(POINTS[0])));
        assert_eq!(Schedule::default().due(&facts(1_000_000, 1e6), &[]), None);
        let always = [Point { seconds: 1, changes: 0 }];
        assert_eq!(Schedule::default().due(&facts(0, 1.1), &always), Some(Why::Changes(always[0])));
    }

    #[test]
    fn after_a_failure_the_next_try_waits_more_than_five_seconds() {
        let mut schedule = Schedule::default();
        let start = Facts { failed: true, ..facts(100, 61.0) };
        let at = |seconds: f64| Facts { now: start.now + Duration::from_secs_f64(seconds), ..start };
        assert_eq!(schedule.due(&start, &POINTS), Some(Why::Changes(POINTS[1])));
        schedule.tried(start.now);
        schedule.want();
        assert_eq!([schedule.due(&at(0.1), &POINTS), schedule.due(&at(5.0), &POINTS)], [None; 2]);
        assert_eq!(schedule.due(&at(5.1), &POINTS), Some(Why::Scheduled));
        schedule.started();
        assert_eq!(schedule.due(&at(5.1), &POINTS), Some(Why::Changes(POINTS[1])));
        let good = Facts { failed: false, ..at(0.1) };
        assert_eq!(schedule.due(&good, &POINTS), Some(Why::Changes(POINTS[1])));
    }

    #[test]
    fn what_was_asked_for_waits_for_the_other_child_and_is_done_once() {
        let mut schedule = Schedule::default();
        schedule.want();
        schedule.want();
        let now = facts(0, 0.0);
        assert_eq!(schedule.due(&Facts { busy: true, ..now }, &[]), None);
        assert_eq!(schedule.due(&now, &[]), Some(Why::Scheduled));
        // A failed fork leaves it wanted.
        assert_eq!(schedule.due(&now, &[]), Some(Why::Scheduled));
        schedule.started();
        assert_eq!(schedule.due(&now, &[]), None);
        schedule.want();
        schedule.forget();
        assert_eq!(schedule.due(&now, &[]), None);
    }
}
