//! Replays one log through the same commands that wrote it, a slice at a time; a snapshot at its head is read before.
//!
//! The caller decides when to go on, when to stop and what becomes of a torn tail; this only works. Nothing
//! expires meanwhile. A MULTI block is held back until its EXEC and applied whole or not at all.

mod account;
mod allowance;
mod block;
mod call;
mod cut;
mod damage;
mod options;
mod plan;
mod replay;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

pub use self::allowance::Allowance;
use self::block::Block;
pub use self::cut::cut_tail;
pub use self::damage::Behind;
pub use self::options::{Ended, OnReplayError, Options};
use self::plan::Plan;
use crate::aof::{Leading, Next, Reader, Tear};
use crate::clock;
use crate::command::{self, Effects, Reply};
use crate::error::{Error, Result, shown};
use crate::fs::{self, Dir, read_up_to};
use crate::keyspace::Keyspace;
use crate::rdb::file as rdb;

/// Commands, or keys of a snapshot, between two looks at the clock and between two progress reports.
pub const TICK: u64 = 1000;
/// The same in bytes of a snapshot, where one key can be long.
const TICK_BYTES: u64 = 4 << 20;
/// As much as it takes to know a snapshot.
const HEAD: usize = 9;

/// Why a SELECT of a log is refused.
pub const NO_DATABASE: &str = "DB index is out of range";

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
    expired: u64,
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
            message: format!("cannot open {}: {}", shown(&path), fs::reason(&error)),
            path,
        })
    }

    fn opened(dir: &dyn Dir, name: &str, path: &Path, options: Options) -> io::Result<Self> {
        let mut file = dir.open_read(name)?;
        let size = file.size()?;
        let mut head = [0; HEAD];
        let read = read_up_to(&mut file, 0, &mut head)?;
        let snapshot = if options.snapshot || rdb::is_snapshot(head.get(..read).unwrap_or_default()) {
            let source = Box::new(dir.open_read(name)?);
            let now = options.expire.then(clock::now_ms);
            Some(Box::new(rdb::Reader::new(source, size, path, options.unknown).expiring(now)))
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
            expired: 0,
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

    /// The snapshot cannot be read on once another thread has set `given_up`, not even in the midst of a value.
    pub fn unless(&mut self, given_up: &Arc<AtomicBool>) {
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.unless(Arc::clone(given_up));
        }
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

    /// Goes on at `offset` in database `db` after an error; an open MULTI is given up.
    pub fn skip_to(&mut self, offset: u64, db: usize) {
        self.reader.seek(offset);
        self.db = db;
        (self.block, self.ended, self.tear, self.failed) = (None, None, None, None);
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
        let (mut ticked, mut records) = (snapshot.offset(), 0_u64);
        loop {
            let more = snapshot.next(space);
            self.warnings.append(&mut snapshot.take_notes());
            (self.keys, self.expired) = (snapshot.keys(), snapshot.expired());
            records += 1;
            if !more? {
                break;
            }
            if snapshot.is_before_large() {
                return Ok(false);
            }
            if records.is_multiple_of(TICK) || snapshot.offset() - ticked >= TICK_BYTES {
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
}
