//! One file, read to its end in steps: where it stops being good, why, and what is left of it behind.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::damage::{Damage, Unknown};
use super::rescue::Rescue;
use super::scratch::Scratch;
use super::span::{Hole, Selected, Traces};
use crate::aof::{Resync, Sought, Tear, Until};
use crate::command;
use crate::error::{Error, LoadKind, Result, shown};
use crate::fs::{self, Dir, Source};
use crate::keyspace::Keyspace;
use crate::load::{Ended, Loader, NO_DATABASE, OnReplayError, Options};

/// Why a file is not sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub kind: LoadKind,
    pub offset: u64,
    /// The number of the command, counted from 1; None when it is about none.
    pub command: Option<u64>,
    /// As the middle of a sentence.
    pub what: String,
}

type Open = Box<dyn Fn() -> io::Result<Box<dyn Source>> + Send + Sync>;

/// The reading of one file.
pub struct Walk {
    loader: Loader,
    open: Open,
    path: PathBuf,
    total: u64,
    longest: u64,
    databases: usize,
    replays: bool,
    finding: Option<Finding>,
    /// Commands and bytes before the first damage.
    good: Option<(u64, u64)>,
    holes: Vec<Hole>,
    /// What can be kept of a damaged snapshot.
    rescue: Option<Rescue>,
    /// No file before it had anything, and it may be a snapshot and no more.
    first: bool,
    alone: bool,
    damage: Option<Damage>,
    unknown: Unknown,
    /// Where the zero bytes at the end begin, once that was asked.
    end: Option<u64>,
    ended: bool,
    hopeless: bool,
}

impl Walk {
    /// Of a file in `dir`, behind the files that `scratch` has seen; with `snapshot` it has to be one and nothing else.
    pub fn open(dir: Arc<dyn Dir>, name: &str, scratch: &Scratch, snapshot: bool) -> Result<Self> {
        let options = Options { on_error: OnReplayError::Stop, snapshot, ..scratch.limits.options };
        let loader = Loader::open(&*dir, name, options)?;
        let (path, name) = (dir.path().join(name), name.to_owned());
        let (_, total) = loader.progress();
        let allowance = scratch.allowance(total);
        Ok(Self {
            loader: loader.within(allowance).counting(),
            open: Box::new(move || Ok(Box::new(dir.open_read(&name)?) as Box<dyn Source>)),
            path,
            longest: options.max_bulk,
            total,
            databases: scratch.limits.databases,
            replays: !allowance.is_spent(),
            finding: None,
            good: None,
            holes: Vec::new(),
            rescue: None,
            first: keys(&scratch.space) == 0,
            alone: snapshot,
            damage: None,
            unknown: Unknown::default(),
            end: None,
            ended: false,
            hopeless: false,
        })
    }

    /// Reads on for about `budget`; true at the end of the file.
    pub fn step(&mut self, scratch: &mut Scratch, budget: Duration) -> Result<bool> {
        let began = Instant::now();
        while !self.ended {
            match self.damage.take() {
                None => self.read(scratch, budget)?,
                Some(damage) => self.seek(damage).map_err(|error| unreadable(&self.path, &error))?,
            }
            if began.elapsed() >= budget {
                break;
            }
        }
        scratch.spoilt |= self.ended && self.finding.is_some();
        Ok(self.ended)
    }

    /// Bytes read, and bytes there are.
    pub fn progress(&self) -> (u64, u64) {
        let at = self.damage.as_ref().map_or(self.loader.progress().0, |damage| damage.resync.offset());
        (if self.ended { self.total } else { at.min(self.total) }, self.total)
    }

