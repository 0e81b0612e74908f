//! Strings: SET and its relatives, ranges, counters.

use super::args::{self, Args};
use super::context::Context;
use super::errors::{self, ErrorReply, Outcome};
use super::instant::{self, Unit};
use super::table::{ALL_KEYS, Flags, KEY_PAIRS, ONE_KEY, READ, READ_SLOW, SHRINK, Spec, WRITE, WRITE_SLOW};
use crate::keyspace::{Text, Value};
use crate::num::LongDouble;

const G: &str = "string";

/// Redis does not count these as fast.
const STORE: Flags = WRITE.difference(Flags::FAST);

#[rustfmt::skip]
pub(super) const COMMANDS: &[Spec] = &[
    Spec::new([G, "GET", "1.0.0", "Gives the value of a key."], 2, READ, ONE_KEY, get),
    Spec::new([G, "SET", "1.0.0", "Sets a key to a string, with conditions and a time to live."], -3, STORE, ONE_KEY, set),
    Spec::new([G, "SETNX", "1.0.0", "Sets a key only if it does not exist."], 3, WRITE, ONE_KEY, setnx),
    Spec::new([G, "SETEX", "2.0.0", "Sets a key with a time to live in seconds."], 4, STORE, ONE_KEY, setex),
    Spec::new([G, "PSETEX", "2.6.0", "Sets a key with a time to live in milliseconds."], 4, STORE, ONE_KEY, psetex),
    Spec::new([G, "GETSET", "1.0.0", "Sets a key and gives its former value."], 3, WRITE, ONE_KEY, getset),
    Spec::new([G, "GETDEL", "6.2.0", "Gives the value of a key and removes it."], 2, SHRINK, ONE_KEY, getdel),
    Spec::new([G, "GETEX", "6.2.0", "Gives the value of a key and changes its time to live."], -2, SHRINK, ONE_KEY, getex),
    Spec::new([G, "MGET", "1.0.0", "Gives the values of several keys."], -2, READ, ALL_KEYS, mget),
    Spec::new([G, "MSET", "1.0.1", "Sets several keys."], -3, WRITE_SLOW, KEY_PAIRS, mset),
    Spec::new([G, "MSETNX", "1.0.1", "Sets several keys if none of them exists."], -3, WRITE_SLOW, KEY_PAIRS, msetnx),
    Spec::new([G, "APPEND", "2.0.0", "Appends to a string."], 3, WRITE, ONE_KEY, append),
    Spec::new([G, "STRLEN", "2.2.0", "Gives the length of a string in bytes."], 2, READ, ONE_KEY, strlen),
    Spec::new([G, "GETRANGE", "2.4.0", "Gives a part of a string."], 4, READ_SLOW, ONE_KEY, getrange),
    Spec::new([G, "SUBSTR", "1.0.0", "Gives a part of a string (the old name of GETRANGE)."], 4, READ_SLOW, ONE_KEY, getrange),
    Spec::new([G, "SETRANGE", "2.2.0", "Overwrites a part of a string."], 4, STORE, ONE_KEY, setrange),
    Spec::new([G, "INCR", "1.0.0", "Adds one to an integer."], 2, WRITE, ONE_KEY, incr),
    Spec::new([G, "DECR", "1.0.0", "Subtracts one from an integer."], 2, WRITE, ONE_KEY, decr),
    Spec::new([G, "INCRBY", "1.0.0", "Adds to an integer."], 3, WRITE, ONE_KEY, incrby),
    Spec::new([G, "DECRBY", "1.0.0", "Subtracts from an integer."], 3, WRITE, ONE_KEY, decrby),
    Spec::new([G, "INCRBYFLOAT", "2.6.0", "Adds to a floating-point number."], 3, WRITE, ONE_KEY, incrbyfloat),
];

/// Replies with a string value.
fn reply_text(reply: &mut super::Reply, text: Option<Text<'_>>) {
    match text {
        None => reply.nil(),
        Some(Text::Int(value)) => reply.bulk_int(value),
        Some(Text::Inline(bytes)) => reply.bulk(bytes),
        Some(Text::Raw(bytes)) => reply.bulk(bytes),
    }
}

