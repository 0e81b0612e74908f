//! A connection of one user: selected database, MULTI queue, watched keys.

use super::queue::Queue;

/// A watched key and its version when the watch began.
#[derive(Debug)]
pub(super) struct Watched {
    pub db: usize,
    pub key: Box<[u8]>,
    pub version: u64,
    /// It was past its deadline already: its removal is then no change.
    pub was_due: bool,
}

#[derive(Debug, Default)]
pub struct Session {
    pub(super) db: usize,
    pub(super) multi: Option<Queue>,
    pub(super) watched: Vec<Watched>,
    /// Whether SELECT and the transaction commands are allowed: a shared view has no state of its own.
    pub(super) stateful: bool,
}

impl Session {
    /// A connection of its own, for `Session` and a pipeline that watches.
    pub fn connection(db: usize) -> Self {
        Self { db, stateful: true, ..Self::default() }
    }

    /// A view on `db` without state: what a `Store` is.
    pub fn view(db: usize) -> Self {
        Self { db, ..Self::default() }
    }

    pub fn db(&self) -> usize {
        self.db
    }

    /// Whether there is nothing to forget when it ends.
    pub(super) fn is_idle(&self) -> bool {
        self.multi.is_none() && self.watched.is_empty()
    }

    pub fn in_multi(&self) -> bool {
        self.multi.is_some()
    }
}
