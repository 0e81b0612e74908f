//! The small encoding: member, score, member, score … in one listpack, in order.
//!
//! INVARIANT: an even number of entries, strictly rising by (score, member bytes). Scores are the shortest text that
//! reads back to the same double, so integral ones become listpack integers.

use std::cmp::Ordering;
use std::ops::Range;

use smallvec::SmallVec;

use super::Walk;
use crate::encoding::listpack::{Digits, Entry};
use crate::encoding::{Listpack, Pos};
use crate::keyspace::are_distinct_entries;
use crate::num::{self, Buf};

#[derive(Clone)]
pub(super) struct Pairs(Listpack);

/// The score that an entry of a listpack holds.
pub(super) fn score_of(entry: Entry<'_>) -> f64 {
    match entry {
        Entry::Int(score) => score as f64,
        Entry::Str(text) => num::parse_f64(text).unwrap_or_default(),
    }
}

/// The order of two members with their scores, none of them NaN.
fn order(left: (f64, Entry<'_>), right: (f64, Entry<'_>)) -> Ordering {
    let bytes = || left.1.as_bytes(&mut Digits::default()).cmp(right.1.as_bytes(&mut Digits::default()));
    left.0.partial_cmp(&right.0).unwrap_or(Ordering::Equal).then_with(bytes)
}

/// Whether `pack` holds pairs, no member twice: `Less` if they are in order, `Greater` if not; None if it does not.
pub(super) fn check(pack: &Listpack) -> Option<Ordering> {
    let (mut entries, mut before, mut rising) = (pack.iter(), None::<(f64, Entry<'_>)>, Ordering::Less);
    while let Some(member) = entries.next() {
        let score = match entries.next()? {
            Entry::Int(score) => score as f64,
            Entry::Str(text) => num::parse_f64(text)?,
        };
        if before.is_some_and(|before| order(before, (score, member)).is_ge()) {
            rising = Ordering::Greater;
        }
        before = Some((score, member));
    }
    (!pack.is_empty() && are_distinct_entries(pack.iter().step_by(2))).then_some(rising)
}

impl Pairs {
    pub(super) fn new() -> Self {
        Self(Listpack::new())
    }

    /// Trusts that `pack` holds pairs.
    pub(super) const fn of(pack: Listpack) -> Self {
        Self(pack)
    }

    pub(super) const fn listpack(&self) -> &Listpack {
        &self.0
    }

    pub(super) fn len(&self) -> usize {
        self.0.len() / 2
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> Walk<'_> {
        Walk::over_pairs(&self.0, 0..self.len(), false)
    }

    /// Where `member` is.
    pub(super) fn find(&self, member: &[u8]) -> Option<Pos> {
        self.0.find(self.0.first()?, member, 1)
    }

    /// The score of the member at `at`.
    pub(super) fn score(&self, at: Pos) -> f64 {
        self.0.next(at).map_or(0.0, |score| score_of(self.0.get(score)))
    }

    pub(super) fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let found = self.iter().enumerate().find(|(_, (own, _))| own.equals(member))?;
        Some((found.0, found.1.1))
    }

    /// The ranks from the first pair that `starts`, for as long as the pairs go `on`.
    pub(super) fn span(
        &self,
        starts: impl Fn(Entry<'_>, f64) -> bool,
        on: impl Fn(Entry<'_>, f64) -> bool,
    ) -> Range<usize> {
        let mut pairs = self.iter().enumerate().skip_while(|(_, (member, score))| !starts(*member, *score));
        let Some((start, (member, score))) = pairs.next() else { return 0..0 };
        if !on(member, score) {
            return start..start;
        }
        start..start + 1 + pairs.take_while(|(_, (member, score))| on(*member, *score)).count()
    }

    /// Adds a member that comes behind all others.
    pub(super) fn push_back(&mut self, member: Entry<'_>, score: f64) {
        // Bytes from a skip list may spell an integer.
        let member = if let Entry::Str(bytes) = member { Entry::parse(bytes) } else { member };
        self.put(None, member, score);
    }

    fn put(&mut self, before: Option<Pos>, member: Entry<'_>, score: f64) {
        let mut text = Buf::new();
        self.0.insert_pair(before, member, Entry::parse(num::fmt_f64_shortest(score, &mut text)));
    }

    /// Fills an empty set with members that come in order and only once.
    pub(super) fn fill(&mut self, members: &[(f64, &[u8])]) {
        let mut texts: SmallVec<[Buf; 16]> = SmallVec::new();
        texts.resize_with(members.len(), Buf::new);
        let entries: SmallVec<[&[u8]; 32]> = members
            .iter()
            .zip(&mut texts)
            .flat_map(|((score, member), text)| [*member, num::fmt_f64_shortest(*score, text)])
            .collect();
        self.0.extend(&entries);
    }

    /// Adds a member that is not there.
    pub(super) fn insert(&mut self, member: &[u8], score: f64) {
        self.put(self.place(member, score), Entry::parse(member), score);
    }

    /// The first member that comes after this one; None if all come before.
    fn place(&self, member: &[u8], score: f64) -> Option<Pos> {
        let last = self.0.last()?;
        if self.comes_before(self.0.prev(last)?, last, member, score) {
            return None;
        }
        let mut at = self.0.first()?;
        loop {
            let own = self.0.next(at)?;
            if !self.comes_before(at, own, member, score) {
                return Some(at);
            }
            at = self.0.next(own)?;
        }
    }

    /// Whether the pair at these places comes before (score, member).
    fn comes_before(&self, member_at: Pos, score_at: Pos, member: &[u8], score: f64) -> bool {
        let own = self.0.get(score_at);
        let glance = if let Entry::Str(text) = own { num::glance(text, score) } else { None };
        match glance.or_else(|| score_of(own).partial_cmp(&score)) {
            Some(Ordering::Equal) => self.0.get(member_at).as_bytes(&mut Digits::default()) < member,
            order => order == Some(Ordering::Less),
        }
    }

    /// Gives the member at `at` another score.
    pub(super) fn rescore(&mut self, at: Pos, member: &[u8], score: f64) {
        match self.0.next(at) {
            Some(own) if self.stays(at, own, member, score) => {
                self.0.replace(own, num::fmt_f64_shortest(score, &mut Buf::new()));
            }
            _ => {
                self.0.remove_at(at, 2);
                self.insert(member, score);
            }
        }
    }

    /// Whether the pair at these places is still between its neighbours with another score.
    fn stays(&self, member_at: Pos, score_at: Pos, member: &[u8], score: f64) -> bool {
        let left = self.0.prev(member_at).and_then(|own| Some((self.0.prev(own)?, own)));
        let right = self.0.next(score_at).and_then(|other| Some((other, self.0.next(other)?)));
        left.is_none_or(|(other, own)| self.comes_before(other, own, member, score))
            && right.is_none_or(|(other, own)| !self.comes_before(other, own, member, score))
    }

    pub(super) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let at = self.find(member)?;
        let score = self.score(at);
        self.0.remove_at(at, 2);
        Some(score)
    }

    pub(super) fn remove_ranks(&mut self, ranks: Range<usize>) -> usize {
        self.0.remove_range((ranks.start as i64).saturating_mul(2), ranks.len().saturating_mul(2)) / 2
    }
}