fn get(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let text = cx.keys.text(args.at(1))?;
    reply_text(cx.reply, text);
    Ok(())
}

/// What SET was asked to do besides setting.
#[derive(Default)]
struct SetOptions {
    only_new: bool,
    only_existing: bool,
    get: bool,
    keep_ttl: bool,
    deadline: Option<i64>,
}

impl SetOptions {
    fn parse(cx: &Context<'_>, args: Args<'_>) -> Result<Self, ErrorReply> {
        let mut options = Self::default();
        let mut time = None;
        let mut rest = args.options(3);
        while !rest.done() {
            if !options.only_existing && rest.take("NX") {
                options.only_new = true;
            } else if !options.only_new && rest.take("XX") {
                options.only_existing = true;
            } else if rest.take("GET") {
                options.get = true;
            } else if time.is_none() && rest.take("KEEPTTL") {
                options.keep_ttl = true;
            } else {
                let unit = Unit::of_option(rest.need()?).ok_or(errors::SYNTAX)?;
                if options.keep_ttl || another(time, unit) {
                    return Err(errors::SYNTAX);
                }
                time = Some((unit, rest.need()?));
            }
        }
        if let Some((unit, arg)) = time {
            options.deadline = Some(instant::positive(arg, unit, cx.keys.now(), cx.name)?);
        }
        Ok(options)
    }
}

/// Whether a time was given in another unit; one in the same is given anew, as the original takes it.
fn another(time: Option<(Unit, &[u8])>, unit: Unit) -> bool {
    time.is_some_and(|(given, _)| given != unit)
}

fn set(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (key, value) = (args.at(1), args.at(2));
    if args.len() == 3 {
        cx.keys.purge_if_due(key);
        cx.keys.put_text(key, value);
        cx.changed(key);
        cx.reply.ok();
        return Ok(());
    }
    let options = SetOptions::parse(cx, args)?;
    if options.get {
        let text = cx.keys.text(key)?;
        reply_text(cx.reply, text);
    }
    let refused = if options.only_new {
        cx.keys.contains(key)
    } else {
        options.only_existing && !cx.keys.contains(key)
    };
    if refused {
        if !options.get {
            cx.reply.nil();
        }
        return Ok(());
    }
    store(cx, key, value, &options);
    if let Some(at) = options.deadline {
        log_with_deadline(cx, key, value, at);
    } else if options.get {
        let kept: Vec<&[u8]> = args
            .argv()
            .iter()
            .copied()
            .enumerate()
            .filter(|(i, arg)| *i < 3 || !args::is(arg, "GET"))
            .map(|(_, arg)| arg)
            .collect();
        cx.effects.rewrite(&kept);
    }
    if !options.get {
        cx.reply.ok();
    }
    Ok(())
}

fn store(cx: &mut Context<'_>, key: &[u8], value: &[u8], options: &SetOptions) {
    cx.keys.purge_if_due(key);
    if options.keep_ttl {
        cx.keys.put_text_keep(key, value);
    } else {
        cx.keys.put_text(key, value);
    }
    if let Some(at) = options.deadline {
        cx.keys.set_deadline(key, at);
    }
    cx.changed(key);
}

/// One record holds value and deadline, so that no tear can drop the deadline (F-10).
fn log_with_deadline(cx: &mut Context<'_>, key: &[u8], value: &[u8], at: i64) {
    cx.effects.rewrite(&[b"SET", key, value, b"PXAT", itoa::Buffer::new().format(at).as_bytes()]);
}

fn setnx(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let fresh = !cx.keys.contains(args.at(1));
    if fresh {
        store(cx, args.at(1), args.at(2), &SetOptions::default());
    }
    cx.reply.bool(fresh);
    Ok(())
}

fn set_for(cx: &mut Context<'_>, args: Args<'_>, unit: Unit) -> Outcome {
    let (key, value) = (args.at(1), args.at(3));
    let at = instant::positive(args.at(2), unit, cx.keys.now(), cx.name)?;
    store(cx, key, value, &SetOptions { deadline: Some(at), ..SetOptions::default() });
    log_with_deadline(cx, key, value, at);
    cx.reply.ok();
    Ok(())
}

