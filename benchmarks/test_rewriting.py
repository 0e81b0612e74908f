"""The measurement of rewrites at its smallest: every contender is there and tells every figure."""

from __future__ import annotations

from pathlib import Path

import pytest

from .dataset import write
from .rewriting import FIGURES, SIDES, figures_of


@pytest.mark.parametrize("name", SIDES)
def test_rewrite(name: str, tmp_path: Path) -> None:
    write(tmp_path / "appendonly.aof", "raw", scale=0.002)
    side = SIDES[name](tmp_path)
    assert side.keys == 200 * 13
    figures = figures_of(side, quiet_seconds=0.05)
    assert set(figures) == set(FIGURES)
    assert min(figures[name] for name in ("writes", "idle_seconds", "loaded_seconds", "reload_seconds")) > 0
