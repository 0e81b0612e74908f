"""Snapshots change hands: what a server saved is opened here, what was written here a server loads."""

from __future__ import annotations

import shutil
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

import aofstore
from aofstore._core import _testing
from tests.conftest import OpenStore, StartServer
from tests.servers.connection import Partner, StoreConnection
from tests.servers.dataset import Dataset, compare, dataset
from tests.servers.process import HAS_SINGLE_FILE, KINDS, SINGLE_FILE, aof_options, binary, server_log
from tests.servers.workload import run

COMMANDS = 20_000
TYPES = {"string", "list", "set", "zset", "hash"}
#: The old names, which every server still takes.
SMALL = {
    "hash-max-ziplist-entries": 8,
    "list-max-ziplist-size": 16,
    "set-max-intset-entries": 16,
    "zset-max-ziplist-entries": 8,
}
#: Redis 6.2 writes ziplists, and tells no deadlines but what is left of them.
SAVERS = [(kind, 0) for kind in KINDS] + ([(SINGLE_FILE, 3000)] if HAS_SINGLE_FILE else [])
EXTREMES: list[list[str | int | bytes]] = [
    ["SET", b"\x00\xff\r\n", b"\x00" * 100],
    ["SET", "compressible", "ab" * 5000],
    ["SET", "empty", ""],
    ["SET", "min", -(2**63)],
    ["SET", "leading", "007"],
    ["ZADD", "extremes", "inf", "a", "-inf", "b", "5e-324", "c", "1.7976931348623157e308", "d", "-0", "e"],
    ["RPUSH", "plain", "x" * 100_000, 1, "y" * 100_000],
    ["SADD", "wide", 1, 2**40, -(2**62)],
    ["HSET", "pack", "", "", "1", "-1", "f", b"\xff" * 60],
    ["PEXPIREAT", "pack", 4_102_444_800_123],
]


def fill(partner: Partner, seed: int) -> Dataset:
    """A data set with every type in every encoding, and what is in it."""
    run(partner, seed, COMMANDS)
    partner.execute("SELECT", 0)
    for command in EXTREMES:
        reply = partner.execute(*command)
        assert not isinstance(reply, Exception), (command, reply)
    return dataset(partner)


def snapshot(store: aofstore.Store[bytes], version: int) -> bytes:
    return _testing.snapshot(store._lifetime.engine, version)  # type: ignore[no-any-return]


#: Redis 7.0 reads version 10 and older: that is why 10 is the default.
READABLE = [("redis", 10), ("valkey", 10), ("valkey", 11)]


@pytest.mark.parametrize(("kind", "version"), READABLE)
def test_what_is_written_here_a_server_loads(
    kind: str, version: int, tmp_path: Path, open_store: OpenStore, start_server: StartServer
) -> None:
    store = open_store(hash_max_listpack_entries=8, list_max_listpack_size=16, zset_max_listpack_entries=8)
    wanted = fill(StoreConnection(store), 3)
    assert {kind for kind, _, _ in wanted.values()} == TYPES
    there = tmp_path / "there"
    there.mkdir()
    (there / "dump.rdb").write_bytes(snapshot(store, version))
    server = start_server(kind, directory=there)
    with server.connect() as connection:
        assert compare(wanted, dataset(connection)) == []


@pytest.mark.parametrize("compressed", ["yes", "no"])
@pytest.mark.parametrize(("kind", "slack"), SAVERS)
def test_what_a_server_saved_is_opened_here(
    kind: str,
    slack: int,
    compressed: str,
    tmp_path: Path,
    open_store: OpenStore,
    start_server: StartServer,
) -> None:
    server = start_server(kind, "--rdbcompression", compressed)
    with server.connect() as connection:
        for name, limit in SMALL.items():
            assert connection.execute("CONFIG", "SET", name, limit) == "OK"
        wanted = fill(connection, 5)
        assert connection.execute("SAVE") == "OK"
    here = tmp_path / "here"
    here.mkdir()
    shutil.copy(server.directory / "dump.rdb", here / "appendonly.aof")
    store = open_store(here)
    assert store.load_report.truncations == ()
    assert compare(dataset(StoreConnection(store)), wanted, slack) == []
    store.close()
    # And what was added behind the snapshot is there again too.
    with aofstore.open(here) as again:
        again.set("behind", 1)
    again = open_store(here)
    assert again.load_report.commands == 2
    assert again.get("behind") == b"1"


