"""Every transcript, command by command: the reply and the bytes in the log; then the same data after a
reopen.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden.record import difference
from tests.golden.store_target import StoreTarget
from tests.golden.transcript import Replay
from tests.servers.connection import StoreConnection
from tests.servers.dataset import dataset

pytestmark = pytest.mark.quick

HERE = Path(__file__).parent
FAMILIES = "strings bitmaps lists sets sorted_sets hashes keys databases transactions server".split()
SCRIPTS = sorted(path for family in FAMILIES for path in (HERE / family).glob("*.txt"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_transcript(script: Path, tmp_path: Path) -> None:
    wanted = script.read_text(encoding="utf-8")
    target = StoreTarget(tmp_path / "data")
    try:
        told = Replay(target).run(wanted)
        assert told == wanted, difference(wanted, told, str(script.relative_to(HERE)), "the store")
        before = dataset(StoreConnection(target.store))
        target.reopen()
        assert dataset(StoreConnection(target.store)) == before
    finally:
        target.close()


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_transcripts(family: str) -> None:
    assert list((HERE / family).glob("*.txt"))


def test_no_transcript_lies_outside_a_family() -> None:
    assert {path.parent.name for path in HERE.glob("*/*.txt")} <= set(FAMILIES)
