//! Lists: pushes and pops at both ends, ranges, changes in the middle. What can wait is in [`blocking`].
//!
//! ORDER: all arguments are read and all types checked before anything is popped, so that no element gets lost.

pub(super) mod blocking;

use super::args::{self, Args};
use super::context::Context;
use super::errors::{self, ErrorReply, Outcome};
use super::mpop::Request;
use super::table::{
    Flags, KeyPositions, ONE_KEY, READ, READ_SLOW, SHRINK, Spec, TWO_KEYS, WRITE, WRITE_SLOW,
};
use crate::keyspace::{End, Limits, List, Side};

const G: &str = "list";
const CUT: Flags = Flags::WRITE.union(Flags::SLOW);
const MOVE: Flags = Flags::WRITE.union(Flags::DENYOOM);
const COUNTED: KeyPositions = KeyPositions::Counted { at: 1, dest: false };

#[rustfmt::skip]
pub(super) const COMMANDS: &[Spec] = &[
    Spec::new([G, "LPUSH", "1.0.0", "Adds elements at the front of a list."], -3, WRITE, ONE_KEY, |cx, args| push(cx, args, End::Front)),
    Spec::new([G, "RPUSH", "1.0.0", "Adds elements at the back of a list."], -3, WRITE, ONE_KEY, |cx, args| push(cx, args, End::Back)),
    Spec::new([G, "LPUSHX", "2.2.0", "Adds elements at the front of a list that exists."], -3, WRITE, ONE_KEY, |cx, args| push_if_there(cx, args, End::Front)),
    Spec::new([G, "RPUSHX", "2.2.0", "Adds elements at the back of a list that exists."], -3, WRITE, ONE_KEY, |cx, args| push_if_there(cx, args, End::Back)),
    Spec::new([G, "LPOP", "1.0.0", "Removes elements at the front and gives them."], -2, SHRINK, ONE_KEY, |cx, args| pop(cx, args, End::Front)),
    Spec::new([G, "RPOP", "1.0.0", "Removes elements at the back and gives them."], -2, SHRINK, ONE_KEY, |cx, args| pop(cx, args, End::Back)),
    Spec::new([G, "LLEN", "1.0.0", "Gives the length of a list."], 2, READ, ONE_KEY, llen),
    Spec::new([G, "LRANGE", "1.0.0", "Gives a range of elements."], 4, READ_SLOW, ONE_KEY, lrange),
    Spec::new([G, "LINDEX", "1.0.0", "Gives an element by its index."], 3, READ_SLOW, ONE_KEY, lindex),
    Spec::new([G, "LSET", "1.0.0", "Replaces an element by its index."], 4, WRITE_SLOW, ONE_KEY, lset),
    Spec::new([G, "LINSERT", "2.2.0", "Inserts an element before or after another."], 5, WRITE_SLOW, ONE_KEY, linsert),
    Spec::new([G, "LREM", "1.0.0", "Removes elements equal to a value."], 4, CUT, ONE_KEY, lrem),
    Spec::new([G, "LTRIM", "1.0.0", "Removes all elements outside a range."], 4, CUT, ONE_KEY, ltrim),
    Spec::new([G, "LPOS", "6.0.6", "Gives the indexes of elements equal to a value."], -3, READ_SLOW, ONE_KEY, lpos),
    Spec::new([G, "LMOVE", "6.2.0", "Moves an element from an end of a list to one of another."], 5, MOVE, TWO_KEYS, lmove),
    Spec::new([G, "RPOPLPUSH", "1.2.0", "Moves the last element of a list to the front of another."], 3, MOVE, TWO_KEYS, rpoplpush),
    Spec::new([G, "LMPOP", "7.0.0", "Pops elements from the first list that is not empty."], -4, CUT, COUNTED, lmpop),
];

/// Tells that `count` elements of the list came or went.
fn changed(cx: &mut Context<'_>, key: &[u8], count: usize) {
    cx.keys.changed(key);
    cx.effects.changed_by(count);
}