fn setex(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    set_for(cx, args, Unit::Seconds)
}

fn psetex(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    set_for(cx, args, Unit::Millis)
}

fn getset(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (key, value) = (args.at(1), args.at(2));
    let text = cx.keys.text(key)?;
    reply_text(cx.reply, text);
    store(cx, key, value, &SetOptions::default());
    cx.effects.rewrite(&[b"SET", key, value]);
    Ok(())
}

fn getdel(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let text = cx.keys.text(key)?;
    let found = text.is_some();
    reply_text(cx.reply, text);
    if found && cx.remove(key) {
        cx.effects.rewrite(&[b"DEL", key]);
    }
    Ok(())
}

fn getex(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let mut rest = args.options(2);
    let (mut time, mut persist) = (None, false);
    while !rest.done() {
        if time.is_none() && rest.take("PERSIST") {
            persist = true;
        } else {
            let unit = Unit::of_option(rest.need()?).ok_or(errors::SYNTAX)?;
            if persist || another(time, unit) {
                return Err(errors::SYNTAX);
            }
            time = Some((unit, rest.need()?));
        }
    }
    let text = cx.keys.text(key)?;
    let found = text.is_some();
    reply_text(cx.reply, text);
    if !found {
        return Ok(());
    }
    if let Some((unit, arg)) = time {
        let at = instant::positive(arg, unit, cx.keys.now(), cx.name)?;
        super::expire::apply(cx, key, at);
    } else if persist && cx.keys.drop_deadline(key) {
        cx.changed(key);
        cx.effects.rewrite(&[b"PERSIST", key]);
    }
    Ok(())
}

fn mget(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    cx.reply.array(args.len() - 1);
    for key in args.from(1) {
        match cx.keys.read(key) {
            Some(Value::Text(text)) => reply_text(cx.reply, Some(text)),
            _ => cx.reply.nil(),
        }
    }
    Ok(())
}

fn pairs(args: Args<'_>) -> impl Iterator<Item = (&[u8], &[u8])> {
    args.from(1).chunks_exact(2).filter_map(|pair| match pair {
        [key, value] => Some((*key, *value)),
        _ => None,
    })
}

fn set_all(cx: &mut Context<'_>, args: Args<'_>) {
    for (key, value) in pairs(args) {
        store(cx, key, value, &SetOptions::default());
    }
}

fn mset(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    if args.len().is_multiple_of(2) {
        return Err(errors::wrong_arity(cx.name));
    }
    set_all(cx, args);
    cx.reply.ok();
    Ok(())
}

fn msetnx(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    if args.len().is_multiple_of(2) {
        return Err(errors::wrong_arity(cx.name));
    }
    let free = pairs(args).all(|(key, _)| !cx.keys.contains(key));
    if free {
        set_all(cx, args);
    }
    cx.reply.bool(free);
    Ok(())
}

/// Refuses a string that would grow beyond `proto-max-bulk-len`, before anything is allocated for it.
pub(super) fn check_length(cx: &Context<'_>, length: usize, more: usize) -> Outcome {
    let total = length.checked_add(more).ok_or(errors::STRING_TOO_LONG)?;
    if total > longest(cx) {
        return Err(errors::STRING_TOO_LONG);
    }
    Ok(())
}

/// The longest string this command may make. A log may have been written under a larger limit than today's, but one
/// damaged digit in it must not take all memory.
pub(super) fn longest(cx: &Context<'_>) -> usize {
    let limits = &cx.keys.space.limits;
    if cx.replaying { limits.longest_in_log() } else { limits.proto_max_bulk_len }
}

fn append(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (key, more) = (args.at(1), args.at(2));
    let length = match cx.keys.text(key)? {
        None => {
            cx.keys.put_text_keep(key, more);
            more.len()
        }
        Some(text) => {
            let length = text.len();
            check_length(cx, length, more.len())?;
            let (bytes, _) = cx.grown(key, length + more.len())?;
            if let Some(target) = bytes.get_mut(length..) {
                target.copy_from_slice(more);
            }
            bytes.len()
        }
    };
    cx.changed(key);
    cx.reply.len(length);
    Ok(())
}

