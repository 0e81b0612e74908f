//! The manifest of a multi-part log: which files make up the data, and in which order.
//!
//! The reader takes what Redis's takes, and refuses more: a file listed twice, and names that could not be meant (one
//! of them a later clean-up might delete). The writer writes the lines as Redis does. INVARIANT: what is rendered
//! parses to the same manifest.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use super::words::{self, Word};
use crate::error::{Error, LoadKind, Result, shown};
use crate::fs::{Dir, read_up_to};

/// Longest line, its line feed counted.
pub const MAX_LINE: usize = 1024;
/// A comment that says what a whole manifest adds up to: it is not true of the next one.
const CHECKSUM: &[u8] = b"manifest-checksum:";

/// What to do about one that cannot be read.
pub const ADVICE: &str =
    "Correct it, or have it made anew from the names of the files (repair with rebuild_manifest)";

/// No manifest of a real log is as long.
const MOST: u64 = 16 << 20;

/// The bytes of a manifest; None if there is none of that name.
pub fn read(dir: &dyn Dir, name: &str) -> io::Result<Option<Vec<u8>>> {
    let mut file = match dir.open_read(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let size = file.size()?;
    if size > MOST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("{size} bytes are no manifest")));
    }
    let mut bytes = vec![0; size as usize];
    let filled = read_up_to(&mut file, 0, &mut bytes)?;
    bytes.truncate(filled);
    Ok(Some(bytes))
}

/// Which files there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    pub base: Option<Entry>,
    /// Files that are part of nothing any more and wait for their removal.
    pub history: Vec<Entry>,
    /// In the order in which they are loaded; their numbers rise.
    pub incrs: Vec<Entry>,
    /// Lines of others that begin with `#`, without their ends.
    pub comments: Vec<Vec<u8>>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    /// Never 0.
    pub seq: i64,
    /// Pairs that mean nothing here (`startoffset`, whatever a later version adds): kept as they are.
    pub others: Vec<(Word, Word)>,
}

impl Entry {
    pub fn new(name: impl Into<String>, seq: i64) -> Self {
        Self { name: name.into(), seq, others: Vec::new() }
    }

    /// Drops what is only true of a file that nobody appends to (`endoffset`, `checksum`); whether there was any.
    pub fn appended_to(&mut self) -> bool {
        let before = self.others.len();
        let stale =
            |key: &[u8]| key.eq_ignore_ascii_case(b"endoffset") || key.eq_ignore_ascii_case(b"checksum");
        self.others.retain(|(key, _)| !stale(key));
        self.others.len() < before
    }
}

impl Manifest {
    /// Reads the bytes of the file `path`. The error names line and offset.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self> {
        let mut reading = Reading { manifest: Self::default(), names: HashSet::new(), path, line: 0, at: 0 };
        if bytes.is_empty() {
            return Err(reading.error("it is empty, so which files belong to the log is not known"));
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            // As Redis reads: in pieces that a line feed or the length ends.
            let longest = rest.get(..MAX_LINE).unwrap_or(rest);
            let length = memchr::memchr(b'\n', longest).map_or(longest.len(), |feed| feed + 1);
            let (piece, behind) = rest.split_at(length);
            reading.line += 1;
            reading.piece(piece, behind.is_empty())?;
            reading.at += length as u64;
            rest = behind;
        }
        Ok(reading.manifest)
    }

    /// The text of the file. Fails with the name of a file that no line has room for.
    pub fn render(&self) -> std::result::Result<Vec<u8>, String> {
        let mut text = Vec::new();
        for comment in &self.comments {
            if !is_checksum(comment) {
                text.extend_from_slice(comment);
                text.push(b'\n');
            }
        }
        let lists =
            [(self.base.as_slice(), b'b'), (self.history.as_slice(), b'h'), (self.incrs.as_slice(), b'i')];
        for (entries, kind) in lists {
            for entry in entries {
                text.extend(entry.line(kind).ok_or_else(|| entry.name.clone())?);
            }
        }
        Ok(text)
    }

    /// The files that are the data, in the order of loading.
    pub fn live(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.base.iter().chain(&self.incrs)
    }

    /// Every file that is listed.
    pub fn all(&self) -> impl Iterator<Item = &Entry> {
        self.live().chain(&self.history)
    }

    /// Whether it lists no data.
    pub fn is_empty(&self) -> bool {
        self.base.is_none() && self.incrs.is_empty()
    }
}

impl Entry {
    /// None if there is no room for it. What others wrote goes first.
    fn line(&self, kind: u8) -> Option<Vec<u8>> {
        let mut line = b"file ".to_vec();
        words::quote(self.name.as_bytes(), &mut line);
        line.extend(format!(" seq {} type {}", self.seq, char::from(kind)).into_bytes());
        let short = line.len();
        for (key, value) in &self.others {
            for word in [key, value] {
                line.push(b' ');
                words::quote(word, &mut line);
            }
        }
        if line.len() >= MAX_LINE {
            line.truncate(short);
        }
        line.push(b'\n');
        (line.len() <= MAX_LINE).then_some(line)
    }
}

