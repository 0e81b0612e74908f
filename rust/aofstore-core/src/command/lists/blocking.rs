//! The list commands that wait: each tries at once, is logged as its plain sibling, and else asks to be run again.

use super::{G, end, lost, move_element, pop_first, pop_name, settle};
use crate::command::args::Args;
use crate::command::context::{Context, Wait};
use crate::command::errors::Outcome;
use crate::command::instant;
use crate::command::mpop::Request;
use crate::command::table::{ALL_BUT_LAST, Flags, KeyPositions, Spec, TWO_KEYS};
use crate::keyspace::{End, Kind};

const WAIT: Flags = Flags::WRITE.union(Flags::BLOCKING);
const WAIT_AND_PUSH: Flags = WAIT.union(Flags::DENYOOM);
const COUNTED: KeyPositions = KeyPositions::Counted { at: 2, dest: false };

#[rustfmt::skip]
pub(in crate::command) const COMMANDS: &[Spec] = &[
    Spec::new([G, "BLPOP", "2.0.0", "Pops at the front of the first list, or waits for one."], -3, WAIT, ALL_BUT_LAST, |cx, args| pop(cx, args, End::Front)),
    Spec::new([G, "BRPOP", "2.0.0", "Pops at the back of the first list, or waits for one."], -3, WAIT, ALL_BUT_LAST, |cx, args| pop(cx, args, End::Back)),
    Spec::new([G, "BLMOVE", "6.2.0", "Moves an element between lists, or waits for one."], 6, WAIT_AND_PUSH, TWO_KEYS, blmove),
    Spec::new([G, "BRPOPLPUSH", "2.2.0", "Moves the last element to another list, or waits for one."], 4, WAIT_AND_PUSH, TWO_KEYS, brpoplpush),
    Spec::new([G, "BLMPOP", "7.0.0", "Pops elements from the first list, or waits for one."], -5, WAIT, COUNTED, blmpop),
];

/// Replies nil and asks to be run again when one of `keys` becomes a list.
fn wait(cx: &mut Context<'_>, keys: &[&[u8]], timeout: Option<u64>) {
    cx.reply.nil();
    cx.wait = Some(Wait { keys: keys.iter().map(|key| (*key).into()).collect(), kind: Kind::List, timeout });
}

fn pop(cx: &mut Context<'_>, args: Args<'_>, end: End) -> Outcome {
    let Some((seconds, keys)) = args.from(1).split_last() else { return Ok(()) };
    let timeout = instant::timeout(seconds, cx.keys.now())?;
    let limits = cx.keys.space.limits;
    for key in keys {
        let Some(list) = cx.keys.list_mut(key)? else { continue };
        cx.reply.array(2);
        cx.reply.bulk(key);
        list.pop(end, |entry| cx.reply.entry(entry));
        let emptied = settle(list, &limits);
        lost(cx, key, 1, emptied);
        cx.effects.rewrite(&[pop_name(end), key]);
        return Ok(());
    }
    wait(cx, keys, timeout);
    Ok(())
}

fn blmove(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (from, to) = (args.at(1), args.at(2));
    let ends = (end(args.at(3))?, end(args.at(4))?);
    let timeout = instant::timeout(args.at(5), cx.keys.now())?;
    if cx.keys.list_mut(from)?.is_none() {
        wait(cx, &[from], timeout);
    } else if move_element(cx, from, to, ends)? {
        cx.effects.rewrite(&[b"LMOVE", from, to, args.at(3), args.at(4)]);
    }
    Ok(())
}

fn brpoplpush(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (from, to) = (args.at(1), args.at(2));
    let timeout = instant::timeout(args.at(3), cx.keys.now())?;
    if cx.keys.list_mut(from)?.is_none() {
        wait(cx, &[from], timeout);
    } else if move_element(cx, from, to, (End::Back, End::Front))? {
        cx.effects.rewrite(&[b"RPOPLPUSH", from, to]);
    }
    Ok(())
}

fn blmpop(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let request = Request::parse(args, 2, end)?;
    let timeout = instant::timeout(args.at(1), cx.keys.now())?;
    if !pop_first(cx, &request)? {
        wait(cx, request.keys, timeout);
    }
    Ok(())
}
