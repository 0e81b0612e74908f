//! OBJECT: how the value of one key is kept.
//!
//! Access times and frequencies are not kept here: IDLETIME is always 0 and FREQ refuses as Redis does without an
//! LFU policy. Looking at a key this way counts as no access.

use super::args::Args;
use super::context::Context;
use super::errors::{self, Outcome};
use super::table::EngineCommand as E;
use super::table::{Flags, KeyPositions, READ_SLOW, Spec};
use crate::keyspace::{Text, Value};

const G: &str = "generic";
const KEY: KeyPositions = KeyPositions::Range { first: 2, last: 2, step: 1 };
const LOOK: Flags = READ_SLOW;
/// What Redis answers for the small integers that it never frees.
const SHARED: i64 = i32::MAX as i64;
const SHARED_BELOW: i64 = 10_000;

pub(super) const COMMANDS: &[Spec] =
    &[Spec::engine([G, "OBJECT", "2.2.3", "Tells how a value is kept."], -2, Flags::SLOW, E::Container)
        .with(OBJECT)];

#[rustfmt::skip]
const OBJECT: &[Spec] = &[
    Spec::new([G, "OBJECT|ENCODING", "2.2.3", "Gives the encoding of a value."], 3, LOOK, KEY, encoding),
    Spec::new([G, "OBJECT|FREQ", "4.0.0", "Refused: access frequencies are not kept."], 3, LOOK, KEY, freq),
    Spec::engine([G, "OBJECT|HELP", "6.2.0", "Lists the subcommands."], 2, Flags::LOADING, E::Help),
    Spec::new([G, "OBJECT|IDLETIME", "2.2.3", "Gives 0: access times are not kept."], 3, LOOK, KEY, idletime),
    Spec::new([G, "OBJECT|REFCOUNT", "2.2.3", "Gives the number of references to a value."], 3, LOOK, KEY, refcount),
];

fn encoding(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    match cx.keys.get(args.at(2)) {
        Some(value) => cx.reply.bulk(value.encoding().as_bytes()),
        None => cx.reply.nil(),
    }
    Ok(())
}

fn freq(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    if cx.keys.contains(args.at(2)) {
        return Err(errors::NO_LFU);
    }
    cx.reply.nil();
    Ok(())
}

fn idletime(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    match cx.keys.get(args.at(2)) {
        Some(_) => cx.reply.int(0),
        None => cx.reply.nil(),
    }
    Ok(())
}

fn refcount(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    match cx.keys.get(args.at(2)) {
        Some(Value::Text(Text::Int(0..SHARED_BELOW))) => cx.reply.int(SHARED),
        Some(_) => cx.reply.int(1),
        None => cx.reply.nil(),
    }
    Ok(())
}
