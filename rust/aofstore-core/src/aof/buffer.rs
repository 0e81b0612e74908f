//! Encoded bytes on their way to the file, and the feed that puts commands there.
//!
//! Two vectors take turns: one collects while the other is with a writer. Both keep their memory while it is
//! being used and give it back after a burst (B-05), so that steady traffic allocates nothing.

use super::annotation;
use super::heading::Heading;
use crate::resp::encode;

/// Below this a vector is always kept (B-05).
const SMALL: usize = 4000;
/// Above this a vector is freed as soon as its bytes are out; between the two, when a tick finds it unused.
const LARGE: usize = 64 * 1024;

/// Pending bytes in the order they were fed.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    spare: Vec<u8>,
    /// Longest batch since the last tick.
    longest: usize,
}

impl Buffer {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity() + self.spare.capacity()
    }

    /// The bytes fed last.
    pub(super) fn last(&self, count: usize) -> &[u8] {
        self.bytes.get(self.bytes.len().saturating_sub(count)..).unwrap_or_default()
    }

    /// Hands the pending bytes to a writer; what is fed from now on collects behind them.
    #[inline]
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::replace(&mut self.bytes, std::mem::take(&mut self.spare))
    }

    /// The pending bytes, for a writer that lets nobody feed meanwhile.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// All of [`bytes`](Self::bytes) are in the file.
    #[inline]
    pub(super) fn clear_written(&mut self) {
        self.longest = self.longest.max(self.bytes.len());
        if self.bytes.capacity() <= LARGE {
            self.bytes.clear();
        } else {
            self.bytes = Vec::new();
        }
    }

    /// The writer's bytes are in the file.
    #[inline]
    pub(super) fn written(&mut self, mut batch: Vec<u8>) {
        self.longest = self.longest.max(batch.len());
        if batch.capacity() <= LARGE {
            batch.clear();
            self.spare = batch;
        }
    }

    /// The writer failed: its bytes go back in front of what was fed meanwhile.
    pub(super) fn restore(&mut self, mut batch: Vec<u8>) {
        batch.extend_from_slice(&self.bytes);
        self.bytes.clear();
        self.spare = std::mem::replace(&mut self.bytes, batch);
    }

    /// Forgets everything and its memory.
    pub(super) fn discard(&mut self) {
        *self = Self::default();
    }

    /// Called a few times a second: gives back what the traffic since the last call did not need.
    pub(super) fn tick(&mut self) {
        if std::mem::take(&mut self.longest) < SMALL {
            if self.spare.capacity() >= SMALL {
                self.spare = Vec::new();
            }
            if self.bytes.is_empty() && self.bytes.capacity() >= SMALL {
                self.bytes = Vec::new();
            }
        }
    }
}

/// Puts finished commands into the log, in order, with the SELECTs (F-03, F-05) and times they need.
///
/// Lives only inside [`Log::feed`](super::Log::feed). If it is dropped by a panic, everything it added is taken
/// out again: a half record would make the whole file unreadable.
#[derive(Debug)]
pub struct Feed<'a> {
    bytes: &'a mut Vec<u8>,
    heading: &'a mut Heading,
    /// When this is, if the log is to say so.
    second: Option<i64>,
    start: usize,
    before: Heading,
    block: Block,
    /// Bytes that found no memory; the log must latch then, since what follows would stand behind a hole.
    refused: u64,
    done: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Block {
    None,
    /// Asked for, written with its first command: a block without effects logs nothing (F-17).
    Wanted,
    Open,
}

impl<'a> Feed<'a> {
    #[inline]
    pub(super) fn new(buffer: &'a mut Buffer, heading: &'a mut Heading, second: Option<i64>) -> Self {
        let bytes = &mut buffer.bytes;
        Self {
            start: bytes.len(),
            before: *heading,
            bytes,
            heading,
            second,
            block: Block::None,
            refused: 0,
            done: false,
        }
    }

