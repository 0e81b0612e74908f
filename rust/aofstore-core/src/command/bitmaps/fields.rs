//! BITFIELD: integers of 1 to 64 bits anywhere in a string, with a choice of what overflow does.
//!
//! All arguments are read before the first field is touched. INVARIANT: arithmetic is done in 128 bits and brought
//! back into the field, so nothing wraps unasked.

use super::offset;
use crate::command::args::{self, Args};
use crate::command::context::Context;
use crate::command::errors::{self, ErrorReply, Outcome};
use crate::num;

/// What happens to a value that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overflow {
    Wrap,
    Saturate,
    Fail,
}

/// A field's place and type.
#[derive(Debug, Clone, Copy)]
struct Field {
    at: u64,
    width: u32,
    signed: bool,
}

#[derive(Debug, Clone, Copy)]
enum Action {
    Get,
    Set(i64, Overflow),
    Add(i64, Overflow),
}

impl Field {
    fn parse(cx: &Context<'_>, kind: &[u8], at: &[u8]) -> Result<Self, ErrorReply> {
        let (signed, digits) = match kind {
            [b'i', digits @ ..] => (true, digits),
            [b'u', digits @ ..] => (false, digits),
            _ => return Err(errors::BITFIELD_TYPE),
        };
        let widest = if signed { 64 } else { 63 };
        let width = num::parse_i64(digits)
            .filter(|width| (1..=widest).contains(width))
            .ok_or(errors::BITFIELD_TYPE)? as u32;
        Ok(Self { at: offset(cx, at, Some(width))?, width, signed })
    }

    /// Bytes a string must have to hold the field.
    fn end(&self) -> usize {
        usize::try_from((self.at + u64::from(self.width)).div_ceil(8)).unwrap_or(usize::MAX)
    }

    /// The nine bytes from the field's first on as one number, and how far the field stands from its low end.
    fn window(&self, bytes: &[u8]) -> (u128, u32) {
        let rest = bytes.get((self.at >> 3) as usize..).unwrap_or_default();
        let window = (0..9).fold(0, |sum, at| (sum << 8) | u128::from(rest.get(at).copied().unwrap_or(0)));
        (window, 72 - (self.at & 7) as u32 - self.width)
    }

    fn mask(&self) -> u128 {
        (1 << self.width) - 1
    }

    fn read(&self, bytes: &[u8]) -> i64 {
        let (window, shift) = self.window(bytes);
        self.as_value((window >> shift) & self.mask())
    }

    /// The number that the lowest `width` bits stand for.
    fn as_value(&self, bits: u128) -> i64 {
        let unused = 64 - self.width;
        let bits = (bits & self.mask()) as u64;
        if self.signed { ((bits << unused) as i64) >> unused } else { bits as i64 }
    }

    fn write(&self, bytes: &mut [u8], value: i64) {
        let (window, shift) = self.window(bytes);
        let kept = window & !(self.mask() << shift);
        let window = kept | ((u128::from(value as u64) & self.mask()) << shift);
        let rest = bytes.get_mut((self.at >> 3) as usize..).unwrap_or_default();
        for (at, byte) in rest.iter_mut().take(9).enumerate() {
            *byte = (window >> (8 * (8 - at))) as u8;
        }
    }

    /// `value` as the field can hold it; None if that is not to be.
    fn fit(&self, value: i128, overflow: Overflow) -> Option<i64> {
        let (min, max) = if self.signed {
            (-(1_i128 << (self.width - 1)), (1_i128 << (self.width - 1)) - 1)
        } else {
            (0, (1_i128 << self.width) - 1)
        };
        if (min..=max).contains(&value) {
            return Some(value as i64);
        }
        match overflow {
            Overflow::Wrap => Some(self.as_value(value as u128)),
            Overflow::Saturate => Some(value.clamp(min, max) as i64),
            Overflow::Fail => None,
        }
    }

