//! Who must hear of a change: watched keys by version, keys that blocked commands wait for.

use std::collections::HashMap;

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
    waiting: HashMap<Place, usize>,
    ready: Vec<Place>,
}

impl Waited {
    pub fn add(&mut self, db: usize, key: &[u8]) {
        *self.waiting.entry((db, key.into())).or_default() += 1;
    }

    pub fn remove(&mut self, db: usize, key: &[u8]) {
        let place = (db, key.into());
        if let Some(waiters) = self.waiting.get_mut(&place) {
            *waiters -= 1;
            if *waiters == 0 {
                self.waiting.remove(&place);
            }
        }
    }

    /// A value arrived under `key`.
    pub fn arrived(&mut self, db: usize, key: &[u8]) {
        if !self.waiting.is_empty() {
            let place = (db, key.into());
            if self.waiting.contains_key(&place) && !self.ready.contains(&place) {
                self.ready.push(place);
            }
        }
    }

    /// Any key of `db` may have changed under the waiters (SWAPDB).
    pub fn arrived_all(&mut self, db: usize) {
        let places: Vec<Place> = self.waiting.keys().filter(|place| place.0 == db).cloned().collect();
        for (db, key) in places {
            self.arrived(db, &key);
        }
    }

    /// How many keys somebody waits for.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    pub fn take_ready(&mut self) -> Vec<Place> {
        std::mem::take(&mut self.ready)
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
