//! Hashes: a listpack of field, value, field, value while small, then a table.
//!
//! Field and value travel as [`Entry`], which borrows from either. INVARIANT: no field stands twice; a listpack has
//! no more than `hash-max-listpack-entries` fields, none of them (nor a value) longer than
//! `hash-max-listpack-value` when it was written. A table never turns back.

use std::collections::HashSet;

use super::{Limits, sample};
use crate::encoding::listpack::{self, Entry, Listpack};
use crate::encoding::{Entry as Slot, Pair, Pos, Seed, Table, table};

#[derive(Clone)]
pub struct Hash(Repr);

#[derive(Clone)]
enum Repr {
    Packed(Listpack),
    Table(Box<Table<Pair>>),
}

impl Hash {
    pub fn new() -> Self {
        Self(Repr::Packed(Listpack::new()))
    }

    /// Takes a listpack from a snapshot: None if it holds half a pair, a field twice, or nothing.
    pub fn from_listpack(pack: Listpack, limits: &Limits, seed: Seed) -> Option<Self> {
        let fields: HashSet<Vec<u8>> = pack.iter().step_by(2).map(|field| field.to_vec()).collect();
        if pack.is_empty() || fields.len() * 2 != pack.len() {
            return None;
        }
        let fits = fields.len() <= limits.hash_max_listpack_entries
            && pack.iter().all(|entry| entry.len() <= limits.hash_max_listpack_value);
        let mut hash = Self(Repr::Packed(pack));
        if !fits {
            hash.convert(0, seed);
        }
        Some(hash)
    }

    /// The listpack of a small hash, as a snapshot stores it.
    pub fn listpack(&self) -> Option<&Listpack> {
        match &self.0 {
            Repr::Packed(pack) => Some(pack),
            Repr::Table(_) => None,
        }
    }

    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Packed(pack) => pack.len() / 2,
            Repr::Table(table) => table.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Repr::Packed(pack) => pack.is_empty(),
            Repr::Table(table) => table.is_empty(),
        }
    }

    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Repr::Packed(_) => "listpack",
            Repr::Table(_) => "hashtable",
        }
    }

    /// Bytes allocated; an estimate from a few fields for a table.
    pub fn memory(&self) -> usize {
        match &self.0 {
            Repr::Packed(pack) => pack.memory(),
            Repr::Table(table) => {
                let pairs = sample::estimate(table.iter().map(Pair::memory), table.len());
                size_of::<Table<Pair>>() + table.memory() + pairs
            }
        }
    }

    pub fn get(&self, field: &[u8]) -> Option<Entry<'_>> {
        match &self.0 {
            Repr::Packed(pack) => Some(pack.get(pack.next(find(pack, field)?)?)),
            Repr::Table(table) => table.get(field).map(|pair| Entry::Str(pair.value())),
        }
    }

    pub fn contains(&self, field: &[u8]) -> bool {
        match &self.0 {
            Repr::Packed(pack) => find(pack, field).is_some(),
            Repr::Table(table) => table.contains(field),
        }
    }

    /// Makes ready for `argv`, fields and values in turn: what will not fit a listpack becomes a table at once.
    pub fn expect(&mut self, argv: &[&[u8]], limits: &Limits, seed: Seed) {
        let more = argv.len() / 2;
        if more > limits.hash_max_listpack_entries && matches!(self.0, Repr::Packed(_)) {
            self.convert(more, seed);
        }
    }

    /// Sets a field; whether it is new.
    #[inline]
    pub fn set(&mut self, field: &[u8], value: &[u8], limits: &Limits, seed: Seed) -> bool {
        match &mut self.0 {
            Repr::Table(table) => set_in_table(table, field, value),
            Repr::Packed(pack) => match set_in_pack(pack, field, value, limits) {
                Some(new) => new,
                None => {
                    self.convert(1, seed);
                    self.set(field, value, limits, seed)
                }
            },
        }
    }

    /// Whether the field was there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        match &mut self.0 {
            Repr::Packed(pack) => match find(pack, field) {
                Some(pos) => {
                    pack.remove_at(pos, 2);
                    true
                }
                None => false,
            },
            Repr::Table(table) => table.remove(field).is_some(),
        }
    }

    /// Every field with its value; allocates nothing.
    pub fn iter(&self) -> Fields<'_> {
        Fields(match &self.0 {
            Repr::Packed(pack) => Walk::Packed(pack.iter()),
            Repr::Table(table) => Walk::Table(table.iter()),
        })
    }

    /// Calls `emit` with every field and value as bytes; allocates nothing.
    pub fn each(&self, emit: &mut dyn FnMut(&[u8], &[u8])) {
        for (field, value) in self {
            field.with_bytes(|field| value.with_bytes(|value| emit(field, value)));
        }
    }

    /// One step of HSCAN: the next cursor, 0 at the end. A listpack is given whole.
    pub fn scan(&self, cursor: u64, emit: &mut dyn FnMut(Entry<'_>, Entry<'_>)) -> u64 {
        match &self.0 {
            Repr::Packed(_) => {
                self.iter().for_each(|(field, value)| emit(field, value));
                0
            }
            Repr::Table(table) => table.scan(cursor, &mut |pair| emit_pair(pair, emit)),
        }
    }

    /// A field, each as likely as any other.
    pub fn random(&self, rng: &mut fastrand::Rng) -> Option<(Entry<'_>, Entry<'_>)> {
        match &self.0 {
            Repr::Packed(_) if self.is_empty() => None,
            Repr::Packed(_) => self.iter().nth(rng.usize(..self.len())),
            Repr::Table(table) => table.random(rng).map(of_pair),
        }
    }

    /// `count` fields, each drawn from all of them.
    pub fn draw(&self, count: usize, rng: &mut fastrand::Rng, emit: &mut dyn FnMut(Entry<'_>, Entry<'_>)) {
        match &self.0 {
            Repr::Packed(_) => {
                let pairs: Vec<_> = self.iter().collect();
                let drawn = (0..count).filter_map(|_| rng.choice(&pairs));
                drawn.for_each(|&(field, value)| emit(field, value));
            }
            Repr::Table(table) => {
                (0..count).filter_map(|_| table.random(rng)).for_each(|pair| emit_pair(pair, emit));
            }
        }
    }

    /// `count` different fields, or all if there are fewer, in random order.
    pub fn distinct(&self, count: usize, rng: &mut fastrand::Rng) -> Vec<(Entry<'_>, Entry<'_>)> {
        match &self.0 {
            Repr::Packed(_) => sample::choose(self.iter().collect(), count, rng),
            Repr::Table(table) => sample::distinct(table, count, rng).into_iter().map(of_pair).collect(),
        }
    }

    /// Turns the listpack into a table with room for `more` fields.
    fn convert(&mut self, more: usize, seed: Seed) {
        let mut table = Box::new(Table::new(seed));
        table.reserve(self.len() + more);
        self.each(&mut |field, value| {
            table.insert(Pair::new(field, value));
        });
        self.0 = Repr::Table(table);
    }
}

