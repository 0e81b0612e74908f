//! SORT and `SORT_RO`: lists, sets and sorted sets in order of themselves or of other keys.
//!
//! What is stored is the same on replay: ties are broken by the element's bytes wherever the order it came in is not
//! a property of the data (sets).

use std::cmp::Ordering;

use super::args::Args;
use super::context::Context;
use super::errors::{self, ErrorReply, Outcome};
use super::table::{KeyPositions, ONE_KEY, READ_SLOW, Spec, WRITE_SLOW};
use crate::keyspace::{End, List, Object, Text, Value};
use crate::num;

const G: &str = "generic";

#[rustfmt::skip]
pub(super) const COMMANDS: &[Spec] = &[
    Spec::new([G, "SORT", "1.0.0", "Sorts a list, set or sorted set, and may store the result."], -2, WRITE_SLOW, KeyPositions::Sort, |cx, args| sort(cx, args, true)),
    Spec::new([G, "SORT_RO", "7.0.0", "Sorts a list, set or sorted set."], -2, READ_SLOW, ONE_KEY, |cx, args| sort(cx, args, false)),
];

#[derive(Default)]
struct Options<'a> {
    by: Option<&'a [u8]>,
    /// The BY pattern is constant: the order stays as it is.
    unsorted: bool,
    limit: Option<(i64, i64)>,
    get: Vec<&'a [u8]>,
    descending: bool,
    alpha: bool,
    store: Option<&'a [u8]>,
}

impl<'a> Options<'a> {
    fn parse(mut args: Args<'a>, may_store: bool) -> Result<Self, ErrorReply> {
        let mut options = Self::default();
        while !args.done() {
            if args.take("ASC") {
                options.descending = false;
            } else if args.take("DESC") {
                options.descending = true;
            } else if args.take("ALPHA") {
                options.alpha = true;
            } else if args.take_with("LIMIT", 2) {
                options.limit = Some((args.need_i64()?, args.need_i64()?));
            } else if may_store && args.take_with("STORE", 1) {
                options.store = args.next();
            } else if args.take_with("BY", 1) {
                options.by = args.next();
                options.unsorted |= options.by.is_some_and(|pattern| !pattern.contains(&b'*'));
            } else if args.take_with("GET", 1) {
                options.get.push(args.need()?);
            } else {
                return Err(errors::SYNTAX);
            }
        }
        Ok(options)
    }

    /// Which of `length` sorted elements are wanted.
    fn range(&self, length: usize) -> std::ops::Range<usize> {
        let (start, count) = self.limit.unwrap_or((0, -1));
        let start = usize::try_from(start).unwrap_or(0).min(length);
        let count = usize::try_from(count).unwrap_or(length);
        start..start.saturating_add(count).min(length)
    }
}

/// An element on its way, with what it is sorted by.
struct Item {
    element: Vec<u8>,
    weight: Weight,
}

enum Weight {
    Itself,
    Number(f64),
    /// None: there is no such key, which comes first.
    Text(Option<Vec<u8>>),
}

/// Elements in their own order; whether that order is a property of the data.
fn elements(cx: &mut Context<'_>, key: &[u8]) -> Result<(Vec<Item>, bool), ErrorReply> {
    let item = |element: Vec<u8>| Item { element, weight: Weight::Itself };
    match cx.keys.read(key) {
        None => Ok((Vec::new(), true)),
        Some(Value::List(list)) => Ok((list.iter().map(|entry| item(entry.to_vec())).collect(), true)),
        Some(Value::Set(set)) => Ok((set.iter().map(|entry| item(entry.to_vec())).collect(), false)),
        Some(Value::ZSet(zset)) => Ok((zset.iter().map(|(entry, _)| item(entry.to_vec())).collect(), true)),
        Some(_) => Err(errors::WRONG_TYPE),
    }
}

