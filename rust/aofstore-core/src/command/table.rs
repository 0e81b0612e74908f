//! The declarative command table: name, arity, flags, keys, handler. The only list of commands there is.
//!
//! Facade, documentation and tests are checked against it.

use std::sync::LazyLock;

use super::args::Args;
use super::context::Context;
use super::errors::{self, ErrorReply, Outcome};
use super::{
    bitmaps, connection, databases, expire, hashes, keys, lcs, lists, memory, object, serial, server, setops,
    sets, sort, strings, zsets,
};

pub type Run = fn(&mut Context<'_>, Args<'_>) -> Outcome;

/// Where a command's keys stand, counted as in Redis (`last` may be negative: from the end).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPositions {
    None,
    Range {
        first: usize,
        last: isize,
        step: usize,
    },
    /// A number of keys at this index, the keys behind it (`LMPOP numkeys key …`); `dest` keys stand at index 1.
    Counted {
        at: usize,
        dest: bool,
    },
    /// `SORT key … STORE destination`.
    Sort,
}

bitflags::bitflags! {
    /// What the engine, the binding and COMMAND need to know of a command.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Flags: u32 {
        const WRITE = 1;
        const READONLY = 1 << 1;
        const DENYOOM = 1 << 2;
        const FAST = 1 << 3;
        const BLOCKING = 1 << 4;
        const ADMIN = 1 << 5;
        const NOSCRIPT = 1 << 6;
        const LOADING = 1 << 7;
        /// Touches keys it was not given: deletions it causes by expiry are logged one by one, not as a block.
        const ARBITRARY_KEYS = 1 << 8;
        /// Work grows with the data: the binding lets other Python threads run meanwhile.
        const SLOW = 1 << 9;
        /// Not allowed in MULTI.
        const NO_MULTI = 1 << 10;
    }
}

/// The usual combinations.
pub const READ: Flags = Flags::READONLY.union(Flags::FAST);
pub const READ_SLOW: Flags = Flags::READONLY.union(Flags::SLOW);
pub const WRITE: Flags = Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST);
pub const WRITE_SLOW: Flags = Flags::WRITE.union(Flags::DENYOOM).union(Flags::SLOW);
/// Writes that only ever shrink the data.
pub const SHRINK: Flags = Flags::WRITE.union(Flags::FAST);

pub const NO_KEYS: KeyPositions = KeyPositions::None;
pub const ONE_KEY: KeyPositions = KeyPositions::Range { first: 1, last: 1, step: 1 };
pub const TWO_KEYS: KeyPositions = KeyPositions::Range { first: 1, last: 2, step: 1 };
pub const ALL_KEYS: KeyPositions = KeyPositions::Range { first: 1, last: -1, step: 1 };
pub const KEY_PAIRS: KeyPositions = KeyPositions::Range { first: 1, last: -1, step: 2 };
/// All but the last argument (`BLPOP key … timeout`).
pub const ALL_BUT_LAST: KeyPositions = KeyPositions::Range { first: 1, last: -2, step: 1 };

/// Who carries a command out.
#[derive(Debug, Clone, Copy)]
pub enum Handler {
    Keyspace(Run),
    Engine(EngineCommand),
}

/// Commands that need more than the keyspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineCommand {
    Multi,
    Exec,
    Discard,
    Watch,
    Unwatch,
    Select,
    Ping,
    Echo,
    Time,
    /// A command that only has subcommands.
    Container,
    Help,
    Info,
    ConfigGet,
    ConfigSet,
    ConfigResetStat,
    ConfigRewrite,
    CommandAll,
    CommandCount,
    CommandDocs,
    CommandGetKeys,
    CommandInfo,
    CommandList,
    Latency(LatencyCommand),
    Debug,
    BgRewriteAof,
    BgSave,
    Save,
    LastSave,
    WaitAof,
}

/// The subcommands of LATENCY.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatencyCommand {
    Doctor,
    Graph,
    History,
    Latest,
    Reset,
}

#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// Upper case, as it stands in the log; a subcommand is `CONTAINER|NAME`.
    pub name: &'static str,
    /// Arguments with the name; negative: at least that many.
    pub arity: i32,
    pub flags: Flags,
    pub keys: KeyPositions,
    pub handler: Handler,
    /// Redis's group, and the family file.
    pub group: &'static str,
    pub since: &'static str,
    pub summary: &'static str,
    pub subcommands: &'static [Spec],
    /// Its place among all commands; a subcommand has none.
    pub number: Option<u16>,
}

