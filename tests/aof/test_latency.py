"""T-25: the events of theme 16 appear when something is slow and the monitor is on, and only then."""

from __future__ import annotations

from typing import Any

import pytest

import aofstore
from aofstore._core import _testing
from tests.conftest import OpenStore
from tests.crash.faults import faults

DELAY_MS = 30
THRESHOLD_MS = 20
START_MS = 1_700_000_000_000


def events(store: aofstore.Store[bytes]) -> set[str]:
    return {event.decode() for event, *_ in store.latency_latest()}


def slow_write(store: aofstore.Store[bytes], plan: Any, call: str = "write") -> None:
    plan.add(call, mode="delay", delay_ms=DELAY_MS)
    store.set("k", 1)


@pytest.mark.parametrize("policy", ["everysec", "no", "always"])
def test_t25_x07_x08_a_slow_write_is_named_by_its_reason(open_store: OpenStore, policy: str) -> None:
    with faults() as plan:
        store = open_store(appendfsync=policy, latency_monitor_threshold=THRESHOLD_MS)
        slow_write(store, plan)
        assert {"aof-write", "aof-write-alone"} <= events(store)
        assert not events(store) & {"aof-write-pending-fsync", "aof-write-active-child"}
        ((_, ms),) = store.latency_history("aof-write")
        assert ms >= DELAY_MS
        assert store.latency_history("aof-write") == store.latency_history("aof-write-alone")


def test_t25_x08_a_write_beside_a_running_sync_waits_for_it(open_store: OpenStore) -> None:
    with faults() as plan:
        store = open_store(appendfsync="everysec", latency_monitor_threshold=THRESHOLD_MS)
        plan.add("sync", mode="delay", delay_ms=1500, sticky=True)
        for _ in range(400):
            slow_write(store, plan)
            if "aof-write-pending-fsync" in events(store):
                break
        assert "aof-write-pending-fsync" in events(store)
        plan.clear()


def test_t25_x09_a_slow_sync_under_always(open_store: OpenStore) -> None:
    with faults() as plan:
        store = open_store(appendfsync="always", latency_monitor_threshold=THRESHOLD_MS)
        slow_write(store, plan, "sync")
        assert "aof-fsync-always" in events(store)


@pytest.mark.parametrize("policy", ["everysec", "always"])
def test_t25_nothing_at_threshold_0_and_from_then_on_when_it_is_set(
    open_store: OpenStore, policy: str
) -> None:
    with faults() as plan:
        store = open_store(appendfsync=policy)
        for call in ("write", "sync"):
            slow_write(store, plan, call)
        store.execute_command("DEBUG", "SLEEP", "0.03")
        assert events(store) == set()
        plan.clear()
        store.config_set("latency-monitor-threshold", THRESHOLD_MS)
        slow_write(store, plan)
        assert "aof-write" in events(store)
        store.config_set("latency-monitor-threshold", 0)
        before = store.latency_history("aof-write")
        slow_write(store, plan)
        assert store.latency_history("aof-write") == before


def test_x07_a_write_that_fails_is_sampled_too(open_store: OpenStore) -> None:
    with faults() as plan:
        store = open_store(latency_monitor_threshold=THRESHOLD_MS)
        plan.add("write", errno=28, delay_ms=DELAY_MS)
        with pytest.raises(aofstore.AofWriteError):
            store.set("k", 1)
        assert "aof-write" in events(store)


def test_x13_a_second_is_one_sample_and_160_are_kept() -> None:
    with aofstore.open(latency_monitor_threshold=10) as store:
        for number in range(200):
            for ms in (9, 10, 500 - number, 11):
                _testing.set_clock(START_MS + number * 1000)
                _testing.sample_latency(store._lifetime.engine, "fork", ms)
        history = store.latency_history("fork")
        seconds = [START_MS // 1000 + number for number in range(200)]
        assert history == [[at, 500 - number] for number, at in enumerate(seconds)][-160:]
        assert store.latency_latest() == [[b"fork", seconds[-1], 301, 500]]
        assert store.latency_reset() == 1


def test_the_doctor_tells_each_event_and_what_helps() -> None:
    with aofstore.open() as store:
        assert "latency-monitor-threshold" in store.latency_doctor()
        store.config_set("latency-monitor-threshold", 1)
        assert "nothing has taken as long" in store.latency_doctor()
        for event in ("fork", "aof-fsync-always"):
            _testing.sample_latency(store._lifetime.engine, event, 42)
        text = store.latency_doctor()
        assert text.index("1. aof-fsync-always: 1 spike, 42 ms") < text.index("2. fork: 1 spike")
        assert text.count("\n- ") == 2


def test_an_unknown_event_is_empty(open_store: OpenStore) -> None:
    store = open_store()
    assert store.latency_history("nope") == []
    assert store.latency_reset("nope") == 0
