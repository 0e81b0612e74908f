//! From what a command did to the records of the log: bare, as one block, or gathered for one append.

use super::core::{Core, Group};
use crate::command::{Argv, Flags, Record, Spec};

impl Core {
    /// Appends the effect of the command that just ran, or gathers it.
    pub(super) fn log_effect(&mut self, db: usize, spec: &Spec, argv: &[&[u8]]) {
        if !self.is_fed() {
            if self.space.has_purged() {
                self.space.take_purged();
            }
            return;
        }
        if self.gathered.is_none() && !self.space.has_purged() && self.effects.rewritten().len() < 2 {
            if let Some(record) = self.effects.rewritten().first() {
                self.feed(|feed| feed.command(record.db as u32, record.argv.iter()));
            } else if self.effects.is_verbatim() {
                self.feed(|feed| feed.command(db as u32, canonical(spec, argv)));
            }
            return;
        }
        let group = self.group(db, spec, argv);
        if !group.records.is_empty() {
            match &mut self.gathered {
                Some(groups) => groups.push(group),
                None => self.feed_groups(&[group]),
            }
        }
    }

    /// The records of the command that just ran: deletions by expiry first.
    fn group(&mut self, db: usize, spec: &Spec, argv: &[&[u8]]) -> Group {
        let purged = self.space.take_purged().into_iter();
        let mut records: Vec<Record> =
            purged.map(|(db, key)| Record { db, argv: Argv::of(&[b"DEL", &key]) }).collect();
        if self.effects.is_verbatim() {
            let mut canonical = Argv::of(&[spec.name.as_bytes()]);
            argv.iter().skip(1).for_each(|arg| canonical.push(arg));
            records.push(Record { db, argv: canonical });
        }
        records.extend_from_slice(self.effects.rewritten());
        Group { records, apart: spec.flags.contains(Flags::ARBITRARY_KEYS) }
    }

    /// Appends everything gathered, in one piece.
    pub(super) fn feed_gathered(&mut self) {
        let groups = self.gathered.take().unwrap_or_default();
        if !groups.is_empty() {
            self.feed_groups(&groups);
        }
    }

    fn feed_groups(&self, groups: &[Group]) {
        self.feed(|feed| {
            for group in groups {
                let wrapped = group.records.len() > 1 && !group.apart;
                if wrapped {
                    feed.multi();
                }
                for record in &group.records {
                    feed.command(record.db as u32, record.argv.iter());
                }
                if wrapped {
                    feed.exec();
                }
            }
        });
    }

    /// Logs keys that were purged outside of any command, one by one.
    pub(super) fn feed_purged(&mut self) {
        if !self.space.has_purged() {
            return;
        }
        let purged = self.space.take_purged();
        self.feed(|feed| {
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
