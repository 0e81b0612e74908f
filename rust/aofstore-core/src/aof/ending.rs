//! The end of a file: torn by a crash, or damaged?
//!
//! A torn end may be cut, damage must not be: one wrong digit in a length makes all that follows look like one
//! unfinished record. So an unfinished record is torn only if no whole command stands at the very end behind its
//! header. Serves `reader`; reads the file again in small blocks, so memory stays bounded whatever the rest holds.

use std::io;

use memchr::{memchr, memrchr_iter};

use super::annotation::LONGEST;
use crate::fs::{Source, read_full};
use crate::resp::decode::{MAX_ARGS, header};

/// Whether a command of this name takes this many arguments (its name counted).
pub type Known = fn(name: &[u8], argc: usize) -> bool;

/// Why the end of a file is taken for torn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tear {
    /// The last command is not whole.
    Command,
    /// The last `#` line has no end.
    Comment,
    /// The rest is zero bytes: the file grew, its data did not reach the disk.
    Zeros,
}

/// Longest header line: mark, twenty digits, CR LF.
const MAX_HEADER: usize = 23;
/// Longest name of a command that is worth a look.
const MAX_NAME: u64 = 64;
const BLOCK: usize = 64 * 1024;
const PROBE: usize = 16 * 1024;

/// The first byte at or behind `from` that is not zero.
pub(super) fn first_nonzero(source: &mut dyn Source, from: u64, end: u64) -> io::Result<Option<u64>> {
    let mut block = vec![0; BLOCK];
    let mut at = from;
    while at < end {
        let part = read_part(source, at, end, &mut block)?;
        if let Some(index) = part.iter().position(|&byte| byte != 0) {
            return Ok(Some(at + index as u64));
        }
        at += part.len() as u64;
    }
    Ok(None)
}

/// What stands at the end of the file behind the header of an unfinished record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing that could be a command.
    Torn,
    /// A whole command, at this offset.
    Commands(u64),
    /// Too many places look like one to try them all.
    Undecided,
}

/// Looks for a whole known command that ends exactly at `end`, or where the zeros before it begin, and starts behind
/// `from`.
///
/// A run of commands that ends there has a last one, so the last one is all there is to find. The search starts at the
/// end: what was hidden by a damaged length is found at once.
pub(super) fn rest(
    source: &mut dyn Source,
    from: u64,
    end: u64,
    max_bulk: u64,
    known: Known,
) -> io::Result<Rest> {
    let end = without_zeros(source, from, end)?;
    let mut probe = Probe::new(source, end);
    if end - from < 2 || probe.peek(end - 1, 1)? != b"\n" {
        return Ok(Rest::Torn);
    }
    let allowed = (end - from).saturating_mul(8).saturating_add(64 << 20);
    let mut block = vec![0; BLOCK + 2];
    let mut high = end;
    while high > from + 1 {
        // One byte more on each side: a command starts behind a line feed and has a digit behind its mark.
        let low = high.saturating_sub(BLOCK as u64).max(from + 1);
        let part = read_part(probe.source, low - 1, (high + 1).min(end), &mut block)?;
        for index in memrchr_iter(b'*', part) {
            let around = (index.checked_sub(1).and_then(|at| part.get(at)), part.get(index + 1));
            let (Some(b'\n'), Some(b'1'..=b'9')) = around else { continue };
            let start = low - 1 + index as u64;
            if let Some(at) = probe.command_at(start, max_bulk, known)?
                && probe.comments_end_file(at)?
            {
                return Ok(Rest::Commands(start));
            }
            if probe.work > allowed {
                return Ok(Rest::Undecided);
            }
        }
        high = low;
    }
    Ok(Rest::Torn)
}

