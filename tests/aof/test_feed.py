"""T-01, T-13, T-22: the records that commands leave."""

from __future__ import annotations

from pathlib import Path

import pytest

import aofstore
from aofstore._core import _testing
from tests.conftest import OpenStore
from tests.servers.replies import command_line
from tests.servers.resp import encode, records

pytestmark = pytest.mark.quick

T0 = 1_700_000_000_000
SETEX = (
    b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"
    b"*5\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n$4\r\nPXAT\r\n$13\r\n1700000010000\r\n"
)


def log_of(directory: Path) -> list[str]:
    data = (directory / "data" / "appendonly.aof").read_bytes()
    return [command_line(args) for _, args in records(data)]


def test_t01_setex_is_one_record(open_store: OpenStore, tmp_path: Path) -> None:
    _testing.set_clock(T0)
    store = open_store()
    store.setex(b"k", 10, b"v")
    store.flush()
    assert (tmp_path / "data" / "appendonly.aof").read_bytes() == SETEX


@pytest.mark.parametrize(
    "command",
    [
        ("PSETEX", "k", 10_000, "v"),
        ("SET", "k", "v", "EX", 10),
        ("SET", "k", "v", "PX", 10_000),
        ("SET", "k", "v", "EXAT", T0 // 1000 + 10),
        ("GETEX", "k", "EX", 10),
        ("GETEX", "k", "PX", 10_000),
        ("EXPIRE", "k", 10),
        ("PEXPIRE", "k", 10_000),
        ("EXPIREAT", "k", T0 // 1000 + 10),
        ("PEXPIREAT", "k", T0 + 10_000),
    ],
    ids=lambda command: f"{command[0]}-{len(command)}",
)
def test_t01_every_expiry_is_absolute(
    open_store: OpenStore, tmp_path: Path, command: tuple[str | int, ...]
) -> None:
    _testing.set_clock(T0)
    store = open_store()
    store.set("k", "v")
    store.execute_command(*command)
    last = log_of(tmp_path)[-1]
    assert last in (f"SET k v PXAT {T0 + 10_000}", f"PEXPIREAT k {T0 + 10_000}")
    assert store.pexpiretime("k") == T0 + 10_000
    store.close()
    assert open_store().pexpiretime("k") == T0 + 10_000


def test_t01_a_time_in_the_past_is_a_del(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store()
    store.set("k", "v")
    assert store.expire("k", -1)
    assert log_of(tmp_path)[1:] == ["SET k v", "DEL k"]


def test_t13_select_only_when_the_database_changes(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store()
    for number in (0, 0, 5, 5, 15, 0):
        store.db(number).execute_command("INCR", "n")
        store.db(7).get("n")
    data = (tmp_path / "data" / "appendonly.aof").read_bytes()
    assert [args[1] for _, args in records(data) if args[0] == b"SELECT"] == [b"0", b"5", b"15", b"0"]
    assert b"$2\r\n15\r\n" in data
    store.close()
    open_store().execute_command("INCR", "n")
    assert log_of(tmp_path)[-2:] == ["SELECT 0", "INCR n"]


def test_t22_a_transaction_is_one_block(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store()
    with store.pipeline(transaction=True) as pipe:
        pipe.set("a", 1)
        pipe.execute_command("INCR", "b")
        pipe.get("a")
        pipe.rpush("c", "x")
        pipe.execute()
    block = log_of(tmp_path)
    assert sorted(block[:2]) == ["MULTI", "SELECT 0"]
    assert block[2:] == ["SET a 1", "INCR b", "RPUSH c x", "EXEC"]


def test_t22_reading_transactions_leave_nothing(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store()
    with store.pipeline(transaction=True) as pipe:
        pipe.get("a")
        pipe.exists("b")
        pipe.execute()
    path = tmp_path / "data" / "appendonly.aof"
    assert not path.exists() or path.read_bytes() == b""


def test_t22_an_error_inside_keeps_the_rest(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store()
    with store.pipeline(transaction=True) as pipe:
        pipe.set("a", "x")
        pipe.incr("a")
        pipe.set("b", "y")
        replies = pipe.execute(raise_on_error=False)
    assert isinstance(replies[1], aofstore.ResponseError)
    assert [line for line in log_of(tmp_path) if line.startswith("SET ")] == ["SET a x", "SET b y"]


def test_t22_an_open_block_is_never_seen_and_never_swallows(open_store: OpenStore, tmp_path: Path) -> None:
    """L-27: what is written after an open MULTI must survive the next load, and the one after."""
    store = open_store()
    store.set("before", 1)
    store.close()
    with (tmp_path / "data" / "appendonly.aof").open("ab") as file:
        file.write(encode([b"MULTI"]) + encode([b"SET", b"half", b"1"]) + encode([b"INCR", b"before"]))
    store = open_store()
    assert (store.get("half"), store.get("before")) == (None, b"1")
    assert len(store.load_report.truncations) == 1
    store.set("x", "y")
    for _ in range(2):
        store.close()
        store = open_store()
        assert (store.get("x"), store.get("half"), store.get("before")) == (b"y", None, b"1")
        assert store.load_report.truncations == ()


def test_commands_that_change_nothing_leave_nothing(open_store: OpenStore, tmp_path: Path) -> None:
    """F-01."""
    store = open_store()
    store.set("k", "v")
    before = log_of(tmp_path)
    store.delete("none")
    store.expire("none", 10)
    store.persist("k")
    store.set("k", "w", nx=True)
    store.get("k")
    with pytest.raises(aofstore.ResponseError):
        store.incr("k")
    assert log_of(tmp_path) == before
