"""300 kills under all three policies: nothing acknowledged is lost, the lock is free at once, kills hit
work.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.kills import Killer

KILLS = 300
REWRITE_KILLS = 60


@pytest.mark.serial
@pytest.mark.timeout(240)
def test_kills(tmp_path: Path) -> None:
    with Killer(tmp_path, seed=20) as killer:
        tally = killer.run(KILLS)
    assert tally.violations == []
    assert tally.red() == [], f"only {tally.share:.0%} of the kills hit an operation in flight"
    assert tally.kills == KILLS
    assert tally.operations > KILLS


@pytest.mark.serial
@pytest.mark.timeout(240)
def test_kills_during_rewrites(tmp_path: Path) -> None:
    with Killer(tmp_path, seed=21, rewrites=True) as killer:
        tally = killer.run(REWRITE_KILLS)
    assert tally.violations == []
    assert tally.red() == [], f"only {tally.rewriting_share:.0%} of the kills hit a rewrite"
    assert tally.kills == REWRITE_KILLS


@pytest.mark.serial
@pytest.mark.parametrize(
    ("control", "expected"),
    [("harness-leave", "left"), ("harness-idle", "idle"), ("harness-lose-last", "lost")],
)
def test_the_loop_with_rewrites_sees_what_is_broken(tmp_path: Path, control: str, expected: str) -> None:
    with Killer(tmp_path, seed=4, control=control, rewrites=True) as killer:
        assert expected in killer.run(12).red()


@pytest.mark.serial
@pytest.mark.parametrize(
    ("control", "expected"),
    [("harness-lose-last", "lost"), ("harness-keep-lock", "locked"), ("harness-idle", "idle")],
)
def test_the_loop_sees_what_is_broken(tmp_path: Path, control: str, expected: str) -> None:
    with Killer(tmp_path, seed=3, control=control) as killer:
        assert expected in killer.run(12).red()
