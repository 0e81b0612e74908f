//! Damage in the middle of a log, and what of the commands behind it can be kept: transactions whole or not at all, and
//! nothing in a database that it was not meant for.

use std::io;

use super::span::{self, Hole, Selected, Traces};
use crate::aof::{Resync, Run};
use crate::fs::Source;

/// Damage behind which commands are looked for.
pub(super) struct Damage {
    pub resync: Resync,
    /// Where what cannot be kept begins, and where the damaged record does.
    pub from: u64,
    pub record: u64,
    /// Its transaction has no EXEC yet.
    pub open: bool,
    /// A SELECT of a database that there is not.
    pub misdirected: bool,
    /// Commands lost before `record`, and with it unless it still has to be seen what was in it.
    pub lost: u64,
    pub counted: bool,
}

/// What a damaged stretch leaves unknown, since the commands behind it end before it could be seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Unknown {
    /// Whether a transaction is still open.
    pub open: bool,
    /// Which database is selected.
    pub db: bool,
}

impl Damage {
    /// What has to be left out when `run` is what follows, the database that is selected then, and what is not known.
    pub(super) fn settle(
        &self,
        run: &Run,
        source: &mut dyn Source,
        db: usize,
        databases: usize,
    ) -> io::Result<(Hole, usize, Unknown)> {
        let traces = Traces::read(source, self.record, run.start)?;
        let mut unknown = Unknown::default();
        let (mut to, mut passed) = match run.exec {
            // No MULTI before it: what leads up to it is the rest of a transaction.
            Some(exec) => (exec.end, exec.before + 1),
            None if self.open && !traces.exec && run.multi.is_none() => {
                unknown.open = true;
                (run.end, run.commands)
            }
            None => (run.start, 0),
        };
        let mut selected = Traces::read(source, self.from, to)?.select;
        if self.misdirected || matches!(selected, Selected::Database(db) if db >= databases) {
            selected = Selected::Lost;
        }
        if selected == Selected::Lost {
            let next = if run.exec.is_some() { run.select_behind } else { run.select };
            let next = next.filter(|mark| mark.at >= to);
            unknown.db = next.is_none();
            (to, passed) = next.map_or((run.end, run.commands), |mark| (mark.at, mark.before));
        }
        let records = if self.counted { 0 } else { traces.records.saturating_sub(run.text).max(1) };
        let commands = self.lost + records + passed;
        let hole = Hole { from: self.from, to, instead: Vec::new(), commands, whole: passed };
        Ok(match selected {
            // That command is not lost.
            Selected::Database(db) => (
                Hole { instead: span::select(db), commands: commands.saturating_sub(1), ..hole },
                db,
                unknown,
            ),
            Selected::No | Selected::Lost => (hole, db, unknown),
        })
    }
}
