//! Lists: one listpack while short, a quicklist beyond that, and back again once half empty, as in Redis 7.2.
//!
//! Every growing call takes the [`Fill`] of the live limits; a call that removes is followed by [`List::shrink`],
//! once for all it removed. INVARIANT: a quicklist keeps the fill it was made with, as Redis's does.

use super::Limits;
use crate::encoding::listpack::{self, Entry};
use crate::encoding::quicklist::{self, Fill};
use crate::encoding::{Listpack, Quicklist, Side, prefetch_ref};

pub use crate::encoding::quicklist::View as Node;

/// An end of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Front,
    Back,
}

#[derive(Clone, Default)]
pub struct List(Form);

#[derive(Clone)]
enum Form {
    Packed(Listpack),
    Quick(Box<Quicklist>),
}

impl Default for Form {
    fn default() -> Self {
        Self::Packed(Listpack::new())
    }
}

impl Limits {
    /// How long one listpack of a list may get.
    pub fn list_fill(&self) -> Fill {
        Fill::from_setting(self.list_max_listpack_size)
    }
}

impl List {
    pub fn new() -> Self {
        Self::default()
    }

    #[inline]
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Packed(pack) => pack.len(),
            Form::Quick(list) => list.len(),
        }
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Form::Packed(pack) => pack.is_empty(),
            Form::Quick(list) => list.is_empty(),
        }
    }

    pub fn encoding(&self) -> &'static str {
        match self.0 {
            Form::Packed(_) => "listpack",
            Form::Quick(_) => "quicklist",
        }
    }

    pub fn memory(&self) -> usize {
        match &self.0 {
            Form::Packed(pack) => pack.memory(),
            Form::Quick(list) => size_of::<Quicklist>() + list.memory(),
        }
    }

    #[inline]
    pub(super) fn prefetch(&self) {
        match &self.0 {
            Form::Packed(pack) => pack.prefetch(),
            Form::Quick(list) => prefetch_ref(&**list),
        }
    }

    /// Adds the values one after the other, so that the last one stands outermost.
    pub fn push(&mut self, end: End, values: &[&[u8]], fill: Fill) {
        if let Form::Packed(_) = self.0 {
            self.grow(values.iter().map(|value| value.len()).sum(), values.len(), fill);
        }
        match &mut self.0 {
            Form::Packed(pack) => match end {
                End::Front => values.iter().for_each(|value| pack.push_front(value)),
                End::Back => pack.extend(values),
            },
            Form::Quick(list) => match end {
                End::Front => values.iter().for_each(|value| list.push_front(value)),
                End::Back => values.iter().for_each(|value| list.push_back(value)),
            },
        }
    }

    /// Becomes a quicklist if a listpack would outgrow `fill` by `count` values of `bytes` bytes together.
    fn grow(&mut self, bytes: usize, count: usize, fill: Fill) {
        if let Form::Packed(pack) = &mut self.0
            && fill.exceeded(pack.bytes().saturating_add(bytes), pack.len() + count)
        {
            let pack = std::mem::take(pack);
            self.0 = Form::Quick(Box::new(Quicklist::from_listpack(pack, fill)));
        }
    }

    /// Becomes a listpack again if all that is left is one of at most half the size of `limits`.
    pub fn shrink(&mut self, limits: &Limits) {
        self.pack_within(limits, 2);
    }

    /// Becomes a listpack if it is one node of at most `1 / share` of the size of `limits`.
    fn pack_within(&mut self, limits: &Limits, share: usize) {
        let Form::Quick(list) = &mut self.0 else { return };
        let Some(pack) = list.single_packed() else { return };
        let fill = limits.list_fill();
        let fits = match limits.list_max_listpack_size {
            0.. => pack.len() <= fill.count() / share,
            _ => pack.bytes() <= fill.bytes() / share,
        };
        if fits && let Some(pack) = list.take_single_packed() {
            self.0 = Form::Packed(pack);
        }
    }

    /// Takes the nodes of a snapshot; None if there is nothing in them.
    pub fn from_nodes(nodes: Quicklist, limits: &Limits) -> Option<Self> {
        let mut list = Self(Form::Quick(Box::new(nodes)));
        list.pack_within(limits, 1);
        (!list.is_empty()).then_some(list)
    }

    /// The nodes in order, as a snapshot stores them.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        let (one, many) = match &self.0 {
            Form::Packed(pack) => (Some(Node::Packed(pack)), None),
            Form::Quick(list) => (None, Some(list.nodes())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    /// Lets `take` read the value at an end, then removes it.
    pub fn pop<R>(&mut self, end: End, take: impl FnOnce(Entry<'_>) -> R) -> Option<R> {
        match &mut self.0 {
            Form::Packed(pack) => {
                let pos = match end {
                    End::Front => pack.first()?,
                    End::Back => pack.last()?,
                };
                let taken = take(pack.get(pos));
                pack.remove(pos);
                Some(taken)
            }
            Form::Quick(list) => match end {
                End::Front => list.pop_front(take),
                End::Back => list.pop_back(take),
            },
        }
    }

    /// The value number `index`; negative numbers count from the end, -1 the last.
    pub fn get(&self, index: i64) -> Option<Entry<'_>> {
        match &self.0 {
            Form::Packed(pack) => pack.seek(index).map(|pos| pack.get(pos)),
            Form::Quick(list) => list.get(index),
        }
    }

    /// Replaces the value number `index` (negative: from the end); returns whether there is one.
    pub fn set(&mut self, index: i64, value: &[u8], fill: Fill) -> bool {
        if let Form::Packed(pack) = &mut self.0 {
            if pack.seek(index).is_none() {
                return false;
            }
            self.grow(value.len(), 1, fill);
        }
        match &mut self.0 {
            Form::Packed(pack) => pack.seek(index).map(|pos| pack.replace(pos, value)).is_some(),
            Form::Quick(list) => list.set(index, value),
        }
    }

    /// Puts `value` beside the first value that reads as `pivot`; returns whether there is one.
    pub fn insert_beside(&mut self, pivot: &[u8], value: &[u8], side: Side, fill: Fill) -> bool {
        if let Form::Packed(pack) = &self.0 {
            if pack.first().and_then(|first| pack.find(first, pivot, 0)).is_none() {
                return false;
            }
            self.grow(value.len(), 1, fill);
        }
        match &mut self.0 {
            Form::Packed(pack) => {
                let found = pack.first().and_then(|first| pack.find(first, pivot, 0));
                let put = found.map(|pos| match side {
                    Side::Before => pack.insert_before(pos, value),
                    Side::After => pack.insert_after(pos, value),
                });
                put.is_some()
            }
            Form::Quick(list) => list.insert_beside(pivot, value, side),
        }
    }

    /// Removes values that read as `value`: the first `count`, the last `-count`, or all for 0; returns how many.
    pub fn remove_matches(&mut self, count: i64, value: &[u8]) -> usize {
        match &mut self.0 {
            Form::Packed(pack) => {
                let limit = match usize::try_from(count.unsigned_abs()) {
                    Ok(limit) if limit > 0 => limit,
                    _ => usize::MAX,
                };
                if count < 0 { remove_last(pack, limit, value) } else { remove_first(pack, limit, value) }
            }
            Form::Quick(list) => list.remove_matches(count, value),
        }
    }

    /// Removes up to `count` values from number `start` on.
    pub fn remove_range(&mut self, start: usize, count: usize) -> usize {
        match &mut self.0 {
            Form::Packed(pack) => pack.remove_range(start as i64, count),
            Form::Quick(list) => list.remove_range(start, count),
        }
    }

    /// The values from number `start` to the end.
    pub fn iter_from(&self, start: usize) -> Iter<'_> {
        match &self.0 {
            Form::Packed(pack) => match pack.seek(start as i64) {
                Some(pos) => Iter::Packed(pack.iter_from(pos)),
                None => Iter::Empty,
            },
            Form::Quick(list) => Iter::Quick(list.iter_from(start)),
        }
    }

    /// The values from number `start` back to the first.
    pub fn iter_back_from(&self, start: usize) -> Iter<'_> {
        match &self.0 {
            Form::Packed(pack) => match pack.seek(start as i64) {
                Some(pos) => Iter::PackedBack(pack.iter_through(pos)),
                None => Iter::Empty,
            },
            Form::Quick(list) => Iter::QuickBack(list.iter_back_from(start)),
        }
    }

    pub fn iter(&self) -> Iter<'_> {
        self.iter_from(0)
    }
}