/// A manifest that is being read.
struct Reading<'a> {
    manifest: Manifest,
    /// Of all lines: a hostile manifest has hundreds of thousands.
    names: HashSet<String>,
    path: &'a Path,
    line: u64,
    at: u64,
}

impl Reading<'_> {
    fn piece(&mut self, piece: &[u8], last: bool) -> Result<()> {
        let line = piece.strip_suffix(b"\n");
        if piece.first() == Some(&b'#') {
            if line.is_none() && !last {
                return Err(self.too_long());
            }
            self.manifest.comments.push(line.unwrap_or(piece).to_vec());
            return Ok(());
        }
        let Some(line) = line else {
            return Err(if last && piece.len() < MAX_LINE {
                self.error(
                    "the last line has no end: the file was cut, or written by hand; end it with a line feed",
                )
            } else {
                self.too_long()
            });
        };
        if line.contains(&0) {
            return Err(self.error("the line has a zero byte"));
        }
        let words =
            words::split(line.trim_ascii()).ok_or_else(|| self.error("a quotation mark is not closed"))?;
        self.entry(words)
    }

    fn entry(&mut self, words: Vec<Word>) -> Result<()> {
        if words.is_empty() {
            return Err(self.error("the line is empty"));
        }
        if words.len() < 6 || !words.len().is_multiple_of(2) {
            let what = format!("{} words where pairs of `file`, `seq` and `type` are due", words.len());
            return Err(self.error(&what));
        }
        let (mut name, mut seq, mut kind) = (None, 0, None);
        let mut others = Vec::new();
        let mut words = words.into_iter();
        while let (Some(key), Some(value)) = (words.next(), words.next()) {
            if key.eq_ignore_ascii_case(b"file") {
                name = Some(self.name(&value)?);
            } else if key.eq_ignore_ascii_case(b"seq") {
                seq = words::number(&value);
            } else if key.eq_ignore_ascii_case(b"type") {
                kind = value.first().copied();
            } else {
                others.push((key, value));
            }
        }
        let name = name.ok_or_else(|| self.error("no `file`"))?;
        if seq == 0 {
            return Err(self.error("`seq` is missing or not a number other than 0"));
        }
        let kind = kind.ok_or_else(|| self.error("no `type`"))?;
        self.add(Entry { name, seq, others }, kind)
    }

    fn add(&mut self, entry: Entry, kind: u8) -> Result<()> {
        if !self.names.insert(entry.name.clone()) {
            return Err(self.error(&format!("{} is listed twice", entry.name)));
        }
        match kind {
            b'b' if self.manifest.base.is_some() => return Err(self.error("a second base")),
            b'b' => self.manifest.base = Some(entry),
            b'h' => self.manifest.history.push(entry),
            b'i' => {
                let before = self.manifest.incrs.last().map_or(0, |last| last.seq);
                if entry.seq <= before {
                    let what =
                        format!("the number {} of an increment does not rise above {before}", entry.seq);
                    return Err(self.error(&what));
                }
                self.manifest.incrs.push(entry);
            }
            other => {
                let what = format!("`type` is {:?}, not b, h or i", other.escape_ascii().to_string());
                return Err(self.error(&what));
            }
        }
        Ok(())
    }

    /// Nothing but a file beside the manifest can be meant.
    fn name(&self, value: &[u8]) -> Result<String> {
        let shown = || value.escape_ascii().to_string();
        let name = std::str::from_utf8(value)
            .map_err(|_| self.error(&format!("the name {} is not UTF-8; rename the file", shown())))?;
        if name.contains(['/', '\\', '\0']) {
            return Err(
                self.error(&format!("{} is a path, not the name of a file beside the manifest", shown()))
            );
        }
        let own = self.path.file_name().and_then(std::ffi::OsStr::to_str);
        if matches!(name, "" | "." | "..") || own == Some(name) {
            return Err(self.error(&format!("\"{}\" cannot be a file of the log", shown())));
        }
        Ok(name.to_owned())
    }

    fn too_long(&self) -> Error {
        self.error(&format!("the line is longer than {MAX_LINE} bytes"))
    }

    fn error(&self, what: &str) -> Error {
        let (path, line, at) = (shown(self.path), self.line.max(1), self.at);
        let message = format!("{path}, line {line} (offset {at}): {what}; nothing was changed. {ADVICE}");
        let what = format!("line {line}: {what}");
        Error::Load { kind: LoadKind::Manifest, path: self.path.to_owned(), offset: at, what, message }
    }
}

fn is_checksum(comment: &[u8]) -> bool {
    comment
        .trim_ascii_start()
        .strip_prefix(b"#")
        .is_some_and(|text| text.trim_ascii_start().starts_with(CHECKSUM))
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
