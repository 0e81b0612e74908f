//! Commands as lines: words apart by one space, `\` before a byte that is meant as itself.
//!
//! Lengths nowhere, so a mutated input is still commands, and what libFuzzer finds can be read. `\n` and `\s` are line
//! feed and space, `\xHH` is a byte, `\zHH` repeats the byte before it HH times and `\ZHH` 64 times HH times.

pub type Line = Vec<Vec<u8>>;

/// No input becomes longer than this, whatever it repeats.
const MOST: usize = 1 << 18;

pub fn lines(data: &[u8]) -> Vec<Line> {
    let mut left = MOST;
    data.split(|&byte| byte == b'\n')
        .map(|line| words(line, &mut left))
        .filter(|line| !line[0].is_empty())
        .collect()
}

fn words(line: &[u8], left: &mut usize) -> Line {
    let (mut words, mut rest) = (vec![Vec::new()], line);
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let word = words.last_mut().expect("a line has a word");
        match byte {
            b' ' => words.push(Vec::new()),
            b'\\' => rest = escaped(rest, word, left),
            _ => word.push(byte),
        }
    }
    words
}

fn escaped<'a>(rest: &'a [u8], word: &mut Vec<u8>, left: &mut usize) -> &'a [u8] {
    let Some((&kind, after)) = rest.split_first() else { return rest };
    let hex = || {
        let digits = std::str::from_utf8(after.get(..2)?).ok()?;
        u8::from_str_radix(digits, 16).ok()
    };
    match (kind, hex()) {
        (b'n', _) => word.push(b'\n'),
        (b's', _) => word.push(b' '),
        (b'x', Some(byte)) => {
            word.push(byte);
            return &after[2..];
        }
        (b'z' | b'Z', Some(times)) => {
            let times = if kind == b'z' { usize::from(times) } else { usize::from(times) * 64 };
            let times = times.min(*left);
            *left -= times;
            let byte = word.last().copied().unwrap_or(b'0');
            word.resize(word.len() + times, byte);
            return &after[2..];
        }
        _ => word.push(kind),
    }
    after
}

/// The line as it would have to be written, for messages.
pub fn show(line: &[Vec<u8>]) -> String {
    line.iter().map(|word| word.escape_ascii().to_string()).collect::<Vec<_>>().join(" ")
}
