"""Write docs/commands from the command table, the methods of a store and what the log gets.

``make pages`` writes them; tests/meta/test_commands.py demands that they are current, and that what they say
about the log is what the transcripts show. Nothing of a page is written by hand but the texts in this file.
"""

from __future__ import annotations

import inspect
import re
import typing
from pathlib import Path
from typing import Any

from aofstore.commands import Commands
from tools.command_table import Command, Method, by_command, methods, table

DIRECTORY = Path(__file__).resolve().parent.parent / "docs" / "commands"
GENERATED = (
    "<!-- written by `make pages`: change the command table, the methods, or tools/command_pages.py -->"
)

# Page -> its title and the modules of aofstore.commands that it shows.
PAGES = {
    "strings": ("Strings", ("strings",)),
    "bitmaps": ("Bitmaps", ("bitmaps",)),
    "lists": ("Lists", ("lists",)),
    "sets": ("Sets", ("sets",)),
    "sorted_sets": ("Sorted sets", ("sorted_sets", "sorted_set_ranges")),
    "hashes": ("Hashes", ("hashes",)),
    "keys": ("Keys", ("keys",)),
    "scanning": ("Scanning", ("scanning",)),
    "databases": ("Databases", ("databases",)),
    "transactions": ("Transactions", ()),
    "server": ("Server", ("server",)),
}

# Where a command without a method stands, by Redis's group.
PAGE_OF_GROUP = {
    "string": "strings",
    "generic": "keys",
    "connection": "databases",
    "transactions": "transactions",
    "server": "server",
}

# Commands that no method of a store sends -> what to use.
INSTEAD = {
    "INCR": "`incr(name)` sends INCRBY, as in redis-py.",
    "DECR": "`decr(name)` sends DECRBY, as in redis-py.",
    "SELECT": "`store.db(index)` is a view on another database. In a session: `execute_command`.",
    "MULTI": "`store.pipeline()` is a transaction; after `watch`, its method `multi()`. In a session: "
    "`execute_command`.",
    "EXEC": "A pipeline's `execute()`. In a session: `execute_command`.",
    "DISCARD": "A pipeline's `discard()` or `reset()`. In a session: `execute_command`.",
    "WATCH": "A pipeline's `watch(*names)`, or `store.transaction(func, *names)`. In a session: "
    "`execute_command`.",
    "UNWATCH": "A pipeline's `unwatch()`. In a session: `execute_command`.",
    "OBJECT": "Only with a subcommand.",
    "OBJECT HELP": "`execute_command`: a text for people.",
    "MEMORY": "Only with a subcommand.",
    "MEMORY DOCTOR": "`execute_command`: a text for people.",
    "MEMORY HELP": "`execute_command`: a text for people.",
    "CONFIG": "Only with a subcommand.",
    "CONFIG REWRITE": "None: it is always refused. `Config.to_redis_conf()` gives the text of a redis.conf.",
    "CONFIG HELP": "`execute_command`: a text for people.",
    "COMMAND HELP": "`execute_command`: a text for people.",
    "LATENCY": "Only with a subcommand.",
    "LATENCY GRAPH": "`execute_command`: a picture in letters, for people.",
    "LATENCY HELP": "`execute_command`: a text for people.",
}

_POP = "`{0} key`, when something was taken."
_POP_ANY = "`{0}` or `{1}` with the number taken, when something was."
_INSTANT = "`PEXPIREAT` with the instant in Unix milliseconds; `DEL` when that is past."

# Commands whose record in the log is another command: the names that it may begin with, and in words.
LOGGED: dict[str, tuple[set[str], str]] = {
    "SET": ({"SET"}, "`SET key value`, with `PXAT` and the instant where there is a time to live."),
    "SETEX": ({"SET"}, "`SET key value PXAT` and the instant."),
    "PSETEX": ({"SET"}, "`SET key value PXAT` and the instant."),
    "GETSET": ({"SET"}, "`SET key value`."),
    "GETDEL": ({"DEL"}, "`DEL key`, when there was one."),
    "GETEX": (
        {"PEXPIREAT", "PERSIST", "DEL"},
        "`PEXPIREAT` with the instant (`DEL` when that is past), or `PERSIST`; nothing without an option.",
    ),
    "INCRBYFLOAT": ({"SET"}, "`SET key` with the result and `KEEPTTL`."),
    "HINCRBYFLOAT": ({"HSET"}, "`HSET key field` with the result."),
    "SPOP": ({"SREM", "DEL"}, "`SREM` with the members taken, or `DEL` when a count took all."),
    "RESTORE": (
        {"SET", "RPUSH", "SADD", "ZADD", "HSET", "DEL", "PEXPIREAT"},
        "the command that makes the value, `DEL` before it when it replaces one, `PEXPIREAT` behind it.",
    ),
    "EXPIRE": ({"PEXPIREAT", "DEL"}, _INSTANT),
    "PEXPIRE": ({"PEXPIREAT", "DEL"}, _INSTANT),
    "EXPIREAT": ({"PEXPIREAT", "DEL"}, _INSTANT),
    "PEXPIREAT": ({"PEXPIREAT", "DEL"}, _INSTANT),
    "LMPOP": ({"LPOP", "RPOP"}, _POP_ANY.format("LPOP", "RPOP")),
    "BLPOP": ({"LPOP"}, _POP.format("LPOP")),
    "BRPOP": ({"RPOP"}, _POP.format("RPOP")),
    "BLMPOP": ({"LPOP", "RPOP"}, _POP_ANY.format("LPOP", "RPOP")),
    "BLMOVE": ({"LMOVE"}, "`LMOVE`, when something was moved."),
    "BRPOPLPUSH": ({"RPOPLPUSH"}, "`RPOPLPUSH`, when something was moved."),
    "ZMPOP": ({"ZPOPMIN", "ZPOPMAX"}, _POP_ANY.format("ZPOPMIN", "ZPOPMAX")),
    "BZPOPMIN": ({"ZPOPMIN"}, _POP.format("ZPOPMIN")),
    "BZPOPMAX": ({"ZPOPMAX"}, _POP.format("ZPOPMAX")),
    "BZMPOP": ({"ZPOPMIN", "ZPOPMAX"}, _POP_ANY.format("ZPOPMIN", "ZPOPMAX")),
}

