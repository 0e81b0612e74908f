//! Sets: intersection, union and difference, replied or stored.
//!
//! Every key is looked up, and its type checked, before anything is written.

use smallvec::SmallVec;

use super::args::Args;
use super::context::Context;
use super::errors::{self, ErrorReply, Outcome};
use super::sets::G;
use super::table::{ALL_KEYS, KeyPositions, READ_SLOW, Spec, WRITE_SLOW};
use crate::keyspace::{Entry, Keys, Limits, Object, Seed, Set, Value};
use crate::num;

const COUNTED: KeyPositions = KeyPositions::Counted { at: 1, dest: false };

#[rustfmt::skip]
pub(super) const COMMANDS: &[Spec] = &[
    Spec::new([G, "SINTER", "1.0.0", "Gives the members that all sets have."], -2, READ_SLOW, ALL_KEYS, sinter),
    Spec::new([G, "SINTERSTORE", "1.0.0", "Stores the members that all sets have."], -3, WRITE_SLOW, ALL_KEYS, sinterstore),
    Spec::new([G, "SINTERCARD", "7.0.0", "Counts the members that all sets have."], -3, READ_SLOW, COUNTED, sintercard),
    Spec::new([G, "SUNION", "1.0.0", "Gives the members that any of the sets has."], -2, READ_SLOW, ALL_KEYS, sunion),
    Spec::new([G, "SUNIONSTORE", "1.0.0", "Stores the members that any of the sets has."], -3, WRITE_SLOW, ALL_KEYS, sunionstore),
    Spec::new([G, "SDIFF", "1.0.0", "Gives the members that only the first set has."], -2, READ_SLOW, ALL_KEYS, sdiff),
    Spec::new([G, "SDIFFSTORE", "1.0.0", "Stores the members that only the first set has."], -3, WRITE_SLOW, ALL_KEYS, sdiffstore),
];

/// What is done with the sets.
#[derive(Clone, Copy)]
enum Operation {
    Intersect,
    Unite,
    Subtract,
}

/// The sets of a command, None for a key that does not exist.
type Sources<'s> = SmallVec<[Option<&'s Set>; 8]>;

/// All sets at once: a lookup may remove an expired key, so they are borrowed only when all lookups are done.
fn sources<'s>(keys: &'s mut Keys<'_>, names: &[&[u8]]) -> Result<Sources<'s>, ErrorReply> {
    for name in names {
        keys.set(name)?;
    }
    Ok(borrowed(keys, names))
}

/// As [`sources`] for a command that writes: it counts no hits and misses.
fn sources_to_store<'s>(keys: &'s mut Keys<'_>, names: &[&[u8]]) -> Result<Sources<'s>, ErrorReply> {
    for name in names {
        keys.set_mut(name)?;
    }
    Ok(borrowed(keys, names))
}

fn borrowed<'s>(keys: &'s Keys<'_>, names: &[&[u8]]) -> Sources<'s> {
    let found = names.iter().map(|name| match keys.peek(name) {
        Some(Value::Set(set)) => Some(set),
        _ => None,
    });
    found.collect()
}

/// Calls `emit` with what all sets have, until it says no.
fn intersect<'s>(sources: &Sources<'s>, emit: &mut dyn FnMut(Entry<'s>) -> bool) {
    let Some(mut sets) = sources.iter().copied().collect::<Option<SmallVec<[&Set; 8]>>>() else { return };
    sets.sort_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first() else { return };
    for member in *smallest {
        if others.iter().all(|set| set.contains_entry(member)) && !emit(member) {
            return;
        }
    }
}

/// Calls `emit` with what only the first set has.
fn subtract<'s>(sources: &Sources<'s>, emit: &mut dyn FnMut(Entry<'s>)) {
    let Some((Some(first), others)) = sources.split_first() else { return };
    let others: SmallVec<[&Set; 8]> = others.iter().copied().flatten().collect();
    if others.iter().any(|set| std::ptr::eq(*set, *first)) {
        return;
    }
    first.iter().filter(|&member| !others.iter().any(|set| set.contains_entry(member))).for_each(emit);
}

impl Operation {
    /// Calls `emit` with the result; a union may name a member more than once.
    fn run<'s>(self, sources: &Sources<'s>, emit: &mut dyn FnMut(Entry<'s>)) {
        match self {
            Self::Intersect => intersect(sources, &mut |member| {
                emit(member);
                true
            }),
            Self::Unite => sources.iter().flatten().flat_map(|set| set.iter()).for_each(emit),
            Self::Subtract => subtract(sources, emit),
        }
    }

    fn collect(self, sources: &Sources<'_>, limits: &Limits, seed: Seed) -> Set {
        let mut result = Set::new();
        self.run(sources, &mut |member| {
            member.with_bytes(|member| result.add(member, limits, seed));
        });
        result.shrink_to_ints(limits);
        result
    }

    fn reply(self, cx: &mut Context<'_>, names: &[&[u8]]) -> Outcome {
        let (limits, seed) = (cx.keys.space.limits, cx.keys.space.seed());
        let sources = sources(&mut cx.keys, names)?;
        if let Self::Unite = self {
            let union = self.collect(&sources, &limits, seed);
            cx.reply.set(union.len());
            union.iter().for_each(|member| cx.reply.entry(member));
            return Ok(());
        }
        let mark = cx.reply.open_array();
        let mut found = 0;
        self.run(&sources, &mut |member| {
            cx.reply.entry(member);
            found += 1;
        });
        cx.reply.close_set(mark, found);
        Ok(())
    }

