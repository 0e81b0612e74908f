//! How much memory the data takes and how long it lives, estimated from samples: INFO must not walk everything.

use super::keys::value;
use super::object::Object;
use super::space::Keyspace;
use crate::encoding::{Keyed, Record};

/// Databases up to this size are counted whole, bigger ones by as many random keys.
const SAMPLE: usize = 256;

/// Bytes of a key and its value, an estimate for a big one.
pub(super) fn cost(record: &Record<Object>) -> usize {
    record.memory() + value(record).memory()
}

impl Keyspace {
    /// Bytes of all keys, values and tables. An estimate for databases of more than a few hundred keys.
    pub fn memory(&mut self) -> usize {
        let Self { dbs, rng, .. } = self;
        let mut total = 0;
        for db in dbs.iter_mut() {
            let keys = db.records.len();
            total += db.memory() + db.deadlines.len() * size_of::<Keyed<i64>>();
            total += if keys <= SAMPLE {
                db.records.iter().map(cost).sum()
            } else {
                let sampled: usize = (0..SAMPLE).filter_map(|_| db.records.random(rng).map(cost)).sum();
                sampled / SAMPLE * keys
            };
        }
        total
    }

    /// Milliseconds that keys of `db` with a deadline have left on average; 0 if there are none.
    pub fn average_ttl(&mut self, db: usize, now: i64) -> i64 {
        let Self { dbs, rng, .. } = self;
        let Some(db) = dbs.find(db).and_then(|slot| dbs.at(slot)).filter(|db| !db.deadlines.is_empty())
        else {
            return 0;
        };
        let left = |deadline: &Keyed<i64>| i128::from(deadline.get().saturating_sub(now).max(0));
        let (sum, counted) = if db.deadlines.len() <= SAMPLE {
            (db.deadlines.iter().map(left).sum::<i128>(), db.deadlines.len())
        } else {
            ((0..SAMPLE).filter_map(|_| db.deadlines.random(rng).map(left)).sum(), SAMPLE)
        };
        i64::try_from(sum / counted.max(1) as i128).unwrap_or(i64::MAX)
    }
}
