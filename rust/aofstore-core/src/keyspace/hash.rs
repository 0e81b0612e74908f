//! Hashes: a listpack of field, value, field, value while small, then what Redis calls a hash table.
//!
//! That is a listpack still as long as it holds little: one walk over bytes that lie together is quicker than a table's
//! header, bucket and element, each a wait for memory, and takes half the room. It is told apart from Redis's listpacks
//! everywhere outside: in `OBJECT ENCODING` and in snapshots.
//!
//! Field and value travel as [`Entry`], which borrows from either. INVARIANT: no field stands twice; a [`Repr::Packed`]
//! has no more than `hash-max-listpack-entries` fields, none of them (nor a value) longer than
//! `hash-max-listpack-value` when it was written. No form turns back into one above it.

#[cfg(test)]
mod tests;

use super::{Limits, are_distinct, are_distinct_entries, sample};
use crate::encoding::listpack::{self, Entry, Listpack};
use crate::encoding::{Entry as Slot, Pair, Pos, Seed, Table, prefetch_ref, table};

#[derive(Clone)]
pub struct Hash(Repr);

#[derive(Clone)]
enum Repr {
    /// Redis's `listpack`.
    Packed(Listpack),
    /// Redis's `hashtable`, with little in it.
    Few(Listpack),
    /// Redis's `hashtable`.
    Table(Box<Table<Pair>>),
}

/// Most fields of a [`Repr::Few`], and most bytes: what a walk goes through in the time of a few waits for memory.
const FEW_FIELDS: usize = 16;
const FEW_BYTES: usize = 2048;
/// What field and value take in a listpack besides themselves, at most.
const FEW_AROUND: usize = 16;

impl Hash {
    pub fn new() -> Self {
        Self(Repr::Packed(Listpack::new()))
    }