def test_a_server_checks_our_snapshots(tmp_path: Path, open_store: OpenStore) -> None:
    """Both servers' own checkers; their binaries are their checkers under another name."""
    store = open_store()
    fill(StoreConnection(store), 11)
    for kind, version in READABLE:
        path = tmp_path / "dump.rdb"
        path.write_bytes(snapshot(store, version))
        checker = tmp_path / f"{kind}-check-rdb"
        checker.unlink(missing_ok=True)
        checker.symlink_to(binary(kind))
        done = subprocess.run([str(checker), str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
        assert "Checksum OK" in done.stdout


def test_payloads_of_dump_change_hands(
    server_kind: str, tmp_path: Path, open_store: OpenStore, start_server: StartServer
) -> None:
    """RESTORE there takes what DUMP gave here, RESTORE here what DUMP gave there, key by key."""
    server = start_server(server_kind)
    store = open_store(appendfsync="no", zset_max_listpack_entries=8, list_max_listpack_size=16)
    with server.connect() as there:
        here = StoreConnection(store)
        wanted = fill(here, 17)
        for (database, key), (_, _, expiry) in wanted.items():
            payload = store.db(database).dump(key)
            assert payload is not None
            there.execute("SELECT", database)
            assert there.execute("RESTORE", key, max(expiry, 0), payload, "ABSTTL") == "OK"
        assert compare(dataset(there), wanted) == []
        assert here.execute("FLUSHALL") == "OK"
        for (database, key), (_, _, expiry) in wanted.items():
            there.execute("SELECT", database)
            payload = there.execute("DUMP", key)
            assert store.db(database).restore(key, max(expiry, 0), payload, absttl=True) == b"OK"
        assert compare(dataset(here), wanted) == []
    store.close()
    # What was logged are commands, which any version reads.
    assert compare(dataset(StoreConnection(open_store())), wanted) == []
    log = b"".join(part.read_bytes() for part in (tmp_path / "data" / "appendonlydir").iterdir())
    assert b"RPUSH" in log and b"RESTORE" not in log


def test_a_log_with_restore_in_it_is_read(
    server_kind: str, tmp_path: Path, open_store: OpenStore, start_server: StartServer
) -> None:
    """Servers log RESTORE as it came, with the payload of their version."""
    server = start_server(server_kind, *aof_options())
    with server.connect() as connection:
        connection.execute("RPUSH", "l", *range(300))
        payload = connection.execute("DUMP", "l")
        assert connection.execute("RESTORE", "copy", 0, payload) == "OK"
        assert connection.execute("RESTORE", "volatile", 10_000_000, payload) == "OK"
        wanted = dataset(connection)
    server.stop()
    log = server_log(server.directory)
    assert b"RESTORE" in log
    here = tmp_path / "here"
    here.mkdir()
    (here / "appendonly.aof").write_bytes(log)
    assert compare(dataset(StoreConnection(open_store(here))), wanted) == []


def test_what_has_no_place_here_is_named_or_left_out(
    server_kind: str, tmp_path: Path, open_store: OpenStore, start_server: StartServer
) -> None:
    """Streams, functions and, from Valkey, fields that expire, among keys that are to be read."""
    server = start_server(server_kind)
    names = {"stream": b"a stream", "function": b"a library of functions"}
    with server.connect() as there:
        there.execute("SET", "before", 1)
        there.execute("XADD", "stream", "*", "f", "v")
        there.execute("XGROUP", "CREATE", "stream", "group", 0)
        there.execute("XREADGROUP", "GROUP", "group", "me", "STREAMS", "stream", ">")
        for number in range(300):
            there.execute("XADD", "long", "*", "n", number, "text", "some text " * (number % 20))
        for group in ("first", "second", "idle"):
            there.execute("XGROUP", "CREATE", "long", group, 0)
            there.execute("XGROUP", "CREATECONSUMER", "long", group, "nobody")
        for group, count in (("first", 100), ("second", 7)):
            for consumer in ("me", "you"):
                there.execute("XREADGROUP", "GROUP", group, consumer, "COUNT", count, "STREAMS", "long", ">")
        there.execute("XTRIM", "long", "MAXLEN", 250)
        there.execute("XADD", "empty", "*", "f", "v")
        there.execute("XTRIM", "empty", "MAXLEN", 0)
        there.execute("FUNCTION", "LOAD", "#!lua name=l\nredis.register_function('f', function() end)")
        if server_kind == "valkey":
            there.execute("HSET", "fields", "a", 1, "b", 2)
            there.execute("HEXPIRE", "fields", 10_000, "FIELDS", 1, "a")
            for number in range(2000):
                there.execute("HSET", "many", f"field:{number}", "value " * (number % 9))
            there.execute("HEXPIRE", "many", 10_000, "FIELDS", 3, "field:1", "field:2", "field:3")
            names["fields"] = b"a hash with fields that expire"
        there.execute("RPUSH", "after", "x")
        assert there.execute("SAVE") == "OK"
    here = tmp_path / "here"
    here.mkdir()
    shutil.copy(server.directory / "dump.rdb", here / "dump.rdb")
    with pytest.raises(aofstore.AofLoadError) as caught:
        open_store(here, appendonly=False)
    assert caught.value.kind == "unsupported"
    assert any(name.decode() in str(caught.value) for name in names.values())
    with open_store(here, appendonly=False, unknown_types="skip") as store:
        assert sorted(store.keys()) == [b"after", b"before"]
        left_out = store.info("persistence")
        assert (left_out["rdb_last_load_keys_loaded"], left_out["rdb_last_load_keys_expired"]) == (2, 0)


def test_what_expired_while_the_snapshot_lay_there_is_counted_as_by_a_server(
    server_kind: str, tmp_path: Path, open_store: OpenStore, start_server: StartServer
) -> None:
    """Left out of a snapshot that is the data; kept where a log follows, whose commands saw it."""
    here, there, log = tmp_path / "here", tmp_path / "there", tmp_path / "log"
    store = open_store(here, appendonly=False)
    store.rpush("l", 1, 2, 3)
    store.hset("table", mapping={f"field:{number}": "v" * 70 for number in range(100)})
    store.set("later", 1, exat=4_102_444_800)
    for number in range(10):
        store.set(f"soon:{number}", "v" * number, px=1000)
    store.save()
    store.close()
    for place, name in ((there, "dump.rdb"), (log, "appendonly.aof")):
        place.mkdir()
        shutil.copy(here / "dump.rdb", place / name)
    time.sleep(1.1)
    names = ("rdb_last_load_keys_loaded", "rdb_last_load_keys_expired")
    with start_server(server_kind, directory=there).connect() as connection:
        told = connection.execute("INFO", "persistence")
        lines = (told if isinstance(told, str) else told.decode()).splitlines()
        theirs = [int(line.split(":")[1]) for name in names for line in lines if line.startswith(name)]
    ours = open_store(here, appendonly=False).info("persistence")
    assert [ours[name] for name in names] == theirs == [3, 10]
    kept = open_store(log).info("persistence")
    assert [kept[name] for name in names] == [13, 0]
    seen = aofstore.open(there, appendonly=False, until=datetime.now(UTC))
    assert (seen.dbsize(), [seen.info("persistence")[name] for name in names]) == (13, [13, 0])
    seen.close()


@pytest.mark.slow
def test_a_huge_collection_that_was_restored_is_one_command_that_everybody_reads(
    server_kind: str, tmp_path: Path, open_store: OpenStore, start_server: StartServer
) -> None:
    """More words than Redis once took from a client; the readers of logs take as many as there are."""
    fields = 600_000
    here, there = tmp_path / "here", tmp_path / "there"
    with open_store(here, aof_layout="single-file", appendfsync="no") as store:
        for start in range(0, fields, 100_000):
            pairs = {f"field:{number}": number for number in range(start, start + 100_000)}
            store.hset("h", mapping=pairs)
        payload = store.dump("h")
        assert payload is not None
        assert store.restore("again", 0, payload)
        store.delete("h")
    assert b"*%d\r\n$4\r\nHSET\r\n$5\r\nagain" % (2 + 2 * fields) in (here / "appendonly.aof").read_bytes()
    there.mkdir()
    shutil.copy(here / "appendonly.aof", there)
    with open_store(here, aof_layout="single-file") as store:
        assert (store.hlen("again"), store.hget("again", "field:77777")) == (fields, b"77777")
    server = start_server(server_kind, *aof_options(), directory=there)
    with server.connect() as connection:
        assert connection.execute("HLEN", "again") == fields
        assert connection.execute("HGET", "again", "field:77777") == b"77777"


def test_a_payload_that_unpacks_to_more_than_a_log_may_hold_is_refused(open_store: OpenStore) -> None:
    store = open_store(proto_max_bulk_len="1mb")
    for length in (1 << 20, (1 << 20) + 1):
        value = b"x" * length
        for name, *words in (
            ("SET", value),
            ("RPUSH", 1, value, 2),
            ("SADD", value, 2),
            ("ZADD", 1, value),
            ("HSET", "f", value),
        ):
            with aofstore.open(None) as other:
                other.execute_command(name, "k", *words)
                payload = other.dump("k")
            assert payload is not None
            assert len(payload) < 20_000
            store.set(name, "old")
            if length == 1 << 20:
                assert store.restore(name, 0, payload, replace=True)
                continue
            with pytest.raises(aofstore.ResponseError, match="proto-max-bulk-len"):
                store.restore(name, 0, payload, replace=True)
            assert store.get(name) == b"old"
