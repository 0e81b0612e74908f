//! Hashes: fields and their values under one key.

use super::args::{self, Args};
use super::context::Context;
use super::errors::{self, ErrorReply, Outcome};
use super::keys::{self, ScanOptions};
use super::strings::add_floats;
use super::table::{ONE_KEY, READ, READ_SLOW, SHRINK, Spec, WRITE};
use crate::keyspace::{Entry, Hash};
use crate::num::LongDouble;

const G: &str = "hash";

#[rustfmt::skip]
pub(super) const COMMANDS: &[Spec] = &[
    Spec::new([G, "HSET", "2.0.0", "Sets fields of a hash."], -4, WRITE, ONE_KEY, hset),
    Spec::new([G, "HMSET", "2.0.0", "Sets fields of a hash (HSET with another reply)."], -4, WRITE, ONE_KEY, hmset),
    Spec::new([G, "HSETNX", "2.0.0", "Sets a field only if it does not exist."], 4, WRITE, ONE_KEY, hsetnx),
    Spec::new([G, "HGET", "2.0.0", "Gives the value of a field."], 3, READ, ONE_KEY, hget),
    Spec::new([G, "HMGET", "2.0.0", "Gives the values of several fields."], -3, READ, ONE_KEY, hmget),
    Spec::new([G, "HGETALL", "2.0.0", "Gives all fields with their values."], 2, READ_SLOW, ONE_KEY, hgetall),
    Spec::new([G, "HDEL", "2.0.0", "Removes fields of a hash."], -3, SHRINK, ONE_KEY, hdel),
    Spec::new([G, "HEXISTS", "2.0.0", "Tells whether a field exists."], 3, READ, ONE_KEY, hexists),
    Spec::new([G, "HLEN", "2.0.0", "Gives the number of fields."], 2, READ, ONE_KEY, hlen),
    Spec::new([G, "HSTRLEN", "3.2.0", "Gives the length of a field's value in bytes."], 3, READ, ONE_KEY, hstrlen),
    Spec::new([G, "HKEYS", "2.0.0", "Gives all fields of a hash."], 2, READ_SLOW, ONE_KEY, hkeys),
    Spec::new([G, "HVALS", "2.0.0", "Gives all values of a hash."], 2, READ_SLOW, ONE_KEY, hvals),
    Spec::new([G, "HINCRBY", "2.0.0", "Adds to the integer in a field."], 4, WRITE, ONE_KEY, hincrby),
    Spec::new([G, "HINCRBYFLOAT", "2.6.0", "Adds to the floating-point number in a field."], 4, WRITE, ONE_KEY, hincrbyfloat),
    Spec::new([G, "HRANDFIELD", "6.2.0", "Gives random fields of a hash."], -2, READ_SLOW, ONE_KEY, hrandfield),
    Spec::new([G, "HSCAN", "2.8.0", "Iterates over the fields of a hash."], -3, READ_SLOW, ONE_KEY, hscan),
];

/// Sets one field.
fn put(cx: &mut Context<'_>, key: &[u8], field: &[u8], value: &[u8]) -> Outcome {
    let (limits, seed) = (cx.keys.space.limits, cx.keys.space.seed());
    cx.keys.hash_or_new(key)?.set(field, value, &limits, seed);
    cx.changed(key);
    Ok(())
}

/// Sets all fields of the command; how many are new.
fn set_all(cx: &mut Context<'_>, args: Args<'_>) -> Result<usize, ErrorReply> {
    let (key, pairs) = (args.at(1), args.from(2));
    if !pairs.len().is_multiple_of(2) {
        return Err(errors::wrong_arity(cx.name));
    }
    let (limits, seed) = (cx.keys.space.limits, cx.keys.space.seed());
    let hash = cx.keys.hash_or_new(key)?;
    hash.expect(pairs, &limits, seed);
    let mut new = 0;
    if pairs.len() > 2 && hash.fill(pairs, &limits) {
        new = pairs.len() / 2;
    } else {
        for pair in pairs.chunks_exact(2) {
            if let [field, value] = pair {
                new += usize::from(hash.set(field, value, &limits, seed));
            }
        }
    }
    cx.keys.changed(key);
    cx.effects.changed_by(pairs.len() / 2);
    Ok(new)
}

