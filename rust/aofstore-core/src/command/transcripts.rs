//! Transcripts of tests/golden inside the crate: lines in, replies as redis-cli prints them, what would be logged.
//!
//! For the tests of every family. It has no sessions, no MULTI and no waiting: those are the engine's.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

use std::ops::{Deref, DerefMut};

use super::{Node, Reply};
use crate::keyspace::Limits;

/// A [`testing::Harness`](super::testing::Harness) that speaks like redis-cli and remembers what was logged.
pub(crate) struct Harness {
    inner: super::testing::Harness,
    log: Vec<String>,
}

impl Deref for Harness {
    type Target = super::testing::Harness;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

impl DerefMut for Harness {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.inner
    }
}

impl Harness {
    pub(crate) fn new() -> Self {
        Self::with(Limits::default())
    }

    pub(crate) fn with(limits: Limits) -> Self {
        Self { inner: super::testing::Harness::with(limits), log: Vec::new() }
    }

    /// Runs a line; its reply, with line breaks between the lines redis-cli would print.
    pub(crate) fn run(&mut self, line: &str) -> String {
        let words = split(line);
        let argv: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let reply = self.inner.reply(&argv);
        let records = self.inner.records();
        self.log.extend(records.iter().map(|argv| command_line(argv.iter().map(Vec::as_slice))));
        reply.map_or_else(|error| format!("(error) {}", error.text()), |reply| render(&reply))
    }

    /// What was logged since the last look, a record a line.
    pub(crate) fn log(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }

    /// Replays a transcript of tests/golden and compares; only SELECT, MULTI and EXEC records are left out.
    pub(crate) fn replay(&mut self, script: &str) {
        let (mut wanted, mut told, mut sorted) = (Vec::new(), Vec::new(), false);
        for (number, line) in script.lines().enumerate() {
            if let Some(record) = line.strip_prefix("= ") {
                if !matches!(record.split(' ').next(), Some("SELECT" | "MULTI" | "EXEC")) {
                    wanted.push(line.to_owned());
                }
            } else if !line.starts_with(['>', '@', '#']) && !line.is_empty() {
                wanted.push(line.to_owned());
            } else if line.starts_with(['>', '@']) {
                compare(&mut wanted, &mut told, &mut sorted, number);
                self.step(line, &mut told, &mut sorted);
            }
        }
        compare(&mut wanted, &mut told, &mut sorted, script.lines().count());
    }

    fn step(&mut self, line: &str, told: &mut Vec<String>, sorted: &mut bool) {
        if let Some(command) = line.strip_prefix("> ") {
            told.push(line.to_owned());
            told.extend(self.run(command).lines().map(str::to_owned));
            told.extend(self.log().iter().map(|record| format!("= {record}")));
            return;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[0] {
            "@clock" => self.now += words[1].parse::<i64>().unwrap(),
            "@db" => self.db = words[1].parse().unwrap(),
            "@sorted" => *sorted = true,
            "@reopen" => {}
            _ => panic!("{line} is not for this harness"),
        }
    }
}

fn compare(wanted: &mut Vec<String>, told: &mut Vec<String>, sorted: &mut bool, line: usize) {
    if !told.is_empty() {
        let command = told.remove(0);
        if std::mem::take(sorted) {
            let strip = |line: &String| line.trim_start().trim_start_matches(char::is_numeric).to_owned();
            let sort = |lines: &mut Vec<String>| {
                *lines = lines.iter().map(strip).collect();
                lines.sort();
            };
            sort(wanted);
            sort(told);
        }
        assert_eq!(told, wanted, "before line {}: {command}", line + 1);
    }
    told.clear();
    wanted.clear();
}

/// Words of a line with redis-cli's double quotes.
pub(crate) fn split(line: &str) -> Vec<Vec<u8>> {
    let (mut words, mut bytes) = (Vec::new(), line.bytes().peekable());
    while let Some(&byte) = bytes.peek() {
        if byte == b' ' {
            bytes.next();
            continue;
        }
        let (mut word, mut quoted) = (Vec::new(), false);
        while let Some(byte) = bytes.next_if(|&byte| quoted || byte != b' ') {
            match byte {
                b'"' if quoted => break,
                b'"' if word.is_empty() => quoted = true,
                b'\\' if quoted => match bytes.next().unwrap() {
                    b'x' => {
                        let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                        word.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
                    }
                    b'n' => word.push(b'\n'),
                    b'r' => word.push(b'\r'),
                    b't' => word.push(b'\t'),
                    b'a' => word.push(7),
                    b'b' => word.push(8),
                    other => word.push(other),
                },
                other => word.push(other),
            }
        }
        words.push(word);
    }
    words
}

fn command_line<'a>(args: impl IntoIterator<Item = &'a [u8]>) -> String {
    let word = |arg: &[u8]| {
        let plain = arg.iter().all(|byte| byte.is_ascii_graphic() && !b"\"'\\".contains(byte));
        if plain && !arg.is_empty() { String::from_utf8(arg.to_vec()).unwrap() } else { quoted(arg) }
    };
    args.into_iter().map(word).collect::<Vec<_>>().join(" ")
}

fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for &byte in bytes {
        match byte {
            b'"' => text.push_str("\\\""),
            b'\\' => text.push_str("\\\\"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            7 => text.push_str("\\a"),
            8 => text.push_str("\\b"),
            32..127 => text.push(char::from(byte)),
            _ => text.push_str(&[byte].escape_ascii().to_string()),
        }
    }
    text.push('"');
    text
}

/// A reply as redis-cli prints it in RESP3.
pub(crate) fn render(reply: &Reply) -> String {
    let mut at = 0;
    let mut lines = Vec::new();
    while at < reply.nodes().len() {
        lines.extend(item(reply, &mut at));
    }
    lines.join("\n")
}

fn item(reply: &Reply, at: &mut usize) -> Vec<String> {
    let node = reply.nodes()[*at];
    *at += 1;
    match node {
        Node::Nil => vec!["(nil)".to_owned()],
        Node::Int(value) => vec![format!("(integer) {value}")],
        Node::Double(value) => {
            let mut room = crate::num::Buf::new();
            let text = String::from_utf8(crate::num::fmt_f64_reply(value, &mut room).to_vec()).unwrap();
            vec![format!("(double) {text}")]
        }
        Node::Status(text) => vec![text.to_owned()],
        Node::Bulk(start, len) | Node::Binary(start, len) => vec![quoted(reply.slice(start, len))],
        Node::Error(start, len) => {
            vec![format!("(error) {}", String::from_utf8_lossy(reply.slice(start, len)))]
        }
        Node::Array(len) => numbered(")", "(empty array)", (0..len).map(|_| item(reply, at)).collect()),
        Node::Set(len) => {
            let mut entries: Vec<Vec<String>> = (0..len).map(|_| item(reply, at)).collect();
            entries.sort();
            numbered("~", "(empty set)", entries)
        }
        Node::Map(len) => numbered("#", "(empty hash)", (0..len).map(|_| pair(reply, at)).collect()),
    }
}

fn pair(reply: &Reply, at: &mut usize) -> Vec<String> {
    let head = format!("{} => ", item(reply, at).join(" "));
    indented(&head, &item(reply, at))
}

fn indented(head: &str, lines: &[String]) -> Vec<String> {
    let indent = " ".repeat(head.len());
    lines
        .iter()
        .enumerate()
        .map(|(n, line)| format!("{}{line}", if n == 0 { head } else { &indent }))
        .collect()
}

fn numbered(mark: &str, empty: &str, entries: Vec<Vec<String>>) -> Vec<String> {
    if entries.is_empty() {
        return vec![empty.to_owned()];
    }
    let width = entries.len().to_string().len();
    let entries = entries.iter().enumerate();
    entries.flat_map(|(n, lines)| indented(&format!("{:>width$}{mark} ", n + 1), lines)).collect()
}
