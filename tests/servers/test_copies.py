"""What ``convert`` writes, real servers open: every layout, every base, key by key."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aofstore import copying
from tests.conftest import OpenStore, StartServer
from tests.servers.connection import StoreConnection
from tests.servers.dataset import compare, dataset
from tests.servers.process import aof_options
from tests.servers.workload import run

COMMANDS = 20_000
#: Redis 7.0 reads version 10 and older: that is why 10 is the default.
READABLE = [
    ("redis", "resp"),
    ("redis", "rdb10"),
    ("valkey", "resp"),
    ("valkey", "rdb10"),
    ("valkey", "rdb11"),
]


@pytest.mark.parametrize(("server_kind", "base"), READABLE)
@pytest.mark.parametrize("layout", copying.LAYOUTS)
def test_servers_open_what_is_converted(
    server_kind: str,
    layout: copying.Layout,
    base: copying.Base,
    tmp_path: Path,
    open_store: OpenStore,
    start_server: StartServer,
) -> None:
    store = open_store(
        aof_layout="single-file", appendfsync="no", list_max_listpack_size=16, hash_max_listpack_entries=8
    )
    run(StoreConnection(store), 11, COMMANDS)
    wanted = dataset(StoreConnection(store))
    store.close()
    copied = copying.copy(tmp_path / "data", tmp_path / "there", layout=layout, base=base)
    assert copied.keys == len(wanted)
    if base != "rdb11":  # which the checker of Redis 7.0 cannot read either
        check(tmp_path / "there", layout)
    server = start_server(server_kind, *aof_options(), directory=tmp_path / "there")
    with server.connect() as connection:
        assert compare(wanted, dataset(connection)) == []
        connection.execute("SET", "afterwards", 1)
    server.stop()
    server = start_server(server_kind, *aof_options(), directory=tmp_path / "there")
    with server.connect() as connection:
        assert connection.execute("GET", "afterwards") == b"1"


def test_their_snapshot_is_converted(
    server_kind: str, tmp_path: Path, open_store: OpenStore, start_server: StartServer
) -> None:
    """A dump.rdb that nobody else asked to be a log."""
    server = start_server(server_kind, "--save", "")
    with server.connect() as connection:
        run(connection, 5, COMMANDS)
        wanted = dataset(connection)
        assert connection.execute("SAVE") == "OK"
    server.stop()
    dump = server.directory / "dump.rdb"
    before = dump.read_bytes()
    copying.copy(dump, tmp_path / "here", layout="single-file")
    assert dump.read_bytes() == before
    store = open_store(tmp_path / "here", aof_layout="single-file")
    assert compare(dataset(StoreConnection(store)), wanted) == []


def test_what_has_no_place_here_is_left_out_on_request(tmp_path: Path, start_server: StartServer) -> None:
    server = start_server("redis", "--save", "")
    with server.connect() as connection:
        connection.execute("XADD", "stream", "*", "field", "value")
        connection.execute("SET", "kept", 1)
        assert connection.execute("SAVE") == "OK"
    server.stop()
    words = [sys.executable, "-m", "aofstore", "convert", str(server.directory / "dump.rdb")]
    words += [str(tmp_path / "copy"), "--layout", "single-file"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "stream" in done.stderr
    done = subprocess.run([*words, "--skip-unknown-types"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "stream" in done.stderr
    assert b"kept" in (tmp_path / "copy" / "appendonly.aof").read_bytes()


def check(directory: Path, layout: copying.Layout) -> None:
    """redis-check-aof has no complaint."""
    tool = shutil.which("redis-check-aof")
    assert tool is not None, "redis-check-aof is missing: apt-get install redis-tools"
    name = "appendonlydir/appendonly.aof.manifest" if layout == "multi-part" else "appendonly.aof"
    done = subprocess.run([tool, str(directory / name)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
