//! What is known of commands before their turn: which they are, and the hashes of their keys.
//!
//! The loader plans as many commands as the reader framed together. By the time one has its turn, the memory that its key
//! leads to is on the way: waiting for it one command after the other would take longer than all the rest.

use smallvec::SmallVec;

use crate::aof::{AHEAD, Reader};
use crate::command::{self, KeyPositions, Spec};
use crate::keyspace::Keyspace;

/// One command.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub(super) spec: Option<&'static Spec>,
    /// Of its first key. It is the same in every database.
    pub(super) hash: Option<u64>,
}

#[derive(Default)]
pub(super) struct Plan(SmallVec<[Step; AHEAD]>);

impl Plan {
    /// Looks at the commands that `reader` framed together; they will most likely run on `db`.
    pub(super) fn make(&mut self, reader: &Reader, space: &Keyspace, db: usize) {
        self.0.clear();
        self.0.extend(reader.together().map(|command| {
            let spec = command::lookup(command.arg(0));
            let hash = match spec.map(|spec| spec.keys) {
                Some(KeyPositions::Range { first, .. }) if first < command.argc() => {
                    Some(space.approach(db, command.arg(first)))
                }
                _ => None,
            };
            Step { spec, hash }
        }));
        for hash in self.0.iter().filter_map(|step| step.hash) {
            space.approach_element(db, hash);
        }
    }

    #[inline]
    pub(super) fn step(&self, turn: usize) -> Step {
        self.0.get(turn).copied().unwrap_or(Step { spec: None, hash: None })
    }
}
