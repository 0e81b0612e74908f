"""Logs change hands: a server's log is opened here, ours is taken over by a server, and no key differs."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.conftest import OpenStore, StartServer
from tests.servers.connection import StoreConnection
from tests.servers.dataset import Dataset, compare, dataset
from tests.servers.process import Server, aof_options, server_log
from tests.servers.resp import records
from tests.servers.workload import run

COMMANDS = 200_000
CLIENTS = 4


def _written_by(server: Server, count: int) -> tuple[bytes, Dataset]:
    """The log that a server wrote with several clients at work, and its data."""

    def client(seed: int) -> None:
        with server.connect() as connection:
            run(connection, seed, count // CLIENTS)

    threads = [threading.Thread(target=client, args=(seed,)) for seed in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with server.connect() as connection:
        wanted = dataset(connection)
    server.stop()
    return server_log(server.directory), wanted


def _file(directory: Path, log: bytes) -> Path:
    directory.mkdir()
    (directory / "appendonly.aof").write_bytes(log)
    return directory


def test_load_their_log(
    server_kind: str, tmp_path: Path, open_store: OpenStore, start_server: StartServer
) -> None:
    log, wanted = _written_by(start_server(server_kind, *aof_options()), COMMANDS)
    names = {args[0].upper() for _, args in records(log)}
    assert {b"SELECT", b"MULTI", b"EXEC", b"PEXPIREAT", b"ZADD", b"HSET", b"RPUSH", b"SADD", b"SET"} <= names
    assert {kind for kind, _, _ in wanted.values()} == {"string", "list", "set", "zset", "hash"}
    assert sum(expiry > 0 for _, _, expiry in wanted.values()) > 100
    store = open_store(_file(tmp_path / "here", log))
    assert store.load_report.commands >= 100_000
    assert store.load_report.truncations == ()
    assert compare(dataset(StoreConnection(store)), wanted) == []


def test_load_our_log(
    server_kind: str, tmp_path: Path, open_store: OpenStore, start_server: StartServer
) -> None:
    store = open_store(appendfsync="no")
    run(StoreConnection(store), 7, COMMANDS)
    wanted = dataset(StoreConnection(store))
    store.close()
    log = (tmp_path / "data" / "appendonly.aof").read_bytes()
    server = start_server(server_kind, *aof_options(), directory=_file(tmp_path / "there", log))
    with server.connect() as connection:
        assert compare(wanted, dataset(connection)) == []


def test_load_our_rewritten_log(
    server_kind: str, tmp_path: Path, open_store: OpenStore, start_server: StartServer
) -> None:
    """Rewritten while a client writes, every type in every encoding: no key differs, here or there."""
    store = open_store(appendfsync="no", list_max_listpack_size=16, hash_max_listpack_entries=8)
    connection = StoreConnection(store)
    run(connection, 7, COMMANDS // 8)
    for turn in range(3):
        store.bgrewriteaof()
        run(connection, 8 + turn, COMMANDS // 16)
        report = store.wait_rewrite()
        assert report is not None
        assert report.difference_bytes > 0
    wanted = dataset(connection)
    store.close()
    log = (tmp_path / "data" / "appendonly.aof").read_bytes()
    assert {b"HMSET", b"RPUSH", b"SADD", b"ZADD", b"PEXPIREAT"} <= {args[0] for _, args in records(log)}
    assert compare(wanted, dataset(StoreConnection(open_store()))) == []
    server = start_server(server_kind, *aof_options(), directory=_file(tmp_path / "there", log))
    with server.connect() as there:
        assert compare(wanted, dataset(there)) == []


def test_there_and_back(
    server_kind: str, tmp_path: Path, open_store: OpenStore, start_server: StartServer
) -> None:
    """Each side goes on where the other one stopped, twice."""
    log = b""
    for turn in range(2):
        directory = _file(tmp_path / f"here{turn}", log)
        store = open_store(directory)
        run(StoreConnection(store), turn, 2_000)
        store.close()
        log = (directory / "appendonly.aof").read_bytes()
        server = start_server(server_kind, *aof_options(), directory=_file(tmp_path / f"there{turn}", log))
        log, wanted = _written_by(server, 2_000)
        found = open_store(_file(tmp_path / f"back{turn}", log))
        assert compare(dataset(StoreConnection(found)), wanted) == []


@pytest.mark.parametrize("kind", ["redis", "valkey"])
def test_a_server_reads_its_own_log_back(kind: str, tmp_path: Path, start_server: StartServer) -> None:
    """The control of this module: the comparison itself is sound between two servers of one kind."""
    log, wanted = _written_by(start_server(kind, *aof_options()), 20_000)
    server = start_server(kind, *aof_options(), directory=_file(tmp_path / "again", log))
    with server.connect() as connection:
        assert compare(dataset(connection), wanted) == []
        connection.execute("SET", "extra", 1)
        assert compare(dataset(connection), wanted) != []
