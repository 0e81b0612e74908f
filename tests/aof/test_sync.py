"""T-17, T-23: when the log is synced, and what a slow sync may delay."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest

import aofstore
from tests.conftest import OpenStore
from tests.crash.faults import FaultPlan, faults

SLOW_SYNC_MS = 3000


def _write_for(store: aofstore.Store[bytes], path: Path, seconds: float) -> tuple[float, float]:
    """A write every 100 ms; the slowest one, and the longest time in which the file did not grow."""
    slowest, standstill = 0.0, 0.0
    end = time.monotonic() + seconds
    size, grown = path.stat().st_size, time.monotonic()
    while time.monotonic() < end:
        start = time.monotonic()
        store.incr("n")
        slowest = max(slowest, time.monotonic() - start)
        if path.stat().st_size != size:
            size, grown = path.stat().st_size, time.monotonic()
        standstill = max(standstill, time.monotonic() - grown)
        time.sleep(0.1)
    return slowest, standstill


def figure(store: aofstore.Store[bytes], name: str) -> int:
    return int(store.info("persistence")[name])


def _until_synced(store: aofstore.Store[bytes], plan: FaultPlan) -> bool:
    """Whether the tail is synced within two seconds without any further write."""
    before, end = plan.count("sync"), time.monotonic() + 2.5
    while time.monotonic() < end:
        if plan.count("sync") > before or store.waitaof(1, 0, 1) == (1, 0):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.serial
@pytest.mark.parametrize(("postpone", "least", "most"), [(False, 0.0, 1.0), (True, 1.5, 2.8)])
def test_t17_a_slow_sync_delays_no_caller(
    open_store: OpenStore,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    postpone: bool,
    least: float,
    most: float,
) -> None:
    with faults() as plan, caplog.at_level(logging.INFO, "aofstore"):
        store = open_store(appendfsync="everysec", aof_postpone_write=postpone)
        store.incr("n")
        time.sleep(1.1)
        plan.add("sync", mode="delay", delay_ms=SLOW_SYNC_MS)
        slowest, standstill = _write_for(store, tmp_path / "data" / "appendonly.aof", 5.5)
        assert slowest < 0.5
        assert least <= standstill <= most
        assert figure(store, "aof_delayed_fsync") >= 1
        (notice,) = (record for record in caplog.records if "longer than a second" in record.message)
        assert notice.levelno == logging.INFO  # X-06, once in 30 seconds
        assert _until_synced(store, plan)
        time.sleep(1.2)
        assert figure(store, "aof_synced_size") == figure(store, "aof_current_size")
        assert figure(store, "aof_pending_bio_fsync") == figure(store, "aof_unsynced_milliseconds") == 0


@pytest.mark.serial
def test_t17_the_figures_of_a_running_sync(open_store: OpenStore) -> None:
    """X-29: what waits, for how long, and for whom."""
    with faults() as plan:
        store = open_store(appendfsync="everysec")
        plan.add("sync", mode="delay", delay_ms=900)
        store.set("k", 1)
        end = time.monotonic() + 5
        while figure(store, "aof_pending_bio_fsync") == 0 and time.monotonic() < end:
            time.sleep(0.01)
        assert figure(store, "aof_synced_size") < figure(store, "aof_current_size")
        time.sleep(0.3)
        assert 100 <= figure(store, "aof_unsynced_milliseconds") <= 2500
        store.flush()
        assert figure(store, "aof_synced_size") == figure(store, "aof_current_size")
        assert figure(store, "aof_pending_bio_fsync") == figure(store, "aof_buffer_length") == 0


@pytest.mark.serial
def test_t17_an_idle_store_syncs_its_tail(open_store: OpenStore) -> None:
    """Y-08, Y-09."""
    with faults() as plan:
        store = open_store(appendfsync="everysec")
        store.set("k", 1)
        time.sleep(0.05)
        store.set("k", 2)
        before = plan.count("sync")
        time.sleep(2.2)
        assert plan.count("sync") > before
        settled = plan.count("sync")
        time.sleep(1.5)
        assert plan.count("sync") == settled, "nothing was written, so nothing had to be synced"


@pytest.mark.parametrize("setting", ["yes", "no"])
def test_t23_without_a_child_always_means_always(open_store: OpenStore, setting: str) -> None:
    """The half with a living child comes with rewrites."""
    with faults() as plan:
        store = open_store(appendfsync="always", no_appendfsync_on_rewrite=setting)
        before = plan.count("sync")
        for number in range(20):
            store.set("k", number)
        assert plan.count("sync") - before == 20


def test_policy_no_syncs_at_close_alone(open_store: OpenStore) -> None:
    """Y-05, S-02."""
    with faults() as plan:
        store = open_store(appendfsync="no")
        before = plan.count("sync")
        for number in range(20):
            store.set("k", number)
        time.sleep(1.3)
        assert plan.count("sync") == before
        store.close()
        assert plan.count("sync") == before + 1


def test_a_pipeline_is_one_write_and_one_sync(open_store: OpenStore) -> None:
    with faults() as plan:
        store = open_store(appendfsync="always")
        writes, syncs = plan.count("write"), plan.count("sync")
        with store.pipeline(transaction=False) as pipe:
            for number in range(100):
                pipe.set(f"k{number}", number)
            pipe.execute()
        assert (plan.count("write") - writes, plan.count("sync") - syncs) == (1, 1)
