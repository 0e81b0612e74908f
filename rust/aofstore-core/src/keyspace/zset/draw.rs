//! Random members, each as likely as any other.

use std::collections::HashSet;

use super::ZSet;
use crate::encoding::listpack::Entry;
use crate::keyspace::sample;

impl ZSet {
    pub fn random(&self, rng: &mut fastrand::Rng) -> Option<(Entry<'_>, f64)> {
        if self.is_empty() { None } else { self.at(rng.usize(..self.len())) }
    }

    /// `count` different members, or all if there are fewer, in random order.
    pub fn distinct(&self, count: usize, rng: &mut fastrand::Rng) -> Vec<(Entry<'_>, f64)> {
        let len = self.len();
        // Few of many are drawn one by one: listing a large set would cost more.
        if count.saturating_mul(3) >= len || self.as_listpack().is_some() {
            return sample::choose(self.iter().collect(), count, rng);
        }
        let mut ranks = HashSet::with_capacity(count);
        let mut drawn = Vec::with_capacity(count);
        while drawn.len() < count {
            let rank = rng.usize(..len);
            if ranks.insert(rank) {
                drawn.extend(self.at(rank));
            }
        }
        drawn
    }
}