    /// One command as it is to be replayed, name first, on database `db`.
    #[inline]
    pub fn command<A: AsRef<[u8]>>(
        &mut self,
        db: u32,
        argv: impl IntoIterator<Item = A, IntoIter: ExactSizeIterator + Clone>,
    ) {
        let argv = argv.into_iter();
        let bound = encode::command_bound(argv.clone().map(|argument| argument.as_ref().len()));
        if self.prepare(db, bound) {
            encode::command(self.bytes, argv);
        }
    }

    /// Bytes that are whole records already, for database `db`.
    pub fn raw(&mut self, db: u32, records: &[u8]) {
        if self.prepare(db, records.len()) {
            self.bytes.extend_from_slice(records);
        }
    }

    /// Opens a transaction; it is logged with its first command, or not at all.
    pub fn multi(&mut self) {
        if self.block == Block::None {
            self.block = Block::Wanted;
        }
    }

    /// Closes the transaction.
    pub fn exec(&mut self) {
        if std::mem::replace(&mut self.block, Block::None) == Block::Open {
            self.bytes.extend_from_slice(encode::EXEC);
        }
    }

    /// There was no memory for as many bytes, which should have been fed here.
    pub fn lack(&mut self, missing: usize) {
        self.refused = self.refused.saturating_add(missing as u64);
    }

    /// Room for the next record, and the records that must stand before it.
    #[inline]
    fn prepare(&mut self, db: u32, bound: usize) -> bool {
        const AROUND: usize = 128 + annotation::TIME_BOUND;
        if self.refused > 0 || self.bytes.try_reserve(bound.saturating_add(AROUND)).is_err() {
            self.refused = self.refused.saturating_add(bound as u64);
            return false;
        }
        // ORDER: never inside a block, and in one write with what it is about: at the end of a file a line that lost its
        // end would swallow the next record. Another second is told also when the clock was set back.
        if self.second.is_some() && self.second != self.heading.stamped && self.block != Block::Open {
            self.stamp();
        }
        if self.block == Block::Wanted {
            self.bytes.extend_from_slice(encode::MULTI);
            self.block = Block::Open;
        }
        if self.heading.selected != Some(db) {
            encode::select(self.bytes, db);
            self.heading.selected = Some(db);
        }
        true
    }

    #[cold]
    fn stamp(&mut self) {
        if let Some(second) = self.second {
            annotation::time(self.bytes, second);
            self.heading.stamped = self.second;
        }
    }

    /// Bytes added; or, when memory ran out, nothing added and the bytes that are missing.
    #[inline]
    pub(super) fn finish(mut self) -> Result<u64, u64> {
        if self.refused > 0 {
            return Err(self.refused);
        }
        // A block left open would swallow every record after it.
        self.exec();
        self.done = true;
        Ok((self.bytes.len() - self.start) as u64)
    }
}

