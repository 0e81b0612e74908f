//! MEMORY: how many bytes a key takes.

use super::args::{self, Args};
use super::context::Context;
use super::errors::{self, Outcome};
use super::table::EngineCommand as E;
use super::table::{Flags, KeyPositions, NO_KEYS, READ_SLOW, Spec};

const G: &str = "server";
const KEY: KeyPositions = KeyPositions::Range { first: 2, last: 2, step: 1 };

pub(super) const COMMANDS: &[Spec] =
    &[Spec::engine([G, "MEMORY", "4.0.0", "Tells about memory."], -2, Flags::SLOW, E::Container)
        .with(MEMORY)];

#[rustfmt::skip]
const MEMORY: &[Spec] = &[
    Spec::new([G, "MEMORY|DOCTOR", "4.0.0", "Says in words how memory is doing."], 2, Flags::SLOW, NO_KEYS, doctor),
    Spec::engine([G, "MEMORY|HELP", "4.0.0", "Lists the subcommands."], 2, Flags::LOADING, E::Help),
    Spec::new([G, "MEMORY|USAGE", "4.0.0", "Gives the bytes that a key and its value take."], -3, READ_SLOW, KEY, usage),
];

fn doctor(cx: &mut Context<'_>, _: Args<'_>) -> Outcome {
    cx.reply.bulk(b"Memory belongs to the host process here; INFO memory shows what the store takes of it.");
    Ok(())
}

/// SAMPLES is read and checked, but every value knows its size without sampling.
fn usage(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let mut options = args.options(3);
    while !options.done() {
        if !options.take_with("SAMPLES", 1) {
            return Err(errors::SYNTAX);
        }
        if args::int(options.need()?)? < 0 {
            return Err(errors::SYNTAX);
        }
    }
    match cx.keys.memory(args.at(2)) {
        Some(bytes) => cx.reply.len(bytes),
        None => cx.reply.nil(),
    }
    Ok(())
}
