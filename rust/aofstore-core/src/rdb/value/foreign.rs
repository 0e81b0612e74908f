//! What the store has no place for: how it is called, and where it ends, so that it can be left out.

use super::bad::{Bad, Result};
use super::codes;
use super::input::{Input, length, skip, skip_string};

/// Whose numbers are meant where the two servers gave the same ones out for different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Redis,
    Valkey,
}

/// Hashes with fields that expire: numbers of Redis 7.4, of which Valkey 9 uses the first for its own.
const HASH_FIELDS_PRE_GA: u8 = 22;
const HASH_LISTPACK_PRE_GA: u8 = 23;
const HASH_FIELDS: u8 = 24;
const HASH_LISTPACK_EX: u8 = 25;
/// Streams of Redis 8.6.
const STREAM_LISTPACKS_4: u8 = 26;

/// What a value of this type is, for messages.
pub fn name(code: u8, dialect: Dialect) -> &'static str {
    match code {
        codes::MODULE_PRE_GA | codes::MODULE_2 => "a module's value",
        codes::STREAM_LISTPACKS | codes::STREAM_LISTPACKS_2 | codes::STREAM_LISTPACKS_3 => "a stream",
        STREAM_LISTPACKS_4 if dialect == Dialect::Redis => "a stream",
        HASH_FIELDS_PRE_GA => "a hash with fields that expire",
        HASH_LISTPACK_PRE_GA..=HASH_LISTPACK_EX if dialect == Dialect::Redis => {
            "a hash with fields that expire"
        }
        _ => "a value of a type that is not known here",
    }
}

/// Leaves a value out that has no place here; [`Bad::Unsupported`] where nobody could tell where it ends.
pub fn skip_value(code: u8, dialect: Dialect, input: &mut impl Input) -> Result<()> {
    match code {
        codes::MODULE_2 => {
            length(input)?;
            skip_module(input)
        }
        codes::STREAM_LISTPACKS => skip_stream(input, 1),
        codes::STREAM_LISTPACKS_2 => skip_stream(input, 2),
        codes::STREAM_LISTPACKS_3 => skip_stream(input, 3),
        STREAM_LISTPACKS_4 if dialect == Dialect::Redis => {
            skip_stream(input, 4)?;
            skip_producers(input)
        }
        HASH_FIELDS_PRE_GA if dialect == Dialect::Valkey => each(input, |input| {
            skip_string(input)?;
            skip_string(input)?;
            skip(input, 8)
        }),
        HASH_FIELDS_PRE_GA => skip_fields(input),
        HASH_FIELDS if dialect == Dialect::Redis => {
            skip(input, 8)?;
            skip_fields(input)
        }
        HASH_LISTPACK_PRE_GA if dialect == Dialect::Redis => skip_string(input),
        HASH_LISTPACK_EX if dialect == Dialect::Redis => {
            skip(input, 8)?;
            skip_string(input)
        }
        codes::MODULE_PRE_GA => Err(Bad::Unsupported(
            "a module's value of a preview of Redis 4.0, which cannot even be left out: only the module knows where it ends",
        )),
        _ => Err(Bad::Unsupported(
            "a value of a type that is not known here cannot even be left out: nothing says where it ends",
        )),
    }
}

/// A library of functions as previews of Redis 7.0 wrote it: name, engine, perhaps a description, code.
pub fn skip_function_pre_ga(input: &mut impl Input) -> Result<()> {
    skip_string(input)?;
    skip_string(input)?;
    if length(input)? != 0 {
        skip_string(input)?;
    }
    skip_string(input)
}

/// What modules write beside keys.
pub fn skip_module_aux(input: &mut impl Input) -> Result<()> {
    for _ in 0..3 {
        length(input)?;
    }
    skip_module(input)
}

/// What Redis 8.6 says of a key beside its value: a class and a module's data, so many times.
pub fn skip_key_meta(input: &mut impl Input) -> Result<()> {
    each(input, |input| {
        skip(input, 4)?;
        skip_module(input)
    })
}

/// A name and ranges of slots that are just being moved in a Valkey cluster.
pub fn skip_slot_import(input: &mut impl Input) -> Result<()> {
    skip_string(input)?;
    each(input, |input| lengths(input, 2))
}

/// Runs `one` as often as a count says. Each turn takes bytes, so no count can make it run for ever.
fn each<I: Input>(input: &mut I, mut one: impl FnMut(&mut I) -> Result<()>) -> Result<()> {
    for _ in 0..length(input)? {
        one(input)?;
    }
    Ok(())
}

fn lengths(input: &mut impl Input, how_many: u32) -> Result<()> {
    for _ in 0..how_many {
        length(input)?;
    }
    Ok(())
}

/// A time to live, a field and its value, so many times.
fn skip_fields(input: &mut impl Input) -> Result<()> {
    each(input, |input| {
        length(input)?;
        skip_string(input)?;
        skip_string(input)
    })
}

/// Numbers and strings, each with its kind before it.
fn skip_module(input: &mut impl Input) -> Result<()> {
    loop {
        match length(input)? {
            0 => return Ok(()),
            1 | 2 => _ = length(input)?,
            3 => skip(input, 4)?,
            4 => skip(input, 8)?,
            5 => skip_string(input)?,
            _ => return Err(Bad::Format("a module's value with a part of an unknown kind")),
        }
    }
}

/// An identifier of an entry, as it stands among those that somebody has not acknowledged.
const RAW_ID: u64 = 16;
const TIME: u64 = 8;

fn skip_stream(input: &mut impl Input, version: u32) -> Result<()> {
    each(input, |input| {
        skip_string(input)?;
        skip_string(input)
    })?;
    // Its length and last identifier; later also the first, the greatest deleted one and how many were ever added.
    lengths(input, if version == 1 { 3 } else { 8 })?;
    each(input, |input| {
        skip_string(input)?;
        lengths(input, if version == 1 { 2 } else { 3 })?;
        each(input, |input| {
            skip(input, RAW_ID + TIME)?;
            lengths(input, 1)
        })?;
        each(input, |input| {
            skip_string(input)?;
            skip(input, if version < 3 { TIME } else { 2 * TIME })?;
            each(input, |input| skip(input, RAW_ID))
        })
    })
}

/// What a stream of Redis 8.6 knows of those who add to it: settings; for each its name and what it added, by a name and
/// the identifier that the entry got; two counts.
fn skip_producers(input: &mut impl Input) -> Result<()> {
    lengths(input, 2)?;
    each(input, |input| {
        skip_string(input)?;
        each(input, |input| {
            skip_string(input)?;
            lengths(input, 2)
        })
    })?;
    lengths(input, 2)
}
