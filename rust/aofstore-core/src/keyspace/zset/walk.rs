//! A walk over part of a sorted set in either direction and either encoding, without allocation.

use std::ops::Range;

use super::pairs::score_of;
use crate::encoding::listpack::{self, Entry};
use crate::encoding::skiplist::{Ascending, Descending};
use crate::encoding::{Listpack, Skiplist};

/// Members and their scores.
pub struct Walk<'a> {
    source: Source<'a>,
    left: usize,
}

enum Source<'a> {
    Nothing,
    Up(listpack::Iter<'a>),
    Down(listpack::Iter<'a>),
    Ascending(Ascending<'a>),
    Descending(Descending<'a>),
}

impl<'a> Walk<'a> {
    /// The ranks must be within the listpack.
    pub(super) fn over_pairs(pack: &'a Listpack, ranks: Range<usize>, reverse: bool) -> Self {
        let start = if reverse {
            ranks.end.saturating_mul(2).saturating_sub(1)
        } else {
            ranks.start.saturating_mul(2)
        };
        let source = match pack.seek(start as i64) {
            Some(pos) if reverse => Source::Down(pack.iter_through(pos)),
            Some(pos) => Source::Up(pack.iter_from(pos)),
            None => Source::Nothing,
        };
        Self { source, left: ranks.len() }
    }

    /// The ranks must be within the list.
    pub(super) fn over_order(order: &'a Skiplist, ranks: Range<usize>, reverse: bool) -> Self {
        let source = match reverse {
            _ if ranks.is_empty() => Source::Nothing,
            true => Source::Descending(order.iter_back_from(ranks.end - 1)),
            false => Source::Ascending(order.iter_from(ranks.start)),
        };
        Self { source, left: ranks.len() }
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = (Entry<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        match &mut self.source {
            Source::Nothing => None,
            Source::Up(entries) => {
                let member = entries.next()?;
                Some((member, score_of(entries.next()?)))
            }
            Source::Down(entries) => {
                let score = score_of(entries.next_back()?);
                Some((entries.next_back()?, score))
            }
            Source::Ascending(spots) => spots.next().map(|spot| (Entry::Str(spot.member()), spot.score())),
            Source::Descending(spots) => spots.next().map(|spot| (Entry::Str(spot.member()), spot.score())),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Walk<'_> {}