fn sort(cx: &mut Context<'_>, args: Args<'_>, may_store: bool) -> Outcome {
    let mut options = Options::parse(args.options(2), may_store)?;
    let (mut items, ordered) = elements(cx, args.at(1))?;
    if options.unsorted && !ordered && options.store.is_some() {
        // The order of a set is chance: what is stored must not depend on it.
        (options.unsorted, options.alpha, options.by) = (false, true, None);
    }
    if !options.unsorted {
        weigh(cx, &mut items, &options)?;
        items.sort_by(|a, b| {
            let order =
                compare(a, b).then_with(|| if ordered { Ordering::Equal } else { a.element.cmp(&b.element) });
            if options.descending { order.reverse() } else { order }
        });
    } else if options.descending && ordered {
        items.reverse();
    }
    let wanted = options.range(items.len());
    let chosen: Vec<Vec<u8>> = items.drain(wanted).map(|item| item.element).collect();
    match options.store {
        None => reply(cx, &chosen, &options.get),
        Some(to) => store(cx, to, &chosen, &options.get),
    }
    Ok(())
}

/// Gives every item what it is sorted by.
fn weigh(cx: &mut Context<'_>, items: &mut [Item], options: &Options<'_>) -> Outcome {
    for item in items {
        let found = match options.by {
            Some(pattern) => look_up(cx, pattern, &item.element),
            None => Some(item.element.clone()),
        };
        item.weight = match (found, options.alpha) {
            (found, true) if options.by.is_some() => Weight::Text(found),
            (_, true) => Weight::Itself,
            (Some(text), false) => Weight::Number(number(&text).ok_or(errors::SORT_NOT_A_NUMBER)?),
            (None, false) => Weight::Number(0.0),
        };
    }
    Ok(())
}

fn compare(a: &Item, b: &Item) -> Ordering {
    match (&a.weight, &b.weight) {
        (Weight::Number(own), Weight::Number(other)) => {
            own.partial_cmp(other).unwrap_or(Ordering::Equal).then_with(|| a.element.cmp(&b.element))
        }
        (Weight::Text(own), Weight::Text(other)) => own.cmp(other),
        _ => a.element.cmp(&b.element),
    }
}

/// A number as `strtod` reads it from a C string: blanks before it, nothing behind it, nothing at all is zero.
fn number(text: &[u8]) -> Option<f64> {
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    if text.is_empty() {
        return Some(0.0);
    }
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | 9..=13)).count();
    num::parse_f64(text.get(blanks..)?)
}

/// The value of the key that `pattern` names once its first `*` is `element`, or of a field of it behind `->`.
fn look_up(cx: &mut Context<'_>, pattern: &[u8], element: &[u8]) -> Option<Vec<u8>> {
    if pattern == b"#" {
        return Some(element.to_vec());
    }
    let star = pattern.iter().position(|&byte| byte == b'*')?;
    let (prefix, rest) = (pattern.get(..star)?, pattern.get(star + 1..)?);
    let arrow = rest.windows(2).position(|pair| pair == b"->").filter(|at| at + 2 < rest.len());
    let (suffix, field) = match arrow {
        Some(at) => (rest.get(..at)?, rest.get(at + 2..)),
        None => (rest, None),
    };
    let key = [prefix, element, suffix].concat();
    match (cx.keys.read(&key)?, field) {
        (Value::Text(text), None) => Some(Text::to_vec(text)),
        (Value::Hash(hash), Some(field)) => hash.get(field).map(|value| value.to_vec()),
        _ => None,
    }
}

fn reply(cx: &mut Context<'_>, chosen: &[Vec<u8>], get: &[&[u8]]) {
    cx.reply.array(chosen.len().saturating_mul(get.len().max(1)));
    for element in chosen {
        if get.is_empty() {
            cx.reply.bulk(element);
        }
        for pattern in get {
            let found = look_up(cx, pattern, element);
            cx.reply.bulk_or_nil(found.as_deref());
        }
    }
}

fn store(cx: &mut Context<'_>, to: &[u8], chosen: &[Vec<u8>], get: &[&[u8]]) {
    let mut rows: Vec<Vec<u8>> = Vec::new();
    if !get.is_empty() {
        for element in chosen {
            rows.extend(get.iter().map(|pattern| look_up(cx, pattern, element).unwrap_or_default()));
        }
    }
    let values: Vec<&[u8]> = if get.is_empty() { chosen } else { &rows }.iter().map(Vec::as_slice).collect();
    if values.is_empty() {
        cx.remove(to);
    } else {
        let mut list = List::new();
        list.push(End::Back, &values, cx.keys.space.limits.list_fill());
        cx.keys.put(to, Object::List(list));
        cx.keys.changed(to);
        cx.effects.changed_by(values.len());
    }
    cx.reply.len(values.len());
}

#[cfg(test)]
#[path = "sort_tests.rs"]
mod tests;
