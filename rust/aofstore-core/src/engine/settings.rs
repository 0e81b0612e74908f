//! The live settings: Redis's names, their texts, and what of them may change while a store is open.
//!
//! Python's `Config` parses, documents and defaults; this table checks again, because `CONFIG SET` arrives here.

use super::save::Point;
use crate::aof::Policy;
use crate::keyspace::Limits;
use crate::load;
use crate::num;
use crate::rdb::file::Unknown;

/// How a setting's text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    /// As `Int(0, i32::MAX)`, brought into these bounds.
    Clamped(i64, i64),
    /// Pairs of seconds and changes.
    SavePoints,
    /// Inclusive bounds.
    Int(i64, i64),
    /// Bytes, with Redis's memory suffixes; inclusive bounds.
    Memory(i64, i64),
    Word(&'static [&'static str]),
    Text,
}

#[derive(Debug, Clone, Copy)]
struct Setting {
    name: &'static str,
    kind: Kind,
    default: &'static str,
    mutable: bool,
}

const fn fixed(name: &'static str, kind: Kind, default: &'static str) -> Setting {
    Setting { name, kind, default, mutable: false }
}

const fn live(name: &'static str, kind: Kind, default: &'static str) -> Setting {
    Setting { name, kind, default, mutable: true }
}

const MAX: i64 = i64::MAX;

#[rustfmt::skip]
const SETTINGS: &[Setting] = &[
    fixed("dir", Kind::Text, ""),
    live("appendonly", Kind::Bool, "no"),
    live("appendfsync", Kind::Word(&["everysec", "always", "no"]), "everysec"),
    fixed("appendfilename", Kind::Text, "appendonly.aof"),
    fixed("appenddirname", Kind::Text, "appendonlydir"),
    fixed("aof-layout", Kind::Word(&["single-file", "multi-part"]), "multi-part"),
    live("no-appendfsync-on-rewrite", Kind::Bool, "no"),
    live("auto-aof-rewrite-percentage", Kind::Int(0, i32::MAX as i64), "100"),
    live("auto-aof-rewrite-min-size", Kind::Memory(0, MAX), "67108864"),
    live("aof-load-truncated", Kind::Bool, "yes"),
    live("aof-load-corrupt-tail-max-size", Kind::Memory(0, MAX), "0"),
    live("aof-rewrite-incremental-fsync", Kind::Bool, "yes"),
    live("aof-use-rdb-preamble", Kind::Bool, "no"),
    live("aof-timestamp-enabled", Kind::Bool, "no"),
    live("aof-disable-auto-gc", Kind::Bool, "no"),
    live("aof-postpone-write", Kind::Bool, "no"),
    live("aof-rewrite-ack-timeout", Kind::Int(1, i32::MAX as i64), "5000"),
    live("rdbcompression", Kind::Bool, "yes"),
    live("rdb-version", Kind::Int(10, 11), "10"),
    live("stop-writes-on-bgsave-error", Kind::Bool, "yes"),
    live("save", Kind::SavePoints, ""),
    fixed("dbfilename", Kind::Text, "dump.rdb"),
    fixed("databases", Kind::Int(1, i32::MAX as i64), "16"),
    live("latency-monitor-threshold", Kind::Int(0, MAX), "0"),
    live("hz", Kind::Clamped(1, 500), "10"),
    live("active-expire-effort", Kind::Int(1, 10), "1"),
    live("hash-max-listpack-entries", Kind::Int(0, MAX), "512"),
    live("hash-max-listpack-value", Kind::Memory(0, MAX), "64"),
    live("list-max-listpack-size", Kind::Int(i32::MIN as i64, i32::MAX as i64), "-2"),
    live("set-max-intset-entries", Kind::Int(0, MAX), "512"),
    live("set-max-listpack-entries", Kind::Int(0, MAX), "128"),
    live("set-max-listpack-value", Kind::Memory(0, MAX), "64"),
    live("zset-max-listpack-entries", Kind::Int(0, MAX), "128"),
    live("zset-max-listpack-value", Kind::Memory(0, MAX), "64"),
    fixed("on-replay-error", Kind::Word(&["raise", "warn"]), "raise"),
    fixed("unknown-types", Kind::Word(&["raise", "skip"]), "raise"),
    live("proto-max-bulk-len", Kind::Memory(1 << 20, MAX), "536870912"),
];

