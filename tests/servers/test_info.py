"""INFO: the sections of a real server, fields that real servers have, values of the same kind."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

import aofstore
from tests.conftest import OpenStore
from tests.servers.connection import StoreConnection
from tests.servers.pool import shared
from tests.servers.process import KINDS

# Distributions of times: few commands are timed here.
ABSENT = {"Latencystats"}
# What only this log has, or what a server shows under other settings alone.
OURS = {
    "aofstore_version", "aof_commits", "aof_writes", "aof_fsyncs", "aof_synced_size", "aof_torn_bytes",
    "aof_write_errors", "aof_last_write_errno", "aof_latched", "aof_unsynced_milliseconds",
    "aof_waits_for_rewrite", "aof_rewrite_buffer_length", "aof_rewrite_buffer_memory",
    "aof_rewrite_buffer_memory_peak",
}  # fmt: skip
SERVERS_ARE_MISSING = {
    "redis": {"total_blocking_keys", "total_blocking_keys_on_nokey"},  # new in 7.2
    "valkey": {"redis_mode"},  # has another name there
}


@pytest.fixture
def ours(open_store: OpenStore, tmp_path: Path) -> aofstore.Store[bytes]:
    store = open_store()
    store.set("k", "v", ex=100)
    return store


@pytest.fixture(params=KINDS)
def theirs(request: pytest.FixtureRequest) -> Iterator[redis.Redis]:
    with redis.Redis(unix_socket_path=str(shared(request.param).socket)) as client:
        client.flushall()
        client.set("k", "v", ex=100)
        yield client


@pytest.mark.parametrize(
    "words",
    [
        "",
        "default",
        "all",
        "everything",
        "server CLIENTS",
        "keyspace server",
        "cluster",
        "nope",
        "nope stats",
    ],
)
def test_the_same_sections_in_the_same_order(ours: aofstore.Store[bytes], words: str) -> None:
    with shared("redis").connect() as server:
        server.execute("SET", "k", "v")
        told = [partner.execute("INFO", *words.split()) for partner in (StoreConnection(ours), server)]
    mine, other = (
        [line[2:] for line in text.decode().splitlines() if line.startswith("# ")] for text in told
    )
    assert mine == [section for section in other if section not in ABSENT]


def test_fields_are_a_servers_and_of_its_kind(
    ours: aofstore.Store[bytes], theirs: redis.Redis, request: pytest.FixtureRequest
) -> None:
    kind = request.node.callspec.params["theirs"]
    mine: dict[str, Any] = ours.info("everything")
    other: Any = theirs.info("everything")
    assert set(mine) - set(other) - OURS - SERVERS_ARE_MISSING[kind] == set()
    kinds = {name: (type(mine[name]), type(other[name])) for name in mine if name in other}
    assert {name: kind for name, kind in kinds.items() if kind[0] is not kind[1]} == {}


def test_resetstat_forgets_forks_and_rewrites(ours: aofstore.Store[bytes], theirs: redis.Redis) -> None:
    names = ("total_forks", "latest_fork_usec", "aof_rewrites")
    for client in (ours, theirs):
        client.config_resetstat()
        client.execute_command("BGREWRITEAOF")
        while (told := _info(client))["aof_rewrite_in_progress"]:
            time.sleep(0.01)
        assert (told["total_forks"], told["aof_rewrites"]) == (1, 1)
        assert told["latest_fork_usec"] > 0
        client.config_resetstat()
        assert [_info(client)[name] for name in names] == [0, 0, 0]


def _info(client: Any) -> dict[str, Any]:
    told: dict[str, Any] = client.info()
    return told


def test_errors_are_counted_as_a_server_counts_them(ours: aofstore.Store[bytes], theirs: redis.Redis) -> None:
    counted = []
    for client in (ours, theirs):
        client.config_resetstat()
        for words in (["NOPE"], ["GET"], ["LPUSH", "k", "v"], ["INCR", "k"], ["SET", "k", "v", "EX", "0"]):
            with pytest.raises((aofstore.ResponseError, redis.ResponseError)):
                client.execute_command(*words)
        client.execute_command("GET", "k")
        stats: Any = client.info("stats")
        codes: Any = client.info("errorstats")
        counted.append((codes, stats["total_error_replies"], stats["total_commands_processed"]))
    assert counted[0] == counted[1]
    assert counted[0] == ({"errorstat_ERR": {"count": 4}, "errorstat_WRONGTYPE": {"count": 1}}, 5, 5)


def test_calls_are_counted_by_command_as_a_server_counts_them(
    ours: aofstore.Store[bytes], theirs: redis.Redis
) -> None:
    counted = []
    for client in (ours, theirs):
        client.config_resetstat()
        client.delete("k", "h")
        for words in (["SET", "k", "v"], ["get", "k"], ["GET", "none"], ["HSET", "h", "f", "1"]):
            client.execute_command(*words)
        for words in (
            ["GET"],
            ["LPUSH", "k", "v"],
            ["NOPE"],
            ["CONFIG", "SET", "nope", "1"],
            ["CONFIG", "NOPE"],
        ):
            with pytest.raises((aofstore.ResponseError, redis.ResponseError)):
                client.execute_command(*words)
        with client.pipeline() as pipe:
            pipe.incr("n")
            pipe.lpush("k", 1)
            pipe.execute(raise_on_error=False)
        told: Any = client.info("commandstats")
        assert all(
            type(calls["usec"]) is int and type(calls["usec_per_call"]) is float for calls in told.values()
        )
        names = ("calls", "rejected_calls", "failed_calls")
        counted.append({command: [calls[name] for name in names] for command, calls in told.items()})
    # A pipeline is no MULTI and EXEC here, and a connection of theirs greets.
    unlike = (
        "cmdstat_multi",
        "cmdstat_exec",
        "cmdstat_client|setinfo",
        "cmdstat_client|setname",
        "cmdstat_hello",
    )
    for name in unlike:
        counted[1].pop(name, None)
    assert counted[0] == counted[1]
    assert counted[0]["cmdstat_get"] == [2, 1, 0]
    assert counted[0]["cmdstat_lpush"] == [2, 0, 2]
    assert counted[0]["cmdstat_config|set"] == [1, 0, 1]


def test_the_time_of_slow_commands_is_taken(ours: aofstore.Store[bytes]) -> None:
    ours.config_resetstat()
    ours.rpush("long", *range(50_000))
    ours.lpos("long", "none")
    ours.get("k")
    told: Any = ours.info("commandstats")
    assert told["cmdstat_lpos"]["usec"] > 0
    assert told["cmdstat_lpos"]["usec_per_call"] == told["cmdstat_lpos"]["usec"]
    assert told["cmdstat_get"]["usec"] == 0
    assert "cmdstat_get" not in ours.info()
    assert "cmdstat_get" in ours.info("all")
