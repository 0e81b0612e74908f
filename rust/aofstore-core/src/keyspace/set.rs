//! Sets: an intset of small integers, a listpack of a few short members, then a table.
//!
//! Members travel as [`Entry`], which borrows from any of them. INVARIANT: no member stands twice; an intset and a
//! listpack stay within `set-max-intset-entries`, `set-max-listpack-entries` and `set-max-listpack-value` as they
//! were when last written. A set turns from left to right only; [`Set::shrink_to_ints`] makes an intset of a result.

#[cfg(test)]
mod tests;

use super::{Limits, are_distinct_entries, sample};
use crate::encoding::listpack::{self, Entry, Listpack};
use crate::encoding::{Blob, Entry as Slot, Intset, Pos, Seed, Table, prefetch_ref, table};

#[derive(Clone)]
pub struct Set(Repr);

#[derive(Clone)]
enum Repr {
    Ints(Intset),
    Packed(Listpack),
    Table(Box<Table<Blob>>),
}

/// Redis's own bound, whatever the setting says.
const MOST_INTS: usize = 1 << 30;

fn most_ints(limits: &Limits) -> usize {
    limits.set_max_intset_entries.min(MOST_INTS)
}

impl Set {
    /// An empty set for integers and whatever may come.
    pub fn new() -> Self {
        Self(Repr::Ints(Intset::new()))
    }

    /// An empty set fit to receive `first`.
    pub fn fit_for(first: &[u8], limits: &Limits) -> Self {
        if limits.set_max_intset_entries > 0 && crate::num::parse_i64(first).is_some() {
            return Self::new();
        }
        Self(Repr::Packed(Listpack::new()))
    }

    /// Takes an intset from a snapshot.
    pub fn from_intset(ints: Intset, limits: &Limits, seed: Seed) -> Self {
        let over = ints.len() > most_ints(limits);
        let mut set = Self(Repr::Ints(ints));
        if over {
            set.make_table(0, seed);
        }
        set
    }

    /// Takes a listpack from a snapshot: None if a member stands twice or there is none.
    pub fn from_listpack(pack: Listpack, limits: &Limits, seed: Seed) -> Option<Self> {
        if pack.is_empty() || !are_distinct_entries(pack.iter()) {
            return None;
        }
        let fits = pack.len() <= limits.set_max_listpack_entries
            && pack.iter().all(|member| member.len() <= limits.set_max_listpack_value);
        let mut set = Self(Repr::Packed(pack));
        if !fits {
            set.make_table(0, seed);
        }
        Some(set)
    }

    /// The intset of a set of integers, as a snapshot stores it.
    pub fn intset(&self) -> Option<&Intset> {
        match &self.0 {
            Repr::Ints(ints) => Some(ints),
            Repr::Packed(_) | Repr::Table(_) => None,
        }
    }

