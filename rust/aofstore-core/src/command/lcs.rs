//! LCS: the longest common subsequence of two strings, its length, or where its pieces lie.

use super::args::{self, Args};
use super::context::Context;
use super::errors::{self, ErrorReply, Outcome};
use super::table::{READ_SLOW, Spec, TWO_KEYS};
use crate::keyspace::{Text, Value};

const G: &str = "string";

#[rustfmt::skip]
pub(super) const COMMANDS: &[Spec] = &[
    Spec::new([G, "LCS", "7.0.0", "Finds the longest common subsequence of two strings."], -3, READ_SLOW, TWO_KEYS, lcs),
];

#[derive(Default)]
struct Options {
    length: bool,
    indexes: bool,
    with_lengths: bool,
    shortest: i64,
}

impl Options {
    fn parse(mut args: Args<'_>) -> Result<Self, ErrorReply> {
        let mut options = Self::default();
        while !args.done() {
            if args.take("IDX") {
                options.indexes = true;
            } else if args.take("LEN") {
                options.length = true;
            } else if args.take("WITHMATCHLEN") {
                options.with_lengths = true;
            } else if args.take_with("MINMATCHLEN", 1) {
                options.shortest = args::int(args.need()?)?;
            } else {
                return Err(errors::SYNTAX);
            }
        }
        if options.indexes && options.length { Err(errors::LCS_LENGTH_AND_INDEXES) } else { Ok(options) }
    }
}

fn string(cx: &mut Context<'_>, key: &[u8]) -> Result<Vec<u8>, ErrorReply> {
    match cx.keys.read(key) {
        None => Ok(Vec::new()),
        Some(Value::Text(text)) => Ok(Text::to_vec(text)),
        Some(_) => Err(errors::LCS_NOT_STRINGS),
    }
}

fn lcs(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (a, b) = (string(cx, args.at(1))?, string(cx, args.at(2))?);
    let options = Options::parse(args.options(3))?;
    let table = Table::new(&a, &b, cx.keys.space.limits.proto_max_bulk_len)?;
    if options.length {
        cx.reply.len(table.length());
    } else if options.indexes {
        indexes(cx, &table, &options);
    } else {
        let backwards = table.matches().flat_map(|run| a.get(run.in_a()).unwrap_or_default().iter().rev());
        let mut common: Vec<u8> = backwards.copied().collect();
        common.reverse();
        cx.reply.bulk(&common);
    }
    Ok(())
}

fn indexes(cx: &mut Context<'_>, table: &Table<'_>, options: &Options) {
    cx.reply.map(2);
    cx.reply.bulk(b"matches");
    let mark = cx.reply.open_array();
    let mut told = 0;
    for run in table.matches().filter(|run| run.length as i64 >= options.shortest) {
        cx.reply.array(if options.with_lengths { 3 } else { 2 });
        for start in [run.a, run.b] {
            cx.reply.array(2);
            cx.reply.len(start);
            cx.reply.len(start + run.length - 1);
        }
        if options.with_lengths {
            cx.reply.len(run.length);
        }
        told += 1;
    }
    cx.reply.close_array(mark, told);
    cx.reply.bulk(b"len");
    cx.reply.len(table.length());
}

/// Bytes in a row that both strings share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    a: usize,
    b: usize,
    length: usize,
}

impl Run {
    fn in_a(&self) -> std::ops::Range<usize> {
        self.a..self.a + self.length
    }
}

/// For every pair of beginnings, the length of what they have in common.
struct Table<'a> {
    a: &'a [u8],
    b: &'a [u8],
    cells: Vec<u32>,
}

impl<'a> Table<'a> {
    fn new(a: &'a [u8], b: &'a [u8], most: usize) -> Result<Self, ErrorReply> {
        let count = (a.len() + 1).checked_mul(b.len() + 1);
        let bytes =
            count.and_then(|count| count.checked_mul(size_of::<u32>())).ok_or(errors::LCS_NO_MEMORY)?;
        if bytes > most {
            return Err(errors::LCS_TABLE_TOO_LARGE);
        }
        let mut cells: Vec<u32> = Vec::new();
        cells.try_reserve_exact(bytes / size_of::<u32>()).map_err(|_| errors::LCS_NO_MEMORY)?;
        cells.resize(b.len() + 1, 0);
        let mut above: Vec<u32> = cells.clone();
        for &byte in a {
            let (mut left, mut diagonal) = (0, 0);
            cells.push(0);
            for (up, &other) in above.iter_mut().skip(1).zip(b) {
                left = if byte == other { diagonal + 1 } else { left.max(*up) };
                diagonal = std::mem::replace(up, left);
                cells.push(left);
            }
        }
        Ok(Self { a, b, cells })
    }

    fn at(&self, i: usize, j: usize) -> u32 {
        self.cells.get(i * (self.b.len() + 1) + j).copied().unwrap_or_default()
    }

    fn length(&self) -> usize {
        self.at(self.a.len(), self.b.len()) as usize
    }

    /// The runs of one longest common subsequence, from the back.
    fn matches(&self) -> Matches<'_> {
        Matches { table: self, i: self.a.len(), j: self.b.len() }
    }
}

struct Matches<'t> {
    table: &'t Table<'t>,
    i: usize,
    j: usize,
}

impl Matches<'_> {
    fn meet(&self) -> bool {
        let byte = |text: &[u8], end: usize| end.checked_sub(1).and_then(|at| text.get(at)).copied();
        byte(self.table.a, self.i).is_some_and(|own| byte(self.table.b, self.j) == Some(own))
    }
}

impl Iterator for Matches<'_> {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        while self.i > 0 && self.j > 0 && !self.meet() {
            if self.table.at(self.i - 1, self.j) > self.table.at(self.i, self.j - 1) {
                self.i -= 1;
            } else {
                self.j -= 1;
            }
        }
        let end = self.i;
        while self.meet() {
            (self.i, self.j) = (self.i - 1, self.j - 1);
        }
        let length = end - self.i;
        (length > 0).then_some(Run { a: self.i, b: self.j, length })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By definition: a row of one string is dropped or both ends meet.
    fn longest(a: &[u8], b: &[u8]) -> usize {
        match (a, b) {
            ([first, a_rest @ ..], [other, b_rest @ ..]) => {
                if first == other {
                    1 + longest(a_rest, b_rest)
                } else {
                    longest(a_rest, b).max(longest(a, b_rest))
                }
            }
            _ => 0,
        }
    }

    proptest! {
        #[test]
        fn runs_are_common_in_order_and_as_long_as_can_be(a in "[abc]{0,9}", b in "[abc]{0,9}") {
            let (a, b) = (a.as_bytes(), b.as_bytes());
            let table = Table::new(a, b, usize::MAX).unwrap();
            prop_assert_eq!(table.length(), longest(a, b));
            let runs: Vec<Run> = table.matches().collect();
            prop_assert_eq!(runs.iter().map(|run| run.length).sum::<usize>(), table.length());
            for run in &runs {
                prop_assert_eq!(a.get(run.in_a()), b.get(run.b..run.b + run.length));
            }
            for pair in runs.windows(2) {
                let (behind, before) = (pair[0], pair[1]);
                prop_assert!(before.a + before.length <= behind.a && before.b + before.length <= behind.b);
            }
        }
    }

    #[test]
    fn a_table_past_the_limit_is_refused() {
        assert_eq!(Table::new(b"abc", b"abc", 63).err(), Some(errors::LCS_TABLE_TOO_LARGE));
        assert!(Table::new(b"abc", b"abc", 64).is_ok());
    }
}
