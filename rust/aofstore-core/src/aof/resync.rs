//! Behind damage: where whole commands go on, how far they go, and what of a transaction is among them.
//!
//! `check` calls it. A value may hold commands as text, and those must not be taken for commands of the log: a run that
//! ends as an argument does, or that ends before the place where the damage showed, is such a text. Nothing is kept of
//! what is read, and a step reads a few megabytes at most.

use std::io;

use memchr::{memchr, memchr_iter};

use super::annotation;
use super::ending::{self, Known, Probe};
use crate::fs::Source;

/// Bytes read in one step, about.
const STEP: u64 = 4 << 20;
const LOOK: usize = 8 << 10;
/// `*2 $6 SELECT` with its line ends.
const LONGEST_MARK: usize = 16;

/// A command of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub at: u64,
    pub end: u64,
    /// Commands of the run before it.
    pub before: u64,
}

/// Whole known commands, one behind the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    pub start: u64,
    pub end: u64,
    pub commands: u64,
    /// Commands before it that were taken for the text of a value.
    pub text: u64,
    /// The first EXEC, unless a MULTI is before it.
    pub exec: Option<Mark>,
    /// The first MULTI.
    pub multi: Option<Mark>,
    /// Where a database is selected first: before `exec`, and behind it. In a transaction that begins with it, this is
    /// the MULTI.
    pub select: Option<Mark>,
    pub select_behind: Option<Mark>,
}

/// What a run that is known to be one is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Whether MULTI or EXEC comes first.
    Bracket,
    /// That, and where a database is selected behind it.
    Select,
}

/// What a step of the search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sought {
    Going,
    Found(Run),
    Nothing,
    /// Too many places look like commands to try them all.
    Undecided,
}

impl Until {
    fn is_reached(self, run: &Run) -> bool {
        let bracket = run.exec.is_some() || run.multi.is_some();
        let select = if run.exec.is_some() { run.select_behind } else { run.select };
        bracket && (self == Self::Bracket || select.is_some())
    }
}

/// The search.
pub struct Resync {
    source: Box<dyn Source>,
    max_bulk: u64,
    known: Known,
    at: u64,
    beyond: u64,
    end: u64,
    run: Option<Run>,
    /// The run begins where it was said to, so it is one; it need only go as far as is asked for.
    given: Option<Until>,
    /// The MULTI that the run's last command was, and what it is inside of.
    fresh: Option<Mark>,
    open: bool,
    left: u64,
    text: u64,
}

impl Resync {
    /// Where the zero bytes at the end of a file of `total` bytes begin.
    pub fn end_of(source: &mut dyn Source, total: u64) -> io::Result<u64> {
        ending::without_zeros(source, 0, total)
    }

    /// Searches from `from` to [`end`](Self::end_of). The damage showed at `beyond`: what begins before it must go on behind
    /// it.
    pub fn new(
        source: Box<dyn Source>,
        from: u64,
        beyond: u64,
        end: u64,
        max_bulk: u64,
        known: Known,
    ) -> Self {
        let left = (end - from.min(end)).saturating_mul(8).saturating_add(64 << 20);
        Self {
            source,
            max_bulk,
            known,
            at: from,
            beyond,
            end,
            run: None,
            given: None,
            fresh: None,
            open: false,
            left,
            text: 0,
        }
    }

    /// Takes for granted that commands go on at `start`, if only none, and reads on only as far as `until`.
    #[must_use]
    pub fn begun_at(mut self, start: u64, until: Until) -> Self {
        self.begin(start);
        self.given = Some(until);
        self
    }

    /// How far it looked.
    pub fn offset(&self) -> u64 {
        self.run.as_ref().map_or(self.at, |run| run.end)
    }

    fn begin(&mut self, start: u64) {
        self.run = Some(Run { start, end: start, text: self.text, ..Run::default() });
        (self.fresh, self.open) = (None, false);
    }