/// Names Redis still accepts for settings it renamed.
const ALIASES: &[(&str, &str)] = &[
    ("hash-max-ziplist-entries", "hash-max-listpack-entries"),
    ("hash-max-ziplist-value", "hash-max-listpack-value"),
    ("list-max-ziplist-size", "list-max-listpack-size"),
    ("zset-max-ziplist-entries", "zset-max-listpack-entries"),
    ("zset-max-ziplist-value", "zset-max-listpack-value"),
];

/// Why a setting could not be set; the words behind "CONFIG SET failed - " in Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    Unknown,
    Immutable,
    Invalid(String),
}

/// Every setting's text, and the few values that are asked on hot paths already parsed.
#[derive(Debug, Clone)]
pub struct Settings {
    texts: Vec<(&'static Setting, String)>,
    pub limits: Limits,
    pub policy: Policy,
    pub databases: usize,
    pub save_points: Vec<Point>,
    pub hz: u64,
    pub active_expire_effort: u32,
    /// Whether what is logged says when.
    pub timestamps: bool,
    /// `DEBUG SET-ACTIVE-EXPIRE`.
    pub active_expire: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let texts = SETTINGS.iter().map(|setting| (setting, setting.default.to_owned())).collect();
        let mut settings = Self {
            texts,
            limits: Limits::default(),
            policy: Policy::Everysec,
            databases: 16,
            save_points: Vec::new(),
            hz: 10,
            active_expire_effort: 1,
            timestamps: false,
            active_expire: true,
        };
        settings.refresh();
        settings
    }
}

impl Settings {
    /// How a log is read with them.
    pub fn load_options(&self) -> load::Options {
        let on_error = match self.get("on-replay-error") {
            Some("warn") => load::OnReplayError::Warn,
            _ => load::OnReplayError::Stop,
        };
        let unknown = match self.get("unknown-types") {
            Some("skip") => Unknown::Skip,
            _ => Unknown::Refuse,
        };
        let max_bulk = self.limits.longest_in_log() as u64;
        load::Options {
            max_bulk,
            on_error,
            unknown,
            until: None,
            base: false,
            snapshot: false,
            expire: false,
        }
    }

    /// The settings of a store that is being opened; names with `_` or `-`.
    pub fn of<'a>(given: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, String> {
        let mut settings = Self::default();
        for (name, text) in given {
            let name = name.replace('_', "-");
            settings.put(&name, text).map_err(|refused| match refused {
                Refused::Unknown | Refused::Immutable => format!("unknown setting '{name}'"),
                Refused::Invalid(why) => format!("setting '{name}': {why}"),
            })?;
        }
        settings.refresh();
        Ok(settings)
    }

    /// All names, as `CONFIG GET *` lists them.
    pub fn names() -> impl Iterator<Item = &'static str> {
        SETTINGS.iter().map(|setting| setting.name)
    }

    /// Whether `name` may change while the store is open; None if there is no such setting.
    pub fn is_mutable(name: &str) -> Option<bool> {
        let name = canonical(name);
        SETTINGS.iter().find(|setting| setting.name == name).map(|setting| setting.mutable)
    }

    /// Names that Redis renamed, with the settings they stand for.
    pub fn aliases() -> impl Iterator<Item = (&'static str, &'static str)> {
        ALIASES.iter().copied()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.texts.iter().map(|(setting, text)| (setting.name, text.as_str()))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        let name = canonical(name);
        self.iter().find_map(|(known, text)| (known == name).then_some(text))
    }

    pub fn is_yes(&self, name: &str) -> bool {
        self.get(name) == Some("yes")
    }

    pub fn int(&self, name: &str) -> i64 {
        self.get(name).and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    /// Milliseconds from which the latency monitor keeps something; 0: it is off.
    pub fn latency_threshold(&self) -> u64 {
        self.int("latency-monitor-threshold").max(0) as u64
    }

    /// Changes a setting of a running store.
    pub fn change(&mut self, name: &str, text: &str) -> Result<(), Refused> {
        let name = canonical(name);
        let setting = SETTINGS.iter().find(|setting| setting.name == name).ok_or(Refused::Unknown)?;
        if !setting.mutable {
            return Err(Refused::Immutable);
        }
        self.put(name, text)?;
        self.refresh();
        Ok(())
    }

    fn put(&mut self, name: &str, text: &str) -> Result<(), Refused> {
        let name = canonical(name);
        let slot = self.texts.iter_mut().find(|(setting, _)| setting.name == name).ok_or(Refused::Unknown)?;
        slot.1 = normal(slot.0.kind, text).map_err(Refused::Invalid)?;
        Ok(())
    }

    /// The log is on, or off, whatever was asked for.
    pub fn set_appendonly(&mut self, on: bool) {
        // A setting of ours with a value of its kind.
        drop(self.put("appendonly", if on { "yes" } else { "no" }));
    }

    /// Parses what hot paths ask.
    fn refresh(&mut self) {
        let size = |name: &str| self.int(name).max(0) as usize;
        let (databases, hz) = (size("databases"), size("hz") as u64);
        let limits = Limits {
            hash_max_listpack_entries: size("hash-max-listpack-entries"),
            hash_max_listpack_value: size("hash-max-listpack-value"),
            list_max_listpack_size: self.int("list-max-listpack-size"),
            set_max_intset_entries: size("set-max-intset-entries"),
            set_max_listpack_entries: size("set-max-listpack-entries"),
            set_max_listpack_value: size("set-max-listpack-value"),
            zset_max_listpack_entries: size("zset-max-listpack-entries"),
            zset_max_listpack_value: size("zset-max-listpack-value"),
            proto_max_bulk_len: size("proto-max-bulk-len"),
            rdb_version: self.int("rdb-version"),
            rdb_compression: self.is_yes("rdbcompression"),
        };
        (self.limits, self.databases, self.hz) = (limits, databases, hz);
        self.save_points = points(self.get("save").unwrap_or_default());
        self.active_expire_effort = self.int("active-expire-effort") as u32;
        self.timestamps = self.is_yes("aof-timestamp-enabled");
        self.policy = match self.get("appendfsync") {
            Some("always") => Policy::Always,
            Some("no") => Policy::No,
            _ => Policy::Everysec,
        };
    }
}

