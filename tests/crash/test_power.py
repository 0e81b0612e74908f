"""Power cuts at every moment of short stories: what they may leave opens, with all that was promised."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.crash.power import cut, stories

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="strace, which records the calls, is Linux's")


STEPS = 48


def test_power_cuts(memory_path: Path) -> None:
    seen = cut(memory_path, stories(1, length=STEPS), floor=2000, keep=6)
    assert seen.violations == []
    assert seen.red() == []
    assert seen.again > 100
    assert seen.refused > 0


@pytest.mark.parametrize(
    ("control", "expected"),
    [
        ("ack-before-sync", "lost"),
        ("skip-dir-sync", "lost"),
        ("rename-before-sync", "lost"),
        ("harness-skip-base-sync", "lost"),
        ("harness-skip-rename-sync", "lost"),
        ("harness-refuse", "refused"),
        ("harness-leave", "left"),
        ("harness-few", "few"),
    ],
)
def test_the_cuts_see_what_is_broken(memory_path: Path, control: str, expected: str) -> None:
    assert expected in cut(memory_path, stories(1, control, 24), floor=100).red()


def test_a_directory_above_that_is_not_synced_shows_in_the_weak_model_only(memory_path: Path) -> None:
    seen = cut(memory_path, stories(1, "harness-skip-parent-sync", 24), floor=100)
    assert seen.red() == ["lost"]
    assert all(", weak, " in text for text in seen.violations)
