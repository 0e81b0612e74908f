"""``aofstore restore DIR --until TIME --out NEW``: a copy of the data as of then."""

from __future__ import annotations

import datetime
import math
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..errors import ConfigError
from ..moment import View
from .copies import NOT_LOOKED, BaseName, BaseOption, JsonOption, LayoutName, SkipOption, end, run


def restore(
    source: Annotated[
        Path, typer.Argument(metavar="DIR", help="The directory of a store that nobody has open, or a log.")
    ],
    until: Annotated[
        str,
        typer.Option(
            metavar="TIME", help="2026-11-28T12:00:00+01:00, with a time zone or Z; or Unix seconds."
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="NEW", help="A new or empty directory.")],
    layout: Annotated[
        LayoutName | None, typer.Option(help="The files of the copy, if not as in DIR.")
    ] = None,
    base: BaseOption = BaseName.RESP,
    skip_unknown: SkipOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write the data of DIR as of TIME into NEW; DIR is not touched.

    TIME is looked for in the log, which says it when aof_timestamp_enabled was on. The exit status is 0 when
    the copy is whole and on the disk, 1 when the log is not sound, does not go back so far or NEW is taken, 2
    when DIR could not be looked at or TIME is none. In the last two cases there is no copy.
    """
    try:
        view = View.of(moment(until))
    except (ConfigError, ValueError, OverflowError) as error:
        end(Console(stderr=True), f"--until {until}: {error}", NOT_LOOKED)
    run(source, out, layout, base, view, skip_unknown=skip_unknown, as_json=as_json)


def moment(text: str) -> datetime.datetime:
    """What a person wrote: ISO 8601, or Unix seconds with or without a fraction."""
    try:
        seconds = float(text)
    except ValueError:
        found = datetime.datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise ValueError("add its time zone, such as Z or +01:00") from None
        return found
    if not math.isfinite(seconds):
        raise ValueError("not a time")
    begin = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return begin + datetime.timedelta(seconds=seconds)