    fn store(self, cx: &mut Context<'_>, target: &[u8], names: &[&[u8]]) -> Outcome {
        let (limits, seed) = (cx.keys.space.limits, cx.keys.space.seed());
        let result = self.collect(&sources_to_store(&mut cx.keys, names)?, &limits, seed);
        let length = result.len();
        if length == 0 {
            cx.remove(target);
        } else {
            cx.keys.put(target, Object::Set(result));
            cx.changed(target);
        }
        cx.reply.len(length);
        Ok(())
    }
}

fn sinter(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    Operation::Intersect.reply(cx, args.from(1))
}

fn sunion(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    Operation::Unite.reply(cx, args.from(1))
}

fn sdiff(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    Operation::Subtract.reply(cx, args.from(1))
}

fn sinterstore(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    Operation::Intersect.store(cx, args.at(1), args.from(2))
}

fn sunionstore(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    Operation::Unite.store(cx, args.at(1), args.from(2))
}

fn sdiffstore(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    Operation::Subtract.store(cx, args.at(1), args.from(2))
}

/// SINTERCARD's keys and limit; no limit is 0.
fn counted(args: Args<'_>) -> Result<(&[&[u8]], usize), ErrorReply> {
    let number = num::parse_i64(args.at(1)).filter(|&number| number > 0).ok_or(errors::NUMKEYS)? as usize;
    let names = args.from(2).get(..number).ok_or(errors::TOO_MANY_KEYS)?;
    let (mut rest, mut limit) = (args.options(2 + number), 0);
    while !rest.done() {
        if !rest.take_with("LIMIT", 1) {
            return Err(errors::SYNTAX);
        }
        limit =
            num::parse_i64(rest.need()?).filter(|&limit| limit >= 0).ok_or(errors::NEGATIVE_LIMIT)? as usize;
    }
    Ok((names, limit))
}

fn sintercard(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (names, limit) = counted(args)?;
    let mut found = 0;
    intersect(&sources(&mut cx.keys, names)?, &mut |_| {
        found += 1;
        found != limit
    });
    cx.reply.len(found);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::command::testing::Harness;

    const WRONG: &str = "(error) WRONGTYPE Operation against a key holding the wrong kind of value";

    fn store() -> Harness {
        let mut store = Harness::new();
        store.run("SADD a 1 2 3 x");
        store.run("SADD b 2 3 4");
        store.run("SADD c 3 x y");
        store.run("SET t text");
        store
    }

    #[test]
    fn members_in_all_sets() {
        let mut store = store();
        store.expect("SINTER a b", r#"~{"2", "3"}"#, &[]);
        store.expect("SINTER a b c", r#"~{"3"}"#, &[]);
        store.expect("SINTER a no", "~{}", &[]);
        store.expect("SINTER no t", WRONG, &[]);
        store.expect("SINTERSTORE d a b", "2", &["SINTERSTORE d a b"]);
        assert_eq!(store.encoding("d"), "intset");
        store.expect("SINTERSTORE d a no", "0", &["SINTERSTORE d a no"]);
        store.expect("EXISTS d", "0", &[]);
        store.expect("SINTERSTORE d a no", "0", &[]);
    }

    #[test]
    fn counting_stops_at_the_limit() {
        let mut store = store();
        store.expect("SINTERCARD 2 a b", "2", &[]);
        store.expect("SINTERCARD 2 a b LIMIT 1", "1", &[]);
        store.expect("SINTERCARD 2 a b limit 0", "2", &[]);
        store.expect("SINTERCARD 1 a b", "(error) ERR syntax error", &[]);
        store.expect("SINTERCARD 1 a LIMIT", "(error) ERR syntax error", &[]);
        store.expect("SINTERCARD 1 a LIMIT -1", "(error) ERR LIMIT can't be negative", &[]);
        store.expect("SINTERCARD 0 a", "(error) ERR numkeys should be greater than 0", &[]);
        store.expect(
            "SINTERCARD 2 a",
            "(error) ERR Number of keys can't be greater than number of args",
            &[],
        );
    }

    #[test]
    fn members_in_any_set() {
        let mut store = store();
        store.expect("SUNION b no b", r#"~{"2", "3", "4"}"#, &[]);
        store.expect("SUNION a c", r#"~{"1", "2", "3", "x", "y"}"#, &[]);
        store.expect("SUNION no", "~{}", &[]);
        store.expect("SUNIONSTORE t a c", "5", &["SUNIONSTORE t a c"]);
        assert_eq!(store.encoding("t"), "listpack");
    }

    #[test]
    fn members_of_the_first_set_alone() {
        let mut store = store();
        store.expect("SDIFF a b c", r#"~{"1"}"#, &[]);
        store.expect("SDIFF a no", r#"~{"1", "2", "3", "x"}"#, &[]);
        store.expect("SDIFF no a", "~{}", &[]);
        store.expect("SDIFF a a", "~{}", &[]);
        store.expect("SDIFF no t", WRONG, &[]);
        store.expect("SDIFFSTORE a a b", "2", &["SDIFFSTORE a a b"]);
        store.expect("SMEMBERS a", r#"~{"1", "x"}"#, &[]);
    }

    #[test]
    fn a_stored_result_takes_the_place_of_a_key_with_a_deadline() {
        let mut store = store();
        store.run("EXPIRE b 100");
        store.expect("SUNIONSTORE b b", "3", &["SUNIONSTORE b b"]);
        assert_eq!(store.space.db(0).map(crate::keyspace::Db::volatile), Some(0));
    }
}