fn find(pack: &Listpack, field: &[u8]) -> Option<Pos> {
    pack.find(pack.first()?, field, 1)
}

fn set_in_table(table: &mut Table<Pair>, field: &[u8], value: &[u8]) -> bool {
    match table.entry(field) {
        Slot::Occupied(mut slot) => {
            slot.get_mut().set_value(value);
            false
        }
        Slot::Vacant(slot) => {
            slot.insert(Pair::new(field, value));
            true
        }
    }
}

/// None, with nothing done, if the field or its value does not fit a listpack.
fn set_in_pack(pack: &mut Listpack, field: &[u8], value: &[u8], limits: &Limits) -> Option<bool> {
    if field.len().max(value.len()) > limits.hash_max_listpack_value || !pack.fits(field.len() + value.len())
    {
        return None;
    }
    if let Some(pos) = find(pack, field).and_then(|pos| pack.next(pos)) {
        pack.replace(pos, value);
        return Some(false);
    }
    if pack.len() / 2 >= limits.hash_max_listpack_entries {
        return None;
    }
    pack.push_back(field);
    pack.push_back(value);
    Some(true)
}

fn of_pair(pair: &Pair) -> (Entry<'_>, Entry<'_>) {
    (Entry::Str(pair.field()), Entry::Str(pair.value()))
}

fn emit_pair(pair: &Pair, emit: &mut dyn FnMut(Entry<'_>, Entry<'_>)) {
    let (field, value) = of_pair(pair);
    emit(field, value);
}

impl Default for Hash {
    fn default() -> Self {
        Self::new()
    }
}

/// The fields of a hash with their values.
pub struct Fields<'a>(Walk<'a>);

enum Walk<'a> {
    Packed(listpack::Iter<'a>),
    Table(table::Iter<'a, Pair>),
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Entry<'a>, Entry<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Walk::Packed(walk) => Some((walk.next()?, walk.next()?)),
            Walk::Table(walk) => walk.next().map(of_pair),
        }
    }
}

impl<'a> IntoIterator for &'a Hash {
    type Item = (Entry<'a>, Entry<'a>);
    type IntoIter = Fields<'a>;

    fn into_iter(self) -> Fields<'a> {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const SEED: (u64, u64) = (1, 2);

    fn seed() -> Seed {
        Seed::fixed(SEED.0, SEED.1)
    }

    fn small() -> Limits {
        Limits { hash_max_listpack_entries: 4, hash_max_listpack_value: 8, ..Limits::default() }
    }

    fn content(hash: &Hash) -> BTreeMap<Vec<u8>, Vec<u8>> {
        hash.iter().map(|(field, value)| (field.to_vec(), value.to_vec())).collect()
    }

