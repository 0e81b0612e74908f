//! One command of the log and what it runs on.

use super::plan::Step;
use crate::command::{self, Context, Effects, Handler, KeyPositions, Reply};
use crate::keyspace::Keyspace;

pub(super) struct Call<'a> {
    pub(super) step: Step,
    pub(super) argv: &'a [&'a [u8]],
    pub(super) space: &'a mut Keyspace,
    pub(super) db: usize,
    pub(super) reply: &'a mut Reply,
    pub(super) effects: &'a mut Effects,
}

impl Call<'_> {
    /// Runs it on the keyspace; the text of its error, if it failed.
    pub(super) fn run(&mut self) -> Option<String> {
        let Step { spec, hash } = self.step;
        let spec = spec?;
        let Handler::Keyspace(handler) = spec.handler else { return None };
        if !spec.is_write() {
            // A read has no place in a log and no effect; a hostile one could keep us busy for ever.
            return None;
        }
        self.effects.begin(self.db);
        let mut cx = Context {
            keys: self.space.keys_at(self.db, None),
            reply: self.reply,
            effects: self.effects,
            replaying: true,
            name: spec.name,
            wait: None,
        };
        if let (Some(hash), KeyPositions::Range { first, .. }) = (hash, spec.keys)
            && let Some(key) = self.argv.get(first)
        {
            cx.keys.foreseen(key, hash);
        }
        let outcome = command::run(spec, handler, &mut cx, self.argv);
        if cx.wait.is_some() {
            return Some(format!("'{}' would have to wait", spec.name));
        }
        outcome.err().map(|error| error.text().to_owned())
    }
}
