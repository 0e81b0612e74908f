//! COMMAND: the command table, described as Redis describes its own.
//!
//! Sets whose members a host language could not hash (key specifications, subcommands) are arrays here.

use crate::command::{self, Flags, KeyPositions, Outcome, Reply, Spec, errors, glob_matches, is_word};

pub(super) fn all(reply: &mut Reply) -> Outcome {
    reply.array(command::all().count());
    command::all().for_each(|spec| describe(spec, reply));
    Ok(())
}

pub(super) fn count(reply: &mut Reply) -> Outcome {
    reply.len(command::all().count());
    Ok(())
}

/// `args` begin with the subcommand's name, here and below.
pub(super) fn info(args: &[&[u8]], reply: &mut Reply) -> Outcome {
    let Some((_, names @ [_, ..])) = args.split_first() else { return all(reply) };
    reply.array(names.len());
    for name in names {
        match find(name) {
            Some(spec) => describe(spec, reply),
            None => reply.nil(),
        }
    }
    Ok(())
}

pub(super) fn docs(args: &[&[u8]], reply: &mut Reply) -> Outcome {
    let specs: Vec<&'static Spec> = match args.split_first() {
        Some((_, names @ [_, ..])) => names.iter().filter_map(|name| find(name)).collect(),
        _ => command::all().collect(),
    };
    document_all(&specs, reply);
    Ok(())
}

pub(super) fn getkeys(args: &[&[u8]], reply: &mut Reply) -> Outcome {
    let argv = args.get(1..).unwrap_or_default();
    let spec = argv.first().and_then(|name| command::lookup(name)).ok_or(errors::INVALID_COMMAND)?;
    let spec = spec.subcommand(argv).map_err(|_| errors::INVALID_COMMAND)?;
    if spec.keys == KeyPositions::None {
        return Err(errors::NO_KEY_ARGUMENTS);
    }
    if !spec.accepts(argv.len()) {
        return Err(errors::INVALID_ARGUMENT_COUNT);
    }
    let found = spec.keys.find(argv).ok_or(errors::INVALID_ARGUMENTS)?;
    reply.array(found.len());
    for at in found {
        reply.bulk(argv.get(at).copied().unwrap_or_default());
    }
    Ok(())
}

pub(super) fn list(args: &[&[u8]], reply: &mut Reply) -> Outcome {
    let options = args.get(1..).unwrap_or_default();
    let wanted: Box<dyn Fn(&Spec) -> bool> = match *options {
        [] => Box::new(|_| true),
        [by, kind, value] if is_word(by, "FILTERBY") => {
            let value = value.to_ascii_lowercase();
            if is_word(kind, "MODULE") {
                Box::new(|_| false)
            } else if is_word(kind, "ACLCAT") {
                Box::new(move |spec| {
                    categories(spec).iter().any(|category| category.as_bytes().get(1..) == Some(&*value))
                })
            } else if is_word(kind, "PATTERN") {
                Box::new(move |spec| glob_matches(&value, lower(spec).as_bytes()))
            } else {
                return Err(errors::SYNTAX);
            }
        }
        _ => return Err(errors::SYNTAX),
    };
    let with_subcommands = command::all().flat_map(|spec| std::iter::once(spec).chain(spec.subcommands));
    let names: Vec<String> = with_subcommands.filter(|spec| wanted(spec)).map(lower).collect();
    reply.array(names.len());
    for name in names {
        reply.bulk(name.as_bytes());
    }
    Ok(())
}

/// A command by name; a subcommand as `container|name`.
fn find(name: &[u8]) -> Option<&'static Spec> {
    let mut parts = name.splitn(2, |&byte| byte == b'|');
    let spec = command::lookup(parts.next()?)?;
    match parts.next() {
        None => Some(spec),
        Some(own) => spec.subcommands.iter().find(|sub| is_word(own, sub.own_name())),
    }
}

fn lower(spec: &Spec) -> String {
    spec.name.to_ascii_lowercase()
}

fn describe(spec: &Spec, reply: &mut Reply) {
    let (first, last, step) = spec.keys.legacy();
    reply.array(10);
    reply.bulk(lower(spec).as_bytes());
    reply.int(i64::from(spec.arity));
    words(&flag_names(spec), reply);
    reply.int(first);
    reply.int(last);
    reply.int(step);
    words(&categories(spec), reply);
    reply.array(0);
    key_specifications(spec, reply);
    reply.array(spec.subcommands.len());
    spec.subcommands.iter().for_each(|sub| describe(sub, reply));
}

fn words(words: &[&str], reply: &mut Reply) {
    reply.set(words.len());
    for word in words {
        reply.bulk(word.as_bytes());
    }
}

fn flag_names(spec: &Spec) -> Vec<&'static str> {
    let known = [
        (Flags::WRITE, "write"),
        (Flags::READONLY, "readonly"),
        (Flags::DENYOOM, "denyoom"),
        (Flags::ADMIN, "admin"),
        (Flags::NOSCRIPT, "noscript"),
        (Flags::BLOCKING, "blocking"),
        (Flags::LOADING, "loading"),
        (Flags::FAST, "fast"),
        (Flags::NO_MULTI, "no_multi"),
    ];
    let mut names: Vec<&'static str> =
        known.into_iter().filter(|(flag, _)| spec.flags.contains(*flag)).map(|(_, name)| name).collect();
    // SORT and SORT_RO read keys whose names only the data tells (BY, GET).
    if matches!(spec.keys, KeyPositions::Counted { .. } | KeyPositions::Sort) || spec.name == "SORT_RO" {
        names.push("movablekeys");
    }
    names
}

