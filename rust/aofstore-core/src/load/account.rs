//! What a loader can tell of its file so far.

use super::{Allowance, Ended, Loader};
use crate::aof::{Reader, Tear};
use crate::command;
use crate::error::Error;

impl Loader {
    /// Commands applied so far, those of an open MULTI included.
    pub fn commands(&self) -> u64 {
        self.commands
    }

    /// Whether the snapshot at the head of the file is still being read.
    pub fn is_in_snapshot(&self) -> bool {
        self.snapshot.is_some()
    }

    /// When the snapshot that is being read says that it was made.
    pub fn snapshot_created(&self) -> Option<i64> {
        self.snapshot.as_ref().and_then(|snapshot| snapshot.created())
    }

    /// Where the snapshot at the head of the file ends, if there is one and it is read.
    pub fn snapshot_end(&self) -> Option<u64> {
        self.snapshot_end
    }

    /// Keys read from the snapshot at the head of the file.
    pub fn keys(&self) -> u64 {
        self.keys
    }

    /// Whether the next step reads one large value of the snapshot, and nothing else.
    pub fn is_before_large(&self) -> bool {
        self.snapshot.as_ref().is_some_and(|snapshot| snapshot.is_before_large())
    }

    /// Keys that it held and that were left out, since they were past their deadline.
    pub fn expired(&self) -> u64 {
        self.expired
    }

    /// How often each command came.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        command::all()
            .zip(&self.counts)
            .map(|(spec, count)| (spec.name, *count))
            .filter(|(_, count)| *count > 0)
    }

    /// What is left of what it may take.
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
}