    /// Takes a listpack from a snapshot: None if it holds half a pair, a field twice, or nothing.
    pub fn from_listpack(pack: Listpack, limits: &Limits, seed: Seed) -> Option<Self> {
        let sound = pack.len().is_multiple_of(2) && are_distinct_entries(pack.iter().step_by(2));
        if pack.is_empty() || !sound {
            return None;
        }
        let fits = pack.len() / 2 <= limits.hash_max_listpack_entries
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
            Repr::Few(_) | Repr::Table(_) => None,
        }
    }

    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Packed(pack) | Repr::Few(pack) => pack.len() / 2,
            Repr::Table(table) => table.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Repr::Packed(pack) | Repr::Few(pack) => pack.is_empty(),
            Repr::Table(table) => table.is_empty(),
        }
    }

    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Repr::Packed(_) => "listpack",
            Repr::Few(_) | Repr::Table(_) => "hashtable",
        }
    }

    /// Bytes allocated; an estimate from a few fields for a table.
    pub fn memory(&self) -> usize {
        match &self.0 {
            Repr::Packed(pack) | Repr::Few(pack) => pack.memory(),
            Repr::Table(table) => {
                let pairs = sample::estimate(table.iter().map(Pair::memory), table.len());
                size_of::<Table<Pair>>() + table.memory() + pairs
            }
        }
    }

    #[inline]
    pub(super) fn set_resize_allowed(&mut self, allowed: bool) {
        if let Repr::Table(table) = &mut self.0 {
            table.set_resize_allowed(allowed);
        }
    }

    #[inline]
    pub(super) fn prefetch(&self) {
        match &self.0 {
            Repr::Packed(pack) | Repr::Few(pack) => pack.prefetch(),
            Repr::Table(table) => prefetch_ref(&**table),
        }
    }

    pub fn get(&self, field: &[u8]) -> Option<Entry<'_>> {
        match &self.0 {
            Repr::Packed(pack) | Repr::Few(pack) => Some(pack.get(pack.next(find(pack, field)?)?)),
            Repr::Table(table) => table.get(field).map(|pair| Entry::Str(pair.value())),
        }
    }

    pub fn contains(&self, field: &[u8]) -> bool {
        match &self.0 {
            Repr::Packed(pack) | Repr::Few(pack) => find(pack, field).is_some(),
            Repr::Table(table) => table.contains(field),
        }
    }

    /// Makes ready for `argv`, fields and values in turn: what will not fit a listpack becomes a table at once.
    pub fn expect(&mut self, argv: &[&[u8]], limits: &Limits, seed: Seed) {
        self.expect_fields(argv.len() / 2, limits, seed);
    }

    /// The same for so many fields.
    pub fn expect_fields(&mut self, more: usize, limits: &Limits, seed: Seed) {
        if more > limits.hash_max_listpack_entries && matches!(self.0, Repr::Packed(_)) {
            self.convert(more, seed);
        }
    }

    /// An empty hash takes all of `argv` at once, fields and values in turn, if that fits a listpack and no field comes
    /// twice. False: nothing was done.
    pub fn fill(&mut self, argv: &[&[u8]], limits: &Limits) -> bool {
        let Repr::Packed(pack) = &mut self.0 else { return false };
        let fits = argv.len() / 2 <= limits.hash_max_listpack_entries
            && argv.iter().all(|word| word.len() <= limits.hash_max_listpack_value)
            && pack.fits(argv.iter().map(|word| word.len()).sum());
        if !fits || !pack.is_empty() || !are_distinct(argv.iter().copied().step_by(2)) {
            return false;
        }
        pack.extend(argv);
        true
    }

    /// Sets a field; whether it is new.
    #[inline]
    pub fn set(&mut self, field: &[u8], value: &[u8], limits: &Limits, seed: Seed) -> bool {
        match &mut self.0 {
            Repr::Table(table) => set_in_table(table, field, value),
            Repr::Few(pack) => set_in_few(pack, field, value).unwrap_or_else(|| {
                self.become_table(1, seed);
                self.set(field, value, limits, seed)
            }),
            Repr::Packed(pack) => set_in_pack(pack, field, value, limits).unwrap_or_else(|| {
                self.convert(1, seed);
                self.set(field, value, limits, seed)
            }),
        }
    }

    /// Whether the field was there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        match &mut self.0 {
            Repr::Packed(pack) | Repr::Few(pack) => match find(pack, field) {
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
            Repr::Packed(pack) | Repr::Few(pack) => Walk::Packed(pack.iter()),
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
            Repr::Packed(_) | Repr::Few(_) => {
                self.iter().for_each(|(field, value)| emit(field, value));
                0
            }
            Repr::Table(table) => table.scan(cursor, &mut |pair| emit_pair(pair, emit)),
        }
    }

    /// A field, each as likely as any other.
    pub fn random(&self, rng: &mut fastrand::Rng) -> Option<(Entry<'_>, Entry<'_>)> {
        match &self.0 {
            Repr::Packed(_) | Repr::Few(_) if self.is_empty() => None,
            Repr::Packed(_) | Repr::Few(_) => self.iter().nth(rng.usize(..self.len())),
            Repr::Table(table) => table.random(rng).map(of_pair),
        }
    }

    /// `count` fields, each drawn from all of them.
    pub fn draw(&self, count: usize, rng: &mut fastrand::Rng, emit: &mut dyn FnMut(Entry<'_>, Entry<'_>)) {
        match &self.0 {
            Repr::Packed(_) | Repr::Few(_) => {
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
            Repr::Packed(_) | Repr::Few(_) => sample::choose(self.iter().collect(), count, rng),
            Repr::Table(table) => sample::distinct(table, count, rng).into_iter().map(of_pair).collect(),
        }
    }

    /// Leaves Redis's listpacks behind; `more` fields are about to come.
    fn convert(&mut self, more: usize, seed: Seed) {
        match &mut self.0 {
            Repr::Packed(pack) if pack.len() / 2 + more <= FEW_FIELDS && pack.bytes() <= FEW_BYTES => {
                self.0 = Repr::Few(std::mem::take(pack));
            }
            _ => self.become_table(more, seed),
        }
    }

    /// Makes a table of what there is, with room for `more` fields.
    fn become_table(&mut self, more: usize, seed: Seed) {
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
    pack.insert_pair(None, Entry::parse(field), Entry::parse(value));
    Some(true)
}

/// None, with nothing done, if the hash would hold too much for a walk.
fn set_in_few(pack: &mut Listpack, field: &[u8], value: &[u8]) -> Option<bool> {
    // All of it at once: the walk would wait for one line after the other.
    pack.prefetch_all(FEW_BYTES / 2);
    let fits = |extra: usize| pack.bytes().saturating_add(extra) <= FEW_BYTES;
    if let Some(pos) = find(pack, field).and_then(|pos| pack.next(pos)) {
        // The old value counts too: one that is replaced by a longer one again and again would only be measured twice.
        if !fits(value.len().saturating_sub(pack.get(pos).len())) {
            return None;
        }
        pack.replace(pos, value);
        return Some(false);
    }
    if pack.len() / 2 >= FEW_FIELDS || !fits(field.len().saturating_add(value.len() + FEW_AROUND)) {
        return None;
    }
    pack.insert_pair(None, Entry::parse(field), Entry::parse(value));
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
