"""Views as of a moment, of our logs beside the checker of Redis, and of the logs of real servers."""

from __future__ import annotations

import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import aofstore
from aofstore import copying
from aofstore._core import _testing
from aofstore.moment import View
from tests.check.places import photograph
from tests.conftest import StartServer
from tests.servers.connection import StoreConnection
from tests.servers.dataset import Dataset, compare, dataset
from tests.servers.process import aof_options
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


def test_a_servers_directory_is_viewed_and_copied_as_of_then(
    server_kind: str, tmp_path: Path, start_server: StartServer
) -> None:
    """With the base that each server writes by default, its own times, and not a file touched."""
    server = start_server(server_kind, "--appendonly", "yes", "--aof-timestamp-enabled", "yes")
    with server.connect() as connection:
        run(connection, 1, 2_000)
        wanted = dataset(connection)
        second = int(time.time()) + 1
        time.sleep(second - time.time() + 0.2)
        run(connection, 2, 2_000)
        later = dataset(connection)
    server.stop()
    then = datetime.fromtimestamp(second, UTC) - timedelta(milliseconds=1)
    before = photograph(server.directory)
    with aofstore.open(server.directory, until=then, aof_layout="multi-part") as store:
        assert compare(dataset(StoreConnection(store)), wanted) == []
    with aofstore.open(
        server.directory, until=datetime.now(UTC) + timedelta(days=1), aof_layout="multi-part"
    ) as store:
        assert compare(dataset(StoreConnection(store)), later) == []
    copying.copy(server.directory, tmp_path / "copy", view=View.of(then))
    assert photograph(server.directory) == before
    with pytest.raises(aofstore.AofLoadError, match=r"base\.rdb") as caught:
        aofstore.open(server.directory, until=datetime(2020, 1, 1, tzinfo=UTC), aof_layout="multi-part")
    assert caught.value.kind == "unsupported"
    again = start_server(server_kind, *aof_options(), directory=tmp_path / "copy")
    with again.connect() as connection:
        assert compare(dataset(connection), wanted) == []