/// The present name of a setting that Redis renamed.
fn canonical(name: &str) -> &str {
    ALIASES.iter().find_map(|(old, new)| (*old == name).then_some(*new)).unwrap_or(name)
}

/// The text CONFIG GET shows for `text`, or why it is none.
fn normal(kind: Kind, text: &str) -> Result<String, String> {
    match kind {
        Kind::Bool => match text.to_ascii_lowercase().as_str() {
            "yes" => Ok("yes".into()),
            "no" => Ok("no".into()),
            _ => Err("argument must be 'yes' or 'no'".into()),
        },
        Kind::Int(low, high) => bounded(integer(text)?, low, high),
        Kind::Clamped(low, high) => {
            bounded(integer(text)?, 0, i64::from(i32::MAX))?;
            Ok(integer(text)?.clamp(low, high).to_string())
        }
        Kind::SavePoints => save_points(text).ok_or_else(|| "Invalid save parameters".to_owned()),
        Kind::Memory(low, high) => {
            let value = memory(text).ok_or("argument must be a memory value")?;
            bounded(value, low, high)
        }
        Kind::Word(words) => words
            .iter()
            .find(|word| word.eq_ignore_ascii_case(text))
            .map(|&word| word.to_owned())
            .ok_or_else(|| format!("argument(s) must be one of the following: {}", words.join(", "))),
        Kind::Text => Ok(text.to_owned()),
    }
}

fn integer(text: &str) -> Result<i64, String> {
    num::parse_i64(text.as_bytes()).ok_or_else(|| "argument couldn't be parsed into an integer".to_owned())
}

fn save_points(text: &str) -> Option<String> {
    let numbers =
        text.split_whitespace().map(|word| word.parse::<i32>().ok()).collect::<Option<Vec<i32>>>()?;
    let pairs = numbers.chunks(2).map(|pair| match *pair {
        [seconds, changes] if seconds >= 1 && changes >= 0 => Some(format!("{seconds} {changes}")),
        _ => None,
    });
    Some(pairs.collect::<Option<Vec<String>>>()?.join(" "))
}

/// What a text of the settings says.
fn points(text: &str) -> Vec<Point> {
    let numbers: Vec<u64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let (pairs, _) = numbers.as_chunks();
    pairs.iter().map(|&[seconds, changes]| Point { seconds, changes }).collect()
}

fn bounded(value: i64, low: i64, high: i64) -> Result<String, String> {
    if (low..=high).contains(&value) {
        Ok(value.to_string())
    } else {
        Err(format!("argument must be between {low} and {high} inclusive"))
    }
}

/// `1gb`, `64mb`, `1k` (decimal) …: Redis's memory texts.
pub(super) fn memory(text: &str) -> Option<i64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(factor)
}
