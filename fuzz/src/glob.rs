//! Patterns against a plain second reading of their rules, one that tries every way.

use std::collections::HashMap;

use aofstore_core::command::glob_matches;

/// The first byte is the length of the pattern.
pub fn run(data: &[u8]) {
    let Some((&length, rest)) = data.split_first() else { return };
    let (pattern, text) = rest.split_at(usize::from(length).min(rest.len()));
    let matched = glob_matches(pattern, text);
    if pattern.len() * text.len() <= 4096 {
        let expected = Plain { pattern, text, known: HashMap::new() }.at(0, 0);
        assert_eq!(matched, expected, "{} ~ {}", pattern.escape_ascii(), text.escape_ascii());
    }
}

struct Plain<'a> {
    pattern: &'a [u8],
    text: &'a [u8],
    known: HashMap<(usize, usize), bool>,
}

impl Plain<'_> {
    fn at(&mut self, p: usize, t: usize) -> bool {
        if let Some(&known) = self.known.get(&(p, t)) {
            return known;
        }
        let matched = self.decide(p, t);
        self.known.insert((p, t), matched);
        matched
    }

    fn decide(&mut self, p: usize, t: usize) -> bool {
        let Some(&mark) = self.pattern.get(p) else { return t == self.text.len() };
        if mark == b'*' {
            return (t..=self.text.len()).any(|t| self.at(p + 1, t));
        }
        let Some(&byte) = self.text.get(t) else { return false };
        let (hit, next) = match mark {
            b'?' => (true, p + 1),
            b'[' => self.bracket(p + 1, byte),
            b'\\' if p + 1 < self.pattern.len() => (self.pattern[p + 1] == byte, p + 2),
            literal => (literal == byte, p + 1),
        };
        hit && self.at(next, t + 1)
    }

    /// Whether the bracket expression behind `[` takes the byte, and what comes behind it.
    fn bracket(&self, mut p: usize, byte: u8) -> (bool, usize) {
        let at = |index: usize| self.pattern.get(index).copied();
        let negated = at(p) == Some(b'^');
        p += usize::from(negated);
        let mut hit = false;
        loop {
            match (at(p), at(p + 1), at(p + 2)) {
                (None, ..) => break,
                (Some(b'\\'), Some(literal), _) => {
                    hit |= literal == byte;
                    p += 2;
                }
                (Some(b']'), ..) => {
                    p += 1;
                    break;
                }
                (Some(low), Some(b'-'), Some(high)) => {
                    hit |= low.min(high) <= byte && byte <= low.max(high);
                    p += 3;
                }
                (Some(literal), ..) => {
                    hit |= literal == byte;
                    p += 1;
                }
            }
        }
        (hit != negated, p)
    }
}
