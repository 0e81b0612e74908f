//! Whether elements that come together may be put down side by side, without a look-up for each.

use smallvec::SmallVec;

use crate::encoding::listpack::Entry;
use crate::num;

/// Whether no two of `words` are equal.
pub(super) fn are_distinct<'a>(words: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut words: SmallVec<[&[u8]; 16]> = words.collect();
    words.sort_unstable();
    words.windows(2).all(|pair| pair.first() != pair.last())
}

/// The same for elements that come from outside, where a number may be spelled out.
pub(super) fn are_distinct_entries<'a>(entries: impl Iterator<Item = Entry<'a>>) -> bool {
    const NO_BYTES: &[u8] = &[];
    let mut words: SmallVec<[(Option<i64>, &[u8]); 16]> = entries
        .map(|entry| match entry {
            Entry::Int(value) => (Some(value), NO_BYTES),
            Entry::Str(bytes) => num::parse_i64(bytes).map_or((None, bytes), |value| (Some(value), NO_BYTES)),
        })
        .collect();
    words.sort_unstable();
    words.windows(2).all(|pair| pair.first() != pair.last())
}

#[cfg(test)]
mod tests {
    use super::{Entry, are_distinct, are_distinct_entries};

    #[test]
    fn equal_words_are_found_wherever_they_stand() {
        let told = |words: &[&str]| are_distinct(words.iter().map(|word| word.as_bytes()));
        assert!(told(&[]) && told(&["a"]) && told(&["b", "a", "ab", ""]));
        assert!(!told(&["a", "b", "a"]) && !told(&["", "x", ""]));
    }

    #[test]
    fn a_number_equals_its_text() {
        let (five, spelled, word) = (Entry::Int(5), Entry::Str(b"5"), Entry::Str(b"05"));
        assert!(are_distinct_entries([five, word, Entry::Str(b"")].into_iter()));
        assert!(!are_distinct_entries([spelled, word, five].into_iter()));
        assert!(!are_distinct_entries([word, five, word].into_iter()));
    }
}
