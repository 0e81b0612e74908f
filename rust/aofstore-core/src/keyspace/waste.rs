//! Values that were thrown away and take long to free: kept until whoever threw them away no longer holds a lock.

use super::db::Db;
use super::keys::value;
use super::measure::cost;
use super::object::{Object, Value};
use super::sample;
use crate::encoding::{Record, freed};

/// Collections with more elements than this are kept, as Redis frees them in the background.
const ELEMENTS: usize = 64;
/// Strings of this many bytes are kept: their memory goes back to the system when they are freed.
const BYTES: usize = 64 << 10;
/// Pieces beyond this are freed at once. Whoever throws so many away has been busy for longer than that takes, and a
/// keyspace that nobody empties (a replay outside of an engine) stays bounded.
const PIECES: usize = 16 << 10;

/// What waits to be freed. Dropping it frees it, and tells how much that was.
#[derive(Default)]
#[must_use = "it is freed where it is dropped"]
#[expect(clippy::box_collection, reason = "it goes along with every reply: one word while there is none")]
pub struct Waste(Option<Box<Vec<Piece>>>);

enum Piece {
    Db(Db),
    Record(Record<Object>),
}

impl Piece {
    /// An estimate, in bytes.
    fn memory(&self) -> usize {
        match self {
            Self::Db(db) => db.memory() + sample::estimate(db.records.iter().map(cost), db.len()),
            Self::Record(record) => cost(record),
        }
    }
}

impl Drop for Waste {
    fn drop(&mut self) {
        if let Some(pieces) = self.0.take() {
            let bytes = pieces.iter().map(Piece::memory).sum();
            drop(pieces);
            freed::tell(bytes);
        }
    }
}

impl Waste {
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |pieces| pieces.len())
    }

    /// What there is, which leaves nothing.
    pub fn take(&mut self) -> Self {
        Self(self.0.take())
    }

    /// Puts what another holds to this.
    pub fn append(&mut self, mut other: Self) {
        match (&mut self.0, other.0.take()) {
            (Some(own), Some(mut more)) => own.append(&mut more),
            (own @ None, more) => *own = more,
            (Some(_), None) => {}
        }
    }

    pub(super) fn flushed(&mut self, db: Db) {
        self.keep(Piece::Db(db));
    }

    /// Keeps `record` if it is big, else frees it.
    pub(super) fn throw(&mut self, record: Record<Object>) {
        if is_big(&record) {
            self.keep(Piece::Record(record));
        }
    }

    #[cold]
    fn keep(&mut self, piece: Piece) {
        let pieces = self.0.get_or_insert_default();
        if pieces.len() < PIECES {
            pieces.push(piece);
        }
    }
}

fn is_big(record: &Record<Object>) -> bool {
    match value(record) {
        Value::Text(text) => text.len() >= BYTES,
        collection => collection.len() > ELEMENTS,
    }
}
