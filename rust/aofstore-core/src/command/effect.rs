//! What a command really did, as the argument vectors that repeat it: `None`, `Verbatim` or `Rewritten`.
//!
//! Only the handler knows this, so it is made with the command; the log receives finished argument vectors.

/// One rewritten record: its arguments in one buffer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Argv {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Argv {
    pub fn of(args: &[&[u8]]) -> Self {
        let mut argv = Self::default();
        for arg in args {
            argv.push(arg);
        }
        argv
    }

    pub fn push(&mut self, arg: &[u8]) {
        self.bytes.extend_from_slice(arg);
        self.ends.push(self.bytes.len());
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
        self.ends.iter().enumerate().map(|(index, &end)| {
            let start =
                index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
            self.bytes.get(start..end).unwrap_or_default()
        })
    }
}

/// A record and the database it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub db: usize,
    pub argv: Argv,
}

/// The effect of the command that is running.
#[derive(Debug, Default)]
pub struct Effects {
    changes: u64,
    rewritten: Vec<Record>,
    db: usize,
}

impl Effects {
    /// Makes ready for a command on `db`.
    pub fn begin(&mut self, db: usize) {
        self.changes = 0;
        self.rewritten.clear();
        self.db = db;
    }

    /// The command changed the keyspace; it is logged as it came unless rewritten.
    pub fn changed(&mut self) {
        self.changes += 1;
    }

    pub fn changed_by(&mut self, changes: usize) {
        self.changes += changes as u64;
    }

    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Logs `args` in place of the command as it came; several calls log several records, in order.
    pub fn rewrite(&mut self, args: &[&[u8]]) {
        self.rewrite_as(Argv::of(args));
    }

    pub fn rewrite_as(&mut self, argv: Argv) {
        self.rewritten.push(Record { db: self.db, argv });
    }

    /// Adds an argument to the record rewritten last.
    pub fn extend_last(&mut self, arg: &[u8]) {
        if let Some(record) = self.rewritten.last_mut() {
            record.argv.push(arg);
        }
    }

    pub fn rewritten(&self) -> &[Record] {
        &self.rewritten
    }

    /// Whether the command is to be logged as it came.
    pub fn is_verbatim(&self) -> bool {
        self.changes > 0 && self.rewritten.is_empty()
    }
}
