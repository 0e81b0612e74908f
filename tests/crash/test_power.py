"""Power cuts at every moment of short stories: what they may leave opens, with all that was promised."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.crash.disks import PLACE
from tests.crash.layouts import Layout
from tests.crash.power import cut, stories
from tests.crash.story import Life, Story

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="strace, which records the calls, is Linux's")


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("layout", "steps"), [("single-file", 36), ("multi-part", 24)])
def test_power_cuts(memory_path: Path, layout: Layout, steps: int) -> None:
    seen = cut(memory_path, stories(1, length=steps, layout=layout), floor=2000, keep=6)
    assert seen.violations == []
    assert seen.red() == []
    assert seen.again > 100
    assert seen.refused > 0
    assert seen.torn_times > 10


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


@pytest.mark.parametrize(
    ("control", "life"),
    [
        ("skip-old-sync", Life("everysec", (0, 0, 0), 12, upkeep="rewrites")),
        ("manifest-before-base", Life("always", (0,), 12, upkeep="rewrites")),
        ("manifest-before-base", Life("always", (0,), 12, upkeep="rewrites", form="snapshot")),
        ("delete-unproven", Life("always", (0,), 12, upkeep="unproven")),
        ("harness-skip-rename-sync", Life("always", (0,), 12, upkeep="rewrites")),
        ("harness-skip-base-sync", Life("always", (0,), 12, upkeep="rewrites")),
        ("harness-skip-manifest-sync", Life("always", (0,), 12, upkeep="rewrites")),
    ],
    ids=lambda value: value if isinstance(value, str) else value.form,
)
def test_the_cuts_see_what_is_broken_in_parts(memory_path: Path, control: str, life: Life) -> None:
    story = Story(PLACE, 0, (replace(life, layout="multi-part"),), control)
    seen = cut(memory_path, [story], floor=0)
    assert "refused" in seen.red()
    named = {
        "manifest-before-base": r"\.base\.rdb" if life.form == "snapshot" else r"\.base\.aof",
        "harness-skip-base-sync": r"\.base\.aof",
        "harness-skip-manifest-sync": r"\.manifest",
    }
    # What is refused is the file that the control is about.
    assert any(re.search(f"^refused: .*{named.get(control, '')}", text) for text in seen.violations)


def test_a_directory_above_that_is_not_synced_shows_in_the_weak_model_only(memory_path: Path) -> None:
    seen = cut(memory_path, stories(1, "harness-skip-parent-sync", 24), floor=100)
    assert seen.red() == ["lost"]
    assert all(", weak, " in text for text in seen.violations)