fn hset(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let new = set_all(cx, args)?;
    cx.reply.len(new);
    Ok(())
}

fn hmset(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    set_all(cx, args)?;
    cx.reply.ok();
    Ok(())
}

fn hsetnx(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (key, field) = (args.at(1), args.at(2));
    let free = !cx.keys.hash_mut(key)?.is_some_and(|hash| hash.contains(field));
    if free {
        put(cx, key, field, args.at(3))?;
    }
    cx.reply.bool(free);
    Ok(())
}

fn reply_value(reply: &mut super::Reply, value: Option<Entry<'_>>) {
    match value {
        Some(value) => reply.entry(value),
        None => reply.nil(),
    }
}

fn hget(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let value = cx.keys.hash(args.at(1))?.and_then(|hash| hash.get(args.at(2)));
    reply_value(cx.reply, value);
    Ok(())
}

fn hmget(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let hash = cx.keys.hash(args.at(1))?;
    let fields = args.from(2);
    cx.reply.array(fields.len());
    for field in fields {
        reply_value(cx.reply, hash.and_then(|hash| hash.get(field)));
    }
    Ok(())
}

fn hgetall(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let hash = cx.keys.hash(args.at(1))?;
    cx.reply.map(hash.map_or(0, Hash::len));
    for (field, value) in hash.into_iter().flatten() {
        cx.reply.entry(field);
        cx.reply.entry(value);
    }
    Ok(())
}

fn hkeys(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let hash = cx.keys.hash(args.at(1))?;
    cx.reply.array(hash.map_or(0, Hash::len));
    hash.into_iter().flatten().for_each(|(field, _)| cx.reply.entry(field));
    Ok(())
}

fn hvals(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let hash = cx.keys.hash(args.at(1))?;
    cx.reply.array(hash.map_or(0, Hash::len));
    hash.into_iter().flatten().for_each(|(_, value)| cx.reply.entry(value));
    Ok(())
}

fn hdel(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let Some(hash) = cx.keys.hash_mut(key)? else {
        cx.reply.int(0);
        return Ok(());
    };
    let removed = args.from(2).iter().filter(|field| hash.remove(field)).count();
    let emptied = hash.is_empty();
    if removed > 0 {
        cx.keys.changed(key);
        cx.effects.changed_by(removed);
    }
    if emptied {
        cx.keys.remove(key);
    }
    cx.reply.len(removed);
    Ok(())
}

fn hexists(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let found = cx.keys.hash(args.at(1))?.is_some_and(|hash| hash.contains(args.at(2)));
    cx.reply.bool(found);
    Ok(())
}

fn hlen(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let length = cx.keys.hash(args.at(1))?.map_or(0, Hash::len);
    cx.reply.len(length);
    Ok(())
}

fn hstrlen(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let value = cx.keys.hash(args.at(1))?.and_then(|hash| hash.get(args.at(2)));
    cx.reply.len(value.map_or(0, |value| value.len()));
    Ok(())
}

fn hincrby(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (key, field, delta) = (args.at(1), args.at(2), args::int(args.at(3))?);
    let old = match cx.keys.hash_mut(key)?.and_then(|hash| hash.get(field)) {
        None => 0,
        Some(value) => value.as_int().ok_or(errors::HASH_NOT_AN_INTEGER)?,
    };
    let new = old.checked_add(delta).ok_or(errors::OVERFLOW)?;
    put(cx, key, field, itoa::Buffer::new().format(new).as_bytes())?;
    cx.reply.int(new);
    Ok(())
}