    /// What the field becomes, and what is replied.
    fn next(&self, old: i64, action: Action) -> Option<(i64, i64)> {
        match action {
            Action::Get => Some((old, old)),
            Action::Set(value, overflow) => {
                // As in Redis, a negative number is a very large one to an unsigned field.
                let value = if self.signed { i128::from(value) } else { i128::from(value as u64) };
                self.fit(value, overflow).map(|new| (new, old))
            }
            Action::Add(by, overflow) => {
                self.fit(i128::from(old) + i128::from(by), overflow).map(|new| (new, new))
            }
        }
    }
}

fn parse(cx: &Context<'_>, args: Args<'_>) -> Result<Vec<(Field, Action)>, ErrorReply> {
    let (mut rest, mut steps, mut overflow) = (args.options(2), Vec::new(), Overflow::Wrap);
    while !rest.done() {
        if rest.take_with("GET", 2) {
            steps.push((Field::parse(cx, rest.need()?, rest.need()?)?, Action::Get));
        } else if rest.take_with("SET", 3) {
            let field = Field::parse(cx, rest.need()?, rest.need()?)?;
            steps.push((field, Action::Set(rest.need_i64()?, overflow)));
        } else if rest.take_with("INCRBY", 3) {
            let field = Field::parse(cx, rest.need()?, rest.need()?)?;
            steps.push((field, Action::Add(rest.need_i64()?, overflow)));
        } else if rest.take_with("OVERFLOW", 1) {
            overflow = named(rest.need()?)?;
        } else {
            return Err(errors::SYNTAX);
        }
    }
    Ok(steps)
}

fn named(word: &[u8]) -> Result<Overflow, ErrorReply> {
    [("WRAP", Overflow::Wrap), ("SAT", Overflow::Saturate), ("FAIL", Overflow::Fail)]
        .into_iter()
        .find_map(|(name, overflow)| args::is(word, name).then_some(overflow))
        .ok_or(errors::BITFIELD_OVERFLOW)
}

pub(super) fn bitfield(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let steps = parse(cx, args)?;
    let written = steps.iter().filter(|(_, action)| !matches!(action, Action::Get));
    match written.map(|(field, _)| field.end()).max() {
        None => read(cx, args.at(1), &steps),
        Some(length) => write(cx, args.at(1), &steps, length),
    }
}

pub(super) fn bitfield_ro(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let steps = parse(cx, args)?;
    if steps.iter().any(|(_, action)| !matches!(action, Action::Get)) {
        return Err(errors::BITFIELD_RO);
    }
    read(cx, args.at(1), &steps)
}

fn read(cx: &mut Context<'_>, key: &[u8], steps: &[(Field, Action)]) -> Outcome {
    let mut room = itoa::Buffer::new();
    let bytes = cx.keys.text(key)?.map_or(&[][..], |text| text.bytes(&mut room));
    cx.reply.array(steps.len());
    for (field, _) in steps {
        cx.reply.int(field.read(bytes));
    }
    Ok(())
}

/// The string grows to `length` even if every step fails, and is then logged: Redis grows it in memory alone.
fn write(cx: &mut Context<'_>, key: &[u8], steps: &[(Field, Action)], length: usize) -> Outcome {
    let mut told = Vec::with_capacity(steps.len());
    let (bytes, grew) = cx.grown(key, length)?;
    let mut changes = usize::from(grew);
    for &(field, action) in steps {
        let old = field.read(bytes);
        let next = field.next(old, action);
        if let Some((new, _)) = next
            && new != old
        {
            field.write(bytes, new);
            changes += 1;
        }
        told.push(next.map(|(_, told)| told));
    }
    cx.reply.array(told.len());
    for value in told {
        match value {
            Some(value) => cx.reply.int(value),
            None => cx.reply.nil(),
        }
    }
    if changes > 0 {
        cx.keys.changed(key);
        cx.effects.changed_by(changes);
    }
    Ok(())
}
