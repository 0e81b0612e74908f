"""T-05, T-06, T-08, T-18, T-19, T-23: rewrites of a log that is on."""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import aofstore
from aofstore._core import _testing
from tests.conftest import OpenStore
from tests.crash.faults import faults
from tests.crash.layouts import LATE_STEP, Layout, log_place, strangers, whole_log
from tests.rewrite import child

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
    # The orders for children are the process's.
    pytest.mark.xdist_group("children"),
]


@pytest.mark.parametrize("background", [True, False])
def test_a_rewrite_keeps_every_type_and_forgets_the_past(
    open_store: OpenStore, data: Path, background: bool
) -> None:
    store = open_store()
    other = store.db(9)
    for n in range(300):
        store.rpush("list", n)
        store.sadd("set", n % 40)
        store.zadd("zset", {f"m{n % 50}": n / 7})
        store.hset("hash", f"f{n % 30}", n)
        other.incr("n")
        other.set("text", b"\x00\r\n" * n)
    before = len(whole_log(data))
    report = child.rewrite(store, background)
    assert (report.bytes_before, report.bytes_after) == (before, len(whole_log(data)))
    assert report.bytes_after < before / 3
    assert (report.keys, report.difference_bytes) == (6, 0)
    assert (report.fork_microseconds > 0) is background
    expected = _contents(store)
    store.close()
    again = open_store()
    assert _contents(again) == expected
    assert child.figure(again, "aof_base_size") == report.bytes_after


def _contents(store: aofstore.Store[bytes]) -> list[Any]:
    other = store.db(9)
    return [
        store.lrange("list", 0, -1), store.smembers("set"), store.zrange("zset", 0, -1, withscores=True),
        store.hgetall("hash"), other.get("n"), other.get("text"), store.dbsize(), other.dbsize(),
    ]  # fmt: skip


@pytest.mark.parametrize("how", ["killed", "gives up", "loses its file"])
def test_t05_a_failed_child_leaves_the_log_in_use(
    open_store: OpenStore, data: Path, caplog: pytest.LogCaptureFixture, how: str, layout: Layout
) -> None:
    store, late = open_store(), LATE_STEP[layout]
    store.mset({f"k{n}": n for n in range(2000)})
    child.rewrite(store)
    fds = child.descriptors()
    plan: dict[str, Any] = {"exit": late} if how == "gives up" else {"pause": late}
    pid = child.begin(store, **plan)
    for n in range(500):
        store.set(f"new{n}", n)
    if how != "gives up":
        child.reached(late)
    if how == "killed":
        os.kill(pid, signal.SIGKILL)
    elif how == "loses its file":
        next(data.rglob("temp-rewriteaof-bg-*.aof")).unlink()
        child.resume()
    with caplog.at_level(logging.WARNING, "aofstore"), pytest.raises(aofstore.RewriteError) as raised:
        child.wait(store)
    error = raised.value
    expected = {"killed": (None, 9, None), "gives up": (None, None, 1), "loses its file": (2, None, None)}
    assert (error.errno, error.signal, error.exit_code) == expected[how]
    assert error.path == str(log_place(data, layout))
    assert child.figure(store, "aof_last_bgrewrite_status") == "err"
    told = store.last_persistence_error
    assert (type(told), str(told)) == (aofstore.RewriteError, str(error))
    assert any("rewrite failed" in record.message for record in caplog.records)
    assert strangers(data, layout) == []
    assert child.is_gone(pid)
    child.until(lambda: child.descriptors() <= fds)
    store.close()
    again = open_store()
    assert again.dbsize() == 2500
    child.rewrite(again)
    assert child.figure(again, "aof_last_bgrewrite_status") == "ok"


def test_t06_counters_and_lists_are_exact_across_the_switch(open_store: OpenStore) -> None:
    store = open_store()
    three = store.db(3)
    for _ in range(100):
        three.incr("n")
    child.begin(store, micros_per_key=2000)
    for n in range(1000):
        (three if n % 2 else store).incr("n")
        (store if n % 2 else three).rpush("l", n)
    while child.figure(store, "aof_rewrite_in_progress"):
        three.incr("more")
    child.wait(store)
    for _ in range(10):
        three.incr("n")
    more = three.get("more")
    store.close()
    again = open_store()
    assert (again.get("n"), again.db(3).get("n"), again.db(3).get("more")) == (b"500", b"610", more)
    assert again.lrange("l", 0, -1) == [b"%d" % n for n in range(1, 1000, 2)]
    assert again.db(3).lrange("l", 0, -1) == [b"%d" % n for n in range(0, 1000, 2)]