impl Spec {
    /// `head` is group, name, version it came with and what it does; then arity, flags, keys, handler.
    pub const fn new(
        head: [&'static str; 4],
        arity: i32,
        flags: Flags,
        keys: KeyPositions,
        run: Run,
    ) -> Self {
        let [group, name, since, summary] = head;
        Self {
            name,
            arity,
            flags,
            keys,
            handler: Handler::Keyspace(run),
            group,
            since,
            summary,
            subcommands: &[],
            number: None,
        }
    }

    /// A command that `engine` carries out.
    pub const fn engine(head: [&'static str; 4], arity: i32, flags: Flags, which: EngineCommand) -> Self {
        let [group, name, since, summary] = head;
        let (keys, handler) = (NO_KEYS, Handler::Engine(which));
        Self { name, arity, flags, keys, handler, group, since, summary, subcommands: &[], number: None }
    }

    /// The same with keys, for a command that `engine` carries out.
    #[must_use]
    pub const fn keyed(self, keys: KeyPositions) -> Self {
        Self { keys, ..self }
    }

    /// The same with subcommands.
    #[must_use]
    pub const fn with(self, subcommands: &'static [Self]) -> Self {
        Self { subcommands, ..self }
    }

    /// The subcommand that `argv` names, or the command itself if it has none or was given none.
    #[inline]
    pub fn subcommand(&'static self, argv: &[&[u8]]) -> Result<&'static Self, ErrorReply> {
        if self.subcommands.is_empty() { Ok(self) } else { self.named_by(argv) }
    }

    fn named_by(&'static self, argv: &[&[u8]]) -> Result<&'static Self, ErrorReply> {
        let Some(&wanted) = argv.get(1) else { return Ok(self) };
        let found =
            self.subcommands.iter().find(|spec| spec.own_name().as_bytes().eq_ignore_ascii_case(wanted));
        found.ok_or_else(|| errors::unknown_subcommand(self.name, wanted))
    }

    /// The name without that of the container.
    pub fn own_name(&self) -> &'static str {
        self.name.split_once('|').map_or(self.name, |(_, name)| name)
    }

    pub fn accepts(&self, argc: usize) -> bool {
        if self.arity < 0 { argc >= self.arity.unsigned_abs() as usize } else { argc == self.arity as usize }
    }

    pub fn is_write(&self) -> bool {
        self.flags.contains(Flags::WRITE)
    }
}

#[rustfmt::skip]
const FAMILIES: &[&[Spec]] = &[
    strings::COMMANDS,
    bitmaps::COMMANDS,
    lcs::COMMANDS,
    lists::COMMANDS,
    lists::blocking::COMMANDS,
    sets::COMMANDS,
    setops::COMMANDS,
    hashes::COMMANDS,
    zsets::COMMANDS,
    keys::COMMANDS,
    sort::COMMANDS,
    expire::COMMANDS,
    object::COMMANDS,
    serial::COMMANDS,
    databases::COMMANDS,
    connection::COMMANDS,
    memory::COMMANDS,
    server::COMMANDS,
];

/// How many commands there are.
#[expect(clippy::indexing_slicing, reason = "only when the program is compiled, which would fail")]
pub const COUNT: usize = {
    let (mut family, mut count) = (0, 0);
    while family < FAMILIES.len() {
        count += FAMILIES[family].len();
        family += 1;
    }
    count
};

static COMMANDS: [Spec; COUNT] = numbered();

/// One family behind the other, each command with its number.
#[expect(clippy::indexing_slicing, clippy::large_stack_arrays, reason = "only when the program is compiled")]
const fn numbered() -> [Spec; COUNT] {
    let mut all = [FAMILIES[0][0]; COUNT];
    let (mut family, mut at, mut number) = (0, 0, 0);
    while family < FAMILIES.len() {
        while at < FAMILIES[family].len() {
            all[number] = FAMILIES[family][at];
            all[number].number = Some(number as u16);
            number += 1;
            at += 1;
        }
        (family, at) = (family + 1, 0);
    }
    all
}

/// Every command, family by family.
pub fn all() -> impl Iterator<Item = &'static Spec> {
    COMMANDS.iter()
}

/// The command spelled `name`, found when the program is compiled.
#[expect(clippy::panic, reason = "it stops the compiler, not the program")]
pub const fn named(name: &str) -> &'static Spec {
    let mut left: &'static [Spec] = &COMMANDS;
    while let [spec, rest @ ..] = left {
        if is_same(spec.name.as_bytes(), name.as_bytes()) {
            return spec;
        }
        left = rest;
    }
    panic!("no such command")
}

const fn is_same(mut one: &[u8], mut other: &[u8]) -> bool {
    while let ([a, ones @ ..], [b, others @ ..]) = (one, other) {
        if *a != *b {
            return false;
        }
        (one, other) = (ones, others);
    }
    one.len() == other.len()
}

/// The command called `name` in any case.
pub fn lookup(name: &[u8]) -> Option<&'static Spec> {
    INDEX.find(name)
}

/// Whether there is a command of this name that takes so many arguments, its name counted.
pub fn is_known(name: &[u8], argc: usize) -> bool {
    lookup(name).is_some_and(|spec| spec.accepts(argc))
}

static INDEX: LazyLock<Index> = LazyLock::new(Index::build);

const SLOTS: usize = 1024;

/// An open-addressed index over upper-cased names.
struct Index {
    slots: Box<[Option<&'static Spec>; SLOTS]>,
}

impl Index {
    fn build() -> Self {
        let mut slots: Box<[Option<&'static Spec>; SLOTS]> = Box::new([None; SLOTS]);
        for spec in all() {
            let mut at = slot_of(spec.name.as_bytes());
            while let Some(slot) = slots.get(at)
                && slot.is_some()
            {
                at = (at + 1) % SLOTS;
            }
            if let Some(slot) = slots.get_mut(at) {
                *slot = Some(spec);
            }
        }
        Self { slots }
    }

    fn find(&self, name: &[u8]) -> Option<&'static Spec> {
        let mut at = slot_of(name);
        while let Some(&Some(spec)) = self.slots.get(at) {
            if spec.name.as_bytes().eq_ignore_ascii_case(name) {
                return Some(spec);
            }
            at = (at + 1) % SLOTS;
        }
        None
    }
}

fn slot_of(name: &[u8]) -> usize {
    let mut hash = name.len() as u32;
    for &byte in name {
        hash = hash.wrapping_mul(31).wrapping_add(u32::from(byte & 0xDF));
    }
    (hash ^ (hash >> 10)) as usize % SLOTS
}
