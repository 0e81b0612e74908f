//! Damage near the end of a log: would anything whole be thrown away if all from there on was cut
//! (`aof-load-corrupt-tail-max-size`)?
//!
//! A search for whole commands, no more: how much may be cut is its caller's to know.

use std::io;

use super::{Ended, Loader};
use crate::aof::{Resync, Sought};
use crate::command;
use crate::fs::{Dir, Source};

/// What stands behind damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behind {
    Nothing,
    /// Whole commands, from here on.
    Commands(u64),
    /// Too much looks like commands to tell.
    Undecided,
    /// The damage is in the snapshot at the head of the file, of which nothing can be cut off.
    Snapshot,
}

impl Loader {
    /// To be asked after a step said that the file has no command at `offset`. If nothing is behind it, the file has
    /// ended there as if torn.
    pub fn look_behind(
        &mut self,
        dir: &dyn Dir,
        name: &str,
        offset: u64,
        max_bulk: u64,
    ) -> io::Result<Behind> {
        if self.is_in_snapshot() {
            return Ok(Behind::Snapshot);
        }
        let mut source: Box<dyn Source> = Box::new(dir.open_read(name)?);
        let from = self.reader.command_start() + 1;
        let end = Resync::end_of(&mut *source, self.reader.total())?;
        let mut search = Resync::new(source, from, offset, end, max_bulk, command::is_known);
        loop {
            match search.step()? {
                Sought::Going => {}
                Sought::Found(run) => return Ok(Behind::Commands(run.start)),
                Sought::Undecided => return Ok(Behind::Undecided),
                Sought::Nothing => break,
            }
        }
        self.block = None;
        self.ended = Some(Ended::Torn { valid_to: self.reader.valid_to() });
        Ok(Behind::Nothing)
    }
}
