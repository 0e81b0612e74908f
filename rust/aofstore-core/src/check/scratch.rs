//! The data that the files of one log make, in memory of its own.

use crate::keyspace::{self, Keyspace};
use crate::load::{Allowance, Options};

/// Bytes that a log may take in memory beyond its own, whatever it says.
const EXTRA: u64 = 64 << 20;

/// What to hold a log to: the settings that it is going to be opened with.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub databases: usize,
    pub keyspace: keyspace::Limits,
    pub options: Options,
    /// Whether the commands are applied, to see that they can be.
    pub replay: bool,
}

/// See the module. Base and increments are applied to the same one, in order.
pub struct Scratch {
    pub(super) space: Keyspace,
    pub(super) limits: Limits,
    /// An earlier file was not good: what follows is only read.
    pub(super) spoilt: bool,
}

impl Scratch {
    pub fn new(limits: Limits) -> Self {
        let mut space = Keyspace::new(limits.databases, limits.keyspace);
        space.set_expiring(false);
        Self { space, limits, spoilt: false }
    }

    pub fn space(&self) -> &Keyspace {
        &self.space
    }

    /// For a file of so many bytes.
    pub(super) fn allowance(&self, bytes: u64) -> Allowance {
        let applied = self.limits.replay && !self.spoilt;
        Allowance::of(if applied { bytes.saturating_mul(4).saturating_add(EXTRA) } else { 0 })
    }
}
