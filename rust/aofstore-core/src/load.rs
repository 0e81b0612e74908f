//! Replays one log through the same commands that wrote it, a slice at a time; a snapshot at its head is read before.
//!
//! The caller decides when to go on, when to stop and what becomes of a torn tail; this only works. Nothing
//! expires meanwhile. A MULTI block is held back until its EXEC and applied whole or not at all.

mod allowance;
mod damage;
mod plan;

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use smallvec::SmallVec;

pub use self::allowance::Allowance;
pub use self::damage::Behind;
use self::plan::{Plan, Step};
use crate::aof::{Leading, Next, Reader, Tear};
use crate::command::{
    self, Argv, Context, Effects, EngineCommand, Flags, Handler, KeyPositions, Reply, Spec,
};
use crate::error::{Error, LoadKind, Result};
use crate::fs::{self, Create, Dir, ReadFile};
use crate::keyspace::Keyspace;
use crate::num;
use crate::rdb::file::{self as rdb, Unknown};

/// Commands, or keys of a snapshot, between two looks at the clock and between two progress reports.
pub const TICK: u64 = 1000;
/// The same in bytes of a snapshot, where one key can be long.
const TICK_BYTES: u64 = 4 << 20;
/// As much as it takes to know a snapshot.
const HEAD: usize = 9;

/// Why a SELECT of a log is refused.
pub const NO_DATABASE: &str = "DB index is out of range";

/// How a file ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Whole,
    /// Inside a command or an open MULTI; everything from here on may be cut.
    Torn {
        valid_to: u64,
    },
    /// At a `#TS` line that is later than what was asked for; everything before `at` was applied.
    Later {
        at: u64,
    },
}

/// What to do when a command of the log fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnReplayError {
    #[default]
    Stop,
    Warn,
}

/// How a file is to be read.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The longest argument that a command may have.
    pub max_bulk: u64,
    pub on_error: OnReplayError,
    /// What becomes of values in a snapshot that the store has no place for.
    pub unknown: Unknown,
    /// Read only what was logged up to this moment, in microseconds since 1970.
    pub until: Option<i64>,
    /// The file is a base: it has nothing of what was before its first `#TS` line.
    pub base: bool,
    /// The file is a snapshot and nothing else.
    pub snapshot: bool,
}

/// The open MULTI.
#[derive(Default)]
struct Block {
    /// Where it begins, and the number of its MULTI.
    start: u64,
    number: u64,
    /// What it holds, with offsets and numbers.
    commands: Vec<(&'static Spec, Argv, u64, u64)>,
}

/// A replay in progress.
pub struct Loader {
    reader: Reader,
    plan: Plan,
    /// What the file begins with, until it is read.
    snapshot: Option<Box<rdb::Reader>>,
    /// Where it ends, once it is read.
    snapshot_end: Option<u64>,
    /// Nothing may follow it.
    alone: bool,
    keys: u64,
    db: usize,
    block: Option<Block>,
    commands: u64,
    /// As many of them as the reader's `valid_to` is behind.
    valid_commands: u64,
    /// The number of the command that the last error is about.
    failed: Option<u64>,
    /// A transaction failed when a part of it was applied.
    torn_block: bool,
    allowance: Allowance,
    /// How often each command came, by its number; empty unless asked for.
    counts: Vec<u64>,
    on_error: OnReplayError,
    /// Errors that were tolerated, for the caller's log.
    warnings: Vec<String>,
    ended: Option<Ended>,
    until: Option<i64>,
    /// The file is a base by its name.
    base: bool,
    tear: Option<Tear>,
    reply: Reply,
    effects: Effects,
}

impl Loader {
    /// Opens a file of the directory, whatever it begins with.
    pub fn open(dir: &dyn Dir, name: &str, options: Options) -> Result<Self> {
        let path = dir.path().join(name);
        Self::opened(dir, name, &path, options).map_err(|error| Error::Open {
            errno: fs::errno(&error),
            message: format!("cannot open {}: {}", path.display(), fs::reason(&error)),
            path,
        })
    }

