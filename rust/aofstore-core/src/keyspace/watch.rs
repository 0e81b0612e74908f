//! Who must hear of a change: watched keys by version, keys that blocked commands wait for.

use std::collections::{BTreeSet, HashMap};

use super::object::Kind;

type Place = (usize, Box<[u8]>);

/// Versions of watched keys. Empty, and thus free, while nobody watches.
#[derive(Debug, Default)]
pub struct Watches {
    slots: HashMap<Place, Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    version: u64,
    watchers: usize,
}

impl Watches {
    /// Begins to watch; the version to compare with at EXEC.
    pub fn add(&mut self, db: usize, key: &[u8]) -> u64 {
        let slot = self.slots.entry((db, key.into())).or_default();
        slot.watchers += 1;
        slot.version
    }

    pub fn remove(&mut self, db: usize, key: &[u8]) {
        let place = (db, key.into());
        if let Some(slot) = self.slots.get_mut(&place) {
            slot.watchers -= 1;
            if slot.watchers == 0 {
                self.slots.remove(&place);
            }
        }
    }

    pub fn version(&self, db: usize, key: &[u8]) -> u64 {
        self.slots.get(&(db, key.into())).map_or(0, |slot| slot.version)
    }

    pub fn touch(&mut self, db: usize, key: &[u8]) {
        if !self.slots.is_empty()
            && let Some(slot) = self.slots.get_mut(&(db, key.into()))
        {
            slot.version += 1;
        }
    }

    /// Touches the watched keys of `db` for which `affected` says so (FLUSHDB, SWAPDB).
    pub fn touch_where(&mut self, db: usize, affected: impl Fn(&[u8]) -> bool) {
        for ((at, key), slot) in &mut self.slots {
            if *at == db && affected(key) {
                slot.version += 1;
            }
        }
    }
}

/// Keys somebody waits for, and those of them that received a list or sorted set.
#[derive(Debug, Default)]
pub struct Waited {
    /// By database, then key. INVARIANT: nothing empty is kept, so that nobody waits exactly when this is empty.
    waiting: HashMap<usize, HashMap<Box<[u8]>, Waiting>>,
    ready: Vec<Place>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Numbers of arrival, by what is waited for.
    waiters: BTreeSet<(Kind, u64)>,
    /// The key stands in `ready`.
    ready: bool,
}

impl Waited {
    /// Arrival `number` waits for a `kind` under `key`.
    pub fn add(&mut self, db: usize, key: &[u8], kind: Kind, number: u64) {
        let keys = self.waiting.entry(db).or_default();
        keys.entry(key.into()).or_default().waiters.insert((kind, number));
    }

    pub fn remove(&mut self, db: usize, key: &[u8], kind: Kind, number: u64) {
        let Some(keys) = self.waiting.get_mut(&db) else { return };
        if let Some(waiting) = keys.get_mut(key) {
            waiting.waiters.remove(&(kind, number));
            if waiting.waiters.is_empty() {
                keys.remove(key);
            }
        }
        if keys.is_empty() {
            self.waiting.remove(&db);
        }
    }

    /// The first that waits for a `kind` under `key` and did not arrive before `from`.
    pub fn first(&self, db: usize, key: &[u8], kind: Kind, from: u64) -> Option<u64> {
        let waiters = &self.waiting.get(&db)?.get(key)?.waiters;
        waiters.range((kind, from)..=(kind, u64::MAX)).next().map(|(_, number)| *number)
    }

    /// A value arrived under `key`.
    pub fn arrived(&mut self, db: usize, key: &[u8]) {
        if !self.waiting.is_empty()
            && let Some(waiting) = self.waiting.get_mut(&db).and_then(|keys| keys.get_mut(key))
            && !waiting.ready
        {
            waiting.ready = true;
            self.ready.push((db, key.into()));
        }
    }

    /// Any key of `db` may have changed under the waiters (SWAPDB).
    pub fn arrived_all(&mut self, db: usize) {
        let keys: Vec<Box<[u8]>> =
            self.waiting.get(&db).map(|keys| keys.keys().cloned().collect()).unwrap_or_default();
        for key in keys {
            self.arrived(db, &key);
        }
    }

    /// How many keys somebody waits for.
    pub fn len(&self) -> usize {
        self.waiting.values().map(HashMap::len).sum()
    }

    /// Keys that received something, in that order.
    pub fn take_ready(&mut self) -> Vec<Place> {
        let ready = std::mem::take(&mut self.ready);
        for (db, key) in &ready {
            if let Some(waiting) = self.waiting.get_mut(db).and_then(|keys| keys.get_mut(key)) {
                waiting.ready = false;
            }
        }
        ready
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
