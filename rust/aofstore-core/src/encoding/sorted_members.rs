//! The big sorted set: every member found by its bytes and by its place in the order.
//!
//! The big encoding of sorted sets. The nodes of the order own the bytes; the table only points to them.
//! INVARIANT: table and order hold the same nodes, so a node leaves the table before it is freed.
#![expect(unsafe_code, reason = "the table's elements are pointers into the order")]

use super::skiplist::{NodePtr, Skiplist, Spot};
use super::table::{Element, Entry, Seed, Table};

/// Points from the table to a node of the order. Never leaves this file.
struct Member(NodePtr);

impl Element for Member {
    #[inline]
    fn key(&self) -> &[u8] {
        self.0.member()
    }
}

/// Members with scores.
pub struct SortedMembers {
    table: Table<Member>,
    order: Skiplist,
}

/// What [`SortedMembers::update`] found and did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Update {
    /// The score before, if the member was there.
    pub old: Option<f64>,
    /// The score given, unless it was declined.
    pub new: Option<f64>,
}

impl SortedMembers {
    pub fn new(seed: Seed, rng: &mut fastrand::Rng) -> Self {
        Self { table: Table::new(seed), order: Skiplist::new(rng) }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The members in order: everything that reads by rank, score or bytes.
    pub fn order(&self) -> &Skiplist {
        &self.order
    }

    #[inline]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.table.get(member).map(|found| found.0.score())
    }

    pub fn contains(&self, member: &[u8]) -> bool {
        self.table.contains(member)
    }

    /// How many members come before this one, if it is there.
    pub fn rank(&self, member: &[u8]) -> Option<usize> {
        self.score(member).map(|score| self.order.rank(score, member))
    }

    /// Adds a member or gives it another score; returns the score before. NaN must be refused earlier.
    pub fn insert(&mut self, score: f64, member: &[u8]) -> Option<f64> {
        self.update(member, |_| Some(score)).old
    }

    /// Lets `decide` choose the score from the one before, with one lookup; `None` leaves all as it is.
    pub fn update(&mut self, member: &[u8], decide: impl FnOnce(Option<f64>) -> Option<f64>) -> Update {
        match self.table.entry(member) {
            Entry::Occupied(found) => {
                let node = found.get().0;
                let old = node.score();
                let new = decide(Some(old));
                if let Some(score) = new {
                    self.order.rescore(node, score);
                }
                Update { old: Some(old), new }
            }
            Entry::Vacant(place) => {
                let new = decide(None);
                if let Some(score) = new {
                    place.insert(Member(self.order.insert_node(score, member)));
                }
                Update { old: None, new }
            }
        }
    }

    /// Removes a member; returns its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let Member(node) = self.table.remove(member)?;
        let score = node.score();
        // SAFETY: the table's copy is gone, and this one ends here.
        unsafe { self.order.remove_node(node) };
        Some(score)
    }

    /// Removes up to `count` members from rank `start` on; `each` sees every one. Returns how many went.
    pub fn remove_range_by_rank(
        &mut self,
        start: usize,
        count: usize,
        each: &mut dyn FnMut(f64, &[u8]),
    ) -> usize {
        let Self { table, order } = self;
        order.remove_range_by_rank(start, count, &mut |score, member| {
            table.remove(member);
            each(score, member);
        })
    }

    pub fn clear(&mut self) {
        self.table.clear();
        self.order.clear();
    }

    /// One step of a scan as [`Table::scan`] does it, in no order.
    pub fn scan(&self, cursor: u64, emit: &mut dyn FnMut(f64, &[u8])) -> u64 {
        self.table.scan(cursor, &mut |found| emit(found.0.score(), found.0.member()))
    }

    /// A member, each with the same chance.
    pub fn random(&self, rng: &mut fastrand::Rng) -> Option<Spot<'_>> {
        (!self.is_empty()).then(|| rng.usize(..self.len())).and_then(|rank| self.order.by_rank(rank))
    }

    /// Makes the lookup of an empty set as large as `len` members want it.
    pub fn reserve(&mut self, len: usize) {
        self.table.reserve(len);
    }

    /// Moves some buckets of the lookup, if it is being resized; returns whether there is more to do.
    pub fn rehash_step(&mut self, buckets: usize) -> bool {
        self.table.rehash_step(buckets)
    }

    pub fn is_rehashing(&self) -> bool {
        self.table.is_rehashing()
    }

    /// Off while a forked child shares the memory.
    pub fn set_resize_allowed(&mut self, allowed: bool) {
        self.table.set_resize_allowed(allowed);
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        self.table.memory() + self.order.memory()
    }

    /// An independent copy.
    #[must_use]
    pub fn copy(&self, seed: Seed, rng: &mut fastrand::Rng) -> Self {
        let mut copy = Self::new(seed, rng);
        copy.reserve(self.len());
        for spot in &self.order {
            copy.insert(spot.score(), spot.member());
        }
        copy
    }
}