fn remove_first(pack: &mut Listpack, limit: usize, value: &[u8]) -> usize {
    let (mut gone, mut next) = (0, pack.first());
    while gone < limit
        && let Some(pos) = next.and_then(|from| pack.find(from, value, 0))
    {
        next = pack.remove(pos);
        gone += 1;
    }
    gone
}

fn remove_last(pack: &mut Listpack, limit: usize, value: &[u8]) -> usize {
    let (mut gone, mut next) = (0, pack.last());
    while gone < limit
        && let Some(pos) = next
    {
        next = pack.prev(pos);
        if pack.get(pos).equals(value) {
            pack.remove(pos);
            gone += 1;
        }
    }
    gone
}

/// A walk over a list in either direction.
pub enum Iter<'a> {
    Empty,
    Packed(listpack::Iter<'a>),
    PackedBack(listpack::Iter<'a>),
    Quick(quicklist::Iter<'a>),
    QuickBack(quicklist::IterBack<'a>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        match self {
            Self::Empty => None,
            Self::Packed(iter) => iter.next(),
            Self::PackedBack(iter) => iter.next_back(),
            Self::Quick(iter) => iter.next(),
            Self::QuickBack(iter) => iter.next(),
        }
    }
}

impl<'a> IntoIterator for &'a List {
    type Item = Entry<'a>;
    type IntoIter = Iter<'a>;
    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn of_six() -> Limits {
        Limits { list_max_listpack_size: 6, ..Limits::default() }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Push(bool, Vec<Vec<u8>>),
        Pop(bool),
        Set(i64, Vec<u8>),
        Insert(Vec<u8>, Vec<u8>, bool),
        Remove(i64, Vec<u8>),
        Cut(usize, usize),
    }

    fn value() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            4 => prop::sample::select(vec![&b"a"[..], b"b", b"7", b"-12", b"007"]).prop_map(<[u8]>::to_vec),
            1 => (0usize..9000).prop_map(|len| vec![b'x'; len]),
        ]
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (any::<bool>(), vec(value(), 1..5)).prop_map(|(front, values)| Step::Push(front, values)),
            any::<bool>().prop_map(Step::Pop),
            (-8i64..8, value()).prop_map(|(at, value)| Step::Set(at, value)),
            (value(), value(), any::<bool>())
                .prop_map(|(pivot, value, before)| Step::Insert(pivot, value, before)),
            (-3i64..3, value()).prop_map(|(count, value)| Step::Remove(count, value)),
            (0usize..9, 0usize..9).prop_map(|(start, count)| Step::Cut(start, count)),
        ]
    }

    fn end(front: bool) -> End {
        if front { End::Front } else { End::Back }
    }

    fn place(model: &[Vec<u8>], index: i64) -> Option<usize> {
        let at = if index < 0 { index + model.len() as i64 } else { index };
        usize::try_from(at).ok().filter(|&at| at < model.len())
    }

    fn remove(model: &mut Vec<Vec<u8>>, count: i64, value: &[u8]) -> usize {
        let mut hits: Vec<usize> = (0..model.len()).filter(|&at| model[at] == value).collect();
        if count < 0 {
            hits.reverse();
        }
        let most = if count == 0 { usize::MAX } else { count.unsigned_abs() as usize };
        hits.truncate(most);
        hits.sort_unstable();
        hits.iter().rev().for_each(|&at| drop(model.remove(at)));
        hits.len()
    }

    /// Runs one step on both; whether they answered the same.
    fn run(list: &mut List, model: &mut Vec<Vec<u8>>, step: Step, limits: &Limits) -> bool {
        let fill = limits.list_fill();
        match step {
            Step::Push(front, values) => {
                let slices: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
                list.push(end(front), &slices, fill);
                for value in &values {
                    model.insert(if front { 0 } else { model.len() }, value.clone());
                }
                true
            }
            Step::Pop(front) => {
                let own = (!model.is_empty()).then(|| model.remove(if front { 0 } else { model.len() - 1 }));
                let popped = list.pop(end(front), |entry| entry.to_vec());
                list.shrink(limits);
                popped == own
            }
            Step::Set(at, value) => {
                let own = place(model, at).map(|at| model[at] = value.clone()).is_some();
                list.set(at, &value, fill) == own
            }
            Step::Insert(pivot, value, before) => {
                let at = model.iter().position(|own| *own == pivot);
                if let Some(at) = at {
                    model.insert(if before { at } else { at + 1 }, value.clone());
                }
                let side = if before { Side::Before } else { Side::After };
                list.insert_beside(&pivot, &value, side, fill) == at.is_some()
            }
            Step::Remove(count, value) => {
                let gone = list.remove_matches(count, &value);
                list.shrink(limits);
                gone == remove(model, count, &value)
            }
            Step::Cut(start, count) => {
                let end = (start + count).min(model.len());
                let own = model.drain(start.min(end)..end).count();
                let gone = list.remove_range(start, count);
                list.shrink(limits);
                gone == own
            }
        }
    }

    proptest! {
        #[test]
        fn a_list_is_a_vector_of_values(steps in vec(step(), 0..40), counted in any::<bool>()) {
            let limits = if counted { of_six() } else { Limits::default() };
            let (mut list, mut model) = (List::new(), Vec::new());
            for step in steps {
                prop_assert!(run(&mut list, &mut model, step, &limits));
                prop_assert_eq!(list.len(), model.len());
                prop_assert!(list.iter().map(|entry| entry.to_vec()).eq(model.iter().cloned()));
                if let Some(last) = model.len().checked_sub(1) {
                    prop_assert!(list.iter_back_from(last).map(|entry| entry.to_vec()).eq(model.iter().rev().cloned()));
                }
            }
        }
    }

    #[test]
    fn grows_into_a_quicklist_and_back_below_half() {
        let mut list = List::new();
        let fill = of_six().list_fill();
        list.push(End::Back, &[b"1", b"2", b"3", b"4", b"5", b"6"], fill);
        assert_eq!(list.encoding(), "listpack");
        list.push(End::Back, &[b"7"], fill);
        assert_eq!(list.encoding(), "quicklist");
        list.remove_range(0, 3);
        list.shrink(&of_six());
        assert_eq!(list.encoding(), "quicklist");
        list.remove_range(0, 1);
        list.shrink(&of_six());
        assert_eq!(list.encoding(), "listpack");
        assert!(list.iter().map(|entry| entry.to_vec()).eq([b"5", b"6", b"7"].map(|value| value.to_vec())));
    }

    #[test]
    fn a_failed_change_converts_nothing() {
        let mut list = List::new();
        let (fill, big) = (Limits::default().list_fill(), vec![b'x'; 10_000]);
        list.push(End::Back, &[b"a"], fill);
        assert!(!list.set(5, &big, fill));
        assert!(!list.insert_beside(b"nobody", &big, Side::After, fill));
        assert_eq!(list.encoding(), "listpack");
        assert!(list.set(0, &big, fill));
        assert_eq!(list.encoding(), "quicklist");
    }

    #[test]
    fn nodes_of_a_snapshot_come_back() {
        for count in [1usize, 6, 7, 40] {
            let mut list = List::new();
            let values: Vec<Vec<u8>> = (0..count).map(|number| vec![b'v'; number * 700]).collect();
            list.push(End::Back, &values.iter().map(Vec::as_slice).collect::<Vec<_>>(), of_six().list_fill());
            let mut nodes = Quicklist::new(of_six().list_fill());
            for node in list.nodes() {
                match node {
                    Node::Packed(pack) => nodes.append_packed(pack.clone()),
                    Node::Plain(value) => nodes.append_plain(value),
                }
            }
            let back = List::from_nodes(nodes, &of_six()).unwrap();
            assert_eq!((back.encoding(), back.len()), (list.encoding(), list.len()));
            assert!(back.iter().eq(list.iter()));
        }
        assert!(List::from_nodes(Quicklist::new(of_six().list_fill()), &of_six()).is_none());
    }

    #[test]
    fn the_handle_stays_small() {
        assert!(size_of::<crate::keyspace::Object>() <= 24);
        assert_eq!(size_of::<List>(), 16);
    }
}
