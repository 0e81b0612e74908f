//! Sets: members under one key. What works on several sets stands in [`super::setops`].

use super::args::{self, Args};
use super::context::Context;
use super::errors::{self, Outcome};
use super::hashes::random_count;
use super::keys::{self, ScanOptions};
use super::table::{Flags, ONE_KEY, READ, READ_SLOW, SHRINK, Spec, TWO_KEYS, WRITE};
use crate::keyspace::{Entry, Kind, Set};

pub(super) const G: &str = "set";
const POP: Flags = Flags::WRITE.union(Flags::FAST);

#[rustfmt::skip]
pub(super) const COMMANDS: &[Spec] = &[
    Spec::new([G, "SADD", "1.0.0", "Adds members to a set."], -3, WRITE, ONE_KEY, sadd),
    Spec::new([G, "SREM", "1.0.0", "Removes members of a set."], -3, SHRINK, ONE_KEY, srem),
    Spec::new([G, "SISMEMBER", "1.0.0", "Tells whether a member is in a set."], 3, READ, ONE_KEY, sismember),
    Spec::new([G, "SMISMEMBER", "6.2.0", "Tells of several members whether they are in a set."], -3, READ, ONE_KEY, smismember),
    Spec::new([G, "SCARD", "1.0.0", "Gives the number of members."], 2, READ, ONE_KEY, scard),
    Spec::new([G, "SMEMBERS", "1.0.0", "Gives all members of a set."], 2, READ_SLOW, ONE_KEY, smembers),
    Spec::new([G, "SPOP", "1.0.0", "Removes random members and gives them."], -2, POP, ONE_KEY, spop),
    Spec::new([G, "SRANDMEMBER", "1.0.0", "Gives random members of a set."], -2, READ_SLOW, ONE_KEY, srandmember),
    Spec::new([G, "SMOVE", "1.0.0", "Moves a member from one set to another."], 4, SHRINK, TWO_KEYS, smove),
    Spec::new([G, "SSCAN", "2.8.0", "Iterates over the members of a set."], -3, READ_SLOW, ONE_KEY, sscan),
];

fn sadd(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (key, members) = (args.at(1), args.from(2));
    let (limits, seed) = (cx.keys.space.limits, cx.keys.space.seed());
    let set = cx.keys.set_or_new(key, args.at(2))?;
    set.expect(members.len(), &limits, seed);
    let new = members.iter().filter(|member| set.add(member, &limits, seed)).count();
    if new > 0 {
        cx.keys.changed(key);
        cx.effects.changed_by(new);
    }
    cx.reply.len(new);
    Ok(())
}