fn hincrbyfloat(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (key, field, delta) = (args.at(1), args.at(2), args.at(3));
    if !LongDouble::parse(delta).ok_or(errors::NOT_A_FLOAT)?.is_finite() {
        return Err(errors::VALUE_NAN_OR_INFINITY);
    }
    let old = cx.keys.hash_mut(key)?.and_then(|hash| hash.get(field));
    let old = old.map_or_else(|| b"0".to_vec(), |value| value.to_vec());
    let sum = add_floats(&old, delta, errors::HASH_NOT_A_FLOAT)?;
    put(cx, key, field, &sum)?;
    // A replay must not add again: other machines may round another way.
    cx.effects.rewrite(&[b"HSET", key, field, &sum]);
    cx.reply.bulk(&sum);
    Ok(())
}

/// The count of HRANDFIELD and SRANDMEMBER, negative if repetitions are wanted.
pub(super) fn random_count(arg: &[u8]) -> Result<i64, ErrorReply> {
    match args::int(arg)? {
        i64::MIN => Err(errors::OUT_OF_OPPOSITES),
        count => Ok(count),
    }
}

/// A field, and with WITHVALUES an array of field and value.
fn reply_drawn(reply: &mut super::Reply, field: Entry<'_>, value: Entry<'_>, with_values: bool) {
    if with_values {
        reply.array(2);
    }
    reply.entry(field);
    if with_values {
        reply.entry(value);
    }
}

fn hrandfield(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let mut rng = cx.keys.space.rng.fork();
    if args.len() == 2 {
        let field = cx.keys.hash(key)?.and_then(|hash| hash.random(&mut rng));
        reply_value(cx.reply, field.map(|(field, _)| field));
        return Ok(());
    }
    let count = random_count(args.at(2))?;
    let mut rest = args.options(3);
    let with_values = rest.take("WITHVALUES");
    if !rest.done() {
        return Err(errors::SYNTAX);
    }
    if with_values && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(errors::OUT_OF_RANGE);
    }
    let Some(hash) = cx.keys.hash(key)? else {
        cx.reply.array(0);
        return Ok(());
    };
    let reply = &mut *cx.reply;
    if let Ok(count) = usize::try_from(count) {
        let drawn = hash.distinct(count, &mut rng);
        reply.array(drawn.len());
        for (field, value) in drawn {
            reply_drawn(reply, field, value, with_values);
        }
        return Ok(());
    }
    let count = count.unsigned_abs() as usize;
    if !reply.reserve(count.saturating_mul(if with_values { 3 } else { 1 }).saturating_add(1)) {
        return Err(errors::OUT_OF_RANGE);
    }
    reply.array(count);
    hash.draw(count, &mut rng, &mut |field, value| reply_drawn(reply, field, value, with_values));
    Ok(())
}