fn strlen(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let length = cx.keys.text(args.at(1))?.map_or(0, |text| text.len());
    cx.reply.len(length);
    Ok(())
}

fn getrange(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (start, end) = (args::int(args.at(2))?, args::int(args.at(3))?);
    let Some(text) = cx.keys.text(args.at(1))? else {
        cx.reply.bulk(b"");
        return Ok(());
    };
    let mut room = itoa::Buffer::new();
    let bytes = text.bytes(&mut room);
    cx.reply.bulk(range(bytes.len(), start, end).and_then(|range| bytes.get(range)).unwrap_or_default());
    Ok(())
}

/// The bytes meant by two ends that may count from the back.
fn range(length: usize, start: i64, end: i64) -> Option<std::ops::RangeInclusive<usize>> {
    if start < 0 && end < 0 && start > end {
        return None;
    }
    let length = length as i64;
    let resolve = |at: i64| if at < 0 { (length.saturating_add(at)).max(0) } else { at };
    let (start, end) = (resolve(start), resolve(end).min(length - 1));
    (start <= end && length > 0).then_some(start as usize..=end as usize)
}

fn setrange(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (key, offset, value) = (args.at(1), args::int(args.at(2))?, args.at(3));
    if offset < 0 {
        return Err(errors::OFFSET_OUT_OF_RANGE);
    }
    let length = cx.keys.text(key)?.map_or(0, |text| text.len());
    if value.is_empty() {
        cx.reply.len(length);
        return Ok(());
    }
    let offset = offset as usize;
    check_length(cx, offset, value.len())?;
    let end = offset + value.len();
    let (bytes, _) = cx.grown(key, end)?;
    if let Some(target) = bytes.get_mut(offset..end) {
        target.copy_from_slice(value);
    }
    let length = bytes.len();
    cx.changed(key);
    cx.reply.len(length);
    Ok(())
}

fn add(cx: &mut Context<'_>, key: &[u8], delta: i64) -> Outcome {
    let old = match cx.keys.text(key)? {
        None => 0,
        Some(text) => text.as_int().ok_or(errors::NOT_AN_INTEGER)?,
    };
    let new = old.checked_add(delta).ok_or(errors::OVERFLOW)?;
    cx.keys.put_int_keep(key, new);
    cx.changed(key);
    cx.reply.int(new);
    Ok(())
}

fn incr(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    add(cx, args.at(1), 1)
}

fn decr(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    add(cx, args.at(1), -1)
}

fn incrby(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    add(cx, args.at(1), args::int(args.at(2))?)
}

fn decrby(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let delta = args::int(args.at(2))?.checked_neg().ok_or(errors::DECR_OVERFLOW)?;
    add(cx, args.at(1), delta)
}

fn incrbyfloat(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let old = cx.keys.text(key)?.map_or_else(|| b"0".to_vec(), Text::to_vec);
    let sum = add_floats(&old, args.at(2), errors::NOT_A_FLOAT)?;
    cx.keys.put_text_keep(key, &sum);
    cx.changed(key);
    cx.effects.rewrite(&[b"SET", key, &sum, b"KEEPTTL"]);
    cx.reply.bulk(&sum);
    Ok(())
}

/// The sum of two numbers as INCRBYFLOAT and HINCRBYFLOAT print it; `not_a_float` if the stored one is none.
pub(super) fn add_floats(old: &[u8], delta: &[u8], not_a_float: ErrorReply) -> Result<Vec<u8>, ErrorReply> {
    let old = LongDouble::parse(old).ok_or(not_a_float)?;
    let delta = LongDouble::parse(delta).ok_or(errors::NOT_A_FLOAT)?;
    let sum = old + delta;
    if !sum.is_finite() {
        return Err(errors::NAN_OR_INFINITY);
    }
    Ok(sum.to_human())
}
