//! A keyspace to try commands on: lines in, replies as redis-cli prints them out, and what would be logged.
//!
//! For the tests of every family. It has no sessions, no MULTI and no waiting: those are the engine's.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

use super::{Context, Effects, Handler, Node, Reply, Wait, errors, lookup, run};
use crate::keyspace::{Keyspace, Limits};

pub(crate) struct Harness {
    pub(crate) space: Keyspace,
    pub(crate) db: usize,
    pub(crate) now: i64,
    /// What the last command would wait for.
    pub(crate) wait: Option<Wait>,
    log: Vec<String>,
}

impl Harness {
    pub(crate) fn new() -> Self {
        Self::with(Limits::default())
    }

    pub(crate) fn with(limits: Limits) -> Self {
        Self { space: Keyspace::new(16, limits), db: 0, now: 1_700_000_000_000, wait: None, log: Vec::new() }
    }

    /// Runs a line; its reply, with line breaks between the lines redis-cli would print.
    pub(crate) fn run(&mut self, line: &str) -> String {
        let words = split(line);
        let argv: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        self.call(&argv)
    }

    pub(crate) fn call(&mut self, argv: &[&[u8]]) -> String {
        let Some(spec) = lookup(argv[0]) else {
            return format!("(error) {}", errors::unknown_command(argv).text());
        };
        let Handler::Keyspace(handler) = spec.handler else { return "not a keyspace command".to_owned() };
        if !spec.accepts(argv.len()) {
            return format!("(error) {}", errors::wrong_arity(spec.name).text());
        }
        let (mut reply, mut effects) = (Reply::new(), Effects::default());
        effects.begin(self.db);
        let keys = self.space.keys(self.db, self.now);
        let mut cx = Context {
            keys,
            reply: &mut reply,
            effects: &mut effects,
            replaying: false,
            name: spec.name,
            wait: None,
        };
        let outcome = run(spec, handler, &mut cx, argv);
        self.wait = cx.wait.take();
        if let Err(error) = outcome {
            return format!("(error) {}", error.text());
        }
        let mut nodes = reply.nodes().iter();
        let shown = show(&reply, &mut nodes);
        assert!(nodes.next().is_none(), "more nodes than one reply: {:?}", reply.nodes());
        shown
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

/// Words apart by spaces; double quotes hold a word together and know `\xHH`, `\n`, `\r`, `\t`, `\"` and `\\`.
fn words(line: &str) -> Vec<Vec<u8>> {
    let (mut words, mut rest) = (Vec::new(), line.trim_start());
    while !rest.is_empty() {
        let (word, after) = if let Some(quoted) = rest.strip_prefix('"') {
            unquote(quoted)
        } else {
            let end = rest.find(' ').unwrap_or(rest.len());
            (rest.as_bytes()[..end].to_vec(), &rest[end..])
        };
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
            _ => text.push_str(&format!("\\x{byte:02x}")),
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
        Node::Bulk(start, len) => vec![quoted(reply.slice(start, len))],
        Node::Error(start, len) => vec![format!("(error) {}", String::from_utf8_lossy(reply.slice(start, len)))],
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
    lines.iter().enumerate().map(|(n, line)| format!("{}{line}", if n == 0 { head } else { &indent })).collect()
}

fn numbered(mark: &str, empty: &str, entries: Vec<Vec<String>>) -> Vec<String> {
    if entries.is_empty() {
        return vec![empty.to_owned()];
    }
    let width = entries.len().to_string().len();
    let entries = entries.iter().enumerate();
    entries.flat_map(|(n, lines)| indented(&format!("{:>width$}{mark} ", n + 1), lines)).collect()
}
