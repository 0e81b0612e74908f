//! Whole databases: size, flush, swap.

use super::args::{self, Args};
use super::context::Context;
use super::errors::{self, Outcome};
use super::table::{Flags, NO_KEYS, READ, SHRINK, Spec};

const G: &str = "server";

#[rustfmt::skip]
pub(super) const COMMANDS: &[Spec] = &[
    Spec::new([G, "DBSIZE", "1.0.0", "Counts the keys of the database."], 1, READ, NO_KEYS, dbsize),
    Spec::new([G, "FLUSHDB", "1.0.0", "Removes all keys of the database."], -1, Flags::WRITE.union(Flags::SLOW), NO_KEYS, flushdb),
    Spec::new([G, "FLUSHALL", "1.0.0", "Removes all keys of all databases."], -1, Flags::WRITE.union(Flags::SLOW), NO_KEYS, flushall),
    Spec::new([G, "SWAPDB", "4.0.0", "Exchanges two databases."], 3, SHRINK, NO_KEYS, swapdb),
];

fn dbsize(cx: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let size = cx.keys.len();
    cx.reply.len(size);
    Ok(())
}

/// ASYNC and SYNC are accepted and mean the same here: memory is freed before the call returns.
fn check_flush_option(args: Args<'_>) -> Outcome {
    match args.from(1) {
        [] => Ok(()),
        [word] if args::is(word, "ASYNC") || args::is(word, "SYNC") => Ok(()),
        _ => Err(errors::SYNTAX),
    }
}

fn flushdb(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    check_flush_option(args)?;
    let db = cx.keys.db();
    cx.keys.space.flush(db);
    cx.effects.changed();
    cx.reply.ok();
    Ok(())
}

fn flushall(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    check_flush_option(args)?;
    cx.keys.space.flush_all();
    cx.effects.changed();
    cx.reply.ok();
    Ok(())
}

fn swapdb(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let first = super::keys::database(cx, args.at(1), errors::FIRST_DB_INDEX)?;
    let second = super::keys::database(cx, args.at(2), errors::SECOND_DB_INDEX)?;
    cx.keys.space.swap(first, second);
    cx.effects.changed();
    cx.reply.ok();
    Ok(())
}
