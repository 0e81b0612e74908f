//! Redis's glob: `*`, `?`, `[a-z]`, `[^a]`, `\x`. Bytes, not characters.

/// Whether `text` matches `pattern`.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // Where to go on when a `*` has to swallow one byte more; an earlier star never needs another try.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        let step = match pattern.split_first() {
            None => text.is_empty().then_some((pattern, text)),
            Some((b'*', rest)) => {
                retry = Some((rest, text));
                pattern = rest;
                continue;
            }
            Some(_) => one(pattern, text),
        };
        match (step, retry) {
            (Some(([], [])), _) => return true,
            (Some(next), _) => (pattern, text) = next,
            (None, Some((after, from))) => {
                let Some((_, from)) = from.split_first() else { return false };
                retry = Some((after, from));
                (pattern, text) = (after, from);
            }
            (None, None) => return false,
        }
    }
}

/// Matches one byte of `text` against the first element of `pattern`; what remains of both.
fn one<'p, 't>(pattern: &'p [u8], text: &'t [u8]) -> Option<(&'p [u8], &'t [u8])> {
    let (&byte, left) = text.split_first()?;
    match pattern {
        [b'?', rest @ ..] => Some((rest, left)),
        [b'[', rest @ ..] => {
            let (hit, rest) = class(rest, byte);
            hit.then_some((rest, left))
        }
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => (*literal == byte).then_some((rest, left)),
        [] => None,
    }
}

/// A bracket expression behind its `[`; an unclosed one reaches to the end of the pattern.
fn class(mut pattern: &[u8], byte: u8) -> (bool, &[u8]) {
    let negated = pattern.first() == Some(&b'^');
    if negated {
        pattern = pattern.get(1..).unwrap_or_default();
    }
    let mut hit = false;
    loop {
        pattern = match pattern {
            [] => break,
            [b'\\', literal, rest @ ..] => {
                hit |= *literal == byte;
                rest
            }
            [b']', rest @ ..] => {
                pattern = rest;
                break;
            }
            [low, b'-', high, rest @ ..] => {
                hit |= (*low.min(high)..=*low.max(high)).contains(&byte);
                rest
            }
            [literal, rest @ ..] => {
                hit |= *literal == byte;
                rest
            }
        };
    }
    (hit != negated, pattern)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn globs_match_as_redis_does() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("*a*b*", "xxaxxbxx", true),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h[ae]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-c]llo", "hbllo", true),
            ("h[c-a]llo", "hbllo", true),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("a\\", "a\\", true),
            ("[", "[", false),
            ("[abc", "b", true),
            ("", "", true),
            ("", "a", false),
            ("a", "ab", false),
            ("a**b", "ab", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} ~ {text}");
        }
    }

    #[test]
    fn many_stars_take_polynomial_time() {
        assert!(!matches(
            &b"*a".repeat(30),
            &[b'a'; 29].repeat(40).into_iter().chain([b'b']).collect::<Vec<_>>()
        ));
    }
}