impl std::fmt::Debug for SortedMembers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.order.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn empty() -> SortedMembers {
        SortedMembers::new(Seed::fixed(1, 2), &mut fastrand::Rng::with_seed(3))
    }

    fn scan_all(set: &SortedMembers) -> BTreeMap<Vec<u8>, f64> {
        let (mut seen, mut cursor) = (BTreeMap::new(), 0);
        loop {
            cursor = set.scan(cursor, &mut |score, member| _ = seen.insert(member.to_vec(), score));
            if cursor == 0 {
                return seen;
            }
        }
    }

    #[test]
    fn update_lets_the_caller_decline() {
        let mut set = empty();
        assert_eq!(set.update(b"a", |old| old), Update { old: None, new: None });
        assert_eq!(set.len(), 0);
        assert_eq!(set.insert(1.0, b"a"), None);
        assert_eq!(set.update(b"a", |old| old.map(|s| s + 4.0)), Update { old: Some(1.0), new: Some(5.0) });
        assert_eq!(set.update(b"a", |_| None), Update { old: Some(5.0), new: None });
        assert_eq!((set.score(b"a"), set.rank(b"a")), (Some(5.0), Some(0)));
        assert_eq!((set.score(b"b"), set.rank(b"b")), (None, None));
    }

    #[test]
    fn table_and_order_agree_through_growth_and_shrinking() {
        let (mut set, mut rng) = (empty(), fastrand::Rng::with_seed(5));
        let start = set.memory();
        for n in 0..5000 {
            set.insert(f64::from(n % 97), format!("member:{n}").as_bytes());
        }
        assert!(set.random(&mut rng).is_some());
        assert_eq!(scan_all(&set).len(), 5000);
        let mut gone = BTreeSet::new();
        assert_eq!(set.remove_range_by_rank(100, 4800, &mut |_, m| _ = gone.insert(m.to_vec())), 4800);
        assert!(gone.iter().all(|member| !set.contains(member)));
        assert_eq!(scan_all(&set).len(), 200);
        let copy = set.copy(Seed::fixed(8, 9), &mut rng);
        set.clear();
        assert!(set.is_empty() && set.memory() <= start);
        assert_eq!(copy.len(), 200);
    }

    #[test]
    fn sorted_members_can_move_between_threads() {
        fn assert_send<T: Send + Sync>() {}
        assert_send::<SortedMembers>();
        assert_send::<crate::encoding::Listpack>();
        assert_send::<crate::encoding::Intset>();
        assert_send::<crate::encoding::Quicklist>();
    }

    proptest! {
        #[test]
        fn sorted_members_behave_as_a_map(
            steps in vec((0u8..5, vec(97u8..102, 0..3), (-3i8..3).prop_map(f64::from)), 0..150),
        ) {
            let (mut set, mut model) = (empty(), BTreeMap::<Vec<u8>, f64>::new());
            for (kind, member, score) in steps {
                if kind == 0 {
                    prop_assert_eq!(set.remove(&member), model.remove(&member));
                } else {
                    prop_assert_eq!(set.insert(score, &member), model.insert(member.clone(), score));
                }
                prop_assert_eq!(set.score(&member), model.get(&member).copied());
                prop_assert_eq!(set.len(), model.len());
            }
            let mut sorted: Vec<_> = model.iter().map(|(m, s)| (*s, m.clone())).collect();
            sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
            for (rank, (_, member)) in sorted.iter().enumerate() {
                prop_assert_eq!(set.rank(member), Some(rank));
            }
            prop_assert!(set.order().iter().map(|s| (s.score(), s.member().to_vec())).eq(sorted));
            prop_assert_eq!(scan_all(&set), model);
        }
    }
}
