//! Connection, transaction and server commands; `engine` carries them out.

use super::table::EngineCommand as E;
use super::table::{ALL_KEYS, Flags, Spec};

const QUICK: Flags = Flags::FAST.union(Flags::LOADING);
const NOW: Flags = QUICK.union(Flags::NOSCRIPT);

#[rustfmt::skip]
pub(super) const COMMANDS: &[Spec] = &[
    Spec::engine(["connection", "PING", "1.0.0", "Answers PONG, or with its argument."], -1, Flags::FAST, E::Ping),
    Spec::engine(["connection", "ECHO", "1.0.0", "Answers with its argument."], 2, QUICK, E::Echo),
    Spec::engine(["connection", "SELECT", "1.0.0", "Changes the database of the session."], 2, QUICK, E::Select),
    Spec::engine(["transactions", "MULTI", "1.2.0", "Begins a transaction."], 1, NOW, E::Multi),
    Spec::engine(["transactions", "EXEC", "1.2.0", "Runs the queued commands."], 1, Flags::NOSCRIPT.union(Flags::LOADING).union(Flags::SLOW), E::Exec),
    Spec::engine(["transactions", "DISCARD", "2.0.0", "Forgets the queued commands."], 1, NOW, E::Discard),
    Spec::engine(["transactions", "WATCH", "2.2.0", "Makes EXEC depend on keys not changing."], -2, NOW, E::Watch).keyed(ALL_KEYS),
    Spec::engine(["transactions", "UNWATCH", "2.2.0", "Forgets the watched keys."], 1, NOW, E::Unwatch),
    Spec::engine(["server", "TIME", "2.6.0", "Gives the time in seconds and microseconds."], 1, QUICK, E::Time),
];
