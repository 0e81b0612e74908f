//! Strings as arrays of bits: single bits, counts, searches and whole-string operations. Bit 0 is the highest of
//! byte 0. Small integers inside a string are in [`fields`].

pub(super) mod fields;

use std::ops::Range;

use super::args::{self, Args};
use super::context::{Context, fits};
use super::errors::{self, ErrorReply, Outcome};
use super::table::{Flags, KeyPositions, ONE_KEY, READ, READ_SLOW, Spec, WRITE, WRITE_SLOW};
use crate::keyspace::{Object, Text};
use crate::num;

const G: &str = "bitmap";
const OPERANDS: KeyPositions = KeyPositions::Range { first: 2, last: -1, step: 1 };

#[rustfmt::skip]
pub(super) const COMMANDS: &[Spec] = &[
    Spec::new([G, "SETBIT", "2.2.0", "Sets or clears a bit and gives what it was."], 4, WRITE.difference(Flags::FAST), ONE_KEY, setbit),
    Spec::new([G, "GETBIT", "2.2.0", "Gives a bit."], 3, READ, ONE_KEY, getbit),
    Spec::new([G, "BITCOUNT", "2.6.0", "Counts the bits that are set."], -2, READ_SLOW, ONE_KEY, bitcount),
    Spec::new([G, "BITPOS", "2.8.7", "Finds the first bit that is set or clear."], -3, READ_SLOW, ONE_KEY, bitpos),
    Spec::new([G, "BITOP", "2.6.0", "Combines strings bit by bit into another."], -4, WRITE_SLOW, OPERANDS, bitop),
    Spec::new([G, "BITFIELD", "3.2.0", "Reads and changes integers of any width in a string."], -2, WRITE.difference(Flags::FAST), ONE_KEY, fields::bitfield),
    Spec::new([G, "BITFIELD_RO", "6.0.0", "Reads integers of any width in a string."], -2, READ, ONE_KEY, fields::bitfield_ro),
];

/// A bit's number, below what the longest string could hold; `#n` stands for `n` times `width` bits.
fn offset(cx: &Context<'_>, arg: &[u8], width: Option<u32>) -> Result<u64, ErrorReply> {
    let (digits, unit) = match (arg.strip_prefix(b"#"), width) {
        (Some(digits), Some(width)) => (digits, u64::from(width)),
        _ => (arg, 1),
    };
    let number = num::parse_i64(digits).and_then(|number| u64::try_from(number).ok());
    let longest = super::strings::longest(cx);
    number
        .and_then(|number| number.checked_mul(unit))
        .filter(|&offset| i64::try_from(offset).is_ok_and(|offset| longest > (offset >> 3) as usize))
        .ok_or(errors::BIT_OFFSET)
}

fn setbit(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = args.at(1);
    let at = offset(cx, args.at(2), None)?;
    let on = match num::parse_i64(args.at(3)) {
        Some(bit @ 0..=1) => bit == 1,
        _ => return Err(errors::BIT_VALUE),
    };
    let (byte, mask) = ((at >> 3) as usize, 0x80 >> (at & 7));
    let (bytes, grew) = cx.grown(key, byte + 1)?;
    let mut was = false;
    if let Some(target) = bytes.get_mut(byte) {
        was = *target & mask != 0;
        *target = if on { *target | mask } else { *target & !mask };
    }
    if grew || was != on {
        cx.changed(key);
    }
    cx.reply.bool(was);
    Ok(())
}

/// Bit `at`; None beyond the end of the string.
fn bit_at(cx: &mut Context<'_>, key: &[u8], at: u64) -> Result<Option<bool>, ErrorReply> {
    let mut room = itoa::Buffer::new();
    let bytes = cx.keys.text(key)?.map_or(&[][..], |text| text.bytes(&mut room));
    Ok(bytes.get((at >> 3) as usize).map(|byte| byte & (0x80 >> (at & 7)) != 0))
}

