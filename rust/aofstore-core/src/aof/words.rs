//! The words of a manifest's line, quoted as Redis quotes them.

/// One word, without its quotation marks.
pub type Word = Vec<u8>;

/// Takes a line apart as Redis does; None if a quotation mark is not closed, or text stands behind one that is.
pub(super) fn split(line: &[u8]) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        while let [byte, behind @ ..] = rest
            && is_space(*byte)
        {
            rest = behind;
        }
        if rest.is_empty() {
            return Some(words);
        }
        let (word, behind) = word(rest)?;
        words.push(word);
        rest = behind;
    }
}

/// The first word, and what is behind it. A quotation mark may open in the middle of a word, and ends it.
fn word(mut rest: &[u8]) -> Option<(Word, &[u8])> {
    let mut word = Word::new();
    loop {
        match rest {
            [] | [b' ' | b'\n' | b'\r' | b'\t', ..] => return Some((word, rest)),
            [b'"', behind @ ..] => return closed(double(behind, &mut word)?, word),
            [b'\'', behind @ ..] => return closed(single(behind, &mut word)?, word),
            [byte, behind @ ..] => {
                word.push(*byte);
                rest = behind;
            }
        }
    }
}

fn closed(rest: &[u8], word: Word) -> Option<(Word, &[u8])> {
    rest.first().is_none_or(|byte| is_space(*byte)).then_some((word, rest))
}

fn double<'a>(mut rest: &'a [u8], word: &mut Word) -> Option<&'a [u8]> {
    loop {
        let (byte, behind) = match rest {
            [] => return None,
            [b'"', behind @ ..] => return Some(behind),
            [b'\\', b'x', high, low, behind @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (hex(*high) << 4 | hex(*low), behind)
            }
            [b'\\', escaped, behind @ ..] => (unescaped(*escaped), behind),
            [byte, behind @ ..] => (*byte, behind),
        };
        word.push(byte);
        rest = behind;
    }
}

fn single<'a>(mut rest: &'a [u8], word: &mut Word) -> Option<&'a [u8]> {
    loop {
        let (byte, behind) = match rest {
            [] => return None,
            [b'\'', behind @ ..] => return Some(behind),
            [b'\\', b'\'', behind @ ..] => (b'\'', behind),
            [byte, behind @ ..] => (*byte, behind),
        };
        word.push(byte);
        rest = behind;
    }
}

fn unescaped(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => other,
    }
}

fn hex(digit: u8) -> u8 {
    char::from(digit).to_digit(16).map_or(0, |value| value as u8)
}

/// C's `isspace`.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 11 | 12 | b'\r')
}

/// Writes a word, bare where it can be. Redis leaves an empty word and a `'` bare too, and could not read them back.
pub(super) fn quote(word: &[u8], into: &mut Vec<u8>) {
    let bare = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'\'');
    if !word.is_empty() && word.iter().all(bare) {
        return into.extend_from_slice(word);
    }
    into.push(b'"');
    for byte in word {
        match byte {
            b'\\' | b'"' => into.extend([b'\\', *byte]),
            b'\n' => into.extend(b"\\n"),
            b'\r' => into.extend(b"\\r"),
            b'\t' => into.extend(b"\\t"),
            7 => into.extend(b"\\a"),
            8 => into.extend(b"\\b"),
            b' '..=b'~' => into.push(*byte),
            _ => into.extend(format!("\\x{byte:02x}").into_bytes()),
        }
    }
    into.push(b'"');
}

/// C's `atoll`: what is no number is 0, what does not fit is the nearest that does.
pub(super) fn number(word: &[u8]) -> i64 {
    let from = word.iter().position(|byte| !is_space(*byte)).unwrap_or(word.len());
    let text = word.get(from..).unwrap_or_default();
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    digits.iter().take_while(|byte| byte.is_ascii_digit()).fold(0_i64, |number, digit| {
        let digit = i64::from(digit - b'0');
        let number = number.saturating_mul(10);
        if negative { number.saturating_sub(digit) } else { number.saturating_add(digit) }
    })
}
