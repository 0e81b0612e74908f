//! What a keyspace holds, in numbers: for people who would rather look than read.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::keyspace::{Keyspace, Value};

/// Keys of one database, type and encoding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Group {
    pub keys: u64,
    pub elements: u64,
    /// An estimate of the memory that they take.
    pub bytes: u64,
}

/// One of the biggest keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Big {
    pub bytes: u64,
    pub db: usize,
    pub key: Vec<u8>,
    pub kind: &'static str,
    pub encoding: &'static str,
    pub elements: u64,
    pub deadline: Option<i64>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Survey {
    pub groups: BTreeMap<(usize, &'static str, &'static str), Group>,
    /// The biggest first.
    pub biggest: Vec<Big>,
    /// How many keys end before each of the instants asked for, and later than all.
    pub expiring: Vec<u64>,
    pub lasting: u64,
}

impl Survey {
    /// With the `most` biggest keys; `instants` rise, in milliseconds since 1970.
    pub fn of(space: &Keyspace, most: usize, instants: &[i64]) -> Self {
        let mut survey = Self { expiring: vec![0; instants.len() + 1], ..Self::default() };
        for (number, db) in space.iter_dbs() {
            for stored in db.entries() {
                let value = stored.value;
                let (kind, encoding) = (value.kind().name(), value.encoding());
                let bytes = (stored.key.len() + memory(&value)) as u64;
                let elements = value.len() as u64;
                let group = survey.groups.entry((number, kind, encoding)).or_default();
                group.keys += 1;
                group.elements += elements;
                group.bytes += bytes;
                survey.expire(stored.deadline, instants);
                survey.rank(bytes, most, || Big {
                    bytes,
                    db: number,
                    key: stored.key.to_vec(),
                    kind,
                    encoding,
                    elements,
                    deadline: stored.deadline,
                });
            }
        }
        survey
    }

    fn expire(&mut self, deadline: Option<i64>, instants: &[i64]) {
        let Some(deadline) = deadline else {
            self.lasting += 1;
            return;
        };
        let bucket = instants.partition_point(|instant| *instant <= deadline);
        if let Some(count) = self.expiring.get_mut(bucket) {
            *count += 1;
        }
    }

    fn rank(&mut self, bytes: u64, most: usize, big: impl FnOnce() -> Big) {
        let smallest = self.biggest.last().map_or(0, |big| big.bytes);
        if most == 0 || (self.biggest.len() >= most && bytes <= smallest) {
            return;
        }
        let at = self.biggest.partition_point(|other| Reverse(other.bytes) <= Reverse(bytes));
        self.biggest.insert(at, big());
        self.biggest.truncate(most);
    }
}

/// A short string has no memory of its own: it sits beside its key.
fn memory(value: &Value<'_>) -> usize {
    match (value, value.memory()) {
        (Value::Text(text), 0) => text.len(),
        (_, bytes) => bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_grouped_ranked_and_put_in_order_of_their_end() {
        let mut space = Keyspace::new(4, crate::keyspace::Limits::default());
        space.set_expiring(false);
        for (db, key, size) in [(0, "a", 10), (0, "b", 5000), (2, "c", 300), (0, "d", 300)] {
            space.keys(db, 0).put_text(key.as_bytes(), &vec![b'x'; size]);
        }
        let survey = Survey::of(&space, 3, &[1000]);
        let biggest: Vec<&[u8]> = survey.biggest.iter().map(|big| &*big.key).collect();
        assert_eq!((biggest.first(), biggest.len()), (Some(&b"b".as_slice()), 3));
        let keys: u64 = survey.groups.values().map(|group| group.keys).sum();
        assert_eq!((keys, survey.lasting, survey.expiring), (4, 4, vec![0, 0]));
    }
}
