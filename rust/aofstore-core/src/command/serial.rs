//! DUMP and RESTORE: one value as bytes that any server understands. RESTORE is logged as the commands that make the value,
//! since a payload is bound to the version of the format that it was written in.

use super::args::Args;
use super::context::{Context, fits};
use super::effect::Argv;
use super::errors::{self, ErrorReply, Outcome};
use super::instant::Unit;
use super::table::{ONE_KEY, READ_SLOW, Spec, WRITE_SLOW};
use crate::keyspace::{Entry, Fresh, Object};
use crate::num::{self, Buf};
use crate::rdb::value::{Bad, Making, Payload, Room, Version, seal};

const G: &str = "generic";

#[rustfmt::skip]
pub(super) const COMMANDS: &[Spec] = &[
    Spec::new([G, "DUMP", "2.6.0", "Gives the value of a key in the form of a snapshot."], 2, READ_SLOW, ONE_KEY, dump),
    Spec::new([G, "RESTORE", "2.6.0", "Stores a value that DUMP gave."], -4, WRITE_SLOW, ONE_KEY, restore),
];

fn dump(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let limits = cx.keys.space.limits;
    let version = Version::from_number(limits.rdb_version).unwrap_or_default();
    let Some(value) = cx.keys.read(args.at(1)) else {
        cx.reply.nil();
        return Ok(());
    };
    if !fits(value.memory()) {
        return Err(errors::OUT_OF_MEMORY);
    }
    cx.reply.binary(&seal(&value, version, limits.rdb_compression));
    Ok(())
}

/// What stands behind the payload.
#[derive(Default)]
struct Options {
    replace: bool,
    absolute: bool,
}

impl Options {
    fn parse(mut args: Args<'_>) -> Result<Self, ErrorReply> {
        let (mut options, mut idle, mut freq) = (Self::default(), false, false);
        while !args.done() {
            if args.take("REPLACE") {
                options.replace = true;
            } else if args.take("ABSTTL") {
                options.absolute = true;
            } else if !freq && args.take_with("IDLETIME", 1) {
                idle = true;
                if args.need_i64()? < 0 {
                    return Err(errors::INVALID_IDLETIME);
                }
            } else if !idle && args.take_with("FREQ", 1) {
                freq = true;
                if !(0..=255).contains(&args.need_i64()?) {
                    return Err(errors::INVALID_FREQ);
                }
            } else {
                return Err(errors::SYNTAX);
            }
        }
        Ok(options)
    }
}

fn restore(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let options = Options::parse(args.options(4))?;
    if !options.replace && cx.keys.contains(key) {
        return Err(errors::BUSY_KEY);
    }
    let ttl = super::args::int(args.at(2))?;
    if ttl < 0 {
        return Err(errors::INVALID_TTL);
    }
    let mut payload = Payload::open(args.at(3)).ok_or(errors::WRONG_PAYLOAD)?;
    let (mut room, making) = (Room::default(), Making::of(cx.keys.space));
    let value = payload.read(&mut room, &making).map_err(|bad| match bad {
        Bad::Memory => errors::OUT_OF_MEMORY,
        _ => errors::BAD_FORMAT,
    })?;
    let unit = if options.absolute { Unit::AtMilli } else { Unit::Millis };
    let deadline = if ttl == 0 { None } else { unit.absolute(ttl, cx.keys.now()).or(Some(i64::MAX)) };
    store(cx, key, value, deadline)?;
    cx.reply.ok();
    Ok(())
}

fn store(cx: &mut Context<'_>, key: &[u8], value: Fresh<'_>, deadline: Option<i64>) -> Outcome {
    if let Fresh::Text(bytes) = &value
        && !fits(bytes.len())
    {
        return Err(errors::OUT_OF_MEMORY);
    }
    let past = deadline.is_some_and(|at| cx.keys.is_past(at));
    let made = if past { Argv::default() } else { command(key, &value) };
    // A payload may unpack to more than it takes; what the reader of the log would refuse must not get there.
    if made.iter().any(|arg| arg.len() > cx.keys.space.limits.proto_max_bulk_len) {
        return Err(errors::STRING_TOO_LONG);
    }
    // SET alone takes the place of anything.
    if cx.remove(key) && (past || matches!(value, Fresh::Object(_))) {
        cx.effects.rewrite(&[b"DEL", key]);
    }
    if past {
        return Ok(());
    }
    cx.effects.rewrite_as(made);
    cx.keys.put_fresh(key, value);
    cx.changed(key);
    if let Some(at) = deadline {
        cx.keys.set_deadline(key, at);
        cx.effects.rewrite(&[b"PEXPIREAT", key, itoa::Buffer::new().format(at).as_bytes()]);
    }
    Ok(())
}

/// The command that makes the value, however many words it has: readers take two thousand million.
fn command(key: &[u8], value: &Fresh<'_>) -> Argv {
    let mut argv = Words(Argv::default());
    match value {
        Fresh::Int(value) => argv.begin(b"SET", key).int(*value),
        Fresh::Text(bytes) => argv.begin(b"SET", key).0.push(bytes),
        Fresh::Object(Object::Text(bytes)) => argv.begin(b"SET", key).0.push(bytes),
        Fresh::Object(Object::List(list)) => {
            let argv = argv.begin(b"RPUSH", key);
            list.iter().for_each(|entry| argv.entry(entry));
        }
        Fresh::Object(Object::Set(set)) => {
            let argv = argv.begin(b"SADD", key);
            set.iter().for_each(|entry| argv.entry(entry));
        }
        Fresh::Object(Object::ZSet(zset)) => {
            let (argv, mut digits) = (argv.begin(b"ZADD", key), Buf::new());
            for (member, score) in zset {
                argv.0.push(num::fmt_f64_shortest(score, &mut digits));
                argv.entry(member);
            }
        }
        Fresh::Object(Object::Hash(hash)) => {
            let argv = argv.begin(b"HSET", key);
            for (field, value) in hash {
                argv.entry(field);
                argv.entry(value);
            }
        }
    }
    argv.0
}

/// A record in the making.
struct Words(Argv);

impl Words {
    fn begin(&mut self, name: &[u8], key: &[u8]) -> &mut Self {
        self.0.push(name);
        self.0.push(key);
        self
    }

    fn entry(&mut self, entry: Entry<'_>) {
        entry.with_bytes(|bytes| self.0.push(bytes));
    }

    fn int(&mut self, value: i64) {
        self.entry(Entry::Int(value));
    }
}