    /// Searches a few megabytes on.
    pub fn step(&mut self) -> io::Result<Sought> {
        let mut source = std::mem::replace(&mut self.source, Box::new(Nowhere));
        let mut probe = Probe::new(&mut *source, self.end);
        let found = self.look(&mut probe);
        let work = probe.work;
        self.source = source;
        self.left = self.left.saturating_sub(work);
        match found? {
            Sought::Going if self.left == 0 => Ok(Sought::Undecided),
            found => Ok(found),
        }
    }

    fn look(&mut self, probe: &mut Probe<'_>) -> io::Result<Sought> {
        while probe.work < STEP {
            match self.run.take() {
                Some(run) => {
                    if let Some(found) = self.extend(run, probe)? {
                        return Ok(Sought::Found(found));
                    }
                }
                None if self.at >= self.end => return Ok(Sought::Nothing),
                None => self.candidate(probe)?,
            }
        }
        Ok(Sought::Going)
    }

    /// Goes to the next place where a whole command begins, or beyond what is in sight.
    fn candidate(&mut self, probe: &mut Probe<'_>) -> io::Result<()> {
        let part = probe.peek(self.at, LOOK)?.to_vec();
        for index in memchr_iter(b'*', &part) {
            let start = self.at + index as u64;
            if !matches!(part.get(index + 1), Some(b'1'..=b'9') | None) {
                continue;
            }
            if probe.command_at(start, self.max_bulk, self.known)?.is_some() {
                self.begin(start);
                return Ok(());
            }
        }
        self.at += part.len().max(1) as u64;
        Ok(())
    }

    /// Takes one command, or `#` line, into the run; gives the run back if it ends there and is one.
    fn extend(&mut self, mut run: Run, probe: &mut Probe<'_>) -> io::Result<Option<Run>> {
        let line = probe.peek(run.end, annotation::LONGEST)?;
        if line.first() == Some(&b'#')
            && let Some(feed) = memchr(b'\n', line)
        {
            run.end += feed as u64 + 1;
            self.run = Some(run);
            return Ok(None);
        }
        let head = line.get(..LONGEST_MARK).unwrap_or(line).to_ascii_uppercase();
        if let Some(end) = probe.command_at(run.end, self.max_bulk, self.known)? {
            let mark = Mark { at: run.end, end, before: run.commands };
            self.note(&mut run, &head, mark);
            (run.end, run.commands) = (end, run.commands + 1);
            if self.given.is_some_and(|until| until.is_reached(&run)) {
                return Ok(Some(run));
            }
            self.run = Some(run);
            return Ok(None);
        }
        if self.given.is_some() || self.is_one(&run, probe)? {
            return Ok(Some(run));
        }
        self.text += run.commands;
        self.at = run.end.max(self.at + 1);
        Ok(None)
    }

    fn note(&mut self, run: &mut Run, head: &[u8], mark: Mark) {
        let fresh = self.fresh.take();
        if head.starts_with(b"*1\r\n$5\r\nMULTI\r\n") {
            run.multi.get_or_insert(mark);
            (self.fresh, self.open) = (Some(mark), true);
        } else if head.starts_with(b"*1\r\n$4\r\nEXEC\r\n") {
            if run.multi.is_none() {
                run.exec.get_or_insert(mark);
            }
            self.open = false;
        } else if head.starts_with(b"*2\r\n$6\r\nSELECT\r\n") && (fresh.is_some() || !self.open) {
            let place = if run.exec.is_some() { &mut run.select_behind } else { &mut run.select };
            place.get_or_insert(fresh.unwrap_or(mark));
        }
    }

    fn is_one(&self, run: &Run, probe: &mut Probe<'_>) -> io::Result<bool> {
        if run.start < self.beyond && run.end <= self.beyond {
            return Ok(false);
        }
        Ok(!matches!(probe.peek(run.end, 3)?, [b'\r', b'\n'] | [b'\r', b'\n', b'*' | b'$' | b'#']))
    }
}

/// Stands in for a source that is in use.
struct Nowhere;

impl Source for Nowhere {
    fn read_at(&mut self, _: u64, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::ResourceBusy.into())
    }
}

#[cfg(test)]
#[path = "resync_tests.rs"]
mod tests;
