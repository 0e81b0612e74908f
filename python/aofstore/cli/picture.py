"""The contents of a data set as a picture: four charts on one sheet. Needs the extra ``aofstore[plots]``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..inspection import NEVER, Contents
from .figures import share, shown, size

_COLOURS = {
    "string": "#4477aa",
    "list": "#ee6677",
    "set": "#228833",
    "zset": "#ccbb44",
    "hash": "#aa3377",
}
_GREY = "#7f8c99"
_MOST = 12


def draw(found: tuple[Contents, ...], path: Path) -> None:
    """Draw the contents into the file. OSError: it cannot be written."""
    with mpl.rc_context(
        {"font.size": 9, "axes.titlesize": 11, "axes.titleweight": "bold", "svg.fonttype": "none"}
    ):
        figure = Figure(figsize=(12, 8 * len(found)), dpi=120, layout="constrained")
        engine: Any = figure.get_layout_engine()
        engine.set(w_pad=0.12, h_pad=0.12, wspace=0.04, hspace=0.06)
        FigureCanvasAgg(figure)
        sheets = figure.subfigures(len(found), 1, squeeze=False)
        for sheet, contents in zip(sheets[:, 0], found, strict=True):
            _sheet(sheet, contents)
        figure.savefig(path)


def _sheet(sheet: Any, contents: Contents) -> None:
    keys = sum(group.keys for group in contents.groups)
    memory = sum(group.bytes for group in contents.groups)
    on_disk = sum(file.size for file in contents.files)
    names = "1 file" if len(contents.files) == 1 else f"{len(contents.files)} files"
    sheet.suptitle(
        f"{contents.path}\n{keys:,} keys, {size(memory)} in memory, {size(on_disk)} in {names}",
        fontsize=12,
        parse_math=False,
    )
    axes = sheet.subplots(2, 2)
    _types(axes[0, 0], contents)
    _biggest(axes[0, 1], contents)
    _expiry(axes[1, 0], contents)
    _commands(axes[1, 1], contents)


def _bars(axis: Any, title: str, rows: Sequence[tuple[str, float, str, str]], empty: str) -> None:
    """Horizontal bars, the first row on top: label, length, text at the end, colour."""
    axis.set_title(title, loc="left")
    axis.spines[["top", "right", "bottom"]].set_visible(False)
    axis.set_xticks([])
    if not rows:
        axis.set_yticks([])
        axis.spines["left"].set_visible(False)
        axis.text(0.02, 0.9, empty, transform=axis.transAxes, color=_GREY)
        return
    places = range(len(rows))
    axis.barh(places, [row[1] for row in rows], color=[row[3] for row in rows], height=0.72)
    axis.set_yticks(places, [row[0] for row in rows], parse_math=False)
    axis.tick_params(axis="y", length=0)
    axis.set_ylim(max(len(rows), 4) - 0.4, -0.6)
    longest = max(row[1] for row in rows) or 1
    axis.set_xlim(0, longest * 1.3)
    for place, (_, length, text, _) in zip(places, rows, strict=True):
        axis.text(length + longest * 0.015, place, text, va="center", color="#333333", parse_math=False)


def _types(axis: Any, contents: Contents) -> None:
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for group in contents.groups:
        sums[group.type, group.encoding][0] += group.keys
        sums[group.type, group.encoding][1] += group.bytes
    ordered = sorted(sums.items(), key=lambda item: -item[1][1])[:_MOST]
    rows = [
        (
            f"{kind} ({encoding})",
            taken,
            f"{size(taken)}, {keys:,} {'key' if keys == 1 else 'keys'}",
            _COLOURS.get(kind, _GREY),
        )
        for (kind, encoding), (keys, taken) in ordered
    ]
    _bars(axis, "Memory by type and encoding", rows, "no keys")


def _biggest(axis: Any, contents: Contents) -> None:
    rows = []
    for big in contents.biggest[:_MOST]:
        key = shown(big.key)
        key = key if len(key) <= 28 else f"{key[:25]}..."
        text = size(big.bytes) if big.type == "string" else f"{size(big.bytes)}, {big.elements:,} elements"
        rows.append((key, float(big.bytes), text, _COLOURS.get(big.type, _GREY)))
    _bars(axis, "Biggest keys", rows, "no keys")


def _expiry(axis: Any, contents: Contents) -> None:
    rows = [
        (name, float(count), f"{count:,}", _GREY if name == NEVER else "#ee7733")
        for name, count in contents.expiry.items()
        if count
    ]
    _bars(axis, "Keys by when they end", rows if contents.groups else [], "no keys")


def _commands(axis: Any, contents: Contents) -> None:
    items = list(contents.commands.items())
    total = sum(contents.commands.values()) or 1
    shown_items = items[:_MOST] if len(items) <= _MOST else items[: _MOST - 1]
    rows = [
        (name, float(count), f"{count:,} ({share(count, total)})", "#66ccee") for name, count in shown_items
    ]
    if len(items) > len(shown_items):
        rest = sum(count for _, count in items[len(shown_items) :])
        others = f"{len(items) - len(shown_items)} others"
        rows.append((others, float(rest), f"{rest:,} ({share(rest, total)})", _GREY))
    _bars(axis, "Commands in the log", rows, "none: all of it is in a snapshot")
