//! Keys of any type: delete, look, rename, copy, move, iterate.

use super::args::{self, Args};
use super::context::{Context, fits};
use super::errors::{self, ErrorReply, Outcome};
use super::glob;
use super::reply::Reply;
use super::table::{ALL_KEYS, Flags, NO_KEYS, ONE_KEY, READ, READ_SLOW, SHRINK, Spec, TWO_KEYS};
use crate::keyspace::Kind;
use crate::num;

const G: &str = "generic";
const ITERATE: Flags = READ_SLOW.union(Flags::ARBITRARY_KEYS);

#[rustfmt::skip]
pub(super) const COMMANDS: &[Spec] = &[
    Spec::new([G, "DEL", "1.0.0", "Removes keys."], -2, SHRINK.difference(Flags::FAST), ALL_KEYS, del),
    Spec::new([G, "UNLINK", "4.0.0", "Removes keys (as DEL; nothing is freed in the background here)."], -2, SHRINK, ALL_KEYS, del),
    Spec::new([G, "EXISTS", "1.0.0", "Counts which of the keys exist."], -2, READ, ALL_KEYS, exists),
    Spec::new([G, "TOUCH", "3.2.1", "Counts which of the keys exist (access times are not kept)."], -2, READ, ALL_KEYS, exists),
    Spec::new([G, "TYPE", "1.0.0", "Gives the type of a key's value."], 2, READ, ONE_KEY, kind),
    Spec::new([G, "KEYS", "1.0.0", "Gives all keys that match a pattern."], 2, ITERATE, NO_KEYS, keys),
    Spec::new([G, "SCAN", "2.8.0", "Iterates over the keys."], -2, ITERATE, NO_KEYS, scan),
    Spec::new([G, "RANDOMKEY", "1.0.0", "Gives a random key."], 1, Flags::READONLY.union(Flags::ARBITRARY_KEYS), NO_KEYS, randomkey),
    Spec::new([G, "RENAME", "1.0.0", "Renames a key over another."], 3, Flags::WRITE, TWO_KEYS, rename),
    Spec::new([G, "RENAMENX", "1.0.0", "Renames a key unless the new name exists."], 3, SHRINK, TWO_KEYS, renamenx),
    Spec::new([G, "COPY", "6.2.0", "Copies the value of a key."], -3, Flags::WRITE.union(Flags::DENYOOM).union(Flags::SLOW), TWO_KEYS, copy),
    Spec::new([G, "MOVE", "1.0.0", "Moves a key to another database."], 3, SHRINK, ONE_KEY, move_key),
];

fn del(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let removed = args.from(1).iter().filter(|key| cx.remove(key)).count();
    cx.reply.len(removed);
    Ok(())
}

fn exists(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let found = args.from(1).iter().filter(|key| cx.keys.read(key).is_some()).count();
    cx.reply.len(found);
    Ok(())
}

fn kind(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let name = cx.keys.kind(args.at(1)).map_or("none", Kind::name);
    cx.reply.status(name);
    Ok(())
}

fn keys(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let pattern = args.at(1);
    let mark = cx.reply.open_array();
    let mut found = 0;
    let reply = &mut *cx.reply;
    cx.keys.each(&mut |key, _| {
        if glob::matches(pattern, key) {
            reply.bulk(key);
            found += 1;
        }
    });
    cx.reply.close_array(mark, found);
    Ok(())
}

/// The cursor of a SCAN-like command.
pub(super) fn cursor(arg: &[u8]) -> Result<u64, ErrorReply> {
    // As C's strtoul reads it: a sign may stand in front, and nothing at all is 0.
    let (negative, digits) = match arg {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        _ => (false, arg),
    };
    if digits.is_empty() {
        return if arg.is_empty() { Ok(0) } else { Err(errors::INVALID_CURSOR) };
    }
    let value = digits.iter().try_fold(0_u64, |value, &digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    });
    let value = value.ok_or(errors::INVALID_CURSOR)?;
    Ok(if negative { value.wrapping_neg() } else { value })
}

/// What iterating a missing key gives.
pub(super) fn nothing_to_scan(reply: &mut Reply) {
    reply.array(2);
    reply.bulk(b"0");
    reply.array(0);
}

/// MATCH, COUNT and, for SCAN alone, TYPE.
#[derive(Default)]
pub(super) struct ScanOptions<'a> {
    pub pattern: Option<&'a [u8]>,
    pub count: usize,
    kind: Option<&'a [u8]>,
}

impl<'a> ScanOptions<'a> {
    pub fn parse(mut args: Args<'a>, typed: bool) -> Result<Self, ErrorReply> {
        let mut options = Self { count: 10, ..Self::default() };
        while !args.done() {
            if args.take_with("COUNT", 1) {
                let count = args.need_i64()?;
                if count < 1 {
                    return Err(errors::SYNTAX);
                }
                options.count = count as usize;
            } else if args.take_with("MATCH", 1) {
                options.pattern = Some(args.need()?).filter(|pattern| *pattern != b"*");
            } else if typed && args.take_with("TYPE", 1) {
                options.kind = Some(args.need()?);
            } else {
                return Err(errors::SYNTAX);
            }
        }
        Ok(options)
    }