/// Where the zero bytes at the end begin, not before `from`.
pub(super) fn without_zeros(source: &mut dyn Source, from: u64, end: u64) -> io::Result<u64> {
    let mut block = vec![0; BLOCK];
    let mut high = end;
    while high > from {
        let low = high.saturating_sub(BLOCK as u64).max(from);
        let part = read_part(source, low, high, &mut block)?;
        if let Some(index) = part.iter().rposition(|&byte| byte != 0) {
            return Ok(low + index as u64 + 1);
        }
        high = low;
    }
    Ok(from)
}

/// A small window on the file that goes where it is asked.
pub(super) struct Probe<'a> {
    source: &'a mut dyn Source,
    end: u64,
    start: u64,
    bytes: Vec<u8>,
    /// Bytes read and headers looked at, so that a hostile file cannot keep us busy.
    pub(super) work: u64,
}

impl<'a> Probe<'a> {
    /// Looks at nothing from `end` on.
    pub(super) fn new(source: &'a mut dyn Source, end: u64) -> Self {
        Self { source, end, start: 0, bytes: Vec::new(), work: 0 }
    }

    /// Up to `count` bytes at `at`; fewer only at the end of the file.
    pub(super) fn peek(&mut self, at: u64, count: usize) -> io::Result<&[u8]> {
        let last = at.saturating_add(count as u64).min(self.end);
        if at < self.start || last > self.start + self.bytes.len() as u64 {
            self.bytes.resize(PROBE, 0);
            let read = read_part(self.source, at, self.end, &mut self.bytes)?.len();
            self.bytes.truncate(read);
            self.start = at;
            self.work += PROBE as u64;
        }
        let (from, to) = (at.saturating_sub(self.start) as usize, last.saturating_sub(self.start) as usize);
        Ok(self.bytes.get(from..to).unwrap_or_default())
    }

    fn header(&mut self, at: u64, mark: u8, max: u64) -> io::Result<Option<(u64, u64)>> {
        self.work += MAX_HEADER as u64;
        let bytes = self.peek(at, MAX_HEADER)?;
        Ok(header(bytes, 0, mark, max).ok().flatten().map(|(number, size)| (number, at + size as u64)))
    }

    /// Where the whole known command that starts at `start` ends, if there is one.
    pub(super) fn command_at(&mut self, start: u64, max_bulk: u64, known: Known) -> io::Result<Option<u64>> {
        let Some((argc, mut at)) = self.header(start, b'*', MAX_ARGS)? else { return Ok(None) };
        for index in 0..argc {
            let Some((length, payload)) = self.header(at, b'$', max_bulk)? else { return Ok(None) };
            let behind = payload.saturating_add(length);
            if behind.saturating_add(2) > self.end {
                return Ok(None);
            }
            if index == 0 {
                // A name first: nearly every false start ends here.
                let named = length <= MAX_NAME && known(self.peek(payload, length as usize)?, argc as usize);
                if !named {
                    return Ok(None);
                }
            }
            if self.peek(behind, 2)? != b"\r\n" {
                return Ok(None);
            }
            at = behind + 2;
        }
        Ok(Some(at))
    }

    fn comments_end_file(&mut self, mut at: u64) -> io::Result<bool> {
        while at < self.end {
            let line = self.peek(at, LONGEST)?;
            match (line.first(), memchr(b'\n', line)) {
                (Some(b'#'), Some(feed)) => at += feed as u64 + 1,
                (Some(b'#'), None) if line.len() == LONGEST => at += LONGEST as u64,
                _ => return Ok(false),
            }
            self.work += MAX_HEADER as u64;
        }
        Ok(true)
    }
}

/// Fills `block` from `at`, at most to `end`.
pub(super) fn read_part<'a>(
    source: &mut dyn Source,
    at: u64,
    end: u64,
    block: &'a mut [u8],
) -> io::Result<&'a [u8]> {
    let room = block.len().min(usize::try_from(end - at).unwrap_or(usize::MAX));
    let part = block.get_mut(..room).unwrap_or_default();
    read_full(source, at, part)?;
    Ok(part)
}
