//! The commands about the store itself: figures, settings, the command table, debugging. `engine` carries them out.

use super::table::EngineCommand as E;
use super::table::LatencyCommand as L;
use super::table::{Flags, Spec};

const G: &str = "server";
const ANY_TIME: Flags = Flags::LOADING.union(Flags::SLOW);
const ADMIN: Flags = ANY_TIME.union(Flags::ADMIN).union(Flags::NOSCRIPT);

#[rustfmt::skip]
pub(super) const COMMANDS: &[Spec] = &[
    Spec::engine([G, "INFO", "1.0.0", "Gives figures about the store."], -1, ANY_TIME, E::Info),
    Spec::engine([G, "CONFIG", "2.0.0", "Reads and changes settings."], -2, Flags::SLOW, E::Container).with(CONFIG),
    Spec::engine([G, "COMMAND", "2.8.13", "Describes the commands."], -1, ANY_TIME, E::CommandAll).with(COMMAND),
    Spec::engine([G, "LATENCY", "2.8.13", "Tells what took long."], -2, Flags::SLOW, E::Container).with(LATENCY),
    Spec::engine([G, "DEBUG", "1.0.0", "Switches and looks for tests."], -2, ADMIN, E::Debug),
    Spec::engine([G, "BGREWRITEAOF", "1.0.0", "Rewrites the log in the background, as short as the data."], 1, Flags::ADMIN.union(Flags::NOSCRIPT), E::BgRewriteAof),
    Spec::engine([G, "BGSAVE", "1.0.0", "Saves a snapshot in the background."], -1, Flags::ADMIN.union(Flags::NOSCRIPT), E::BgSave),
    Spec::engine([G, "SAVE", "1.0.0", "Saves a snapshot; everybody waits."], 1, Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::NO_MULTI).union(Flags::SLOW), E::Save),
    Spec::engine([G, "LASTSAVE", "1.0.0", "Gives the time of the last snapshot."], 1, Flags::LOADING.union(Flags::FAST), E::LastSave),
    Spec::engine(["generic", "WAITAOF", "7.2.0", "Waits until earlier writes are synced."], 4, Flags::NOSCRIPT, E::WaitAof),
];

#[rustfmt::skip]
const CONFIG: &[Spec] = &[
    Spec::engine([G, "CONFIG|GET", "2.0.0", "Gives settings by name or pattern."], -3, ADMIN, E::ConfigGet),
    Spec::engine([G, "CONFIG|SET", "2.0.0", "Changes settings, all or none."], -4, ADMIN, E::ConfigSet),
    Spec::engine([G, "CONFIG|RESETSTAT", "2.0.0", "Sets the counters of INFO to 0."], 2, ADMIN, E::ConfigResetStat),
    Spec::engine([G, "CONFIG|REWRITE", "2.8.0", "Refused: a store has no configuration file."], 2, ADMIN, E::ConfigRewrite),
    Spec::engine([G, "CONFIG|HELP", "5.0.0", "Lists the subcommands."], 2, ANY_TIME, E::Help),
];

#[rustfmt::skip]
const LATENCY: &[Spec] = &[
    Spec::engine([G, "LATENCY|DOCTOR", "2.8.13", "Says in words what took long, and what may help."], 2, ADMIN, E::Latency(L::Doctor)),
    Spec::engine([G, "LATENCY|GRAPH", "2.8.13", "Draws the samples of an event."], 3, ADMIN, E::Latency(L::Graph)),
    Spec::engine([G, "LATENCY|HELP", "2.8.13", "Lists the subcommands."], 2, ANY_TIME, E::Help),
    Spec::engine([G, "LATENCY|HISTORY", "2.8.13", "Gives the samples of an event."], 3, ADMIN, E::Latency(L::History)),
    Spec::engine([G, "LATENCY|LATEST", "2.8.13", "Gives the latest sample of every event."], 2, ADMIN, E::Latency(L::Latest)),
    Spec::engine([G, "LATENCY|RESET", "2.8.13", "Forgets the samples of some events, or of all."], -2, ADMIN, E::Latency(L::Reset)),
];

#[rustfmt::skip]
const COMMAND: &[Spec] = &[
    Spec::engine([G, "COMMAND|COUNT", "2.8.13", "Counts the commands."], 2, ANY_TIME, E::CommandCount),
    Spec::engine([G, "COMMAND|DOCS", "7.0.0", "Documents commands."], -2, ANY_TIME, E::CommandDocs),
    Spec::engine([G, "COMMAND|GETKEYS", "2.8.13", "Gives the keys in a whole command."], -3, ANY_TIME, E::CommandGetKeys),
    Spec::engine([G, "COMMAND|INFO", "2.8.13", "Describes some commands, or all."], -2, ANY_TIME, E::CommandInfo),
    Spec::engine([G, "COMMAND|LIST", "7.0.0", "Gives the names of commands."], -2, ANY_TIME, E::CommandList),
    Spec::engine([G, "COMMAND|HELP", "5.0.0", "Lists the subcommands."], 2, ANY_TIME, E::Help),
];
