"""A small log cut at every byte and with every bit flipped: no crash, no hang, bounded memory."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.crash.damage import run, whole_prefixes
from tests.crash.samples import SMALL_LOG


def test_cut_at_every_byte(memory_path: Path) -> None:
    seen = run(SMALL_LOG, memory_path, "cut")
    assert seen.violations == []
    assert len(seen.reports) == len(SMALL_LOG) + 1
    assert sum(report["dropped"] == 0 for report in seen.reports) == len(whole_prefixes(SMALL_LOG))


def test_flip_every_bit(memory_path: Path) -> None:
    seen = run(SMALL_LOG, memory_path, "flip")
    assert seen.violations == []
    outcomes = Counter(report["outcome"] for report in seen.reports)
    assert set(outcomes) <= {"opened", "truncated", "format", "unknown-command", "replay"}
    assert outcomes["format"] > 1000
    assert max(report["seconds"] for report in seen.reports) < 5


@pytest.mark.parametrize(
    ("kind", "control", "expected"),
    [
        ("cut", "harness-crash", "crashed"),
        ("cut", "harness-half", "half"),
        ("flip", "harness-touch", "touched"),
    ],
)
def test_the_run_sees_what_is_broken(memory_path: Path, kind: str, control: str, expected: str) -> None:
    assert expected in run(SMALL_LOG, memory_path, kind, control).red()