fn srem(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let Some(set) = cx.keys.set_mut(key)? else {
        cx.reply.int(0);
        return Ok(());
    };
    let removed = args.from(2).iter().filter(|member| set.remove(member)).count();
    let emptied = set.is_empty();
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

fn sismember(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let found = cx.keys.set(args.at(1))?.is_some_and(|set| set.contains(args.at(2)));
    cx.reply.bool(found);
    Ok(())
}

fn smismember(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let set = cx.keys.set(args.at(1))?;
    let members = args.from(2);
    cx.reply.array(members.len());
    for member in members {
        cx.reply.bool(set.is_some_and(|set| set.contains(member)));
    }
    Ok(())
}

fn scard(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let length = cx.keys.set(args.at(1))?.map_or(0, Set::len);
    cx.reply.len(length);
    Ok(())
}

fn smembers(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let set = cx.keys.set(args.at(1))?;
    cx.reply.set(set.map_or(0, Set::len));
    set.into_iter().flatten().for_each(|member| cx.reply.entry(member));
    Ok(())
}

/// Takes `drawn` out of the set under `key`, which is removed if nothing stays.
fn take(cx: &mut Context<'_>, key: &[u8], drawn: &[Vec<u8>]) -> Outcome {
    let Some(set) = cx.keys.set_mut(key)? else { return Ok(()) };
    for member in drawn {
        set.remove(member);
    }
    let emptied = set.is_empty();
    cx.keys.changed(key);
    cx.effects.changed_by(drawn.len());
    if emptied {
        cx.keys.remove(key);
    }
    Ok(())
}

fn spop(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    if args.len() > 3 {
        return Err(errors::SYNTAX);
    }
    if args.len() == 3 {
        return spop_count(cx, key, args::count(args.at(2))?);
    }
    let mut rng = cx.keys.space.rng.fork();
    let Some(member) =
        cx.keys.set_mut(key)?.and_then(|set| set.random(&mut rng)).map(|member| member.to_vec())
    else {
        cx.reply.nil();
        return Ok(());
    };
    take(cx, key, std::slice::from_ref(&member))?;
    cx.effects.rewrite(&[b"SREM", key, &member]);
    cx.reply.bulk(&member);
    Ok(())
}

fn spop_count(cx: &mut Context<'_>, key: &[u8], count: usize) -> Outcome {
    let mut rng = cx.keys.space.rng.fork();
    let Some(set) = cx.keys.set_mut(key)?.filter(|_| count > 0) else {
        cx.reply.set(0);
        return Ok(());
    };
    if count >= set.len() {
        let length = set.len();
        cx.reply.set(length);
        set.iter().for_each(|member| cx.reply.entry(member));
        cx.keys.remove(key);
        cx.keys.changed(key);
        cx.effects.changed_by(length);
        cx.effects.rewrite(&[b"DEL", key]);
        return Ok(());
    }
    let drawn: Vec<Vec<u8>> = set.distinct(count, &mut rng).iter().map(Entry::to_vec).collect();
    take(cx, key, &drawn)?;
    cx.reply.set(drawn.len());
    for member in &drawn {
        cx.reply.bulk(member);
        cx.effects.rewrite(&[b"SREM", key, member]);
    }
    Ok(())
}

fn srandmember(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    if args.len() > 3 {
        return Err(errors::SYNTAX);
    }
    let mut rng = cx.keys.space.rng.fork();
    if args.len() == 2 {
        match cx.keys.set(key)?.and_then(|set| set.random(&mut rng)) {
            Some(member) => cx.reply.entry(member),
            None => cx.reply.nil(),
        }
        return Ok(());
    }
    let count = random_count(args.at(2))?;
    let Some(set) = cx.keys.set(key)? else {
        cx.reply.array(0);
        return Ok(());
    };
    if let Ok(count) = usize::try_from(count) {
        let drawn = set.distinct(count, &mut rng);
        cx.reply.array(drawn.len());
        for member in drawn {
            cx.reply.entry(member);
        }
        return Ok(());
    }
    let count = count.unsigned_abs() as usize;
    if !cx.reply.reserve(count.saturating_add(1)) {
        return Err(errors::OUT_OF_RANGE);
    }
    cx.reply.array(count);
    set.draw(count, &mut rng, &mut |member| cx.reply.entry(member));
    Ok(())
}

fn smove(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (from, to, member) = (args.at(1), args.at(2), args.at(3));
    let Some(kind) = cx.keys.kind(from) else {
        cx.reply.int(0);
        return Ok(());
    };
    if kind != Kind::Set || cx.keys.kind(to).is_some_and(|kind| kind != Kind::Set) {
        return Err(errors::WRONG_TYPE);
    }
    let found = cx.keys.set_mut(from)?.is_some_and(|set| set.contains(member));
    if found && from != to {
        take(cx, from, &[member.to_vec()])?;
        let (limits, seed) = (cx.keys.space.limits, cx.keys.space.seed());
        if cx.keys.set_or_new(to, member)?.add(member, &limits, seed) {
            cx.changed(to);
        }
    }
    cx.reply.bool(found);
    Ok(())
}

fn sscan(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let cursor = keys::cursor(args.at(2))?;
    let Some(set) = cx.keys.set(args.at(1))? else {
        keys::nothing_to_scan(cx.reply);
        return Ok(());
    };
    let options = ScanOptions::parse(args.options(3), false)?;
    options.walk(cx.reply, cursor, |cursor, found| {
        let mut seen = 0;
        let next = set.scan(cursor, &mut |member| {
            seen += 1;
            if member.with_bytes(|member| options.matches(member)) {
                found.push(member.to_vec());
            }
        });
        (next, seen)
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::command::testing::Harness;
    use crate::keyspace::Limits;

    const WRONG: &str = "(error) WRONGTYPE Operation against a key holding the wrong kind of value";

    #[test]
    fn members_are_added_counted_and_removed() {
        let mut store = Harness::new();
        store.expect("SADD s 1 b 1", "2", &["SADD s 1 b 1"]);
        store.expect("SADD s 1", "0", &[]);
        store.expect("SISMEMBER s 1", "1", &[]);
        store.expect("SISMEMBER s 01", "0", &[]);
        store.expect("SMISMEMBER s 1 x b", "[1, 0, 1]", &[]);
        store.expect("SMEMBERS s", r#"~{"1", "b"}"#, &[]);
        store.expect("SMEMBERS no", "~{}", &[]);
        store.expect("SCARD s", "2", &[]);
        store.expect("SREM s x", "0", &[]);
        store.expect("SREM s 1 b x", "2", &["SREM s 1 b x"]);
        store.expect("EXISTS s", "0", &[]);
        store.run("SET t x");
        store.expect("SADD t 1", WRONG, &[]);
    }

    #[test]
    fn pops_are_logged_as_what_they_took() {
        let mut store = Harness::new();
        store.run("SADD s a b c d e");
        let member = store.run("SPOP s").trim_matches('"').to_owned();
        assert_eq!(store.log(), [format!("SREM s {member}")]);
        let reply = store.run("SPOP s 2");
        let taken: Vec<String> =
            reply.split('"').skip(1).step_by(2).map(|name| format!("SREM s {name}")).collect();
        assert_eq!((store.log(), taken.len()), (taken, 2));
        store.expect("SCARD s", "2", &[]);
        store.expect("SPOP s 0", "~{}", &[]);
        store.run("SPOP s 9");
        assert_eq!(store.log(), ["DEL s"]);
        store.expect("EXISTS s", "0", &[]);
        store.expect("SPOP s", "nil", &[]);
        store.expect("SPOP s 1", "~{}", &[]);
        store.run("SADD s only");
        store.expect("SPOP s", "\"only\"", &["SREM s only"]);
        store.expect("EXISTS s", "0", &[]);
        store.expect("SPOP s -1", "(error) ERR value is out of range, must be positive", &[]);
        store.expect("SPOP s 1 2", "(error) ERR syntax error", &[]);
    }

    #[test]
    fn moves_check_both_types_first() {
        let mut store = Harness::new();
        store.run("SADD s a b");
        store.run("SET t x");
        store.expect("SMOVE no t a", "0", &[]);
        store.expect("SMOVE s t a", WRONG, &[]);
        store.expect("SMOVE t s a", WRONG, &[]);
        store.expect("SMOVE s s a", "1", &[]);
        store.expect("SMOVE s d x", "0", &[]);
        store.expect("SMOVE s d a", "1", &["SMOVE s d a"]);
        store.expect("SMOVE s d b", "1", &["SMOVE s d b"]);
        store.expect("EXISTS s", "0", &[]);
        store.expect("SMEMBERS d", r#"~{"a", "b"}"#, &[]);
    }

    #[test]
    fn a_draw_too_large_for_memory_is_refused() {
        let mut store = Harness::new();
        store.run("SADD s a");
        store.expect("SRANDMEMBER s -3", r#"["a", "a", "a"]"#, &[]);
        store.expect("SRANDMEMBER s 3", r#"["a"]"#, &[]);
        store.expect("SRANDMEMBER s", "\"a\"", &[]);
        store.expect("SRANDMEMBER no", "nil", &[]);
        store.expect("SRANDMEMBER no -3", "[]", &[]);
        store.expect("SRANDMEMBER s -9223372036854775807", "(error) ERR value is out of range", &[]);
    }

    #[test]
    fn an_encoding_is_chosen_by_what_comes_at_once() {
        let limits = Limits { set_max_intset_entries: 4, ..Limits::default() };
        let mut store = Harness::with(limits);
        for (line, encoding) in [
            ("SADD a 1 2 3 4 5", "listpack"),
            ("SADD b 1 2 3 4", "intset"),
            ("SADD b 5", "hashtable"),
            ("SADD c 1", "intset"),
            ("SADD c 1 1 1 1 1", "hashtable"),
            ("SADD d 1 x", "listpack"),
        ] {
            store.run(line);
            assert_eq!(store.encoding(&line[5..6]), encoding, "{line}");
        }
    }
}
