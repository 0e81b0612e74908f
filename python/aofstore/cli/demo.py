"""``aofstore demo``: write, rewrite the log, die by SIGKILL while rewriting it again, open, verify."""

from __future__ import annotations

import dataclasses
import json
import random
import shutil
import tempfile
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from ..demo import DemoError, Outcome, Plan, run
from .bars import bars
from .tables import facts, show


class Sync(StrEnum):
    """When a write is synced to disk."""

    ALWAYS = "always"
    EVERYSEC = "everysec"
    NO = "no"


def demo(
    operations: Annotated[int, typer.Option(min=1, max=1_000_000, help="Write operations to do.")] = 200_000,
    policy: Annotated[Sync, typer.Option(help="When writes are synced to disk.")] = Sync.EVERYSEC,
    seed: Annotated[int | None, typer.Option(help="Do the same operations again.")] = None,
    kill_at: Annotated[
        float | None,
        typer.Option(min=0, max=100, help="Kill at this percentage, if not between 40 and 70."),
    ] = None,
    directory: Annotated[
        Path | None, typer.Option("--dir", help="Write to this new or empty directory, and leave it there.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the data in its temporary directory.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Kill a writer with SIGKILL during a rewrite, open the store again, verify every acknowledged write.

    The exit status is 0 when nothing was lost, 1 when something was, 2 when it could not be tried.
    """
    messages = Console(stderr=True)
    if directory is not None and not _is_fresh(directory):
        messages.print(f"{directory} is not an empty directory: name a new one", markup=False, soft_wrap=True)
        raise typer.Exit(2)
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    kill_at = random.SystemRandom().uniform(40, 70) if kill_at is None else kill_at
    with ExitStack() as cleanup:
        if directory is None:
            directory = Path(tempfile.mkdtemp(prefix="aofstore-demo-"))
            if not keep:
                cleanup.callback(shutil.rmtree, directory)
        plan = Plan(directory, operations, policy.value, seed, kill_at)
        try:
            with bars(messages) as watch:
                outcome = run(plan, watch)
        except DemoError as error:
            messages.print(str(error), markup=False, soft_wrap=True)
            raise typer.Exit(2) from error
        if not outcome.sound:
            cleanup.pop_all()
    if as_json:
        typer.echo(json.dumps({**dataclasses.asdict(outcome), "sound": outcome.sound}, indent=2))
    else:
        _print(outcome, Console())
    if directory.exists():
        messages.print(f"the data is in {directory}", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(0 if outcome.sound else 1)


def _is_fresh(directory: Path) -> bool:
    return not directory.exists() or (directory.is_dir() and not any(directory.iterdir()))


def _print(outcome: Outcome, console: Console) -> None:
    """The outcome as a table, and the first keys that differ."""
    show(console, "kill -9 in the middle of a rewrite, opened again", facts(_rows(outcome)))
    for where in outcome.wrong[:20]:
        console.print(f"differs: {where}", style="red", markup=False, highlight=False, soft_wrap=True)


def _rows(outcome: Outcome) -> list[tuple[str, str | Text]]:
    lost = "green" if outcome.sound else "bold red"
    rewrite, report = outcome.rewrite, outcome.rewrite.report
    old = report.bytes_before + report.difference_bytes  # both got what was written meanwhile
    rows: list[tuple[str, str | Text]] = [
        ("appendfsync, seed", f"{outcome.policy}, {outcome.seed}"),
        ("operations planned", f"{outcome.operations:,}"),
        ("acknowledged before SIGKILL", f"{outcome.acknowledged:,}"),
        ("writes a second, one call at a time", f"{outcome.writes_per_second:,}"),
        ("log rewritten on the way", f"{old:,} to {report.bytes_after:,} bytes"),
        (
            "rewrite, of it the fork",
            f"{report.seconds * 1000:.0f} ms, {report.fork_microseconds / 1000:.1f} ms",
        ),
        (
            "p99 of a write, during the rewrite",
            f"{_us(rewrite.p99_microseconds)}, {_us(rewrite.p99_rewriting_microseconds)}",
        ),
        ("killed during a second rewrite", "yes" if outcome.killed_while_rewriting else "no, it had ended"),
        ("files that it left behind", f"{outcome.files_left_behind}"),
        ("acknowledged and lost", Text(f"{outcome.lost:,}", style=lost)),
        (
            "keys that differ, of all verified",
            Text.assemble((f"{len(outcome.wrong):,}", lost), f" of {outcome.keys:,}"),
        ),
        (
            "the operation in flight",
            "kept" if outcome.in_flight_kept else "not there, or without effect",
        ),
        ("loaded", f"{outcome.loaded_commands:,} commands, {outcome.loaded_bytes:,} bytes"),
        ("load time", f"{outcome.load_seconds:.3f} s, {outcome.load_megabytes_per_second:,.0f} MB/s"),
        ("torn tail cut", f"{outcome.torn_bytes_cut} bytes" if outcome.torn_bytes_cut else "none"),
    ]
    if outcome.checked_by is not None:
        rows.append(
            (outcome.checked_by, "valid" if outcome.check_passed else Text("not valid", style="bold red"))
        )
    return rows


def _us(microseconds: float | None) -> str:
    return "none" if microseconds is None else f"{microseconds:,.0f} µs"
