//! Deadlines of keys: the EXPIRE family, TTL and PERSIST. Every change is logged as PEXPIREAT or DEL.

use super::args::Args;
use super::context::Context;
use super::effect::Argv;
use super::errors::{self, ErrorReply, Outcome};
use super::instant::{self, Unit};
use super::table::{ONE_KEY, READ, SHRINK, Spec};

const G: &str = "generic";

#[rustfmt::skip]
pub(super) const COMMANDS: &[Spec] = &[
    Spec::new([G, "EXPIRE", "1.0.0", "Sets the time to live of a key in seconds."], -3, SHRINK, ONE_KEY, |cx, args| expire(cx, args, Unit::Seconds)),
    Spec::new([G, "PEXPIRE", "2.6.0", "Sets the time to live of a key in milliseconds."], -3, SHRINK, ONE_KEY, |cx, args| expire(cx, args, Unit::Millis)),
    Spec::new([G, "EXPIREAT", "1.2.0", "Sets the instant a key expires, in Unix seconds."], -3, SHRINK, ONE_KEY, |cx, args| expire(cx, args, Unit::AtSecond)),
    Spec::new([G, "PEXPIREAT", "2.6.0", "Sets the instant a key expires, in Unix milliseconds."], -3, SHRINK, ONE_KEY, |cx, args| expire(cx, args, Unit::AtMilli)),
    Spec::new([G, "TTL", "1.0.0", "Gives the time to live of a key in seconds."], 2, READ, ONE_KEY, |cx, args| remaining(cx, args, |at, now| (at - now).max(0).saturating_add(500) / 1000)),
    Spec::new([G, "PTTL", "2.6.0", "Gives the time to live of a key in milliseconds."], 2, READ, ONE_KEY, |cx, args| remaining(cx, args, |at, now| (at - now).max(0))),
    Spec::new([G, "EXPIRETIME", "7.0.0", "Gives the instant a key expires, in Unix seconds."], 2, READ, ONE_KEY, |cx, args| remaining(cx, args, |at, _| at.saturating_add(500) / 1000)),
    Spec::new([G, "PEXPIRETIME", "7.0.0", "Gives the instant a key expires, in Unix milliseconds."], 2, READ, ONE_KEY, |cx, args| remaining(cx, args, |at, _| at)),
    Spec::new([G, "PERSIST", "2.2.0", "Removes the time to live of a key."], 2, SHRINK, ONE_KEY, persist),
];

/// NX, XX, GT, LT.
#[derive(Default)]
struct Condition {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl Condition {
    fn parse(args: &[&[u8]]) -> Result<Self, ErrorReply> {
        let mut condition = Self::default();
        for arg in args {
            match arg.to_ascii_uppercase().as_slice() {
                b"NX" => condition.nx = true,
                b"XX" => condition.xx = true,
                b"GT" => condition.gt = true,
                b"LT" => condition.lt = true,
                _ => return Err(errors::unsupported_option(arg)),
            }
        }
        if condition.nx && (condition.xx || condition.gt || condition.lt) {
            return Err(errors::NX_AND_XX_GT_LT);
        }
        if condition.gt && condition.lt {
            return Err(errors::GT_AND_LT);
        }
        Ok(condition)
    }

    fn allows(&self, current: Option<i64>, at: i64) -> bool {
        match current {
            None => !self.xx && !self.gt,
            Some(current) => !self.nx && (!self.gt || at > current) && (!self.lt || at < current),
        }
    }
}

fn expire(cx: &mut Context<'_>, args: Args<'_>, unit: Unit) -> Outcome {
    let key = args.at(1);
    let condition = Condition::parse(args.from(3))?;
    let at = instant::any(args.at(2), unit, cx.keys.now(), cx.name)?;
    let allowed = cx.keys.contains(key) && condition.allows(cx.keys.deadline(key), at);
    if allowed {
        apply(cx, key, at);
        if !cx.keys.is_past(at) {
            // The conditions stay in the record, as they do in Redis's log.
            for option in args.from(3) {
                cx.effects.extend_last(option);
            }
        }
    }
    cx.reply.bool(allowed);
    Ok(())
}

/// Gives an existing key the deadline `at`, or removes it when that is past; logged as PEXPIREAT or DEL (F-14).
pub(super) fn apply(cx: &mut Context<'_>, key: &[u8], at: i64) {
    if cx.keys.is_past(at) {
        cx.remove(key);
        cx.effects.rewrite(&[b"DEL", key]);
    } else {
        cx.keys.set_deadline(key, at);
        cx.changed(key);
        cx.effects.rewrite_as(Argv::of(&[b"PEXPIREAT", key, itoa::Buffer::new().format(at).as_bytes()]));
    }
}

fn remaining(cx: &mut Context<'_>, args: Args<'_>, show: fn(i64, i64) -> i64) -> Outcome {
    let (key, now) = (args.at(1), cx.keys.now());
    let shown = match (cx.keys.read(key).is_some(), cx.keys.deadline(key)) {
        (false, _) => -2,
        (true, None) => -1,
        (true, Some(at)) => show(at, now),
    };
    cx.reply.int(shown);
    Ok(())
}

fn persist(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let dropped = cx.keys.contains(key) && cx.keys.drop_deadline(key);
    if dropped {
        cx.changed(key);
    }
    cx.reply.bool(dropped);
    Ok(())
}
