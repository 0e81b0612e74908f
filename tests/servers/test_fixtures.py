"""The directories of real servers that are checked in: each opens, with what the servers said was in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import aofstore
from tests.servers.connection import StoreConnection
from tests.servers.dataset import dataset, rendered

PLACE = Path(__file__).parents[1] / "data" / "servers"
FIXTURES = sorted(path for path in PLACE.iterdir() if path.is_dir())


def contents(directory: Path) -> list[str]:
    with aofstore.open(directory, aof_layout="multi-part") as store:
        assert store.load_report.truncations == ()
        return rendered(dataset(StoreConnection(store)))


def test_there_is_one_of_each_server_and_form() -> None:
    found = {(name[0], name[-1]) for name in (path.name.split("-") for path in FIXTURES)}
    assert found == {(kind, base) for kind in ("redis", "redis6", "valkey") for base in ("rdb", "resp")}


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda path: path.name)
def test_a_directory_that_a_server_wrote_opens(fixture: Path, tmp_path: Path) -> None:
    wanted = (PLACE / "expected.txt").read_text(encoding="utf-8").splitlines()
    place = tmp_path / "data"
    shutil.copytree(fixture, place)
    assert contents(place) == wanted
    with aofstore.open(place, aof_layout="multi-part") as store:
        store.rewrite()
    assert contents(place) == wanted
