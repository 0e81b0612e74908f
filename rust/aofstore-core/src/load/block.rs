//! A MULTI of the log: held back until its EXEC, then applied whole.

use smallvec::SmallVec;

use super::call::Call;
use super::plan::Step;
use super::{Loader, NO_DATABASE};
use crate::command::{Argv, Handler, Spec};
use crate::error::Result;
use crate::keyspace::Keyspace;
use crate::num;

/// The open MULTI.
#[derive(Default)]
pub(super) struct Block {
    /// Where it begins, and the number of its MULTI.
    pub(super) start: u64,
    pub(super) number: u64,
    pub(super) commands: Vec<Held>,
}

/// A command of it.
pub(super) struct Held {
    pub(super) spec: &'static Spec,
    pub(super) argv: Argv,
    pub(super) at: u64,
    pub(super) number: u64,
}

impl Loader {
    /// Applies a block, or a part of it and tells why no more.
    pub(super) fn apply_block(&mut self, space: &mut Keyspace, block: &Block) -> Result<()> {
        for (nth, held) in block.commands.iter().enumerate() {
            self.failed = Some(held.number);
            let argv: SmallVec<[&[u8]; 16]> = held.argv.iter().collect();
            if matches!(held.spec.handler, Handler::Engine(_)) {
                let Some(db) = argv.get(1).and_then(|index| database(space, index)) else {
                    self.torn_block |= nth > 0;
                    return Err(self.refused(held.at, NO_DATABASE));
                };
                self.db = db;
            } else {
                let failed = self.allowance.run(&mut Call {
                    step: Step { spec: Some(held.spec), hash: None },
                    argv: &argv,
                    space,
                    db: self.db,
                    reply: &mut self.reply,
                    effects: &mut self.effects,
                });
                self.torn_block |= failed.is_some() && nth > 0;
                self.tolerate(failed, held.at)?;
            }
        }
        Ok(())
    }
}

/// The database that a SELECT goes to, if there is one of that number.
pub(super) fn database(space: &Keyspace, index: &[u8]) -> Option<usize> {
    let db = num::parse_i64(index).and_then(|index| usize::try_from(index).ok());
    db.filter(|&db| db < space.databases())
}
