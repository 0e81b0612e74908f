//! Commands queued between MULTI and EXEC.

use crate::command::{Argv, Spec};

#[derive(Debug, Default)]
pub(super) struct Queue {
    pub commands: Vec<Queued>,
    /// A command could not be queued: EXEC will abort.
    pub failed: bool,
}

#[derive(Debug)]
pub(super) struct Queued {
    pub spec: &'static Spec,
    pub argv: Argv,
}

impl Queue {
    pub fn push(&mut self, spec: &'static Spec, argv: &[&[u8]]) {
        self.commands.push(Queued { spec, argv: Argv::of(argv) });
    }
}
