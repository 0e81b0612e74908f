"""The calls of all contenders as bars, one panel a row."""

from __future__ import annotations

from pathlib import Path

from .contenders import ALL, OURS
from .peers import Rates, figure
from .work import ROWS, TITLES

OUR_COLOUR, THEIR_COLOUR = "#c0392b", "#8496a9"


def draw(rates: Rates, path: Path, caption: str) -> None:
    """Write the picture as PNG."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure_, axes = pyplot.subplots(2, 4, figsize=(18, 8))
    for axis, row in zip(axes.flat, ROWS, strict=True):
        found = [(name, figure(rates[row][name], name)) for name in reversed(ALL) if name in rates[row]]
        colours = [OUR_COLOUR if name == OURS else THEIR_COLOUR for name, _ in found]
        bars = axis.barh([name for name, _ in found], [rate for _, rate in found], color=colours)
        axis.bar_label(bars, labels=[_short(rate) for _, rate in found], padding=3, fontsize=8)
        axis.set_title(TITLES[row], loc="left", fontweight="bold")
        axis.set_xscale("log")
        axis.set_xlim(1e3, 3e7)
        axis.tick_params(axis="y", labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    figure_.suptitle(
        "Keys a second, one call at a time, every acknowledged write survives kill -9 (log scale)"
    )
    figure_.text(0.01, 0.005, caption, fontsize=7, color="#555555")
    figure_.tight_layout(rect=(0, 0.02, 1, 0.98))
    figure_.savefig(path, dpi=110)
    pyplot.close(figure_)


def _short(rate: float) -> str:
    return f"{rate / 1e6:.2f} M" if rate >= 1e6 else f"{rate / 1e3:,.0f} k"
