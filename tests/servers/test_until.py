"""A view as of a moment is what the checker of Redis leaves when it cuts the log at that moment."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import aofstore
from aofstore._core import _testing
from tests.servers.connection import StoreConnection
from tests.servers.dataset import Dataset, compare, dataset
from tests.servers.workload import run

T0 = 1_700_000_000


def test_it_is_what_redis_check_aof_leaves(tmp_path: Path) -> None:
    with aofstore.open(
        tmp_path / "data", aof_layout="single-file", aof_timestamp_enabled=True, appendfsync="no"
    ) as store:
        for second in range(12):
            _testing.set_clock((T0 + 2 * second) * 1000)
            run(StoreConnection(store), second, 200)
    log = (tmp_path / "data" / "appendonly.aof").read_bytes()
    found = set()
    for second in (0, 1, 7, 12, 22):
        until = datetime.fromtimestamp(T0 + second, UTC)
        with aofstore.open(tmp_path / "data", until=until, aof_layout="single-file") as store:
            ours = dataset(StoreConnection(store))
            found.add(store.load_report.commands)
        assert compare(ours, cut(tmp_path / str(second), log, T0 + second)) == []
    assert len(found) == 4, "two of the moments are the same to the log"


def cut(directory: Path, log: bytes, second: int) -> Dataset:
    """The data of a copy that was cut there, in place and for good."""
    tool = shutil.which("redis-check-aof")
    assert tool is not None, "redis-check-aof is missing: apt-get install redis-tools"
    directory.mkdir()
    path = directory / "appendonly.aof"
    path.write_bytes(log)
    done = subprocess.run(
        [tool, "--truncate-to-timestamp", str(second), str(path)],
        input="y\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    _testing.set_clock(T0 * 1000)
    with aofstore.open(directory, aof_layout="single-file") as store:
        return dataset(StoreConnection(store))
