//! Whether elements that come together may be put down side by side, without a look-up for each.

use smallvec::SmallVec;

/// Whether no two of `words` are equal.
pub(super) fn are_distinct<'a>(words: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut words: SmallVec<[&[u8]; 16]> = words.collect();
    words.sort_unstable();
    words.windows(2).all(|pair| pair.first() != pair.last())
}

#[cfg(test)]
mod tests {
    use super::are_distinct;

    #[test]
    fn equal_words_are_found_wherever_they_stand() {
        let told = |words: &[&str]| are_distinct(words.iter().map(|word| word.as_bytes()));
        assert!(told(&[]) && told(&["a"]) && told(&["b", "a", "ab", ""]));
        assert!(!told(&["a", "b", "a"]) && !told(&["", "x", ""]));
    }
}