/// Redis warns of these though they administrate nothing.
const DANGEROUS: &[&str] =
    &["FLUSHALL", "FLUSHDB", "INFO", "KEYS", "LASTSAVE", "RESTORE", "SORT", "SORT_RO", "SWAPDB"];

fn touches_whole_databases(spec: &Spec) -> bool {
    matches!(spec.name, "DBSIZE" | "FLUSHALL" | "FLUSHDB" | "SWAPDB")
}

/// Redis's ACL categories, from the flags and the group.
fn categories(spec: &Spec) -> Vec<&'static str> {
    let has = |flag| spec.flags.contains(flag);
    let sorts = matches!(spec.name, "SORT" | "SORT_RO");
    let group = match spec.group {
        "generic" if sorts => "@list",
        "generic" if spec.name == "WAITAOF" => "@connection",
        "generic" if !spec.subcommands.is_empty() => "",
        "generic" => "@keyspace",
        "server" if touches_whole_databases(spec) => "@keyspace",
        "server" if spec.name.starts_with("COMMAND") => "@connection",
        "string" => "@string",
        "list" => "@list",
        "set" => "@set",
        "sorted-set" => "@sortedset",
        "hash" => "@hash",
        "bitmap" => "@bitmap",
        "connection" => "@connection",
        "transactions" => "@transaction",
        _ => "",
    };
    let speed = if has(Flags::FAST) { "@fast" } else { "@slow" };
    [
        (has(Flags::WRITE), "@write"),
        (has(Flags::READONLY), "@read"),
        (!group.is_empty(), group),
        (sorts, "@set"),
        (sorts, "@sortedset"),
        (has(Flags::ADMIN) || spec.name == "LASTSAVE", "@admin"),
        (true, speed),
        (has(Flags::BLOCKING), "@blocking"),
        (has(Flags::ADMIN) || DANGEROUS.contains(&spec.name), "@dangerous"),
    ]
    .into_iter()
    .filter_map(|(applies, name)| applies.then_some(name))
    .collect()
}

fn key_specifications(spec: &Spec, reply: &mut Reply) {
    let access = if spec.is_write() { "RW" } else { "RO" };
    match spec.keys {
        KeyPositions::None => reply.array(0),
        KeyPositions::Range { first, last, step } => {
            // Redis counts the last key from the first one here, unless it counts from the end.
            let last = if last < 0 { last as i64 } else { last as i64 - first as i64 };
            reply.array(1);
            key_specification(access, Some(first), reply);
            labelled("range", &[("lastkey", last), ("keystep", step as i64), ("limit", 0)], reply);
        }
        KeyPositions::Counted { at, dest } => {
            reply.array(1 + usize::from(dest));
            if dest {
                key_specification("OW", Some(1), reply);
                labelled("range", &[("lastkey", 0), ("keystep", 1), ("limit", 0)], reply);
            }
            key_specification(if dest { "RO" } else { access }, Some(at), reply);
            labelled("keynum", &[("keynumidx", 0), ("firstkey", 1), ("keystep", 1)], reply);
        }
        KeyPositions::Sort => {
            reply.array(2);
            key_specification("RO", Some(1), reply);
            labelled("range", &[("lastkey", 0), ("keystep", 1), ("limit", 0)], reply);
            key_specification("OW", None, reply);
            labelled("unknown", &[], reply);
        }
    }
}

/// A key specification up to `find_keys`, whose value the caller writes.
fn key_specification(access: &str, at: Option<usize>, reply: &mut Reply) {
    reply.map(3);
    reply.bulk(b"flags");
    words(&[access], reply);
    reply.bulk(b"begin_search");
    match at {
        Some(at) => labelled("index", &[("index", at as i64)], reply),
        None => labelled("unknown", &[], reply),
    }
    reply.bulk(b"find_keys");
}

fn labelled(kind: &str, fields: &[(&str, i64)], reply: &mut Reply) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(kind.as_bytes());
    reply.bulk(b"spec");
    reply.map(fields.len());
    for (name, value) in fields {
        reply.bulk(name.as_bytes());
        reply.int(*value);
    }
}

fn document_all(specs: &[&'static Spec], reply: &mut Reply) {
    reply.map(specs.len());
    for spec in specs {
        reply.bulk(lower(spec).as_bytes());
        reply.map(3 + usize::from(!spec.subcommands.is_empty()));
        for (label, text) in [("summary", spec.summary), ("since", spec.since), ("group", spec.group)] {
            reply.bulk(label.as_bytes());
            reply.bulk(text.as_bytes());
        }
        if !spec.subcommands.is_empty() {
            reply.bulk(b"subcommands");
            let subcommands: Vec<&'static Spec> = spec.subcommands.iter().collect();
            document_all(&subcommands, reply);
        }
    }
}