/// Gives a list that lost elements the encoding of its size; whether nothing is left of it.
fn settle(list: &mut List, limits: &Limits) -> bool {
    list.shrink(limits);
    list.is_empty()
}

/// What follows every removal: an emptied list goes.
fn lost(cx: &mut Context<'_>, key: &[u8], count: usize, emptied: bool) {
    if emptied {
        cx.keys.remove(key);
    }
    changed(cx, key, count);
}

fn end(arg: &[u8]) -> Result<End, ErrorReply> {
    if args::is(arg, "LEFT") {
        Ok(End::Front)
    } else if args::is(arg, "RIGHT") {
        Ok(End::Back)
    } else {
        Err(errors::SYNTAX)
    }
}

fn push(cx: &mut Context<'_>, args: Args<'_>, end: End) -> Outcome {
    let (key, values) = (args.at(1), args.from(2));
    let fill = cx.keys.space.limits.list_fill();
    let list = cx.keys.list_or_new(key)?;
    list.push(end, values, fill);
    let length = list.len();
    changed(cx, key, values.len());
    cx.reply.len(length);
    Ok(())
}

fn push_if_there(cx: &mut Context<'_>, args: Args<'_>, end: End) -> Outcome {
    if cx.keys.list_mut(args.at(1))?.is_some() {
        return push(cx, args, end);
    }
    cx.reply.int(0);
    Ok(())
}

fn pop(cx: &mut Context<'_>, args: Args<'_>, end: End) -> Outcome {
    let key = args.at(1);
    if args.len() > 3 {
        return Err(errors::wrong_arity(cx.name));
    }
    if args.len() == 3 {
        return pop_counted(cx, key, end, args::count(args.at(2))?);
    }
    let limits = cx.keys.space.limits;
    let Some(list) = cx.keys.list_mut(key)? else {
        cx.reply.nil();
        return Ok(());
    };
    list.pop(end, |entry| cx.reply.entry(entry));
    let emptied = settle(list, &limits);
    lost(cx, key, 1, emptied);
    Ok(())
}

fn pop_counted(cx: &mut Context<'_>, key: &[u8], end: End, count: usize) -> Outcome {
    let limits = cx.keys.space.limits;
    let Some(list) = cx.keys.list_mut(key)? else {
        cx.reply.nil();
        return Ok(());
    };
    let count = count.min(list.len());
    take(cx.reply, list, end, count);
    if count > 0 {
        let emptied = settle(list, &limits);
        lost(cx, key, count, emptied);
    }
    Ok(())
}

/// Replies with `count` elements from an end, in the order they are popped, and removes them.
fn take(reply: &mut super::Reply, list: &mut List, end: End, count: usize) {
    reply.array(count);
    let rest = list.len().saturating_sub(count);
    if count == 0 {
        return;
    }
    match end {
        End::Front => {
            list.iter().take(count).for_each(|entry| reply.entry(entry));
            list.remove_range(0, count);
        }
        End::Back => {
            list.iter_back_from(list.len() - 1).take(count).for_each(|entry| reply.entry(entry));
            list.remove_range(rest, count);
        }
    }
}

fn llen(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let length = cx.keys.list(args.at(1))?.map_or(0, List::len);
    cx.reply.len(length);
    Ok(())
}

/// Start and length of the elements meant by two indexes that may count from the back.
fn span(length: usize, start: i64, end: i64) -> (usize, usize) {
    let length = length as i64;
    let resolve = |at: i64| if at < 0 { at.saturating_add(length) } else { at };
    let (start, end) = (resolve(start).max(0), resolve(end).min(length - 1));
    if start > end { (0, 0) } else { (start as usize, (end - start + 1) as usize) }
}

