"""``aofstore rewrite DIR``: make the log of a closed store as short as its data."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

import aofstore

from .bars import Watch, bars
from .tables import facts, show

_LOOK_EVERY_SECONDS = 0.05


@dataclass(frozen=True)
class Done:
    """What was done, by name as ``--json`` prints it."""

    path: str
    bytes_before: int
    bytes_after: int
    keys: int
    seconds: float
    loaded_commands: int
    load_seconds: float


def rewrite(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="The directory of a store that nobody has open.")
    ],
    file: Annotated[
        str | None, typer.Option(metavar="NAME", help="The log in it, if not appendonly.aof.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Take the settings from this redis.conf.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Write the log of a closed store anew, as short as its data is.

    The exit status is 0 when the new log is in place, 1 when that failed, 2 when the store was not opened.
    """
    messages = Console(stderr=True)
    with _opening(messages):
        settings = aofstore.Config() if config is None else aofstore.Config.from_redis_conf(config)
        settings = settings.replace(dir=directory, appendonly=True)
        if file is not None:
            settings = settings.replace(appendfilename=file)
        settings, log = _layout(settings, directory)
        if not log.is_file():
            _end(messages, f"there is no log {log}", 2)
    done = _rewritten(settings, log, messages)
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(done), indent=2))
    else:
        _print(done, Console())


def _layout(settings: aofstore.Config, directory: Path) -> tuple[aofstore.Config, Path]:
    """The settings for the layout that is there, and the file that tells."""
    manifest = directory / settings.appenddirname / f"{settings.appendfilename}.manifest"
    single = directory / settings.appendfilename
    if single.is_file() and not manifest.exists():
        return settings.replace(aof_layout="single-file"), single
    return settings.replace(aof_layout="multi-part"), manifest


@contextmanager
def _opening(messages: Console) -> Iterator[None]:
    try:
        yield
    except (aofstore.AofstoreError, OSError) as error:
        _end(messages, str(error), 2)


def _rewritten(settings: aofstore.Config, log: Path, messages: Console) -> Done:
    """Open, rewrite and close, with a bar for each of the first two."""
    with bars(messages) as watch:
        with _opening(messages):
            store = aofstore.open(
                config=settings,
                on_progress=lambda progress: watch("loading", progress.bytes_done, progress.bytes_total),
            )
        try:
            with store:
                loaded, report = store.load_report, _run(store, watch)
        except aofstore.PersistenceError as error:
            _end(messages, str(error), 1)
    for cut in loaded.truncations:
        text = f"{cut.path} had a torn tail: {cut.dropped_bytes} bytes are kept in {cut.saved_to}"
        messages.print(text, markup=False, highlight=False, soft_wrap=True)
    return Done(
        path=str(log),
        bytes_before=report.bytes_before,
        bytes_after=report.bytes_after,
        keys=report.keys,
        seconds=report.seconds,
        loaded_commands=loaded.commands,
        load_seconds=loaded.seconds,
    )


def _run(store: aofstore.Store[bytes], watch: Watch) -> aofstore.RewriteReport:
    store.bgrewriteaof()
    while True:
        if (progress := store.rewrite_progress) is not None:
            watch("rewriting", progress.keys_done, progress.keys_total)
        try:
            report = store.wait_rewrite(_LOOK_EVERY_SECONDS)
        except TimeoutError:
            continue
        if report is not None:
            watch("rewriting", report.keys, report.keys)
            return report


def _end(messages: Console, text: str, status: int) -> NoReturn:
    messages.print(text, markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(status)


def _print(done: Done, console: Console) -> None:
    share = f" ({done.bytes_after / done.bytes_before:.1%})" if done.bytes_before else ""
    rows = [
        ("before", f"{done.bytes_before:,} bytes, {done.loaded_commands:,} commands"),
        ("after", f"{done.bytes_after:,} bytes{share}"),
        ("keys", f"{done.keys:,}"),
        ("load, rewrite", f"{done.load_seconds:.3f} s, {done.seconds:.3f} s"),
    ]
    show(console, done.path, facts(rows))