# Commands that are not writes themselves and leave something to say.
NOTES = {
    "SELECT": "nothing by itself: the next record in another database has a `SELECT` before it.",
    "EXEC": "`MULTI`, what the commands did, `EXEC`; a single effect stands without the two, no effect is "
    "nothing.",
}

INTRODUCTIONS = {
    "databases": "`store.db(3)` is a view on database 3: the same engine, the same lifetime. A log holds\n"
    "them all; there are 16 unless the setting `databases` says otherwise.",
    "transactions": """\
What runs in a transaction runs without anything in between, and stands in the log as one block: after a
crash all of it is there or nothing.

```python
with store.pipeline() as pipe:  # MULTI … EXEC
    pipe.incr("visits").rpush("log", "visit")
    visits, length = pipe.execute()


def move(pipe):  # runs again until nobody changed "from" meanwhile
    amount = int(pipe.get("from") or 0)
    pipe.multi()
    pipe.set("from", 0).incrby("to", amount)


store.transaction(move, "from")

with store.session() as session:  # the commands themselves
    session.execute_command("MULTI")
    session.execute_command("INCR", "visits")
    session.execute_command("EXEC")
```

On a store itself these commands raise `DataError`: they belong to one connection.""",
}

INDEX = """\
{generated}

# Commands

{count} commands (subcommands counted too), with the replies and the error texts of Redis 7.2. Every method
is one of `Store` and of `Pipeline`; `execute_command` runs any command by name and gives the raw reply.

Under *log* each command says what stands in the append-only file afterwards. A command that changed nothing
leaves nothing there. Two things may stand before any record: a `SELECT` when the database is another one than
before, and the `DEL` of a key whose time to live had ended. More than one record of one command stand between
`MULTI` and `EXEC`.

```{{toctree}}
:maxdepth: 1

{pages}
```
"""


def page_of(command: Command, senders: dict[str, list[Method]]) -> str:
    """The page on which a command stands."""
    for method in senders.get(command.name, ()):
        return next(page for page, (_, modules) in PAGES.items() if method.module in modules)
    return PAGE_OF_GROUP[command.group]


def signature(function: Any, name: str) -> str:
    """A method as it is called, without the types of its parameters; what it returns."""
    parameters = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in list(inspect.signature(function).parameters.values())[1:]
    ]
    shown = re.sub(r"<class '(\w+)'>", r"\1", str(inspect.Signature(parameters)))
    return f"{name}{shown} -> {_returned(function)}"


def _returned(function: Any) -> str:
    plain = str(inspect.signature(function).return_annotation)
    if "Any" not in plain:
        return plain
    several = [str(inspect.signature(one).return_annotation) for one in typing.get_overloads(function)]
    exact = dict.fromkeys(one for one in several if "Any" not in one)
    return " | ".join(exact) or plain


def log_line(command: Command) -> str:
    """What the log holds after the command, in words."""
    if command.name in LOGGED:
        return LOGGED[command.name][1]
    if command.name in NOTES:
        return NOTES[command.name]
    return "as it was given." if command.writes else "nothing."


def _section(command: Command, found: list[Method]) -> str:
    parts = [f"## {command.name}"]
    for method in found:
        parts.append(f"```python\n{signature(method.function, method.name)}\n```")
        parts.append(_described(method.function))
    if not found:
        parts += (command.summary, INSTEAD[command.name])
    flags = ", ".join(sorted(command.flags)) or "no flags"
    parts.append(f"Since Redis {command.since}; arity {command.arity}; {flags}. *Log*: {log_line(command)}")
    return "\n\n".join(parts)


def _described(function: Any) -> str:
    text = inspect.getdoc(function) or ""
    text = re.sub(r" ?\((?:[A-Z_]+ ?)+\)(?=[.:]|$)", "", text).replace("``", "`")
    return text.strip()


def _introduction(page: str, modules: tuple[str, ...]) -> str:
    owners = [owner for owner in Commands.__mro__ if owner.__module__.rpartition(".")[2] in modules]
    texts = [(inspect.getdoc(owner) or "").replace("``", "`") for owner in owners]
    return "\n\n".join([*texts, *filter(None, [INTRODUCTIONS.get(page)])])


def pages() -> dict[str, str]:
    """File name -> what it has to say."""
    commands = table()
    senders = by_command(methods())
    contents = {}
    for page, (title, modules) in PAGES.items():
        mine = [command for command in commands.values() if page_of(command, senders) == page]
        rows = [f"| [{command.name}](#{_anchor(command.name)}) | {command.summary} |" for command in mine]
        sections = [_section(command, senders.get(command.name, [])) for command in mine]
        head = [GENERATED, f"# {title}", _introduction(page, modules)]
        contents[f"{page}.md"] = (
            "\n\n".join([*head, "\n".join(["| | |", "|---|---|", *rows]), *sections]) + "\n"
        )
    listed = "\n".join(PAGES)
    contents["index.md"] = INDEX.format(generated=GENERATED, count=len(commands), pages=listed)
    return contents


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-")


def main() -> None:
    """Write the pages."""
    DIRECTORY.mkdir(exist_ok=True)
    for name, content in pages().items():
        (DIRECTORY / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
