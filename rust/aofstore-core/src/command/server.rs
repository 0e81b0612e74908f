//! The commands about the store itself: figures, settings, the command table, debugging. `engine` carries them out.

use super::table::EngineCommand as E;
use super::table::{Flags, Spec};

const G: &str = "server";
const ANY_TIME: Flags = Flags::LOADING.union(Flags::SLOW);
const ADMIN: Flags = ANY_TIME.union(Flags::ADMIN).union(Flags::NOSCRIPT);

#[rustfmt::skip]
pub(super) const COMMANDS: &[Spec] = &[
    Spec::engine([G, "INFO", "1.0.0", "Gives figures about the store."], -1, ANY_TIME, E::Info),
    Spec::engine([G, "CONFIG", "2.0.0", "Reads and changes settings."], -2, Flags::SLOW, E::Container).with(CONFIG),
    Spec::engine([G, "COMMAND", "2.8.13", "Describes the commands."], -1, ANY_TIME, E::CommandAll).with(COMMAND),
    Spec::engine([G, "DEBUG", "1.0.0", "Switches and looks for tests."], -2, ADMIN, E::Debug),
    Spec::engine([G, "BGREWRITEAOF", "1.0.0", "Rewrites the log in the background, as short as the data."], 1, Flags::ADMIN.union(Flags::NOSCRIPT), E::BgRewriteAof),
    Spec::engine(["generic", "WAITAOF", "7.2.0", "Waits until earlier writes are synced."], 4, Flags::BLOCKING.union(Flags::NOSCRIPT), E::WaitAof),
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
const COMMAND: &[Spec] = &[
    Spec::engine([G, "COMMAND|COUNT", "2.8.13", "Counts the commands."], 2, ANY_TIME, E::CommandCount),
    Spec::engine([G, "COMMAND|DOCS", "7.0.0", "Documents commands."], -2, ANY_TIME, E::CommandDocs),
    Spec::engine([G, "COMMAND|GETKEYS", "2.8.13", "Gives the keys in a whole command."], -3, ANY_TIME, E::CommandGetKeys),
    Spec::engine([G, "COMMAND|INFO", "2.8.13", "Describes some commands, or all."], -2, ANY_TIME, E::CommandInfo),
    Spec::engine([G, "COMMAND|LIST", "7.0.0", "Gives the names of commands."], -2, ANY_TIME, E::CommandList),
    Spec::engine([G, "COMMAND|HELP", "5.0.0", "Lists the subcommands."], 2, ANY_TIME, E::Help),
];