fn lrange(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (start, end) = (args::int(args.at(2))?, args::int(args.at(3))?);
    let Some(list) = cx.keys.list(args.at(1))? else {
        cx.reply.array(0);
        return Ok(());
    };
    let (start, count) = span(list.len(), start, end);
    cx.reply.array(count);
    list.iter_from(start).take(count).for_each(|entry| cx.reply.entry(entry));
    Ok(())
}

fn lindex(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let found = match cx.keys.list(args.at(1))? {
        Some(list) => list.get(args::int(args.at(2))?),
        None => None,
    };
    match found {
        Some(entry) => cx.reply.entry(entry),
        None => cx.reply.nil(),
    }
    Ok(())
}

fn lset(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let limits = cx.keys.space.limits;
    let list = cx.keys.list_mut(key)?.ok_or(errors::NO_SUCH_KEY)?;
    if !list.set(args::int(args.at(2))?, args.at(3), limits.list_fill()) {
        return Err(errors::OUT_OF_RANGE_INDEX);
    }
    list.shrink(&limits);
    cx.changed(key);
    cx.reply.ok();
    Ok(())
}

fn linsert(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (key, place) = (args.at(1), args.at(2));
    let side = if args::is(place, "BEFORE") {
        Side::Before
    } else if args::is(place, "AFTER") {
        Side::After
    } else {
        return Err(errors::SYNTAX);
    };
    let fill = cx.keys.space.limits.list_fill();
    let Some(list) = cx.keys.list_mut(key)? else {
        cx.reply.int(0);
        return Ok(());
    };
    if list.insert_beside(args.at(3), args.at(4), side, fill) {
        cx.reply.len(list.len());
        cx.changed(key);
    } else {
        cx.reply.int(-1);
    }
    Ok(())
}

fn lrem(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (key, count) = (args.at(1), args::int(args.at(2))?);
    let limits = cx.keys.space.limits;
    let Some(list) = cx.keys.list_mut(key)? else {
        cx.reply.int(0);
        return Ok(());
    };
    let gone = list.remove_matches(count, args.at(3));
    cx.reply.len(gone);
    if gone > 0 {
        let emptied = settle(list, &limits);
        lost(cx, key, gone, emptied);
    }
    Ok(())
}

fn ltrim(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let (start, end) = (args::int(args.at(2))?, args::int(args.at(3))?);
    cx.reply.ok();
    let limits = cx.keys.space.limits;
    let Some(list) = cx.keys.list_mut(key)? else { return Ok(()) };
    let (start, count) = span(list.len(), start, end);
    if count == 0 {
        // In one piece, since freeing many elements takes long.
        let gone = list.len();
        lost(cx, key, gone, true);
        return Ok(());
    }
    let gone = list.remove_range(start + count, usize::MAX) + list.remove_range(0, start);
    // Watchers hear of a trim that removed nothing, as in Redis; the log does not.
    let emptied = settle(list, &limits);
    lost(cx, key, gone, emptied);
    Ok(())
}

/// RANK, COUNT and MAXLEN of LPOS.
struct Search {
    backwards: bool,
    /// Matches to step over.
    skip: u64,
    count: Option<usize>,
    maxlen: usize,
}

impl Search {
    fn parse(mut args: Args<'_>) -> Result<Self, ErrorReply> {
        let mut search = Self { backwards: false, skip: 0, count: None, maxlen: usize::MAX };
        while !args.done() {
            if args.take_with("RANK", 1) {
                let rank = args.need_i64()?;
                match rank {
                    0 => return Err(errors::ZERO_RANK),
                    i64::MIN => return Err(errors::OUT_OF_OPPOSITES),
                    _ => (search.backwards, search.skip) = (rank < 0, rank.unsigned_abs() - 1),
                }
            } else if args.take_with("COUNT", 1) {
                search.count = Some(args::count(args.need()?).map_err(|_| errors::NEGATIVE_COUNT)?);
            } else if args.take_with("MAXLEN", 1) {
                let maxlen = args::count(args.need()?).map_err(|_| errors::NEGATIVE_MAXLEN)?;
                search.maxlen = if maxlen == 0 { usize::MAX } else { maxlen };
            } else {
                return Err(errors::SYNTAX);
            }
        }
        Ok(search)
    }

