//! Making whole sorted sets: from members in order, from a listpack of a file, with room ahead.

use std::cmp::Ordering;

use super::growth::SCORE_ROOM;
use super::pairs::{self, Pairs};
use super::{Form, Growth, ZSet};
use crate::encoding::listpack::Entry;
use crate::encoding::{Listpack, SortedMembers};
use crate::keyspace::are_distinct;

impl ZSet {
    /// Makes an empty set ready for `members`, the longest of this length; others stay as they are.
    pub fn expect(&mut self, members: usize, longest: usize, growth: &Growth) {
        if !growth.allows(members, longest) && self.is_empty() {
            self.enlarge(growth, members);
        }
    }

    /// An empty set takes all `members` at once, if they fit the small encoding and none comes twice. False: nothing was done.
    pub fn fill(&mut self, members: &mut [(f64, &[u8])], growth: &Growth) -> bool {
        let longest = members.iter().map(|(_, member)| member.len()).max().unwrap_or_default();
        let Form::Small(pairs) = &mut self.0 else { return false };
        let bytes = members.len().saturating_mul(longest.saturating_add(SCORE_ROOM));
        let fits = growth.allows(members.len(), longest) && pairs.listpack().fits(bytes);
        if !fits || !pairs.is_empty() || !are_distinct(members.iter().map(|(_, member)| *member)) {
            return false;
        }
        members.sort_unstable_by(|left, right| {
            left.0.partial_cmp(&right.0).unwrap_or(Ordering::Equal).then_with(|| left.1.cmp(right.1))
        });
        pairs.fill(members);
        true
    }

    /// Collects members that come in order and only once.
    pub fn from_sorted<'a>(members: impl Iterator<Item = (Entry<'a>, f64)>, growth: &Growth) -> Self {
        let mut zset = Self::new();
        zset.expect(members.size_hint().0, 0, growth);
        for (member, score) in members {
            zset.append(member, score, growth);
        }
        zset
    }

    fn append(&mut self, member: Entry<'_>, score: f64, growth: &Growth) {
        let big = match &mut self.0 {
            Form::Small(pairs) if growth.admits(pairs, member.len()) => {
                return pairs.push_back(member, score);
            }
            Form::Small(_) => self.enlarge(growth, 1),
            Form::Big(big) => big,
        };
        member.with_bytes(|member| big.insert(score, member));
    }

    /// Takes a listpack from a file: members and scores in turn, any order. None if it is not that.
    pub fn from_listpack(pack: Listpack, growth: &Growth) -> Option<Self> {
        let order = pairs::check(&pack)?;
        if order.is_lt() && growth.allows_listpack(&pack) {
            return Some(Self(Form::Small(Pairs::of(pack))));
        }
        let count = pack.len() / 2;
        let mut big = SortedMembers::new(growth.seed, &mut fastrand::Rng::new());
        big.reserve(count);
        for (member, score) in Pairs::of(pack).iter() {
            member.with_bytes(|member| big.insert(score, member));
        }
        if big.len() != count {
            return None;
        }
        let members = big.order().iter().map(|spot| (Entry::parse(spot.member()), spot.score()));
        let small =
            growth.allows(count, big.order().iter().map(|spot| spot.member().len()).max().unwrap_or(0));
        Some(if small { Self::from_sorted(members, growth) } else { Self(Form::Big(Box::new(big))) })
    }
}
