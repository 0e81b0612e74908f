//! From what a command did to the records of the log: bare, as one block, or gathered for one append.

use super::core::Core;
use crate::aof::Pen;
use crate::command::{Flags, Spec};

impl Core {
    /// Appends the effect of the command that just ran, or gathers it. Whoever has the log in hand gives the pen: without
    /// it, nobody could feed.
    #[inline]
    pub(super) fn log_effect(&mut self, db: usize, spec: &Spec, argv: &[&[u8]], pen: Option<&mut Pen<'_>>) {
        if !self.is_fed() {
            if self.space.has_purged() {
                self.space.take_purged();
            }
            return;
        }
        let alone = !self.gathered.is_on();
        if alone && !self.space.has_purged() && self.effects.rewritten().len() < 2 {
            if let Some(record) = self.effects.rewritten().first() {
                self.feed(pen, |feed| feed.command(record.db as u32, record.argv.iter()));
            } else if self.effects.is_verbatim() {
                self.feed(pen, |feed| feed.command(db as u32, canonical(spec, argv)));
            }
            return;
        }
        self.gather(db, spec, argv);
        if alone {
            self.feed_gathered(pen);
        }
    }

    /// The records of the command that just ran: deletions by expiry first.
    fn gather(&mut self, db: usize, spec: &Spec, argv: &[&[u8]]) {
        let block = !spec.flags.contains(Flags::ARBITRARY_KEYS);
        if block {
            self.gathered.open();
        }
        if self.space.has_purged() {
            for (db, key) in self.space.take_purged() {
                self.gathered.record(db, [b"DEL".as_slice(), &key]);
            }
        }
        if self.effects.is_verbatim() {
            self.gathered.record(db, canonical(spec, argv));
        }
        for record in self.effects.rewritten() {
            self.gathered.record(record.db, record.argv.iter());
        }
        if block {
            self.gathered.close();
        }
    }

    /// Appends everything gathered, in one piece, and gathers no more.
    pub(super) fn feed_gathered(&mut self, pen: Option<&mut Pen<'_>>) {
        let mut gathered = std::mem::take(&mut self.gathered);
        if !gathered.is_empty() {
            self.feed(pen, |feed| gathered.feed(feed));
        }
        gathered.forget();
        self.gathered = gathered;
    }

    /// Logs keys that were purged outside of any command, one by one.
    pub(super) fn feed_purged(&mut self) {
        if !self.space.has_purged() {
            return;
        }
        let purged = self.space.take_purged();
        self.feed(None, |feed| {
            for (db, key) in &purged {
                feed.command(*db as u32, [b"DEL".as_slice(), key]);
            }
        });
    }
}

/// The command as it came, with its name as the table spells it.
#[inline]
fn canonical<'a>(spec: &Spec, argv: &'a [&'a [u8]]) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone {
    let name = spec.name.as_bytes();
    argv.iter().enumerate().map(move |(at, arg)| if at == 0 { name } else { arg })
}