fn hscan(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let cursor = keys::cursor(args.at(2))?;
    let Some(hash) = cx.keys.hash(args.at(1))? else {
        keys::nothing_to_scan(cx.reply);
        return Ok(());
    };
    let options = ScanOptions::parse(args.options(3), false)?;
    options.walk(cx.reply, cursor, |cursor, found| {
        let mut seen = 0;
        let next = hash.scan(cursor, &mut |field, value| {
            seen += 1;
            if field.with_bytes(|field| options.matches(field)) {
                found.extend([field.to_vec(), value.to_vec()]);
            }
        });
        (next, seen)
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::command::testing::Harness;

    #[test]
    fn fields_are_set_counted_and_removed() {
        let mut store = Harness::new();
        store.expect("HSET h a 1 b 2 a 3", "2", &["HSET h a 1 b 2 a 3"]);
        store.expect("hmset h c x", "OK", &["HMSET h c x"]);
        store.expect("HGETALL h", r#"{"a": "3", "b": "2", "c": "x"}"#, &[]);
        store.expect("HMGET h a no c", r#"["3", nil, "x"]"#, &[]);
        store.expect("HSETNX h a 9", "0", &[]);
        store.expect("HSETNX h d 9", "1", &["HSETNX h d 9"]);
        store.expect("HKEYS h", r#"["a", "b", "c", "d"]"#, &[]);
        store.expect("HVALS h", r#"["3", "2", "x", "9"]"#, &[]);
        store.expect("HSTRLEN h c", "1", &[]);
        store.expect("HDEL h no", "0", &[]);
        store.expect("HDEL h a b no a", "2", &["HDEL h a b no a"]);
        store.expect("HLEN h", "2", &[]);
        store.expect("HDEL h c d", "2", &["HDEL h c d"]);
        store.expect("EXISTS h", "0", &[]);
    }

    #[test]
    fn an_odd_number_of_fields_and_values_changes_nothing() {
        let mut store = Harness::new();
        store.expect("HSET h a 1 b", "(error) ERR wrong number of arguments for 'hset' command", &[]);
        store.expect("HMSET h a 1 b", "(error) ERR wrong number of arguments for 'hmset' command", &[]);
        store.expect("EXISTS h", "0", &[]);
    }

    #[test]
    fn counters_are_logged_so_that_replay_gives_the_same() {
        let mut store = Harness::new();
        store.expect("HINCRBY h n 5", "5", &["HINCRBY h n 5"]);
        store.expect("HINCRBYFLOAT h n 1.5", "\"6.5\"", &["HSET h n 6.5"]);
        store.expect("HINCRBY h n 1", "(error) ERR hash value is not an integer", &[]);
        store.run("HSET h max 9223372036854775807 word x");
        store.expect("HINCRBY h max 1", "(error) ERR increment or decrement would overflow", &[]);
        store.expect("HINCRBYFLOAT h word 1", "(error) ERR hash value is not a float", &[]);
        store.expect("HINCRBYFLOAT new f inf", "(error) ERR value is NaN or Infinity", &[]);
        store.expect("HINCRBYFLOAT new f nan", "(error) ERR value is not a valid float", &[]);
        store.expect("HINCRBY new f x", "(error) ERR value is not an integer or out of range", &[]);
        store.expect("EXISTS new", "0", &[]);
    }

    #[test]
    fn draws_have_the_shape_that_was_asked_for() {
        let mut store = Harness::new();
        store.run("HSET h a 1");
        store.expect("HRANDFIELD h", "\"a\"", &[]);
        store.expect("HRANDFIELD h 3 withvalues", r#"[["a", "1"]]"#, &[]);
        store.expect("HRANDFIELD h -2", r#"["a", "a"]"#, &[]);
        store.expect("HRANDFIELD h -2 WITHVALUES", r#"[["a", "1"], ["a", "1"]]"#, &[]);
        store.expect("HRANDFIELD h 0", "[]", &[]);
        store.expect("HRANDFIELD no 2", "[]", &[]);
        store.expect("HRANDFIELD no", "nil", &[]);
        store.expect("HRANDFIELD h -9223372036854775807", "(error) ERR value is out of range", &[]);
        store.expect(
            "HRANDFIELD h -9223372036854775808",
            "(error) ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
            &[],
        );
    }

    #[test]
    fn a_scan_meets_every_field_of_a_large_hash() {
        let mut store = Harness::new();
        for n in 0..1000 {
            store.run(&format!("HSET h f{n} {n}"));
        }
        let (mut cursor, mut seen) = ("0".to_owned(), std::collections::HashSet::new());
        loop {
            let reply = store.run(&format!("HSCAN h {cursor} COUNT 20 MATCH f*7"));
            let words: Vec<String> = reply.split('"').skip(1).step_by(2).map(str::to_owned).collect();
            seen.extend(words.iter().skip(1).step_by(2).cloned());
            cursor.clone_from(&words[0]);
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(seen.len(), 100);
        store.expect("HSCAN no 0 NONSENSE", r#"["0", []]"#, &[]);
        store.expect("HSCAN h x NONSENSE", "(error) ERR invalid cursor", &[]);
        store.expect("HSCAN h 0 NONSENSE", "(error) ERR syntax error", &[]);
        store.expect("HSCAN h 0 TYPE string", "(error) ERR syntax error", &[]);
    }
}