    fn opened(dir: &dyn Dir, name: &str, path: &Path, options: Options) -> io::Result<Self> {
        let file = dir.open_read(name)?;
        let size = file.size()?;
        let mut head = [0; HEAD];
        let read = fill(&*file, &mut head)?;
        let snapshot = if options.snapshot || rdb::is_snapshot(head.get(..read).unwrap_or_default()) {
            let source = Box::new(dir.open_read(name)?);
            Some(Box::new(rdb::Reader::new(source, size, path, options.unknown)))
        } else {
            None
        };
        let reader = Reader::new(Box::new(file), 0, size, path, options.max_bulk, command::is_known);
        let reader = reader.stop_after(options.until);
        let Options { until, base, .. } = options;
        let alone = options.snapshot;
        Ok(Self { snapshot, alone, until, base, ..Self::new(reader, options.on_error) })
    }

    /// Replays commands alone.
    pub fn new(reader: Reader, on_error: OnReplayError) -> Self {
        Self {
            reader,
            plan: Plan::default(),
            snapshot: None,
            snapshot_end: None,
            alone: false,
            keys: 0,
            db: 0,
            block: None,
            commands: 0,
            valid_commands: 0,
            failed: None,
            torn_block: false,
            allowance: Allowance::default(),
            counts: Vec::new(),
            on_error,
            warnings: Vec::new(),
            ended: None,
            until: None,
            base: false,
            tear: None,
            reply: Reply::muted(),
            effects: Effects::default(),
        }
    }

    /// Commands applied so far, those of an open MULTI included.
    pub fn commands(&self) -> u64 {
        self.commands
    }

    /// Whether the snapshot at the head of the file is not read yet.
    pub fn is_in_snapshot(&self) -> bool {
        self.snapshot.is_some()
    }

    /// Where the snapshot at the head of the file ends, if there is one and it is read.
    pub fn snapshot_end(&self) -> Option<u64> {
        self.snapshot_end
    }

    /// Keys read from the snapshot at the head of the file.
    pub fn keys(&self) -> u64 {
        self.keys
    }

    /// Applies nothing that would take more than so many bytes beyond what the file holds: for files that nobody vouches
    /// for. What follows is then read and not applied; with 0 nothing is.
    #[must_use]
    pub fn within(mut self, allowance: Allowance) -> Self {
        self.allowance = allowance;
        self
    }

    /// Counts how often each command comes.
    #[must_use]
    pub fn counting(mut self) -> Self {
        self.counts = vec![0; command::COUNT];
        self
    }

    /// How often each command came.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        command::all()
            .zip(&self.counts)
            .map(|(spec, count)| (spec.name, *count))
            .filter(|(_, count)| *count > 0)
    }

    /// What is left of that.
    pub fn allowance(&self) -> Allowance {
        self.allowance
    }

    /// Commands that count: of a file with a torn end those before it.
    pub fn kept_commands(&self) -> u64 {
        match self.ended {
            Some(Ended::Torn { .. }) => self.valid_commands,
            _ => self.commands,
        }
    }

    /// Commands up to where the file is good.
    pub fn valid_commands(&self) -> u64 {
        self.valid_commands
    }

    /// The number of the command that the last error is about, counted from 1.
    pub fn failed(&self) -> u64 {
        self.failed.unwrap_or(self.commands + 1)
    }

    /// Where the open MULTI begins, and how many commands it has, itself included.
    pub fn open_block(&self) -> Option<(u64, u64)> {
        self.block.as_ref().map(|block| (block.start, self.commands - block.number + 1))
    }

    /// Whether a transaction failed when a part of it was applied.
    pub fn has_torn_block(&self) -> bool {
        self.torn_block
    }

    pub fn db(&self) -> usize {
        self.db
    }

    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Goes on at `offset` in database `db` after an error; an open MULTI is given up.
    pub fn skip_to(&mut self, offset: u64, db: usize) {
        self.reader.seek(offset);
        self.db = db;
        (self.block, self.ended, self.tear, self.failed) = (None, None, None, None);
    }