def test_t06_nothing_is_lost_under_threads_and_many_rewrites(open_store: OpenStore) -> None:
    store = open_store(appendfsync="always", auto_aof_rewrite_percentage=0)
    told = [0] * 4
    over = threading.Event()

    def hammer(mine: int) -> None:
        while not over.is_set():
            told[mine] = store.db(mine).incr("n")

    threads = [threading.Thread(target=hammer, args=(mine,)) for mine in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(10):
        child.rewrite(store, background=turn % 5 != 4)
    over.set()
    for thread in threads:
        thread.join()
    store.close()
    again = open_store()
    assert [int(again.db(mine).get("n") or 0) for mine in range(4)] == told


@pytest.mark.parametrize("background", [True, False])
def test_t08_no_key_becomes_permanent(open_store: OpenStore, background: bool) -> None:
    store = open_store(hz=1)
    now = int(time.time() * 1000)
    _testing.set_clock(now)
    store.set("c", 1)
    store.set("d", 1, px=3_600_000)
    store.set("a", 1, px=1000)
    store.set("n", 5, px=1030)
    store.set("b", 1, px=1050)
    # Time enough for `a` to be over, and for nothing to look at it.
    _testing.set_clock(now + 1001)
    if background:
        child.begin(store, pause="dumping")
        store.incr("n")
        child.resume()
        child.wait(store)
    else:
        child.rewrite(store, background=False)
    deadline = store.pexpiretime("d")
    store.close()
    _testing.set_clock(now + 1100)
    again = open_store()
    assert sorted(again.keys()) == [b"c", b"d"]
    assert (again.pexpiretime("d"), again.ttl("c")) == (deadline, -1)
    assert deadline == now + 3_600_000


def test_t18_growth_starts_one(open_store: OpenStore, data: Path) -> None:
    store = open_store(auto_aof_rewrite_min_size=1000, auto_aof_rewrite_percentage=0)
    store.set("k", "v" * 600)
    child.rewrite(store)
    while len(whole_log(data)) < 3000:
        store.set("k", "w" * 600)
    time.sleep(0.3)
    assert child.figure(store, "aof_rewrites") == 1
    store.config_set("auto-aof-rewrite-percentage", 100)
    child.until(lambda: child.figure(store, "aof_rewrites") == 2)
    child.wait(store)
    size = len(whole_log(data))
    assert size == child.figure(store, "aof_base_size") == child.figure(store, "aof_current_size") < 1000


def test_s19_a_failure_that_nobody_waits_for_is_kept_until_a_rewrite_succeeds(
    open_store: OpenStore,
) -> None:
    with faults() as plan:
        store = open_store(auto_aof_rewrite_min_size=1, auto_aof_rewrite_percentage=1)
        store.set("k", "v")
        plan.add("open", errno=errno.ENOSPC, sticky=True)
        child.until(lambda: store.last_persistence_error is not None)
        error = store.last_persistence_error
        assert isinstance(error, aofstore.RewriteError)
        assert error.errno == errno.ENOSPC
        assert error.path is not None
        store.set("k", "w")
        store.flush()
        assert isinstance(store.last_persistence_error, aofstore.RewriteError), "only a rewrite ends it"
        plan.clear()
        child.until(lambda: store.last_persistence_error is None)
    assert child.figure(store, "aof_last_bgrewrite_status") == "ok"


def test_t19_behind_a_save_it_is_scheduled_and_begins_once(open_store: OpenStore) -> None:
    store = open_store()
    store.set("k", 1)
    engine = child.engine_of(store)
    child.begin_save(store, pause="dumping")
    scheduled = b"Background append only file rewriting scheduled"
    assert store.execute_command("BGREWRITEAOF") == scheduled
    assert store.execute_command("BGREWRITEAOF") == scheduled
    assert engine.begin_rewrite() == "scheduled"
    with pytest.raises(TimeoutError):
        engine.wait_rewrite(0.2)
    with child.orders(pause="dumping"):
        child.resume()
        child.until(lambda: bool(child.figure(store, "aof_rewrite_in_progress")))
        child.reached("dumping")
    text = "ERR Background append only file rewriting already in progress"
    with pytest.raises(aofstore.RewriteInProgressError, match=text):
        engine.begin_rewrite()
    with pytest.raises(aofstore.ResponseError, match=text):
        store.execute_command("BGREWRITEAOF")
    assert child.figure(store, "aof_rewrite_scheduled") == 0
    child.resume()
    child.wait(store)
    time.sleep(0.3)
    assert child.figure(store, "aof_rewrites") == 1


@pytest.mark.parametrize("suspended", ["yes", "no"])
def test_t23_syncs_and_a_living_child(open_store: OpenStore, suspended: str) -> None:
    with faults() as plan:
        store = open_store(appendfsync="always", no_appendfsync_on_rewrite=suspended)
        store.set("k", 1)
        child.begin(store, pause="dumping")
        before = plan.count("sync")
        store.set("k", 2)
        assert plan.count("sync") == before + (suspended == "no")
        child.resume()
        child.wait(store)
        before = plan.count("sync")
        store.set("k", 3)
        assert plan.count("sync") == before + 1


def test_a_timeout_leaves_it_running(open_store: OpenStore, layout: Layout) -> None:
    store = open_store()
    assert child.engine_of(store).wait_rewrite() is None
    child.begin(store, pause=LATE_STEP[layout])
    with pytest.raises(TimeoutError):
        child.engine_of(store).wait_rewrite(0.1)
    child.resume()
    child.wait(store)
    assert child.engine_of(store).wait_rewrite(0) is None


@pytest.mark.parametrize("errno", [11, 12])
def test_a_refused_fork_is_told_and_changes_nothing(
    open_store: OpenStore, data: Path, layout: Layout, errno: int
) -> None:
    store = open_store()
    store.set("k", 1)
    with child.orders(refuse=errno), pytest.raises(aofstore.RewriteError) as raised:
        child.engine_of(store).begin_rewrite()
    assert raised.value.errno == errno
    with child.orders(refuse=errno), pytest.raises(aofstore.RewriteError) as raised:
        store.execute_command("BGREWRITEAOF")
    assert raised.value.errno == errno
    store.set("k", 2)
    assert str(store.last_persistence_error) == str(raised.value)
    assert strangers(data, layout) == []
    child.rewrite(store)
    assert store.last_persistence_error is None


def test_closing_ends_the_child(open_store: OpenStore, data: Path, layout: Layout) -> None:
    store = open_store()
    store.set("k", 1)
    pid = child.begin(store, pause=LATE_STEP[layout])
    child.reached(LATE_STEP[layout])
    store.set("k", 2)
    store.close()
    assert child.is_gone(pid)
    assert strangers(data, layout) == []
    assert open_store().get("k") == b"2"


def test_g19_a_store_in_memory_says_that_it_has_no_directory() -> None:
    with aofstore.open() as store:
        store.set("k", 1)
        with pytest.raises(aofstore.RewriteError, match="no directory"):
            child.rewrite(store)
        with pytest.raises(aofstore.ResponseError, match="no directory"):
            store.execute_command("BGREWRITEAOF")
        with pytest.raises(aofstore.ResponseError, match="no directory"):
            store.config_set("appendonly", "yes")


def test_a_latched_log_heals_by_itself(open_store: OpenStore, caplog: pytest.LogCaptureFixture) -> None:
    with faults() as plan:
        store = open_store(appendfsync="always")
        store.set("a", 1)
        plan.add("sync", errno=5)
        with pytest.raises(aofstore.AofWriteError):
            store.set("b", 2)
        with pytest.raises(aofstore.MisconfError):
            store.set("c", 3)
        with caplog.at_level(logging.INFO, "aofstore"):
            child.until(lambda: store.last_persistence_error is None)
        store.set("d", 4)
        assert any("ended the write error" in record.message for record in caplog.records)
    store.close()
    assert sorted(open_store().keys()) == [b"a", b"b", b"d"]