    pub fn matches(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, name))
    }

    /// Goes with `step` from cursor to cursor until COUNT items were seen, and replies as all of the SCAN family do.
    /// `step` adds what matches to the list; it gives the next cursor and how many items it looked at.
    pub(super) fn walk(
        &self,
        reply: &mut Reply,
        mut cursor: u64,
        mut step: impl FnMut(u64, &mut Vec<Vec<u8>>) -> (u64, usize),
    ) {
        let mut found = Vec::new();
        let (mut seen, mut buckets) = (0, self.count.saturating_mul(10));
        loop {
            let (next, more) = step(cursor, &mut found);
            (cursor, seen, buckets) = (next, seen + more, buckets - 1);
            if cursor == 0 || buckets == 0 || seen >= self.count {
                break;
            }
        }
        reply.array(2);
        reply.bulk(itoa::Buffer::new().format(cursor).as_bytes());
        reply.array(found.len());
        for item in &found {
            reply.bulk(item);
        }
    }

    fn wants(&self, kind: Kind) -> bool {
        self.kind.is_none_or(|wanted| args::is(wanted, kind.name()))
    }
}

fn scan(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let mut cursor = cursor(args.at(1))?;
    let options = ScanOptions::parse(args.options(2), true)?;
    let mut found: Vec<Vec<u8>> = Vec::new();
    let (mut seen, mut buckets) = (0, options.count.saturating_mul(10));
    loop {
        cursor = cx.keys.scan(cursor, &mut |key, value| {
            seen += 1;
            if options.matches(key) && options.wants(value.kind()) {
                found.push(key.to_vec());
            }
        });
        buckets -= 1;
        if cursor == 0 || buckets == 0 || seen >= options.count {
            break;
        }
    }
    found.retain(|key| !cx.keys.purge_if_due(key));
    cx.reply.array(2);
    let mut room = itoa::Buffer::new();
    cx.reply.bulk(room.format(cursor).as_bytes());
    cx.reply.array(found.len());
    for key in &found {
        cx.reply.bulk(key);
    }
    Ok(())
}

fn randomkey(cx: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let key = cx.keys.random();
    cx.reply.bulk_or_nil(key.as_deref());
    Ok(())
}

fn rename_to(cx: &mut Context<'_>, from: &[u8], to: &[u8]) {
    if from != to {
        let db = cx.keys.db();
        cx.keys.rename(from, db, to);
        cx.changed(from);
        cx.changed(to);
    }
}

fn rename(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    if !cx.keys.contains(args.at(1)) {
        return Err(errors::NO_SUCH_KEY);
    }
    rename_to(cx, args.at(1), args.at(2));
    cx.reply.ok();
    Ok(())
}

fn renamenx(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    if !cx.keys.contains(args.at(1)) {
        return Err(errors::NO_SUCH_KEY);
    }
    let free = args.at(1) != args.at(2) && !cx.keys.contains(args.at(2));
    if free {
        rename_to(cx, args.at(1), args.at(2));
    }
    cx.reply.bool(free);
    Ok(())
}

/// A database index, or Redis's complaint about it.
pub(super) fn database(cx: &Context<'_>, arg: &[u8], not_a_number: ErrorReply) -> Result<usize, ErrorReply> {
    let index = num::parse_i64(arg).ok_or(not_a_number.clone())?;
    // Redis has a text of its own for what is no int32, unless the command named one (SWAPDB).
    let too_big =
        if not_a_number == errors::NOT_AN_INTEGER { errors::OUT_OF_INT_RANGE } else { not_a_number };
    let index = i32::try_from(index).map_err(|_| too_big)?;
    usize::try_from(index).ok().filter(|&db| db < cx.keys.space.databases()).ok_or(errors::DB_INDEX)
}

fn copy(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (from, to) = (args.at(1), args.at(2));
    let (mut db, mut replace) = (cx.keys.db(), false);
    let mut rest = args.options(3);
    while !rest.done() {
        if rest.take("REPLACE") {
            replace = true;
        } else if rest.take_with("DB", 1) {
            db = database(cx, rest.need()?, errors::NOT_AN_INTEGER)?;
        } else {
            return Err(errors::SYNTAX);
        }
    }
    if db == cx.keys.db() && from == to {
        return Err(errors::SAME_OBJECT);
    }
    let done = cx.keys.contains(from) && (replace || !cx.keys.in_db(db).contains(to));
    if done {
        if !fits(cx.keys.get(from).map_or(0, |value| value.memory())) {
            return Err(errors::OUT_OF_MEMORY);
        }
        cx.keys.copy(from, db, to);
        cx.keys.in_db(db).changed(to);
        cx.effects.changed();
    }
    cx.reply.bool(done);
    Ok(())
}

fn move_key(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let db = database(cx, args.at(2), errors::NOT_AN_INTEGER)?;
    if db == cx.keys.db() {
        return Err(errors::SAME_OBJECT);
    }
    let done = cx.keys.contains(key) && !cx.keys.in_db(db).contains(key);
    if done {
        cx.keys.rename(key, db, key);
        cx.changed(key);
        cx.keys.in_db(db).changed(key);
    }
    cx.reply.bool(done);
    Ok(())
}