    /// The listpack of a small set, as a snapshot stores it.
    pub fn listpack(&self) -> Option<&Listpack> {
        match &self.0 {
            Repr::Packed(pack) => Some(pack),
            Repr::Ints(_) | Repr::Table(_) => None,
        }
    }

    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Ints(ints) => ints.len(),
            Repr::Packed(pack) => pack.len(),
            Repr::Table(table) => table.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Repr::Ints(ints) => ints.is_empty(),
            Repr::Packed(pack) => pack.is_empty(),
            Repr::Table(table) => table.is_empty(),
        }
    }

    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Repr::Ints(_) => "intset",
            Repr::Packed(_) => "listpack",
            Repr::Table(_) => "hashtable",
        }
    }

    /// Bytes allocated; an estimate from a few members for a table.
    pub fn memory(&self) -> usize {
        match &self.0 {
            Repr::Ints(ints) => ints.memory(),
            Repr::Packed(pack) => pack.memory(),
            Repr::Table(table) => {
                let blobs = sample::estimate(table.iter().map(Blob::memory), table.len());
                size_of::<Table<Blob>>() + table.memory() + blobs
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
            Repr::Ints(ints) => ints.prefetch(),
            Repr::Packed(pack) => pack.prefetch(),
            Repr::Table(table) => prefetch_ref(&**table),
        }
    }

    pub fn contains(&self, member: &[u8]) -> bool {
        match &self.0 {
            Repr::Ints(ints) => crate::num::parse_i64(member).is_some_and(|member| ints.contains(member)),
            Repr::Packed(pack) => find(pack, member).is_some(),
            Repr::Table(table) => table.contains(member),
        }
    }

    /// [`Set::contains`] for a member of another set; no text is made of an integer that is looked up in an intset.
    pub fn contains_entry(&self, member: Entry<'_>) -> bool {
        match &self.0 {
            Repr::Ints(ints) => member.as_int().is_some_and(|member| ints.contains(member)),
            _ => member.with_bytes(|member| self.contains(member)),
        }
    }

    /// Makes ready for `more` members: what will not fit a small encoding becomes a table at once.
    pub fn expect(&mut self, more: usize, limits: &Limits, seed: Seed) {
        let listpack = limits.set_max_listpack_entries;
        match &self.0 {
            Repr::Ints(ints) if more > most_ints(limits) => {
                if ints.is_empty() && more <= listpack {
                    self.0 = Repr::Packed(Listpack::new());
                } else {
                    self.make_table(more, seed);
                }
            }
            Repr::Packed(_) if more > listpack => {
                self.make_table(more, seed);
            }
            _ => {}
        }
    }

    /// Whether the member is new.
    #[inline]
    pub fn add(&mut self, member: &[u8], limits: &Limits, seed: Seed) -> bool {
        match &mut self.0 {
            Repr::Table(table) => add_to_table(table, member),
            Repr::Packed(pack) => add_to_pack(pack, member, limits).unwrap_or_else(|| {
                self.make_table(1, seed);
                self.add(member, limits, seed)
            }),
            Repr::Ints(_) => self.add_to_ints(member, limits, seed),
        }
    }

    fn add_to_ints(&mut self, member: &[u8], limits: &Limits, seed: Seed) -> bool {
        let Repr::Ints(ints) = &mut self.0 else { return false };
        if let Some(value) = crate::num::parse_i64(member) {
            let new = ints.add(value);
            if ints.len() > most_ints(limits) {
                self.make_table(0, seed);
            }
            return new;
        }
        if ints.len() < limits.set_max_listpack_entries && longest(ints) <= limits.set_max_listpack_value {
            self.0 = Repr::Packed(packed(ints));
        } else {
            self.make_table(1, seed);
        }
        self.add(member, limits, seed)
    }

    /// Whether the member was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match &mut self.0 {
            Repr::Ints(ints) => crate::num::parse_i64(member).is_some_and(|member| ints.remove(member)),
            Repr::Packed(pack) => match find(pack, member) {
                Some(pos) => {
                    pack.remove(pos);
                    true
                }
                None => false,
            },
            Repr::Table(table) => table.remove(member).is_some(),
        }
    }

    /// Every member; allocates nothing.
    pub fn iter(&self) -> Members<'_> {
        Members(match &self.0 {
            Repr::Ints(ints) => Walk::Ints(ints, 0),
            Repr::Packed(pack) => Walk::Packed(pack.iter()),
            Repr::Table(table) => Walk::Table(table.iter()),
        })
    }

    /// Calls `emit` with every member as bytes; allocates nothing.
    pub fn each(&self, emit: &mut dyn FnMut(&[u8])) {
        for member in self {
            member.with_bytes(&mut *emit);
        }
    }

    /// One step of SSCAN: the next cursor, 0 at the end. A small encoding is given whole.
    pub fn scan(&self, cursor: u64, emit: &mut dyn FnMut(Entry<'_>)) -> u64 {
        match &self.0 {
            Repr::Ints(_) | Repr::Packed(_) => {
                self.iter().for_each(emit);
                0
            }
            Repr::Table(table) => table.scan(cursor, &mut |blob| emit(Entry::Str(blob.as_bytes()))),
        }
    }

    /// A member, each as likely as any other.
    pub fn random(&self, rng: &mut fastrand::Rng) -> Option<Entry<'_>> {
        match &self.0 {
            Repr::Ints(ints) => ints.random(rng).map(Entry::Int),
            Repr::Packed(pack) if pack.is_empty() => None,
            Repr::Packed(pack) => pack.seek(rng.usize(..pack.len()) as i64).map(|pos| pack.get(pos)),
            Repr::Table(table) => table.random(rng).map(of_blob),
        }
    }

    /// `count` members, each drawn from all of them.
    pub fn draw(&self, count: usize, rng: &mut fastrand::Rng, emit: &mut dyn FnMut(Entry<'_>)) {
        match &self.0 {
            Repr::Packed(_) => {
                let members: Vec<_> = self.iter().collect();
                (0..count).filter_map(|_| rng.choice(&members)).for_each(|&member| emit(member));
            }
            _ => (0..count).filter_map(|_| self.random(rng)).for_each(emit),
        }
    }

    /// `count` different members, or all if there are fewer, in random order.
    pub fn distinct(&self, count: usize, rng: &mut fastrand::Rng) -> Vec<Entry<'_>> {
        match &self.0 {
            Repr::Ints(_) | Repr::Packed(_) => sample::choose(self.iter().collect(), count, rng),
            Repr::Table(table) => sample::distinct(table, count, rng).into_iter().map(of_blob).collect(),
        }
    }

    /// Makes an intset of a set whose members are all integers, if it may hold that many.
    pub fn shrink_to_ints(&mut self, limits: &Limits) {
        if matches!(self.0, Repr::Ints(_)) || self.len() > most_ints(limits) {
            return;
        }
        let mut ints = Intset::new();
        for member in self.iter() {
            match member.as_int() {
                Some(value) => ints.add(value),
                None => return,
            };
        }
        self.0 = Repr::Ints(ints);
    }

    /// Turns the set into a table with room for `more` members.
    fn make_table(&mut self, more: usize, seed: Seed) {
        let mut table = Box::new(Table::new(seed));
        table.reserve(self.len() + more);
        self.each(&mut |member| {
            table.insert(Blob::new(member));
        });
        self.0 = Repr::Table(table);
    }
}

