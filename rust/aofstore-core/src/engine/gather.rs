//! Effects that belong together, on their way to the log: encoded as they come, fed in one append.
//!
//! Filled under the engine's lock only. INVARIANT: a block is in `marks` from its beginning to its end, and only if
//! it has more than one record, so that whatever is fed can be replayed.

use crate::aof::Feed;
use crate::resp::encode;

/// Above this the memory is given back once the records are fed.
const LARGE: usize = 64 * 1024;

#[derive(Debug, Default)]
pub(super) struct Gathered {
    on: bool,
    bytes: Vec<u8>,
    marks: Vec<Mark>,
    /// How many blocks are open, one in the other: they are logged as one.
    depth: usize,
    /// Records in the open block, and where in `marks` it begins.
    records: usize,
    begin: usize,
    /// Bytes of records that found no memory.
    missing: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Multi,
    /// Records of one database, up to this offset.
    Records {
        db: u32,
        end: usize,
    },
    Exec,
}

impl Gathered {
    pub fn begin(&mut self) {
        self.on = true;
    }

    pub fn is_on(&self) -> bool {
        self.on
    }

    /// What follows, up to the [`close`](Self::close) of it, is one block.
    pub fn open(&mut self) {
        self.depth += 1;
        if self.depth == 1 {
            (self.records, self.begin) = (0, self.marks.len());
            self.marks.push(Mark::Multi);
        }
    }

    pub fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        if self.depth > 0 {
            return;
        }
        if self.records > 1 {
            self.marks.push(Mark::Exec);
        } else if self.begin < self.marks.len() {
            self.marks.remove(self.begin);
        }
    }

    /// A command as it is to be replayed, name first.
    pub fn record<A: AsRef<[u8]>>(
        &mut self,
        db: usize,
        argv: impl IntoIterator<Item = A, IntoIter: ExactSizeIterator + Clone>,
    ) {
        let argv = argv.into_iter();
        let bound = encode::command_bound(argv.clone().map(|arg| arg.as_ref().len()));
        if self.bytes.try_reserve(bound).is_err() {
            self.missing = self.missing.saturating_add(bound);
            return;
        }
        encode::command(&mut self.bytes, argv);
        self.records += 1;
        let (here, ended) = (db as u32, self.bytes.len());
        match self.marks.last_mut() {
            Some(Mark::Records { db, end }) if *db == here => *end = ended,
            _ => self.marks.push(Mark::Records { db: here, end: ended }),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.marks.is_empty() && self.missing == 0
    }

    /// Gives everything to the log.
    pub fn feed(&self, feed: &mut Feed<'_>) {
        let mut start = 0;
        for mark in &self.marks {
            match *mark {
                Mark::Multi => feed.multi(),
                Mark::Records { db, end } => {
                    feed.raw(db, self.bytes.get(start..end).unwrap_or_default());
                    start = end;
                }
                Mark::Exec => feed.exec(),
            }
        }
        feed.lack(self.missing);
    }

    /// Ends the gathering, and drops what was gathered.
    pub fn forget(&mut self) {
        let (mut bytes, mut marks) = (std::mem::take(&mut self.bytes), std::mem::take(&mut self.marks));
        bytes.clear();
        marks.clear();
        bytes.shrink_to(LARGE);
        marks.shrink_to(LARGE);
        *self = Self { bytes, marks, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(fill: impl FnOnce(&mut Gathered)) -> (String, String) {
        let mut gathered = Gathered::default();
        fill(&mut gathered);
        let shown = gathered.marks.iter().map(|mark| match mark {
            Mark::Multi => "MULTI".to_owned(),
            Mark::Records { db, end } => format!("{db}:{end}"),
            Mark::Exec => "EXEC".to_owned(),
        });
        (shown.collect::<Vec<_>>().join(" "), String::from_utf8(gathered.bytes).unwrap())
    }

    #[test]
    fn f17_a_block_of_less_than_two_records_is_none() {
        let (shown, bytes) = marks(|gathered| {
            gathered.open();
            gathered.close();
            gathered.open();
            gathered.record(0, [b"A"]);
            gathered.close();
            gathered.record(0, [b"B"]);
        });
        assert_eq!((&*shown, &*bytes), ("0:22", "*1\r\n$1\r\nA\r\n*1\r\n$1\r\nB\r\n"));
    }

    #[test]
    fn blocks_in_a_block_are_one() {
        let (shown, _) = marks(|gathered| {
            gathered.record(0, [b"A"]);
            gathered.open();
            for db in [0, 3] {
                gathered.open();
                gathered.record(db, [b"B"]);
                gathered.record(db, [b"C"]);
                gathered.close();
            }
            gathered.close();
            gathered.record(3, [b"D"]);
        });
        assert_eq!(shown, "0:11 MULTI 0:33 3:55 EXEC 3:66");
    }
}