impl Drop for Feed<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.done {
            self.bytes.truncate(self.start);
            *self.heading = self.before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(body: impl FnOnce(&mut Feed<'_>)) -> (String, Heading) {
        fed_at(None, body)
    }

    fn fed_at(second: Option<i64>, body: impl FnOnce(&mut Feed<'_>)) -> (String, Heading) {
        let mut buffer = Buffer::default();
        let mut heading = Heading::default();
        let mut feed = Feed::new(&mut buffer, &mut heading, second);
        body(&mut feed);
        let added = feed.finish().unwrap();
        assert_eq!(added as usize, buffer.len());
        (String::from_utf8(buffer.bytes).unwrap().replace("\r\n", " "), heading)
    }

    #[test]
    fn t13_one_select_for_each_change_of_database() {
        let (log, heading) = fed(|feed| {
            for db in [0, 0, 5, 5, 15, 0] {
                feed.command(db, [b"PING".as_slice()]);
            }
        });
        let selects: Vec<_> =
            log.split("SELECT ").skip(1).map(|rest| &rest[..rest.find(" *").unwrap()]).collect();
        assert_eq!(selects, ["$1 0", "$1 5", "$2 15", "$1 0"]);
        assert_eq!(heading.selected, Some(0));
    }

    #[test]
    fn f17_select_stands_inside_the_block_and_empty_blocks_log_nothing() {
        let (log, _) = fed(|feed| {
            feed.multi();
            feed.exec();
            feed.multi();
            feed.command(3, [b"A".as_slice()]);
            feed.command(3, [b"B".as_slice()]);
            feed.exec();
        });
        assert_eq!(log, "*1 $5 MULTI *2 $6 SELECT $1 3 *1 $1 A *1 $1 B *1 $4 EXEC ");
    }

    #[test]
    fn the_time_stands_before_select_and_multi_once_a_second_and_never_in_a_block() {
        let (log, heading) = fed_at(Some(1_700_000_000), |feed| {
            feed.multi();
            feed.command(3, [b"A".as_slice()]);
            feed.command(4, [b"B".as_slice()]);
            feed.exec();
            feed.command(4, [b"C".as_slice()]);
        });
        assert_eq!(
            log,
            "#TS:1700000000 *1 $5 MULTI *2 $6 SELECT $1 3 *1 $1 A *2 $6 SELECT $1 4 *1 $1 B *1 $4 EXEC *1 $1 C "
        );
        assert_eq!(heading, Heading { selected: Some(4), stamped: Some(1_700_000_000) });
    }

    #[test]
    fn a_time_never_stands_alone() {
        let (log, heading) = fed_at(Some(7), |feed| {
            feed.multi();
            feed.exec();
        });
        assert_eq!((&*log, heading), ("", Heading::default()));
    }

    #[test]
    fn a_clock_that_was_set_back_is_told() {
        let mut buffer = Buffer::default();
        let mut heading = Heading { selected: Some(0), stamped: Some(9) };
        for second in [9, 8, 8, 9] {
            let mut feed = Feed::new(&mut buffer, &mut heading, Some(second));
            feed.command(0, [b"A".as_slice()]);
            feed.finish().unwrap();
        }
        let log = String::from_utf8(buffer.bytes).unwrap().replace("\r\n", " ");
        assert_eq!(log, "*1 $1 A #TS:8 *1 $1 A *1 $1 A #TS:9 *1 $1 A ");
    }

    #[test]
    fn a_block_left_open_is_closed() {
        let (log, _) = fed(|feed| {
            feed.multi();
            feed.command(0, [b"A".as_slice()]);
        });
        assert!(log.ends_with("$4 EXEC "), "{log}");
    }

    #[test]
    fn a_panic_while_feeding_leaves_no_trace() {
        let mut buffer = Buffer::default();
        let before = Heading { selected: Some(7), stamped: Some(3) };
        let mut heading = before;
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut feed = Feed::new(&mut buffer, &mut heading, Some(4));
            feed.command(1, [b"A".as_slice()]);
            panic!("a defect of the caller");
        }));
        assert!(result.is_err());
        assert_eq!((buffer.len(), heading), (0, before));
    }

    #[test]
    fn b05_memory_of_a_burst_is_given_back() {
        let mut buffer = Buffer::default();
        buffer.bytes.extend_from_slice(&vec![0; 10 << 20]);
        let batch = buffer.take();
        buffer.written(batch);
        assert_eq!(buffer.capacity(), 0);
        buffer.bytes.extend_from_slice(&vec![0; 20_000]);
        let batch = buffer.take();
        buffer.written(batch);
        assert!(buffer.capacity() >= 20_000);
        buffer.tick();
        assert!(buffer.capacity() >= 20_000, "in use since the last tick");
        buffer.tick();
        assert_eq!(buffer.capacity(), 0);
    }

    #[test]
    fn restored_bytes_stand_before_later_ones() {
        let mut buffer = Buffer::default();
        buffer.bytes.extend_from_slice(b"first ");
        let batch = buffer.take();
        buffer.bytes.extend_from_slice(b"second");
        buffer.restore(batch);
        assert_eq!(buffer.take(), b"first second");
    }
}
