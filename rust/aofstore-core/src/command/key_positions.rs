//! Finding the keys among the arguments of a whole command (COMMAND GETKEYS).

use super::args;
use super::table::KeyPositions;
use crate::num;

impl KeyPositions {
    /// Indexes of the keys in `argv`; None when the arguments do not say which they are.
    pub fn find(self, argv: &[&[u8]]) -> Option<Vec<usize>> {
        match self {
            Self::None => Some(Vec::new()),
            Self::Range { first, last, step } => {
                let end = if last < 0 { argv.len().checked_add_signed(last)? } else { last.unsigned_abs() };
                let within = end < argv.len() && step > 0;
                within.then(|| (first..=end).step_by(step).collect())
            }
            Self::Counted { at, dest } => {
                let count = num::parse_i64(argv.get(at)?).and_then(|count| usize::try_from(count).ok())?;
                let end = at.checked_add(count).filter(|&end| count > 0 && end < argv.len())?;
                Some(dest.then_some(1).into_iter().chain(at + 1..=end).collect())
            }
            Self::Sort => Some(std::iter::once(1).chain(store_of_sort(argv)).collect()),
        }
    }

    /// `first`, `last` and `step` as COMMAND shows them.
    pub const fn legacy(self) -> (i64, i64, i64) {
        match self {
            Self::None | Self::Counted { dest: false, .. } => (0, 0, 0),
            Self::Range { first, last, step } => (first as i64, last as i64, step as i64),
            Self::Counted { dest: true, .. } | Self::Sort => (1, 1, 1),
        }
    }
}

/// The destination of the last STORE option: the one that counts.
fn store_of_sort(argv: &[&[u8]]) -> Option<usize> {
    let (mut at, mut found) = (2, None);
    while let Some(arg) = argv.get(at) {
        if args::is(arg, "LIMIT") {
            at += 2;
        } else if args::is(arg, "GET") || args::is(arg, "BY") {
            at += 1;
        } else if args::is(arg, "STORE") && at + 1 < argv.len() {
            found = Some(at + 1);
            at += 1;
        }
        at += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::KeyPositions as K;

    fn find(positions: K, line: &str) -> Option<Vec<usize>> {
        let argv: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        positions.find(&argv)
    }

    #[test]
    fn ranges_count_from_either_end() {
        assert_eq!(find(K::Range { first: 1, last: 1, step: 1 }, "GET a"), Some(vec![1]));
        assert_eq!(find(K::Range { first: 1, last: -1, step: 2 }, "MSET a 1 b 2"), Some(vec![1, 3]));
        assert_eq!(find(K::Range { first: 1, last: -2, step: 1 }, "BLPOP a b 0"), Some(vec![1, 2]));
        assert_eq!(find(K::Range { first: 2, last: 2, step: 1 }, "OBJECT HELP"), None);
    }

    #[test]
    fn counted_keys_must_be_there() {
        let union = K::Counted { at: 1, dest: false };
        assert_eq!(find(union, "ZUNION 2 a b WITHSCORES"), Some(vec![2, 3]));
        assert_eq!(find(union, "ZUNION 3 a b"), None);
        assert_eq!(find(union, "ZUNION 0 a"), None);
        assert_eq!(find(union, "ZUNION -1 a"), None);
        assert_eq!(find(union, "ZUNION 9223372036854775807 a"), None);
        assert_eq!(find(K::Counted { at: 2, dest: true }, "ZUNIONSTORE d 2 a b"), Some(vec![1, 3, 4]));
    }

    #[test]
    fn sort_stores_where_its_last_store_says() {
        assert_eq!(find(K::Sort, "SORT a"), Some(vec![1]));
        assert_eq!(find(K::Sort, "SORT a BY STORE GET STORE LIMIT 0 1 STORE d"), Some(vec![1, 10]));
        assert_eq!(find(K::Sort, "SORT a STORE x STORE y"), Some(vec![1, 5]));
        assert_eq!(find(K::Sort, "SORT a STORE"), Some(vec![1]));
    }
}