    /// Whether the snapshot at the head of the file is still being read.
    pub fn in_snapshot(&self) -> bool {
        self.snapshot.is_some()
    }

    /// Bytes replayed, and bytes there are.
    pub fn progress(&self) -> (u64, u64) {
        let offset = self.snapshot.as_ref().map_or(self.reader.offset(), |snapshot| snapshot.offset());
        (offset, self.reader.total())
    }

    /// How the file ended, once a step has said so.
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// What the file ends inside of; None if it is only an open MULTI.
    pub fn tear(&self) -> Option<Tear> {
        self.tear
    }

    /// The error for a torn tail that may not be cut.
    pub fn truncated(&self) -> Error {
        self.reader.truncated()
    }

    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// Applies commands until a tick after `budget` is over; true when the file's end was reached.
    pub fn step(&mut self, space: &mut Keyspace, budget: Duration) -> Result<bool> {
        let began = Instant::now();
        if self.snapshot.is_some() && !self.read_snapshot(space, began, budget)? {
            return Ok(false);
        }
        while self.ended.is_none() {
            self.apply_next(space)?;
            if self.commands.is_multiple_of(TICK) {
                space.expect(self.db, self.reader.offset(), self.reader.total());
                if began.elapsed() >= budget {
                    break;
                }
            }
        }
        Ok(self.ended.is_some())
    }

    /// Reads keys of the snapshot until a tick after the budget is over; true at its end.
    fn read_snapshot(&mut self, space: &mut Keyspace, began: Instant, budget: Duration) -> Result<bool> {
        let Some(snapshot) = &mut self.snapshot else { return Ok(true) };
        let mut ticked = snapshot.offset();
        loop {
            let more = snapshot.next(space);
            self.warnings.append(&mut snapshot.take_notes());
            self.keys = snapshot.keys();
            if !more? {
                break;
            }
            if self.keys.is_multiple_of(TICK) || snapshot.offset() - ticked >= TICK_BYTES {
                ticked = snapshot.offset();
                if began.elapsed() >= budget {
                    return Ok(false);
                }
            }
        }
        snapshot.check_made_before(self.until)?;
        if self.alone {
            snapshot.check_alone()?;
        }
        // A torn command may be cut off, but never into the snapshot.
        self.reader.begin_at(snapshot.offset());
        self.snapshot_end = Some(snapshot.offset());
        self.snapshot = None;
        Ok(true)
    }

    fn apply_next(&mut self, space: &mut Keyspace) -> Result<()> {
        match self.reader.next()? {
            Next::Command => self.command(space),
            Next::End if self.block.is_some() => {
                self.ended = Some(Ended::Torn { valid_to: self.reader.valid_to() });
                Ok(())
            }
            Next::End => {
                self.ended = Some(Ended::Whole);
                Ok(())
            }
            Next::Torn { tear, .. } => {
                self.tear = Some(tear);
                self.ended = Some(Ended::Torn { valid_to: self.reader.valid_to() });
                Ok(())
            }
            Next::Later { second, leading } => self.later(second, leading),
        }
    }

    /// The rest was logged too late. A block that is open here was, too: it is not applied at all.
    fn later(&mut self, second: i64, leading: Leading) -> Result<()> {
        if leading == Leading::Dump || (self.base && leading == Leading::Log) {
            return Err(Error::newer(self.reader.path(), self.reader.command_start(), second));
        }
        if let Some(block) = self.block.take() {
            self.commands -= block.commands.len() as u64 + 1;
        }
        self.ended = Some(Ended::Later { at: self.reader.valid_to() });
        Ok(())
    }

