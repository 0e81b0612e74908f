"""What the engine takes, opening must take back; what opening reads, must not take all memory."""

from __future__ import annotations

from pathlib import Path

import pytest

import aofstore
from tests.conftest import OpenStore
from tests.servers.resp import encode


def test_more_arguments_than_a_million_come_back(open_store: OpenStore) -> None:
    store = open_store()
    store.rpush("l", *[b""] * 1_100_000)
    store.close()
    assert open_store().llen("l") == 1_100_000


def test_an_argument_longer_than_the_limit_is_refused_not_logged(open_store: OpenStore) -> None:
    store = open_store(proto_max_bulk_len="1mb")
    for command in (("SET", "k", bytes((1 << 20) + 1)), ("SET", bytes((1 << 20) + 1), "v")):
        with pytest.raises(aofstore.ResponseError, match="proto-max-bulk-len"):
            store.execute_command(*command)
    store.set("k", bytes(1 << 20))
    store.close()
    assert open_store(proto_max_bulk_len="1mb").strlen("k") == 1 << 20


def test_a_log_written_under_a_larger_limit_is_read(open_store: OpenStore) -> None:
    store = open_store()
    store.set("k", bytes(2 << 20))
    store.append("k", b"x")
    store.close()
    assert open_store(proto_max_bulk_len="1mb").strlen("k") == (2 << 20) + 1


def test_p5_a_damaged_offset_of_setrange_is_refused(open_store: OpenStore, tmp_path: Path) -> None:
    directory = tmp_path / "data"
    directory.mkdir()
    log = encode([b"SELECT", b"0"]) + encode([b"SETRANGE", b"k", b"9000000000000000", b"x"])
    (directory / "appendonly.aof").write_bytes(log)
    with pytest.raises(aofstore.AofLoadError) as raised:
        open_store()
    assert raised.value.kind == "replay"
    assert (directory / "appendonly.aof").read_bytes() == log


def test_p5_a_read_in_the_log_is_passed_over(open_store: OpenStore, tmp_path: Path) -> None:
    directory = tmp_path / "data"
    directory.mkdir()
    log = encode([b"SADD", b"s", b"m"]) + encode([b"SRANDMEMBER", b"s", b"-4611686018427387904"])
    (directory / "appendonly.aof").write_bytes(log)
    assert open_store().smembers("s") == {b"m"}
