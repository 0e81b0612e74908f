"""``aofstore check PATH`` and ``aofstore repair PATH``: are the files of a store sound, and mending them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

import aofstore

from .problems import print_problems
from .tables import listing, show
from .watching import watched

_Path = Annotated[
    Path,
    typer.Argument(
        metavar="PATH", help="A data directory, a log, a manifest or a snapshot.", show_default=False
    ),
]
_Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Take the settings from this redis.conf.")
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def check(
    path: _Path,
    config: _Config = None,
    replay: Annotated[
        bool, typer.Option("--replay/--no-replay", help="Apply the commands too, in memory of their own.")
    ] = True,
    as_json: _Json = False,
) -> None:
    """Say whether the files of a store are sound; nothing is changed.

    The exit status is 0 when they are, 1 when not, 2 when they could not be looked at.
    """
    messages = Console(stderr=True)
    report = watched(
        messages,
        config,
        lambda settings, told: aofstore.check(path, config=settings, replay=replay, on_progress=told),
    )
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(report), indent=2))
    else:
        _print_check(report, Console())
    raise typer.Exit(0 if report.sound else 1)


def repair(
    path: _Path,
    apply: Annotated[bool, typer.Option("--apply", help="Do it. Without this, nothing is changed.")] = False,
    salvage: Annotated[
        bool, typer.Option("--salvage", help="Keep the whole commands behind damage too.")
    ] = False,
    rebuild_manifest: Annotated[
        bool,
        typer.Option("--rebuild-manifest", help="Make a lost manifest anew from the names of the files."),
    ] = False,
    config: _Config = None,
    as_json: _Json = False,
) -> None:
    """Say what a repair would change, and do it with --apply. What is cut is kept in a file beside.

    The exit status is 0 when the files are sound or were repaired, 1 when they are not, 2 when they could not
    be looked at or changed.
    """
    messages = Console(stderr=True)
    report = watched(
        messages,
        config,
        lambda settings, told: aofstore.repair(
            path,
            apply=apply,
            salvage=salvage,
            rebuild_manifest=rebuild_manifest,
            config=settings,
            on_progress=told,
        ),
    )
    left = [problem for problem in report.problems if not problem.is_note]
    if as_json:
        problems = [dataclasses.asdict(problem) for problem in report.problems]
        typer.echo(json.dumps({**dataclasses.asdict(report), "problems": problems}, indent=2))
    else:
        _print_repair(report, Console())
        if report.changes and not report.applied:
            messages.print("nothing was changed: add --apply to do it", markup=False, soft_wrap=True)
    raise typer.Exit(1 if left or (report.changes and not report.applied) else 0)


def _print_check(report: aofstore.CheckReport, console: Console) -> None:
    table = listing(("file", "format"), ("bytes", "commands", "good up to"))
    for file in report.files:
        good = (
            "all of it" if file.valid_to == file.size and (file.size or file.sound) else f"{file.valid_to:,}"
        )
        name = Text(Path(file.path).name, style="" if file.sound else "red")
        table.add_row(name, file.format, f"{file.size:,}", f"{file.commands:,}", good)
    show(console, _verdict(report.sound), table)
    for file in report.files:
        print_problems(file.problems, console)


def _verdict(sound: bool) -> Text:
    return Text("sound", style="bold green") if sound else Text("not sound", style="bold red")


def _print_repair(report: aofstore.RepairReport, console: Console) -> None:
    for change in report.changes:
        console.print(change, markup=False, highlight=False, soft_wrap=True)
    if report.changes:
        lost = "1 command" if report.lost_commands == 1 else f"{report.lost_commands:,} commands"
        console.print(f"{lost} lost", style="bold", highlight=False)
    print_problems(report.problems, console)
    if not report.changes and not report.problems:
        console.print("sound: nothing to repair", style="bold green", highlight=False)
