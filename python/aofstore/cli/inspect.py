"""``aofstore inspect DIR``: what the files of a store hold, as a table, as JSON and as a picture."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..inspection import Contents
from ..inspection import inspect as look
from .figures import share, shown, size
from .problems import print_problems
from .tables import listing, show
from .watching import watched


def inspect(
    directory: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="A data directory, a log or a snapshot.", show_default=False),
    ],
    picture: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw it too: a name that ends in .png or .svg."),
    ] = None,
    most: Annotated[int, typer.Option(min=0, max=1000, help="How many of the biggest keys to show.")] = 10,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Take the settings from this redis.conf.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Say what the files of a store hold: types, sizes, biggest keys, expiry, commands. Nothing is changed.

    The exit status is 0 when the files are sound, 1 when not: then what is shown goes up to the damage. It
    is 2 when there was nothing to look at or no picture could be drawn.
    """
    messages = Console(stderr=True)
    if picture is not None and picture.suffix.lower() not in {".png", ".svg"}:
        messages.print("the name of the picture has to end in .png or .svg", markup=False, soft_wrap=True)
        raise typer.Exit(2)
    found = watched(
        messages, config, lambda settings, told: look(directory, most=most, config=settings, on_progress=told)
    )
    if as_json:
        typer.echo(json.dumps([_plain(contents) for contents in found], indent=2))
    else:
        console = Console()
        for contents in found:
            _print(contents, console)
    if picture is not None:
        _draw(found, picture, messages)
    raise typer.Exit(0 if all(file.sound for contents in found for file in contents.files) else 1)


def _draw(found: tuple[Contents, ...], picture: Path, messages: Console) -> None:
    try:
        from .picture import draw  # noqa: PLC0415 - the extra may be missing
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "aofstore":
            raise
        messages.print('pictures need an extra: pip install "aofstore[plots]"', markup=False, soft_wrap=True)
        raise typer.Exit(2) from error
    try:
        draw(found, picture)
    except (OSError, ValueError) as error:  # ValueError: so many logs that the picture would be too high
        why = error.strerror if isinstance(error, OSError) else error
        messages.print(f"cannot write {picture}: {why}", markup=False, soft_wrap=True)
        raise typer.Exit(2) from error
    messages.print(f"drawn: {picture}", markup=False, highlight=False, soft_wrap=True)


def _plain(contents: Contents) -> dict[str, object]:
    """As JSON has it: keys as text, bytes that are none as escapes."""
    plain = dataclasses.asdict(contents)
    for big in plain["biggest"]:
        big["key"] = shown(big["key"])
    return plain


def _print(contents: Contents, console: Console) -> None:
    show(console, contents.path, _files(contents))
    tables = {
        "keys": _types(contents) if contents.groups else None,
        "time to live": _expiry(contents) if contents.groups else None,
        "biggest keys": _biggest(contents) if contents.biggest else None,
        "commands in the log": _commands(contents) if contents.commands else None,
    }
    for file in contents.files:
        print_problems(file.problems, console)
    for heading, table in tables.items():
        if table is not None:
            console.print()
            show(console, heading, table)


def _files(contents: Contents) -> Table:
    table = listing(("file", "format"), ("size", "commands", "state"))
    for file in contents.files:
        bad = [problem for problem in file.problems if not problem.is_note]
        state = Text("sound", style="green")
        if bad:
            place = "" if bad[0].offset is None else f" at {bad[0].offset}"
            state = Text(f"{bad[0].kind}{place}", style="bold red")
        table.add_row(Text(Path(file.path).name), file.format, size(file.size), f"{file.commands:,}", state)
    return table


def _types(contents: Contents) -> Table:
    table = listing(("database", "type", "encoding"), ("keys", "elements", "memory", "share"))
    total = sum(group.bytes for group in contents.groups) or 1
    for group in sorted(contents.groups, key=lambda group: (group.db, -group.bytes)):
        table.add_row(
            str(group.db),
            group.type,
            group.encoding,
            f"{group.keys:,}",
            "" if group.type == "string" else f"{group.elements:,}",
            size(group.bytes),
            share(group.bytes, total),
        )
    keys = sum(group.keys for group in contents.groups)
    table.add_section()
    table.add_row("all", "", "", f"{keys:,}", "", size(total), "")
    return table


def _expiry(contents: Contents) -> Table:
    table = listing(("ends",), ("keys",))
    for name, count in contents.expiry.items():
        if count:
            table.add_row(name, f"{count:,}")
    return table


def _biggest(contents: Contents) -> Table:
    table = listing(("key", "database", "type", "encoding"), ("elements", "memory", "ends"))
    for big in contents.biggest:
        ends = "never"
        if big.expires is not None:
            ends = _moment(big.expires)
        key = shown(big.key)
        key = key if len(key) <= 60 else f"{key[:57]}..."
        elements = "" if big.type == "string" else f"{big.elements:,}"
        table.add_row(Text(key), str(big.db), big.type, big.encoding, elements, size(big.bytes), ends)
    return table


def _moment(milliseconds: int) -> str:
    try:
        return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M}"
    except (OverflowError, ValueError, OSError):
        return "in ages"


def _commands(contents: Contents) -> Table:
    table = listing(("command",), ("times", "share"))
    total = sum(contents.commands.values())
    for name, count in list(contents.commands.items())[:15]:
        table.add_row(name, f"{count:,}", share(count, total))
    if len(contents.commands) > 15:
        rest = sum(list(contents.commands.values())[15:])
        table.add_row(f"{len(contents.commands) - 15} others", f"{rest:,}", share(rest, total))
    return table
