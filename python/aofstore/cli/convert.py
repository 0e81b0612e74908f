"""``aofstore convert SRC DST``: the same data in another layout, with another base."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..moment import View
from .copies import BaseName, BaseOption, JsonOption, LayoutName, SkipOption, run


def convert(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SRC", help="A data directory, a directory with a manifest, a log, or a dump.rdb."
        ),
    ],
    target: Annotated[Path, typer.Argument(metavar="DST", help="A new or empty directory.")],
    layout: Annotated[LayoutName, typer.Option(help="The files of the copy.")],
    base: BaseOption = BaseName.RESP,
    skip_unknown: SkipOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write the data of SRC into DST in another form; SRC is not touched.

    The exit status is 0 when the copy is whole and on the disk, 1 when SRC is not sound or DST is taken, 2
    when SRC could not be looked at. In the last two cases there is no copy.
    """
    run(source, target, layout, base, View(), skip_unknown=skip_unknown, as_json=as_json)
