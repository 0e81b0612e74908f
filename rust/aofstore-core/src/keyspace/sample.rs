//! Fair draws without repetition, for HRANDFIELD, SRANDMEMBER, SPOP and their like.
//!
//! Only typed values call it. INVARIANT: every element is equally likely to be among the drawn ones.

use std::collections::HashSet;

use crate::encoding::{Element, Table};

/// Keeps `count` items of `all` (all of them if there are fewer), in random order.
pub(super) fn choose<T>(mut all: Vec<T>, count: usize, rng: &mut fastrand::Rng) -> Vec<T> {
    let count = count.min(all.len());
    for at in 0..count {
        let other = rng.usize(at..all.len());
        all.swap(at, other);
    }
    all.truncate(count);
    all
}

/// `count` different elements of a table. Few of many are drawn one by one: listing a large table would cost more.
pub(super) fn distinct<'t, E: Element>(
    table: &'t Table<E>,
    count: usize,
    rng: &mut fastrand::Rng,
) -> Vec<&'t E> {
    if count.saturating_mul(3) >= table.len() {
        return choose(table.iter().collect(), count, rng);
    }
    let mut drawn = Vec::with_capacity(count);
    let mut seen = HashSet::with_capacity(count);
    while drawn.len() < count
        && let Some(element) = table.random(rng)
    {
        if seen.insert(std::ptr::from_ref(element)) {
            drawn.push(element);
        }
    }
    drawn
}

/// How many elements are looked at to estimate the size of all.
const SAMPLES: usize = 5;

/// An estimate of the bytes that `len` elements own, from the sizes of some of them.
pub(super) fn estimate(sizes: impl Iterator<Item = usize>, len: usize) -> usize {
    let (seen, bytes) = sizes.take(SAMPLES).fold((0, 0), |(seen, sum), size| (seen + 1, sum + size));
    (bytes * len).checked_div(seen).unwrap_or(0)
}