fn find(pack: &Listpack, member: &[u8]) -> Option<Pos> {
    pack.find(pack.first()?, member, 0)
}

/// Digits and sign of the longest member.
fn longest(ints: &Intset) -> usize {
    let length = |value: Option<i64>| value.map_or(0, |value| Entry::Int(value).len());
    length(ints.min()).max(length(ints.max()))
}

fn packed(ints: &Intset) -> Listpack {
    let mut pack = Listpack::new();
    ints.iter().for_each(|value| pack.push_back_entry(Entry::Int(value)));
    pack
}

fn add_to_table(table: &mut Table<Blob>, member: &[u8]) -> bool {
    match table.entry(member) {
        Slot::Occupied(_) => false,
        Slot::Vacant(slot) => {
            slot.insert(Blob::new(member));
            true
        }
    }
}

/// None, with nothing done, if the member is new and does not fit a listpack.
fn add_to_pack(pack: &mut Listpack, member: &[u8], limits: &Limits) -> Option<bool> {
    if find(pack, member).is_some() {
        return Some(false);
    }
    let fits = pack.len() < limits.set_max_listpack_entries
        && member.len() <= limits.set_max_listpack_value
        && pack.fits(member.len());
    fits.then(|| {
        pack.push_back(member);
        true
    })
}

fn of_blob(blob: &Blob) -> Entry<'_> {
    Entry::Str(blob.as_bytes())
}

impl Default for Set {
    fn default() -> Self {
        Self::new()
    }
}

/// The members of a set.
pub struct Members<'a>(Walk<'a>);

enum Walk<'a> {
    Ints(&'a Intset, usize),
    Packed(listpack::Iter<'a>),
    Table(table::Iter<'a, Blob>),
}

impl<'a> Iterator for Members<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        match &mut self.0 {
            Walk::Ints(ints, at) => {
                *at += 1;
                ints.get(*at - 1).map(Entry::Int)
            }
            Walk::Packed(walk) => walk.next(),
            Walk::Table(walk) => walk.next().map(of_blob),
        }
    }
}

impl<'a> IntoIterator for &'a Set {
    type Item = Entry<'a>;
    type IntoIter = Members<'a>;

    fn into_iter(self) -> Members<'a> {
        self.iter()
    }
}
