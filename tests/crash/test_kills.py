"""300 kills under all three policies: nothing acknowledged is lost, the lock is free at once, kills hit
work.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.kills import Killer

KILLS = 300


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
@pytest.mark.parametrize(
    ("control", "expected"),
    [("harness-lose-last", "lost"), ("harness-keep-lock", "locked"), ("harness-idle", "idle")],
)
def test_the_loop_sees_what_is_broken(tmp_path: Path, control: str, expected: str) -> None:
    with Killer(tmp_path, seed=3, control=control) as killer:
        assert expected in killer.run(12).red()
