//! What a log is told at open, and what can be changed while it runs.

use super::super::commit::Shared;
use super::super::sync::Ordering;
use super::super::tail::Policy;
use super::super::write::Control;
use super::Log;
use crate::error::Result;

/// What a log is told at open; the first three can change while it runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    pub policy: Policy,
    pub postpone: bool,
    pub no_fsync_on_rewrite: bool,
    /// In milliseconds; 0 = off.
    pub latency_threshold: u64,
    #[doc(hidden)]
    pub control: Control,
}

impl Log {
    /// Changes `appendfsync`. Going to `always` syncs first what is pending (Y-16); if that fails the policy
    /// stays and the log is latched.
    pub fn set_policy(&self, policy: Policy) -> Result<()> {
        let before = self.shared.replace_policy(policy);
        if policy == Policy::Always
            && before != policy
            && let Err(error) = self.flush(true)
        {
            self.shared.replace_policy(before);
            return Err(error);
        }
        Ok(())
    }

    pub fn set_postpone(&self, on: bool) {
        self.shared.postpone.store(on, Ordering::Relaxed);
    }

    pub fn set_no_fsync_on_rewrite(&self, on: bool) {
        self.shared.no_fsync_on_rewrite.store(on, Ordering::Relaxed);
    }

    /// Tells whether a rewrite or save child runs (Y-06).
    pub fn set_child_alive(&self, alive: bool) {
        let before = self.shared.child_alive.swap(alive, Ordering::Relaxed);
        let suspends = self.shared.no_fsync_on_rewrite.load(Ordering::Relaxed);
        if alive && !before && suspends && self.policy() == Policy::Always {
            self.shared.events.warning(
                "no-appendfsync-on-rewrite is on: until the child ends, writes are acknowledged without a sync",
            );
        }
    }

    pub fn set_latency_threshold(&self, ms: u64) {
        self.shared.latency.set_threshold(ms);
    }

    #[doc(hidden)]
    pub fn set_control(&self, control: Control) {
        self.shared.control.store(control as u64, Ordering::Relaxed);
    }
}

impl Shared {
    fn replace_policy(&self, policy: Policy) -> Policy {
        let mut tail = self.lock();
        self.policy.store(policy as u64, Ordering::Relaxed);
        let before = std::mem::replace(&mut tail.policy, policy);
        self.publish(&mut tail);
        before
    }
}