    /// Calls `found` with the indexes of matches until it has had enough.
    fn run(&self, list: &List, value: &[u8], mut found: impl FnMut(usize) -> bool) {
        let back = list.len().saturating_sub(1);
        let walk = if self.backwards { list.iter_back_from(back) } else { list.iter() };
        let mut skip = self.skip;
        for (step, entry) in walk.take(self.maxlen).enumerate() {
            if !entry.equals(value) {
                continue;
            }
            if skip > 0 {
                skip -= 1;
            } else if !found(if self.backwards { back - step } else { step }) {
                return;
            }
        }
    }
}

fn lpos(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let search = Search::parse(args.options(3))?;
    let list = cx.keys.list(args.at(1))?;
    let Some(most) = search.count else {
        let mut first = None;
        if let Some(list) = list {
            search.run(list, args.at(2), |index| {
                first = Some(index);
                false
            });
        }
        match first {
            Some(index) => cx.reply.len(index),
            None => cx.reply.nil(),
        }
        return Ok(());
    };
    let mark = cx.reply.open_array();
    let mut matches = 0;
    if let Some(list) = list {
        search.run(list, args.at(2), |index| {
            cx.reply.len(index);
            matches += 1;
            matches != most
        });
    }
    cx.reply.close_array(mark, matches);
    Ok(())
}

fn lmove(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let ends = (end(args.at(3))?, end(args.at(4))?);
    move_element(cx, args.at(1), args.at(2), ends).map(drop)
}

fn rpoplpush(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    move_element(cx, args.at(1), args.at(2), (End::Back, End::Front)).map(drop)
}

/// Moves one element and replies with it; false, and nil, if there was none.
fn move_element(cx: &mut Context<'_>, from: &[u8], to: &[u8], ends: (End, End)) -> Result<bool, ErrorReply> {
    if cx.keys.list_mut(from)?.is_none() {
        cx.reply.nil();
        return Ok(false);
    }
    cx.keys.list_mut(to)?;
    let limits = cx.keys.space.limits;
    let Some(list) = cx.keys.list_mut(from)? else { return Ok(false) };
    let Some(value) = list.pop(ends.0, |entry| entry.to_vec()) else { return Ok(false) };
    let emptied = if from == to {
        list.push(ends.1, &[&value], limits.list_fill());
        false
    } else {
        let emptied = settle(list, &limits);
        cx.keys.list_or_new(to)?.push(ends.1, &[&value], limits.list_fill());
        cx.keys.changed(to);
        emptied
    };
    lost(cx, from, 1, emptied);
    cx.reply.bulk(&value);
    Ok(true)
}

fn lmpop(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let request = Request::parse(args, 1, end)?;
    if !pop_first(cx, &request)? {
        cx.reply.nil();
    }
    Ok(())
}

/// Pops from the first list there is, logged as LPOP or RPOP with the count; false if there is none.
fn pop_first(cx: &mut Context<'_>, request: &Request<'_, End>) -> Result<bool, ErrorReply> {
    let limits = cx.keys.space.limits;
    for key in request.keys {
        let Some(list) = cx.keys.list_mut(key)? else { continue };
        let count = request.count.min(list.len());
        cx.reply.array(2);
        cx.reply.bulk(key);
        take(cx.reply, list, request.end, count);
        let emptied = settle(list, &limits);
        lost(cx, key, count, emptied);
        cx.effects.rewrite(&[pop_name(request.end), key, itoa::Buffer::new().format(count).as_bytes()]);
        return Ok(true);
    }
    Ok(false)
}

fn pop_name(end: End) -> &'static [u8] {
    match end {
        End::Front => b"LPOP",
        End::Back => b"RPOP",
    }
}

#[cfg(test)]
mod tests;
