//! What a handler works with: the keyspace at one instant, the reply, the effect.

use super::args::Args;
use super::effect::Effects;
use super::errors::{self, ErrorReply, Outcome};
use super::reply::Reply;
use super::table::{Flags, Spec};
use crate::keyspace::{Keys, Kind, Text, Value, WrongType};

/// One run of one command. The fields are apart so that a handler can read a value and write the reply at once.
pub struct Context<'e> {
    pub keys: Keys<'e>,
    pub reply: &'e mut Reply,
    pub effects: &'e mut Effects,
    /// Replaying a log: relative times in it count from now, nothing is refused, nothing expires.
    pub replaying: bool,
    /// The command's name as the table spells it.
    pub name: &'static str,
    /// Set by a blocking command that found nothing; the nil it replied stands if nobody may wait.
    pub wait: Option<Wait>,
}

/// What a blocking command waits for: it is run again when one of `keys` receives a value of `kind`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    pub keys: Vec<Box<[u8]>>,
    pub kind: Kind,
    /// Milliseconds; None waits for ever.
    pub timeout: Option<u64>,
}

/// Sizes beyond this ask for the memory before anything changes: a user or a file chose them, and an allocation that
/// fails later ends the process.
const LARGE: usize = 1 << 20;

/// Whether that much memory is to be had in one piece.
pub fn fits(length: usize) -> bool {
    length <= LARGE || Vec::<u8>::new().try_reserve_exact(length).is_ok()
}

impl Context<'_> {
    /// The string under `key` with at least `length` bytes, to be changed in place; whether it had to grow.
    pub fn grown(&mut self, key: &[u8], length: usize) -> Result<(&mut Vec<u8>, bool), ErrorReply> {
        if length > LARGE && !self.has_room(key, length)? {
            return Err(errors::OUT_OF_MEMORY);
        }
        let bytes = self.keys.text_mut(key)?;
        let grows = bytes.len() < length;
        if grows {
            bytes.resize(length, 0);
        }
        Ok((bytes, grows))
    }

    fn has_room(&mut self, key: &[u8], length: usize) -> Result<bool, ErrorReply> {
        if !matches!(self.keys.get(key), Some(Value::Text(Text::Raw(_)))) {
            return Ok(fits(length));
        }
        let bytes = self.keys.text_mut(key)?;
        let more = length.saturating_sub(bytes.len());
        Ok(bytes.try_reserve(more).or_else(|_| bytes.try_reserve_exact(more)).is_ok())
    }

    /// The value under `key` changed: tells watchers, and the command will be logged.
    pub fn changed(&mut self, key: &[u8]) {
        self.keys.changed(key);
        self.effects.changed();
    }

    /// Removes `key` as part of a change (an emptied collection); not logged by itself.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let removed = self.keys.remove(key);
        if removed {
            self.changed(key);
        }
        removed
    }
}

impl From<WrongType> for ErrorReply {
    fn from(_: WrongType) -> Self {
        errors::WRONG_TYPE
    }
}

/// Checks arity, then runs the handler. A half-written reply is taken back when it fails.
pub fn run(
    spec: &Spec,
    handler: fn(&mut Context<'_>, Args<'_>) -> Outcome,
    cx: &mut Context<'_>,
    argv: &[&[u8]],
) -> Outcome {
    if spec.flags.contains(Flags::DENYOOM) && !fits(argv.iter().map(|arg| arg.len()).sum()) {
        return Err(errors::OUT_OF_MEMORY);
    }
    let written = cx.reply.nodes().len();
    cx.name = spec.name;
    let mut outcome = handler(cx, Args::new(argv));
    if cx.reply.take_full() {
        outcome = outcome.and(Err(errors::OUT_OF_MEMORY));
    }
    if outcome.is_err() {
        cx.reply.rewind(written);
    }
    outcome
}
