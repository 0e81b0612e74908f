"""Opening a log, and closing the store again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aofstore

from .dataset import KINDS, write


@pytest.mark.parametrize("kind", KINDS)
def test_load(kind: str, tmp_path: Path, benchmark: Callable[..., Any]) -> None:
    commands = write(tmp_path / "appendonly.aof", kind, scale=0.01)

    def load() -> int:
        with aofstore.open(tmp_path) as store:
            return store.load_report.commands

    assert benchmark(load) == commands + 1
