"""The latency monitor against real servers: the same commands, the same shapes, the same picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

import aofstore
from aofstore._core import _testing
from tests.servers.clock import ServerClock
from tests.servers.connection import ServerConnection, StoreConnection
from tests.servers.pool import shared
from tests.servers.process import Server

THRESHOLD_MS = 100
SLEEP = "0.11"
START_MS = 1_700_000_000_000
STEPS_MS = [0, 400, 700, 1000, 61_000, 3_700_000, 90_000_000, 200_000_000]
"""Between one spike and the next: within one second, and the next second, minute, hour and day."""


def test_a_sleep_is_a_command_event_here_and_there(server: ServerConnection) -> None:
    with aofstore.open() as store:
        shapes = []
        for partner in (StoreConnection(store), server):
            partner.execute("LATENCY", "RESET")
            partner.execute("CONFIG", "SET", "latency-monitor-threshold", THRESHOLD_MS)
            try:
                partner.execute("DEBUG", "SLEEP", SLEEP)
                latest = partner.execute("LATENCY", "LATEST")
                history = partner.execute("LATENCY", "HISTORY", "command")
                assert partner.execute("LATENCY", "RESET", "command", "nope") == 1
            finally:
                partner.execute("CONFIG", "SET", "latency-monitor-threshold", 0)
            (event,) = (each for each in latest if each[0] == b"command")
            assert history == [event[1:3]]
            assert THRESHOLD_MS <= event[2] <= event[3]
            shapes.append([type(part) for part in event[:4]])  # Valkey tells two more
        assert shapes[0] == shapes[1]


def test_a_graph_is_a_servers_graph(tmp_path: Path) -> None:
    """A Valkey with a clock of ours makes spikes; the same ones in a store draw the same picture."""
    clock = ServerClock(tmp_path / "clock", START_MS)
    now = START_MS
    with (
        Server("valkey", tmp_path / "there", env=clock.env) as server,
        server.connect() as there,
        aofstore.open() as store,
    ):
        there.execute("CONFIG", "SET", "latency-monitor-threshold", 2)
        for number, step in enumerate([*STEPS_MS, *[1000] * 100]):
            now += step
            clock.set(now)
            there.execute("DEBUG", "SLEEP", 0.002 + number % 7 / 500)
            if number in (0, 2, 5, 7) or number > 105:
                _compare(store, there, now)


def _compare(store: aofstore.Store[bytes], there: ServerConnection, now: int) -> None:
    here = StoreConnection(store)
    history: list[list[int]] = there.execute("LATENCY", "HISTORY", "command")
    here.execute("LATENCY", "RESET")
    here.execute("CONFIG", "SET", "latency-monitor-threshold", 1)
    for at, ms in history:
        _testing.set_clock(at * 1000)
        _testing.sample_latency(store._lifetime.engine, "command", ms)
    _testing.set_clock(now)
    assert here.execute("LATENCY", "HISTORY", "command") == history
    assert here.execute("LATENCY", "GRAPH", "command") == there.execute("LATENCY", "GRAPH", "command")


@pytest.mark.parametrize("decode", [False, True], ids=["bytes", "str"])
def test_the_methods_are_redis_pys(open_store: Callable[..., aofstore.Store[Any]], decode: bool) -> None:
    store = open_store(decode_responses=decode, latency_monitor_threshold=THRESHOLD_MS)
    with redis.Redis(unix_socket_path=str(shared("redis").socket), decode_responses=decode) as client:
        client.latency_reset()
        client.config_set("latency-monitor-threshold", THRESHOLD_MS)
        outcomes = []
        try:
            for each in (client, store):
                before = each.latency_latest(), each.latency_history("command"), each.latency_reset()
                each.execute_command("DEBUG", "SLEEP", SLEEP)
                ((name, at, ms, most),) = each.latency_latest()
                assert each.latency_history("command") == [[at, ms]] and most == ms >= THRESHOLD_MS
                outcomes.append((before, name, each.latency_reset("nope"), each.latency_reset("command")))
        finally:
            client.config_set("latency-monitor-threshold", 0)
        assert outcomes[0] == outcomes[1] == (([], [], 0), "command" if decode else b"command", 0, 1)
