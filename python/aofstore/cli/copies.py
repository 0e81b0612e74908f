"""What ``restore`` and ``convert`` share: a copy with a bar for each act, and how it is told."""

from __future__ import annotations

import dataclasses
import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

import aofstore

from ..copying import Base, Copied, Layout, TargetTakenError, copy
from ..moment import View
from .bars import bars
from .tables import facts, show

DONE, REFUSED, NOT_LOOKED = 0, 1, 2


class LayoutName(StrEnum):
    """The files of a log."""

    SINGLE_FILE = "single-file"
    MULTI_PART = "multi-part"


class BaseName(StrEnum):
    """How a copy's data is written."""

    RESP = "resp"
    RDB10 = "rdb10"
    RDB11 = "rdb11"


BaseOption = Annotated[BaseName, typer.Option(help="How the data in it is written.")]
SkipOption = Annotated[
    bool, typer.Option("--skip-unknown-types", help="Leave out values of types that are not known here.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def run(
    source: Path,
    target: Path,
    layout: LayoutName | None,
    base: BaseName,
    view: View,
    *,
    skip_unknown: bool,
    as_json: bool,
) -> None:
    """Copy, and say on stdout what was copied. Ends with exit status 1 or 2 when it was not."""
    messages = Console(stderr=True)
    named: Layout | None = None if layout is None else layout.value
    form: Base = base.value
    try:
        with bars(messages) as watch:
            done = copy(
                source,
                target,
                layout=named,
                base=form,
                view=view,
                skip_unknown=skip_unknown,
                watch=watch,
            )
    except (aofstore.AofLoadError, aofstore.AofWriteError, TargetTakenError) as error:
        end(messages, str(error), REFUSED)
    except (aofstore.AofstoreError, OSError) as error:
        end(messages, str(error), NOT_LOOKED)
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(done), indent=2))
    else:
        _print(done, Console())


def end(messages: Console, text: str, status: int) -> NoReturn:
    """Say why on stderr, and end."""
    messages.print(text, markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(status)


def _print(done: Copied, console: Console) -> None:
    rows = [
        ("layout, base", f"{done.layout}, {done.base}"),
        ("read", f"{done.commands:,} commands"),
        ("written", f"{done.keys:,} keys, {done.bytes:,} bytes"),
        ("took", f"{done.seconds:.3f} s"),
    ]
    show(console, f"{done.target}: copy of {done.source}", facts(rows))
