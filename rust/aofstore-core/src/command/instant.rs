//! Times in arguments: relative or absolute, seconds or milliseconds, always turned into one absolute instant
//! that serves memory and log alike.

use super::args;
use super::errors::{self, ErrorReply};
use crate::num;

/// How a time argument is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// EX
    Seconds,
    /// PX
    Millis,
    /// EXAT
    AtSecond,
    /// PXAT
    AtMilli,
}

impl Unit {
    /// The unit an option word of SET and GETEX stands for.
    pub fn of_option(word: &[u8]) -> Option<Self> {
        [("EX", Self::Seconds), ("PX", Self::Millis), ("EXAT", Self::AtSecond), ("PXAT", Self::AtMilli)]
            .into_iter()
            .find_map(|(name, unit)| args::is(word, name).then_some(unit))
    }

    /// Unix milliseconds meant by `value`; None if they do not fit an int64.
    pub fn absolute(self, value: i64, now: i64) -> Option<i64> {
        match self {
            Self::Seconds => value.checked_mul(1000)?.checked_add(now),
            Self::Millis => value.checked_add(now),
            Self::AtSecond => value.checked_mul(1000),
            Self::AtMilli => Some(value),
        }
    }
}

/// A deadline that must lie after 1970 and, if relative, after `now` (SET, SETEX, GETEX).
pub fn positive(arg: &[u8], unit: Unit, now: i64, name: &str) -> Result<i64, ErrorReply> {
    let value = args::int(arg)?;
    if value <= 0 {
        return Err(errors::invalid_expire(name));
    }
    unit.absolute(value, now).ok_or_else(|| errors::invalid_expire(name))
}

/// A deadline that may be past (the EXPIRE family).
pub fn any(arg: &[u8], unit: Unit, now: i64, name: &str) -> Result<i64, ErrorReply> {
    let value = args::int(arg)?;
    unit.absolute(value, now).ok_or_else(|| errors::invalid_expire(name))
}

/// How long a blocking command may wait, in milliseconds, from seconds that may have a fraction; None for ever.
pub fn timeout(arg: &[u8], now: i64) -> Result<Option<u64>, ErrorReply> {
    let seconds = num::parse_f64(arg).ok_or(errors::TIMEOUT_NOT_A_FLOAT)?;
    // The cast saturates: what is too long or negative stays so.
    let ms = (seconds * 1000.0).ceil() as i64;
    if ms > i64::MAX.saturating_sub(now) {
        return Err(errors::TIMEOUT_TOO_LONG);
    }
    let ms = u64::try_from(ms).map_err(|_| errors::TIMEOUT_NEGATIVE)?;
    Ok(Some(ms).filter(|&ms| ms > 0))
}