    fn filled(count: usize, limits: &Limits) -> Hash {
        let mut hash = Hash::new();
        for n in 0..count {
            assert!(hash.set(format!("f{n}").as_bytes(), n.to_string().as_bytes(), limits, seed()));
        }
        hash
    }

    #[test]
    fn the_fifth_field_makes_a_table_of_a_four_field_listpack() {
        assert_eq!(size_of::<Hash>(), 16);
        let mut hash = filled(4, &small());
        assert_eq!(hash.encoding(), "listpack");
        assert!(!hash.set(b"f0", b"new", &small(), seed()));
        assert_eq!(hash.encoding(), "listpack");
        assert!(hash.set(b"f4", b"4", &small(), seed()));
        assert_eq!((hash.encoding(), hash.len()), ("hashtable", 5));
        assert!(hash.remove(b"f4") && !hash.remove(b"f4"));
        assert_eq!((hash.encoding(), hash.len()), ("hashtable", 4));
    }

    #[test]
    fn a_long_field_or_value_makes_a_table() {
        for (field, value) in [(&b"123456789"[..], &b"v"[..]), (b"f0", b"123456789")] {
            let mut hash = filled(1, &small());
            hash.set(field, value, &small(), seed());
            assert_eq!(hash.encoding(), "hashtable");
            assert_eq!(hash.get(field).map(|value| value.to_vec()), Some(value.to_vec()));
        }
        let mut hash = filled(1, &small());
        hash.set(b"12345678", b"12345678", &small(), seed());
        assert_eq!(hash.encoding(), "listpack");
    }

    #[test]
    fn many_fields_at_once_are_expected() {
        let mut hash = Hash::new();
        hash.expect(&[&b"f"[..]; 8], &small(), seed());
        assert_eq!(hash.encoding(), "listpack");
        hash.expect(&[&b"f"[..]; 10], &small(), seed());
        assert_eq!(hash.encoding(), "hashtable");
    }

    #[test]
    fn listpacks_of_snapshots_are_checked() {
        let pack = |entries: &[&[u8]]| {
            let mut pack = Listpack::new();
            for entry in entries {
                pack.push_back(entry);
            }
            pack
        };
        let take = |entries: &[&[u8]]| Hash::from_listpack(pack(entries), &small(), seed());
        assert!(take(&[]).is_none());
        assert!(take(&[b"f"]).is_none());
        assert!(take(&[b"f", b"v", b"f", b"w"]).is_none());
        assert_eq!(take(&[b"f", b"v", b"v", b"f"]).unwrap().encoding(), "listpack");
        assert_eq!(take(&[b"f", b"123456789"]).unwrap().encoding(), "hashtable");
    }

    #[test]
    fn draws_reach_every_field() {
        let mut rng = fastrand::Rng::with_seed(3);
        for count in [4, 40] {
            let hash = filled(count, &small());
            let seen: BTreeMap<_, _> = (0..2000)
                .filter_map(|_| hash.random(&mut rng))
                .map(|(field, value)| (field.to_vec(), value.to_vec()))
                .collect();
            assert_eq!(seen, content(&hash));
            for wanted in [1, 3, count - 1, count, count + 1] {
                let drawn = hash.distinct(wanted, &mut rng);
                let different: HashSet<_> = drawn.iter().map(|(field, _)| field.to_vec()).collect();
                assert_eq!((drawn.len(), different.len()), (wanted.min(count), wanted.min(count)));
            }
        }
        assert!(Hash::new().random(&mut rng).is_none());
    }

    proptest! {
        #[test]
        fn a_hash_behaves_as_a_map(steps in vec((any::<bool>(), 0u8..9, "[0-9a]{0,9}"), 0..60)) {
            let (mut hash, mut model) = (Hash::new(), BTreeMap::new());
            for (set, field, value) in steps {
                let field = field.to_string();
                if set {
                    let new = model.insert(field.clone().into_bytes(), value.clone().into_bytes()).is_none();
                    prop_assert_eq!(hash.set(field.as_bytes(), value.as_bytes(), &small(), seed()), new);
                } else {
                    prop_assert_eq!(hash.remove(field.as_bytes()), model.remove(field.as_bytes()).is_some());
                }
                prop_assert_eq!(hash.len(), model.len());
                prop_assert_eq!(hash.is_empty(), model.is_empty());
                prop_assert_eq!(hash.contains(field.as_bytes()), model.contains_key(field.as_bytes()));
            }
            prop_assert_eq!(content(&hash), model.clone());
            prop_assert_eq!(content(&hash.clone()), model.clone());
            let mut scanned = BTreeMap::new();
            let mut cursor = 0;
            loop {
                cursor = hash.scan(cursor, &mut |field, value| {
                    scanned.insert(field.to_vec(), value.to_vec());
                });
                if cursor == 0 {
                    break;
                }
            }
            prop_assert_eq!(scanned, model);
        }
    }
}