    /// How often each command came.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.loader.counts()
    }

    /// What the file holds, as far as it was read.
    pub fn form(&self) -> &'static str {
        match self.loader.snapshot_end() {
            _ if self.loader.is_in_snapshot() => "rdb",
            Some(end) if end == self.total => "rdb",
            Some(_) => "rdb+resp",
            None => "resp",
        }
    }

    /// The first damage.
    pub fn finding(&self) -> Option<&Finding> {
        self.finding.as_ref()
    }

    /// Where the first `#TS` line stands that does not say when.
    pub fn undated(&self) -> Option<u64> {
        self.loader.reader().undated()
    }

    /// Whole commands before the first damage, and the offset up to which the file is good.
    pub fn good(&self) -> (u64, u64) {
        self.good.unwrap_or((self.loader.valid_commands(), self.total))
    }

    /// What has to be left out for the rest to be good; None if that cannot be said.
    pub fn holes(&self) -> Option<&[Hole]> {
        (!self.hopeless).then_some(&self.holes)
    }

    /// Whether all that has to be left out is the end of the file, with no whole command behind the damage.
    pub fn is_tail(&self) -> bool {
        !self.hopeless && matches!(&*self.holes, [hole] if hole.to == self.total && hole.whole == 0)
    }

    /// Whether the commands were to be applied, and from some point on were not: they take too much memory.
    pub fn gave_up_replay(&self) -> bool {
        self.replays && self.loader.allowance().is_spent()
    }

    /// Whether what has to be left out may not be all: a transaction failed when a part of it was applied.
    pub fn is_uncertain(&self) -> bool {
        self.loader.has_torn_block()
    }

    /// What can be kept of a snapshot that is damaged.
    pub fn rescue(&self) -> Option<Rescue> {
        self.rescue
    }

    fn read(&mut self, scratch: &mut Scratch, budget: Duration) -> Result<()> {
        let stepped = self.loader.step(&mut scratch.space, budget);
        drop(scratch.space.take_waste());
        let looked = match stepped {
            Ok(false) => Ok(()),
            Ok(true) => match self.loader.ended() {
                Some(Ended::Torn { valid_to }) => self.torn(valid_to),
                Some(Ended::Whole | Ended::Later { .. }) | None => {
                    self.ended = true;
                    Ok(())
                }
            },
            Err(Error::Load { kind, offset, what, .. }) => self.damaged(kind, offset, what),
            Err(error) => return Err(error),
        };
        looked.map_err(|error| unreadable(&self.path, &error))
    }

    fn damaged(&mut self, kind: LoadKind, offset: u64, what: String) -> io::Result<()> {
        let lost = kind == LoadKind::Io || self.loader.is_in_snapshot();
        let command = (!lost).then(|| self.loader.failed());
        self.found(kind, offset, command, what.clone());
        match kind {
            _ if lost => {
                self.rescue = self.rescued(kind);
                (self.ended, self.hopeless) = (true, true);
                Ok(())
            }
            LoadKind::Format => self.broken(offset),
            _ => self.refused(offset, &what),
        }
    }

    /// What was read before the damage in a snapshot, where it is damage.
    fn rescued(&self, kind: LoadKind) -> Option<Rescue> {
        let is_damage = matches!(kind, LoadKind::Truncated | LoadKind::Format | LoadKind::Checksum);
        let keys = self.loader.keys();
        if !is_damage || !self.first || keys == 0 || !self.loader.is_in_snapshot() {
            return None;
        }
        let end = (kind == LoadKind::Checksum).then(|| self.loader.progress().0);
        Some(Rescue { keys, end, created: self.loader.snapshot_created(), is_base: !self.alone })
    }

    /// The file ends inside a command, a line or a transaction.
    fn torn(&mut self, valid_to: u64) -> io::Result<()> {
        let (open, tear) = (self.loader.open_block(), self.loader.tear());
        let record = self.loader.reader().command_start();
        let begun = match tear {
            Some(Tear::Command) => true,
            Some(Tear::Zeros) => self.byte_at(record)? != 0,
            Some(Tear::Comment) | None => false,
        };
        let what = match (tear, open) {
            (Some(Tear::Command), _) => "the last command is not whole".to_owned(),
            (Some(Tear::Comment), _) => "the last '#' line has no end".to_owned(),
            (Some(Tear::Zeros), _) => "the rest of the file is zero bytes".to_owned(),
            (None, open) => {
                format!("the MULTI at offset {} has no EXEC", open.map_or(valid_to, |(start, _)| start))
            }
        };
        self.found(LoadKind::Truncated, valid_to, begun.then(|| self.loader.commands() + 1), what);
        let lost = open.map_or(0, |(_, commands)| commands) + u64::from(begun);
        // By the reader's rule alone, which is that of opening: what is behind the header of an unfinished record is its own.
        // Commands in there may be the text of a value, and whoever wrote that must not have them run.
        self.leave_out(Hole { from: valid_to, to: self.total, commands: lost, ..Hole::default() }, 0);
        Ok(())
    }

    /// No command has this form; it showed at `offset`.
    fn broken(&mut self, offset: u64) -> io::Result<()> {
        let record = self.loader.reader().command_start();
        let open = self.loader.open_block();
        let resync = self.resync(record + 1, offset)?;
        self.damage = Some(Damage {
            resync,
            from: open.map_or(record, |(start, _)| start),
            record,
            open: open.is_some() || self.unknown.open,
            misdirected: self.unknown.db,
            lost: open.map_or(0, |(_, commands)| commands),
            counted: false,
        });
        Ok(())
    }

    /// A whole record that cannot be applied.
    fn refused(&mut self, offset: u64, what: &str) -> io::Result<()> {
        let reader = self.loader.reader();
        let (record, behind) = (reader.command_start(), reader.offset());
        let misdirected = what == NO_DATABASE || self.unknown.db;
        let is = |name: &str| command::is_word(reader.arg(0), name);
        let (from, lost, start, open) = match self.loader.open_block() {
            // The transaction that was open has no end.
            Some((start, commands)) if is("MULTI") => (start, commands - 1, record, false),
            Some((start, commands)) => (start, commands, behind, true),
            None if offset < record => {
                let commands = self.loader.commands() - self.loader.valid_commands();
                (self.loader.reader().valid_to(), commands, behind, false)
            }
            None => (record, 1, behind, self.unknown.open),
        };
        let select = Traces::read(&mut *(self.open)()?, from, start)?.select;
        // An unknown command may have been any, MULTI too.
        let known = command::lookup(self.loader.reader().arg(0)).is_some();
        if known && !open && !misdirected && select == Selected::No && start == behind {
            self.leave_out(Hole { from, to: behind, commands: lost, ..Hole::default() }, self.loader.db());
            return Ok(());
        }
        let until = if misdirected || select == Selected::Lost { Until::Select } else { Until::Bracket };
        let resync = self.resync(start, start)?.begun_at(start, until);
        self.damage = Some(Damage { resync, from, record, open, misdirected, lost, counted: true });
        Ok(())
    }

    /// Looks for commands behind damage.
    fn seek(&mut self, mut damage: Damage) -> io::Result<()> {
        match damage.resync.step()? {
            Sought::Going => self.damage = Some(damage),
            Sought::Found(run) => {
                let source = &mut *(self.open)()?;
                let (hole, db, unknown) = damage.settle(&run, source, self.loader.db(), self.databases)?;
                self.unknown = unknown;
                self.leave_out(hole, db);
            }
            Sought::Nothing => {
                let commands = damage.lost + u64::from(!damage.counted);
                let from = if self.holes.is_empty() { self.good().1 } else { damage.from };
                self.leave_out(Hole { from, to: self.total, commands, ..Hole::default() }, 0);
            }
            Sought::Undecided => (self.ended, self.hopeless) = (true, true),
        }
        Ok(())
    }

    /// Reads on behind a stretch that has to be left out.
    fn leave_out(&mut self, hole: Hole, db: usize) {
        let to = hole.to;
        match self.holes.last_mut() {
            Some(last) if last.to >= hole.from => {
                last.to = to;
                last.commands += hole.commands;
                last.whole += hole.whole;
                if !hole.instead.is_empty() {
                    last.instead = hole.instead;
                }
            }
            _ => self.holes.push(hole),
        }
        if to >= self.total {
            self.ended = true;
            if let Some(last) = self.holes.last_mut() {
                last.instead.clear();
            }
        } else {
            self.loader.skip_to(to, db);
        }
    }

    /// Only the first damage is told; what follows from it might not be damage at all.
    fn found(&mut self, kind: LoadKind, offset: u64, command: Option<u64>, what: String) {
        if self.finding.is_none() {
            self.good = Some((self.loader.valid_commands(), self.loader.reader().valid_to()));
            self.finding = Some(Finding { kind, offset, command, what });
        }
    }

    fn resync(&mut self, from: u64, beyond: u64) -> io::Result<Resync> {
        let mut source = (self.open)()?;
        let end = match self.end {
            Some(end) => end,
            None => *self.end.insert(Resync::end_of(&mut *source, self.total)?),
        };
        Ok(Resync::new(source, from, beyond, end, self.longest, command::is_known))
    }

    fn byte_at(&self, offset: u64) -> io::Result<u8> {
        let mut byte = [0];
        (self.open)()?.read_at(offset, &mut byte)?;
        Ok(byte[0])
    }
}

fn keys(space: &Keyspace) -> usize {
    space.iter_dbs().map(|(_, db)| db.len()).sum()
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    let message = format!("cannot read {}: {error}", shown(path));
    Error::Open { path: path.to_owned(), errno: fs::errno(error), message }
}
