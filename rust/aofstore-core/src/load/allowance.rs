//! How much memory a log may take beyond its own bytes.
//!
//! A few commands make much out of few bytes (`SETRANGE key 500000000 x`, `COPY`). That is right in a log of one's own;
//! whoever reads a log that nobody vouches for can set a limit.

use super::call::Call;
use crate::clock;
use crate::command::Spec;
use crate::num;

/// The commands that can make more data than they are long.
const GROWING: &[&str] = &[
    "SETRANGE",
    "SETBIT",
    "BITFIELD",
    "BITOP",
    "COPY",
    "SORT",
    "SUNIONSTORE",
    "SINTERSTORE",
    "SDIFFSTORE",
    "ZUNIONSTORE",
    "ZINTERSTORE",
    "ZDIFFSTORE",
    "ZRANGESTORE",
];

/// Bytes that may still be taken; without a limit unless one is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allowance(Option<u64>);

impl Allowance {
    pub const fn of(bytes: u64) -> Self {
        Self(Some(bytes))
    }

    /// Whether nothing is run any more.
    pub const fn is_spent(self) -> bool {
        matches!(self.0, Some(0))
    }

    /// Runs one command on the keyspace; the text of its error, if it failed.
    pub(super) fn run(&mut self, call: &mut Call<'_>) -> Option<String> {
        let left = match self.0 {
            Some(0) => return None,
            Some(left) if call.step.spec.is_some_and(|spec| GROWING.contains(&spec.name)) => left,
            _ => return call.run(),
        };
        let spec = call.step.spec?;
        let before = measure(spec, call);
        if reach(spec, call.argv) > before.saturating_add(left) {
            self.0 = Some(0);
            return None;
        }
        let failed = call.run();
        let grown = measure(spec, call).saturating_sub(before);
        self.0 = Some(left.saturating_sub(grown));
        failed
    }
}

/// How long a string a command makes at most that writes far behind its end.
fn reach(spec: &Spec, argv: &[&[u8]]) -> u64 {
    let number = |text: &[u8]| num::parse_i64(text).map_or(0, i64::unsigned_abs);
    let offset = argv.get(2).copied().unwrap_or_default();
    match spec.name {
        "SETRANGE" => number(offset),
        "SETBIT" => number(offset) / 8,
        "BITFIELD" => {
            let bytes = |text: &&[u8]| {
                text.strip_prefix(b"#").map_or(number(text) / 8, |nth| number(nth).saturating_mul(8))
            };
            argv.iter().skip(2).map(bytes).max().unwrap_or(0)
        }
        _ => 0,
    }
}

/// Bytes that the keys of a command take.
fn measure(spec: &Spec, call: &mut Call<'_>) -> u64 {
    let mut keys = call.space.keys(call.db, clock::now_ms());
    let found = spec.keys.find(call.argv).unwrap_or_default();
    found.into_iter().filter_map(|at| keys.memory(call.argv.get(at)?)).sum::<usize>() as u64
}