fn getbit(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let at = offset(cx, args.at(2), None)?;
    let bit = bit_at(cx, args.at(1), at)?;
    cx.reply.bool(bit.unwrap_or_default());
    Ok(())
}

/// Whether the numbers of a range count bits, from an optional BYTE or BIT.
fn counts_bits(args: Args<'_>, index: usize) -> Result<bool, ErrorReply> {
    match args.from(index) {
        [] => Ok(false),
        [word] if args::is(word, "BIT") => Ok(true),
        [word] if args::is(word, "BYTE") => Ok(false),
        _ => Err(errors::SYNTAX),
    }
}

/// The bits from `start` to `end`, both included and either counted from the back, in a string of `length` bytes;
/// the numbers count bytes or bits. None if there is none between them.
fn bits_between(length: usize, start: i64, end: i64, in_bits: bool) -> Option<Range<u64>> {
    let total = if in_bits { (length as i64).saturating_mul(8) } else { length as i64 };
    let resolve = |at: i64| if at < 0 { at.saturating_add(total).max(0) } else { at };
    let (start, end) = (resolve(start), resolve(end).min(total - 1));
    if start > end {
        return None;
    }
    let (start, end) = (start as u64, end as u64 + 1);
    Some(if in_bits { start..end } else { start * 8..end * 8 })
}

fn bitcount(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let mut room = itoa::Buffer::new();
    let Some(text) = cx.keys.text(args.at(1))? else {
        cx.reply.int(0);
        return Ok(());
    };
    let bytes = text.bytes(&mut room);
    let (start, end, in_bits) = match args.len() {
        2 => (0, -1, false),
        4 | 5 => (args::int(args.at(2))?, args::int(args.at(3))?, counts_bits(args, 4)?),
        _ => return Err(errors::SYNTAX),
    };
    let turned = start < 0 && end < 0 && start > end;
    let range = bits_between(bytes.len(), start, end, in_bits).filter(|_| !turned);
    cx.reply.int(range.map_or(0, |range| count(bytes, range)) as i64);
    Ok(())
}

/// A byte of which only the bits of a mask count.
type Edge = (usize, u8);

/// A range of bits as bytes: those that lie wholly in it, and what of one before and one behind them does.
struct Pieces<'a> {
    before: Option<Edge>,
    whole: &'a [u8],
    behind: Option<Edge>,
}

fn split(bytes: &[u8], bits: Range<u64>) -> Pieces<'_> {
    let (first, last) = ((bits.start >> 3) as usize, (bits.end >> 3) as usize);
    let (head, tail) = (0xFF_u8 >> (bits.start & 7), !(0xFF_u8 >> (bits.end & 7)));
    if first == last {
        return Pieces { before: Some((first, head & tail)), whole: &[], behind: None };
    }
    let before = (head != 0xFF).then_some((first, head));
    let whole = bytes.get(first + usize::from(before.is_some())..last).unwrap_or_default();
    Pieces { before, whole, behind: (tail != 0).then_some((last, tail)) }
}

fn count(bytes: &[u8], bits: Range<u64>) -> u64 {
    let Pieces { before, whole, behind } = split(bytes, bits);
    let byte = |at: usize| bytes.get(at).copied().unwrap_or_default();
    let edges = [before, behind].into_iter().flatten();
    let at_edges: u32 = edges.map(|(at, mask)| (byte(at) & mask).count_ones()).sum();
    let (words, rest) = whole.as_chunks::<8>();
    let in_words: u64 = words.iter().map(|word| u64::from(u64::from_ne_bytes(*word).count_ones())).sum();
    let in_rest: u32 = rest.iter().map(|byte| byte.count_ones()).sum();
    u64::from(at_edges) + in_words + u64::from(in_rest)
}

