"""As many databases as Redis allows, none of which costs anything before it is used."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import aofstore

MOST = 2**31 - 1


def resident() -> int:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) * 1024


def test_the_most_databases_open_at_once_and_small(tmp_path: Path) -> None:
    before, began = resident(), time.monotonic()
    with aofstore.open(tmp_path, databases=MOST) as store:
        assert time.monotonic() - began < 2
        assert resident() - before < 32 << 20
        store.set("k", 0)
        last = store.db(MOST - 1)
        last.set("k", "last")
        last.copy("k", "k", destination_db=1_000_000)
        store.swapdb(1_000_000, 5)
        store.db(5).move("k", 77_777)
        assert set(store.info("keyspace")) == {"db0", "db77777", f"db{MOST - 1}"}
        assert [store.db(n).get("k") for n in (0, 5, 77_777, MOST - 1)] == [b"0", None, b"last", b"last"]
    with aofstore.open(tmp_path, databases=MOST) as store:
        assert store.db(MOST - 1).get("k") == b"last"
        assert store.db(77_777).dbsize() == 1
        store.flushall()
        assert store.info("keyspace") == {}
        began = time.monotonic()
        store.info()
        store.flushall()
        assert time.monotonic() - began < 2


@pytest.mark.parametrize("index", [16, -1, 2**64, -(2**70)])
def test_a_number_that_no_database_has_is_out_of_range(index: int) -> None:
    with aofstore.open() as store, pytest.raises(aofstore.ResponseError, match="DB index is out of range"):
        store.db(index)