    fn command(&mut self, space: &mut Keyspace) -> Result<()> {
        self.commands += 1;
        self.failed = Some(self.commands);
        let at = self.reader.command_start();
        if self.reader.turn() == 0 {
            self.plan.make(&self.reader, space, self.db);
        }
        let step = self.plan.step(self.reader.turn());
        let Some(spec) = step.spec else {
            let name = String::from_utf8_lossy(self.reader.arg(0)).into_owned();
            return Err(self.reader.error(
                LoadKind::UnknownCommand,
                at,
                &format!("unknown command '{name}'"),
            ));
        };
        if !spec.accepts(self.reader.argc()) {
            let why = command::errors::wrong_arity(spec.name);
            return Err(self.reader.error(LoadKind::Replay, at, why.text()));
        }
        if let Some(count) = spec.number.and_then(|number| self.counts.get_mut(usize::from(number))) {
            *count += 1;
        }
        match spec.handler {
            Handler::Engine(which) => self.control(space, which, spec, at)?,
            // No server logs it and it changes nothing, but it could keep us busy for ever (`SRANDMEMBER key -4e18`).
            Handler::Keyspace(_) if spec.flags.contains(Flags::READONLY) => {}
            Handler::Keyspace(_) if self.allowance.is_spent() => {}
            Handler::Keyspace(_) => {
                if let Some(block) = &mut self.block {
                    let mut argv = Argv::default();
                    self.reader.args().for_each(|arg| argv.push(arg));
                    block.commands.push((spec, argv, at, self.commands));
                } else {
                    let argv = self.reader.argv();
                    let failed =
                        self.allowance.run(step, &argv, space, self.db, &mut self.reply, &mut self.effects);
                    drop(argv);
                    self.tolerate(failed, at)?;
                }
            }
        }
        if self.block.is_none() {
            self.reader.mark_valid();
            self.valid_commands = self.commands;
        }
        self.failed = None;
        Ok(())
    }

    /// SELECT, MULTI and EXEC: the only commands besides those on keys that a log may hold.
    fn control(
        &mut self,
        space: &mut Keyspace,
        which: EngineCommand,
        spec: &'static Spec,
        at: u64,
    ) -> Result<()> {
        match which {
            EngineCommand::Select if self.block.is_none() => {
                let index = num::parse_i64(self.reader.arg(1)).and_then(|index| usize::try_from(index).ok());
                match index.filter(|&db| db < space.databases()) {
                    Some(db) => self.db = db,
                    None => return Err(self.reader.error(LoadKind::Replay, at, NO_DATABASE)),
                }
            }
            EngineCommand::Select => {
                let argv = Argv::of(&[b"SELECT", self.reader.arg(1)]);
                if let Some(block) = &mut self.block {
                    block.commands.push((spec, argv, at, self.commands));
                }
            }
            EngineCommand::Multi if self.block.is_none() => {
                self.block = Some(Block { start: at, number: self.commands, commands: Vec::new() });
            }
            EngineCommand::Multi => {
                return Err(self.reader.error(LoadKind::Replay, at, "MULTI calls can not be nested"));
            }
            EngineCommand::Exec => match self.block.take() {
                Some(block) => {
                    let db = self.db;
                    if let Err(error) = self.apply_block(space, &block) {
                        self.db = db;
                        return Err(error);
                    }
                }
                None => return Err(self.reader.error(LoadKind::Replay, at, "EXEC without MULTI")),
            },
            _ => {
                let why = format!("'{}' has no place in a log", spec.name);
                return Err(self.reader.error(LoadKind::Replay, at, &why));
            }
        }
        Ok(())
    }

    fn apply_block(&mut self, space: &mut Keyspace, block: &Block) -> Result<()> {
        for (nth, (spec, argv, at, number)) in block.commands.iter().enumerate() {
            self.failed = Some(*number);
            let argv: SmallVec<[&[u8]; 16]> = argv.iter().collect();
            if matches!(spec.handler, Handler::Engine(_)) {
                let index =
                    argv.get(1).and_then(|arg| num::parse_i64(arg)).and_then(|db| usize::try_from(db).ok());
                let Some(db) = index.filter(|&db| db < space.databases()) else {
                    self.torn_block |= nth > 0;
                    return Err(self.reader.error(LoadKind::Replay, *at, NO_DATABASE));
                };
                self.db = db;
            } else {
                let step = Step { spec: Some(spec), hash: None };
                let failed =
                    self.allowance.run(step, &argv, space, self.db, &mut self.reply, &mut self.effects);
                self.torn_block |= failed.is_some() && nth > 0;
                self.tolerate(failed, *at)?;
            }
        }
        Ok(())
    }