fn bitpos(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let bit = match args::int(args.at(2))? {
        0 => false,
        1 => true,
        _ => return Err(errors::BIT_ARGUMENT),
    };
    let mut room = itoa::Buffer::new();
    let Some(text) = cx.keys.text(args.at(1))? else {
        cx.reply.int(if bit { -1 } else { 0 });
        return Ok(());
    };
    let bytes = text.bytes(&mut room);
    if args.len() > 6 {
        return Err(errors::SYNTAX);
    }
    let start = if args.len() > 3 { args::int(args.at(3))? } else { 0 };
    let in_bits = counts_bits(args, 5)?;
    let end = if args.len() > 4 { args::int(args.at(4))? } else { -1 };
    let range = bits_between(bytes.len(), start, end, in_bits);
    let found = range.clone().and_then(|range| first(bytes, range, bit));
    // Without an end the string goes on for ever in zeros.
    let endless = range.filter(|_| !bit && args.len() <= 4).map(|range| range.end);
    cx.reply.int(found.or(endless).map_or(-1, |at| at as i64));
    Ok(())
}

/// The first bit of `bits` that is `bit`.
fn first(bytes: &[u8], bits: Range<u64>, bit: bool) -> Option<u64> {
    let Pieces { before, whole, behind } = split(bytes, bits.clone());
    let wanted = |at: usize, mask: u8| {
        let byte = bytes.get(at).copied().unwrap_or_default();
        let hits = if bit { byte } else { !byte } & mask;
        (hits != 0).then(|| at as u64 * 8 + u64::from(hits.leading_zeros()))
    };
    let dull = if bit { 0 } else { 0xFF };
    let start = bits.start.div_ceil(8) as usize;
    before
        .and_then(|(at, mask)| wanted(at, mask))
        .or_else(|| whole.iter().position(|&byte| byte != dull).and_then(|at| wanted(start + at, 0xFF)))
        .or_else(|| behind.and_then(|(at, mask)| wanted(at, mask)))
}

/// How BITOP folds a further operand into what there is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    And,
    Or,
    Xor,
    Not,
}

impl Operation {
    fn named(word: &[u8]) -> Option<Self> {
        [("AND", Self::And), ("OR", Self::Or), ("XOR", Self::Xor), ("NOT", Self::Not)]
            .into_iter()
            .find_map(|(name, operation)| args::is(word, name).then_some(operation))
    }

    /// `sum` is at least as long as `operand`, which goes on in zeros.
    fn fold(self, sum: &mut [u8], operand: &[u8]) {
        let pairs = sum.iter_mut().zip(operand);
        match self {
            Self::And => {
                pairs.for_each(|(sum, byte)| *sum &= byte);
                sum.iter_mut().skip(operand.len()).for_each(|sum| *sum = 0);
            }
            Self::Or => pairs.for_each(|(sum, byte)| *sum |= byte),
            Self::Xor => pairs.for_each(|(sum, byte)| *sum ^= byte),
            Self::Not => pairs.for_each(|(sum, byte)| *sum = !byte),
        }
    }
}

fn bitop(cx: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let operation = Operation::named(args.at(1)).ok_or(errors::SYNTAX)?;
    let (to, sources) = (args.at(2), args.from(3));
    if operation == Operation::Not && sources.len() != 1 {
        return Err(errors::BITOP_NOT_OF_MANY);
    }
    let mut length = 0;
    for key in sources {
        length = length.max(cx.keys.text(key)?.map_or(0, |text| text.len()));
    }
    if !fits(length) {
        return Err(errors::OUT_OF_MEMORY);
    }
    let mut sum = vec![0; length];
    for (number, key) in sources.iter().enumerate() {
        let mut room = itoa::Buffer::new();
        let operand = cx.keys.text(key)?.map_or(&[][..], |text: Text<'_>| text.bytes(&mut room));
        let first = if operation == Operation::Not { Operation::Not } else { Operation::Or };
        if number == 0 { first } else { operation }.fold(&mut sum, operand);
    }
    if length == 0 {
        cx.remove(to);
    } else {
        cx.keys.put(to, Object::Text(Box::new(sum)));
        cx.changed(to);
    }
    cx.reply.len(length);
    Ok(())
}

#[cfg(test)]
mod tests;
