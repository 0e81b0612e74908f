//! What the HELP subcommands answer: one line of syntax and one of explanation for every subcommand.

const CONFIG: &[&str] = &[
    "GET <pattern> [<pattern> ...]",
    "    Names and values of the settings that match a glob-style pattern.",
    "SET <name> <value> [<name> <value> ...]",
    "    Changes settings: all of them, or none if one cannot be changed.",
    "RESETSTAT",
    "    Sets the counters of INFO back to 0.",
    "REWRITE",
    "    Refused: a store has no configuration file.",
];

const COMMAND: &[&str] = &[
    "(no subcommand)",
    "    Describes every command.",
    "COUNT",
    "    The number of commands.",
    "LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]",
    "    The names of commands.",
    "INFO [<command> ...]",
    "    Describes these commands, or every command.",
    "DOCS [<command> ...]",
    "    Documents these commands, or every command.",
    "GETKEYS <command> [<argument> ...]",
    "    The keys among the arguments of a whole command.",
];

const LATENCY: &[&str] = &[
    "DOCTOR",
    "    Says in words what took long, and what may help.",
    "GRAPH <event>",
    "    Draws the samples of an event as bars.",
    "HISTORY <event>",
    "    The samples of an event: Unix second, milliseconds.",
    "LATEST",
    "    Every event: its name, second and milliseconds of the latest sample, the most ever.",
    "RESET [<event> ...]",
    "    Forgets the samples of these events, or of all; answers how many events there were.",
];

const OBJECT: &[&str] = &[
    "ENCODING <key>",
    "    How the value is kept in memory.",
    "FREQ <key>",
    "    Refused: access frequencies are not kept.",
    "IDLETIME <key>",
    "    Always 0: access times are not kept.",
    "REFCOUNT <key>",
    "    The number of references to the value.",
];

const MEMORY: &[&str] = &[
    "DOCTOR",
    "    Says in words how memory is doing.",
    "USAGE <key> [SAMPLES <count>]",
    "    Bytes taken by the key and its value; sampling is never needed here.",
];

const DEBUG: &[&str] = &[
    "CHANGE-REPL-ID",
    "    Accepted; there is no replication here.",
    "JMAP",
    "    Accepted; there is nothing to dump here.",
    "OBJECT <key>",
    "    Internals of a value: its encoding and the bytes that it takes.",
    "QUICKLIST-PACKED-THRESHOLD <size>",
    "    Accepted; the size from which list elements stand alone is fixed here.",
    "SET-ACTIVE-EXPIRE <0|1>",
    "    Stops expiry in the background, or lets it go on.",
    "SLEEP <seconds>",
    "    Answers later; others are not held up. Inside MULTI or a pipeline it answers at once.",
    "STRINGMATCH-LEN <length> <pattern>",
    "    Matches the pattern against a text of that length.",
];

/// The lines of `<container> HELP`; empty for a command without HELP.
pub fn lines(container: &str) -> Vec<String> {
    let body = match container {
        "CONFIG" => CONFIG,
        "COMMAND" => COMMAND,
        "OBJECT" => OBJECT,
        "MEMORY" => MEMORY,
        "DEBUG" => DEBUG,
        "LATENCY" => LATENCY,
        _ => return Vec::new(),
    };
    let head = format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    let body = body.iter().chain(&["HELP", "    Prints this help."]);
    std::iter::once(head).chain(body.map(|&line| line.to_owned())).collect()
}