    /// An error reply during replay means that the log does not describe this keyspace.
    fn tolerate(&mut self, failed: Option<String>, at: u64) -> Result<()> {
        let Some(why) = failed else { return Ok(()) };
        let error = self.reader.error(LoadKind::Replay, at, &why);
        match self.on_error {
            OnReplayError::Stop => Err(error),
            OnReplayError::Warn => {
                self.warnings.push(error.to_string());
                Ok(())
            }
        }
    }
}

/// As many bytes as there are, up to the length of `into`.
fn fill(file: &dyn ReadFile, into: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(room) = into.get_mut(filled..).filter(|room| !room.is_empty()) {
        match file.read_at(filled as u64, room)? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

/// Cuts `name` back to `valid_to` and syncs it; what is cut is first saved in a file beside, whose name is given.
pub fn cut_tail(dir: &dyn Dir, name: &str, valid_to: u64) -> Result<String> {
    let saved = format!("{name}.truncated-{valid_to}");
    let path = dir.path().join(name);
    let cut = || -> io::Result<String> {
        let saved = save_tail(dir, name, valid_to, &saved)?;
        let file = dir.open_append(name, Create::Never)?;
        file.set_len(valid_to)?;
        file.sync_data()?;
        Ok(saved)
    };
    cut().map_err(|error| Error::Open {
        errno: fs::errno(&error),
        message: format!("cannot cut the torn tail of {} at {valid_to}: {error}", path.display()),
        path,
    })
}

/// Copies what lies behind `valid_to` into a new file; a number is added to its name if that is taken.
fn save_tail(dir: &dyn Dir, name: &str, valid_to: u64, wanted: &str) -> io::Result<String> {
    let from = dir.open_read(name)?;
    let (mut saved, mut tries) = (wanted.to_owned(), 0);
    while dir.size(&saved)?.is_some() {
        tries += 1;
        saved = format!("{wanted}-{tries}");
    }
    let copied = copy_tail(dir, &*from, valid_to, &saved);
    if copied.is_err() {
        // A part of the tail saves nothing, and on a full disk every try would leave another.
        drop(dir.unlink(&saved));
    }
    copied.map(|()| saved)
}

fn copy_tail(dir: &dyn Dir, from: &dyn ReadFile, valid_to: u64, saved: &str) -> io::Result<()> {
    const BLOCK: usize = 1 << 20;
    let into = dir.open_append(saved, Create::New { mode: 0o600 })?;
    let mut block = vec![0; BLOCK];
    let mut at = valid_to;
    loop {
        let got = from.read_at(at, &mut block)?;
        if got == 0 {
            break;
        }
        fs::write_all(&*into, block.get(..got).unwrap_or_default())?;
        at += got as u64;
    }
    into.sync_data()?;
    dir.sync()
}

/// Runs one command on the keyspace; the text of its error, if it failed.
fn run(
    Step { spec, hash }: Step,
    argv: &[&[u8]],
    space: &mut Keyspace,
    db: usize,
    reply: &mut Reply,
    effects: &mut Effects,
) -> Option<String> {
    let spec = spec?;
    let Handler::Keyspace(handler) = spec.handler else { return None };
    if !spec.is_write() {
        // A read has no place in a log and no effect; a hostile one could keep us busy for ever.
        return None;
    }
    effects.begin(db);
    let mut cx = Context {
        keys: space.keys_at(db, None),
        reply,
        effects,
        replaying: true,
        name: spec.name,
        wait: None,
    };
    if let (Some(hash), KeyPositions::Range { first, .. }) = (hash, spec.keys)
        && let Some(key) = argv.get(first)
    {
        cx.keys.foreseen(key, hash);
    }
    let outcome = command::run(spec, handler, &mut cx, argv);
    if cx.wait.is_some() {
        return Some(format!("'{}' would have to wait", spec.name));
    }
    outcome.err().map(|error| error.text().to_owned())
}
