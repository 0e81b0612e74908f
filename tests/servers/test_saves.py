"""Saves side by side: their files in the servers, their replies and refusals beside the servers' own."""

from __future__ import annotations

import errno
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aofstore
from aofstore._core import _testing
from tests.conftest import OpenStore, StartServer
from tests.rewrite import child
from tests.servers.connection import Partner, StoreConnection
from tests.servers.dataset import compare, dataset
from tests.servers.process import Server, binary
from tests.servers.test_snapshots import READABLE, TYPES, fill

pytestmark = pytest.mark.xdist_group("children")

DUMP = "dump.rdb"


def save_in_the_background(store: aofstore.Store[bytes]) -> None:
    store.bgsave()
    child.until(lambda: not child.figure(store, "rdb_bgsave_in_progress"))
    assert child.figure(store, "rdb_last_bgsave_status") == "ok"


@pytest.mark.parametrize("background", [True, False])
@pytest.mark.parametrize(("kind", "version"), READABLE)
def test_what_is_saved_here_a_server_loads_and_checks(
    kind: str,
    version: int,
    background: bool,
    tmp_path: Path,
    open_store: OpenStore,
    start_server: StartServer,
) -> None:
    there = tmp_path / "there"
    store = open_store(
        there, appendonly=False, rdb_version=version, hash_max_listpack_entries=8, list_max_listpack_size=16
    )
    wanted = fill(StoreConnection(store), 17)
    assert {kind for kind, _, _ in wanted.values()} == TYPES
    if background:
        save_in_the_background(store)
    else:
        store.save()
    store.close()
    assert child.names(there) == [DUMP]
    checker = tmp_path / f"{kind}-check-rdb"
    checker.symlink_to(binary(kind))
    done = subprocess.run([str(checker), str(there / DUMP)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "Checksum OK" in done.stdout
    server = start_server(kind, directory=there)
    with server.connect() as connection:
        assert compare(wanted, dataset(connection)) == []


def compressible(partner: Partner) -> None:
    """Texts, alone and in every collection that keeps them in nodes, packs or tables."""
    words = ("user", "order", "http://example.com/item/", "status", "active", "2026-11-28T", "comment")
    for number in range(400):
        text = ", ".join(f"{word}={word}-{number}" for word in words)
        partner.execute("SET", f"a key with a rather long name:{number}", text * (1 + number % 7))
        partner.execute("RPUSH", f"list:{number % 10}", *[f"{text}:{each}" for each in range(5)])
        partner.execute("HSET", f"hash:{number % 40}", f"field:{number}", text[:60], number, "x" * 50)
        partner.execute("HSET", "table", text, text)
        partner.execute("SADD", f"set:{number % 20}", text, number)
        partner.execute("ZADD", f"zset:{number % 20}", number / 7, f"member of a set:{number}")


def test_a_dump_is_packed_as_small_as_a_servers_and_only_if_that_is_wanted(
    server_kind: str, tmp_path: Path, open_store: OpenStore, start_server: StartServer
) -> None:
    server = start_server(server_kind, "--save", "")
    store = open_store(tmp_path / "here", appendonly=False)
    here, sizes = StoreConnection(store), {}
    with server.connect() as there:
        compressible(here)
        compressible(there)
        for packed in ("yes", "no"):
            for partner, place in ((here, tmp_path / "here"), (there, server.directory)):
                assert partner.execute("CONFIG", "SET", "rdbcompression", packed) == "OK"
                assert partner.execute("SAVE") == "OK"
                sizes[partner, packed] = (place / DUMP).stat().st_size
        assert sizes[here, "yes"] < sizes[here, "no"] / 2
        assert sizes[here, "yes"] < sizes[there, "yes"] * 1.05
        assert sizes[here, "no"] < sizes[there, "no"] * 1.05
        for packed in ("no", "yes"):
            here.execute("CONFIG", "SET", "rdbcompression", packed)
            payload = store.dump("a key with a rather long name:6")
            assert payload is not None
            assert (len(payload) < 300) is (packed == "yes")
            assert there.execute("RESTORE", f"packed {packed}", 0, payload) == "OK"
            assert there.execute("GET", f"packed {packed}") == store.get("a key with a rather long name:6")


# Asked of both: what runs, then what is asked meanwhile.
MEANWHILE = [["BGREWRITEAOF"], ["BGSAVE"], ["BGSAVE", "SCHEDULE"], ["SAVE"], ["BGSAVE", "now"]]


def texts(partner: Partner) -> list[str]:
    def text(reply: object) -> str:
        return reply.decode() if isinstance(reply, bytes) else str(reply)

    return [text(partner.execute(*words)) for words in MEANWHILE]


def test_what_is_asked_during_a_save_is_answered_as_by_a_server(
    server_kind: str, open_store: OpenStore, start_server: StartServer
) -> None:
    server = start_server(server_kind, "--appendonly", "yes", "--rdb-key-save-delay", "50000")
    with server.connect() as connection:
        for number in range(100):
            connection.execute("SET", f"key:{number}", 1)
        patience = time.monotonic() + 30
        while str(connection.execute("BGSAVE")) != "Background saving started":
            assert time.monotonic() < patience
            time.sleep(0.05)
        theirs = texts(connection)
    store = open_store()
    store.set("a", 1)
    child.begin_save(store, pause="dumping")
    ours = texts(StoreConnection(store))
    child.resume()
    assert ours == theirs


def test_what_is_asked_during_a_rewrite_is_answered_as_by_a_server(
    server_kind: str, open_store: OpenStore, start_server: StartServer
) -> None:
    server = start_server(server_kind, "--appendonly", "yes")
    with server.connect() as connection:
        for number in range(100):
            connection.execute("SET", f"key:{number}", 1)
        connection.execute("CONFIG", "SET", "rdb-key-save-delay", 50_000)
        patience = time.monotonic() + 30
        while "started" not in str(connection.execute("BGREWRITEAOF")):
            assert time.monotonic() < patience
            time.sleep(0.05)
        # A SAVE would take its time there.
        theirs = [str(connection.execute(*words)) for words in MEANWHILE if words != ["SAVE"]]
    store = open_store()
    store.set("a", 1)
    child.begin(store, pause="dumping")
    asked = StoreConnection(store)
    ours = [str(asked.execute(*words)) for words in MEANWHILE if words != ["SAVE"]]
    child.resume()
    assert ours == theirs


REFUSED: list[list[str | int]] = [
    ["SET", "a", 2],
    ["PING"],
    ["GET", "a"],
    ["MULTI"],
    ["SET", "a", 3],
    ["EXEC"],
    ["SAVE"],
    ["SET", "a", 4],
]


def refusals(partner: Partner, fail: Callable[[], None], mend: Callable[[], None]) -> list[str]:
    """What is answered once a save has failed, and once the next has not."""
    partner.execute("SET", "a", 1)
    partner.execute("CONFIG", "SET", "save", "3600 100000")
    fail()
    told: list[Any] = []
    for words in REFUSED:
        if words == ["SAVE"]:
            mend()
        told.append(partner.execute(*words))
    return [reply.decode() if isinstance(reply, bytes) else str(reply) for reply in told]


def test_m01_to_m08_what_is_refused_after_a_failed_save_is_a_servers(
    open_store: OpenStore, tmp_path: Path
) -> None:
    with Server("redis", tmp_path / "server") as server, server.connect() as connection:

        def their_save_fails() -> None:
            server.directory.chmod(0o500)
            (server.directory / DUMP).mkdir()
            with server.connect() as other:
                other.execute("BGSAVE")
                patience = time.monotonic() + 30
                while "rdb_last_bgsave_status:err" not in str(other.execute("INFO", "persistence")):
                    assert time.monotonic() < patience
                    time.sleep(0.01)

        def their_disk_is_mended() -> None:
            (server.directory / DUMP).rmdir()

        theirs = refusals(connection, their_save_fails, their_disk_is_mended)
    store = open_store()

    def our_save_fails() -> None:
        with child.orders(fail="early-sync", errno=errno.EIO):
            store.bgsave()
            child.until(lambda: child.figure(store, "rdb_last_bgsave_status") == "err")
        _testing.child_plan()

    ours = refusals(StoreConnection(store), our_save_fails, lambda: None)
    assert ours == theirs
    assert ours[0].startswith("MISCONF Redis is configured to save RDB snapshots")
