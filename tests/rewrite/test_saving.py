"""Snapshots by a child, at once, at save points; what their failures mean (themes 13 and 14)."""

from __future__ import annotations

import datetime
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
from tests.crash.layouts import Layout, strangers
from tests.rewrite import child

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
    # The orders for children are the process's.
    pytest.mark.xdist_group("children"),
]

DUMP = "dump.rdb"
REFUSED = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk."


def saved(store: aofstore.Store[bytes]) -> dict[str, Any]:
    """Waits until no child saves; the figures."""
    child.until(lambda: not child.figure(store, "rdb_bgsave_in_progress"))
    return store.info("persistence")


def test_redis_py_shapes(open_store: OpenStore, data: Path, layout: Layout) -> None:
    store = open_store()
    store.set("a", 1)
    opened = store.lastsave()
    assert type(opened) is datetime.datetime and opened.tzinfo is None
    assert abs(time.time() - opened.timestamp()) < 60
    assert store.save() is True
    assert strangers(data, layout) == [DUMP]
    assert store.bgsave() is True
    assert saved(store)["rdb_saves"] == 2
    assert store.lastsave() >= opened
    pipe = store.pipeline(transaction=False)
    assert pipe.save().lastsave().execute()[0] is True
    assert store.execute_command("BGSAVE") == b"Background saving started"
    saved(store)
    assert store.pipeline(transaction=True).bgsave().execute() == [True]
    child.until(lambda: child.figure(store, "rdb_saves") == 5)
    saved(store)


def test_c13_saves_and_rewrites_wait_for_each_other(open_store: OpenStore) -> None:
    store = open_store()
    store.set("k", 1)
    pid = child.begin(store, pause="dumping")
    with pytest.raises(aofstore.ResponseError, match="Another child process is active"):
        store.bgsave()
    assert store.bgsave(schedule=True) is True
    assert store.execute_command("BGSAVE", "schedule") == b"Background saving scheduled"
    child.resume()
    child.wait(store)
    child.until(lambda: child.figure(store, "rdb_saves") == 1)
    saved(store)
    assert child.is_gone(pid)
    save_pid = child.begin_save(store, pause="dumping")
    for command in (store.bgsave, store.save):
        with pytest.raises(aofstore.ResponseError, match="Background save already in progress"):
            command()
    assert store.bgrewriteaof() == "Background append only file rewriting scheduled"
    assert not child.is_gone(save_pid)
    with pytest.raises(TimeoutError):
        store.rewrite(timeout=0.1, background=False)
    child.resume()
    assert store.wait_rewrite(timeout=30) is not None
    assert store.info("stats")["total_forks"] == 4


@pytest.mark.parametrize("background", [True, False])
def test_a_rewrite_waits_for_a_running_save(open_store: OpenStore, background: bool) -> None:
    store = open_store()
    store.set("k", 1)
    child.begin_save(store, pause="dumping")
    resume = threading.Timer(0.3, child.resume)
    resume.start()
    began = time.monotonic()
    assert store.rewrite(timeout=30, background=background).keys == 1
    assert time.monotonic() - began > 0.25
    resume.join()


def test_c11_a_killed_child_is_told_of_and_the_last_dump_stays(
    open_store: OpenStore, data: Path, caplog: pytest.LogCaptureFixture, layout: Layout
) -> None:
    store = open_store()
    store.set("a", 1)
    store.save()
    old = (data / DUMP).read_bytes()
    store.set("b", 1)
    fds = child.descriptors()
    with caplog.at_level(logging.INFO, "aofstore"):
        for _ in range(10):
            pid = child.begin_save(store, pause="dumping")
            os.kill(pid, signal.SIGKILL)
            assert saved(store)["rdb_last_bgsave_status"] == "err"
            assert child.is_gone(pid)
    error = store.last_persistence_error
    assert error is not None
    assert error.path == str(data / DUMP)
    told = [record for record in caplog.records if "save child was killed by signal 9" in record.getMessage()]
    assert len(told) == 10
    assert {record.levelno for record in told} == {logging.WARNING}
    assert (data / DUMP).read_bytes() == old
    assert strangers(data, layout) == [DUMP]
    assert child.figure(store, "rdb_changes_since_last_save") == 1
    assert store.bgsave() is True
    assert saved(store)["rdb_last_bgsave_status"] == "ok"
    assert store.last_persistence_error is None
    assert (data / DUMP).read_bytes() != old
    child.until(lambda: child.descriptors() <= fds)


def test_m01_to_m08_writes_are_refused_until_a_save_succeeds(open_store: OpenStore) -> None:
    store = open_store(save="3600 1")
    store.set("a", 1)
    with child.orders(fail="early-sync", errno=errno.ENOSPC):
        store.bgsave()
        assert saved(store)["rdb_last_bgsave_status"] == "err"
    for refused in (lambda: store.set("a", 2), store.ping, lambda: store.pipeline().set("a", 2).execute()):
        with pytest.raises(aofstore.MisconfError) as caught:
            refused()
        assert REFUSED in str(caught.value)
        assert caught.value.errno in (errno.ENOSPC, None)
    assert store.get("a") == b"1"
    error = store.last_persistence_error
    assert type(error) is aofstore.PersistenceError
    assert error.path is not None
    assert error.path.endswith(DUMP)
    assert "No space left on device" in str(error)
    store.config_set("save", "")
    store.set("a", 2)
    store.config_set("save", "3600 1")
    with pytest.raises(aofstore.MisconfError):
        store.set("a", 3)
    store.save()
    store.set("a", 3)
    assert store.last_persistence_error is None


def test_a_full_disk_fails_a_save_and_says_so(open_store: OpenStore, data: Path) -> None:
    with faults() as plan:
        store = open_store(appendonly=False)
        store.set("a", "v" * 1_000_000)
        plan.add("write", errno=errno.ENOSPC, sticky=True)
        with pytest.raises(aofstore.ResponseError, match=r"dump\.rdb.*No space left on device.*free space"):
            store.save()
        assert child.names(data) == []
        plan.clear()
        store.save()
    assert child.names(data) == [DUMP]


def test_save_points_save_by_themselves_and_at_the_end(open_store: OpenStore, data: Path) -> None:
    store = open_store(save=[(1, 3)])
    store.config_set("save", "900 1 1 2")
    assert store.config_get("save") == {"save": "900 1 1 2"}
    store.set("a", 1)
    store.set("b", 1)
    child.until(lambda: child.figure(store, "rdb_saves") == 1)
    assert saved(store)["rdb_changes_since_last_save"] == 0
    first = (data / DUMP).read_bytes()
    store.set("c", 1)
    store.close()
    assert (data / DUMP).read_bytes() != first
    store = open_store(save="")
    store.set("d", 1)
    last = (data / DUMP).read_bytes()
    store.close()
    assert (data / DUMP).read_bytes() == last


def test_closing_that_cannot_save_says_so_and_releases_all(open_store: OpenStore, data: Path) -> None:
    with faults() as plan:
        store = open_store(appendonly=False, save="3600 1")
        store.set("a", 1)
        plan.add("sync", errno=errno.EIO)
        with pytest.raises(aofstore.PersistenceError, match=r"dump\.rdb"):
            store.close()
        plan.clear()
    assert child.names(data) == []
    open_store().close()


def test_a_store_in_memory_has_nowhere_to_save_to() -> None:
    with aofstore.open(None) as store:
        with pytest.raises(aofstore.ResponseError, match="no directory for a snapshot"):
            store.save()
        with pytest.raises(aofstore.ResponseError, match="no directory for a snapshot"):
            store.bgsave()
        assert type(store.lastsave()) is datetime.datetime


def test_t20_switching_the_log_off_leaves_a_save_alone(
    open_store: OpenStore, data: Path, layout: Layout
) -> None:
    store = open_store()
    for turn in range(10):
        store.incr("n")
        pid = child.begin_save(store, pause="dumping")
        store.config_set("appendonly", "no")
        assert not child.is_gone(pid)
        child.resume()
        assert saved(store)["rdb_last_bgsave_status"] == "ok", turn
        store.config_set("appendonly", "yes")
        store.flush()
        # The log is there a moment before the rewrite that made it is over.
        child.until(lambda: not child.figure(store, "aof_rewrite_in_progress"))
    assert strangers(data, layout) == [DUMP]


def test_progress_of_a_save(open_store: OpenStore) -> None:
    store = open_store()
    for number in range(100):
        store.set(f"key:{number}", "v")
    child.begin_save(store, pause="dumping", after_keys=60)
    child.until(lambda: child.figure(store, "current_save_keys_processed") == 60)
    figures = store.info("persistence")
    assert (figures["current_save_keys_total"], figures["current_fork_perc"]) == (100, 60.0)
    assert figures["rdb_current_bgsave_time_sec"] >= 0
    child.resume()
    assert saved(store)["rdb_last_cow_size"] > 0
    _testing.child_plan()


@pytest.mark.single_file
def test_info_tells_how_many_keys_a_snapshot_held(open_store: OpenStore, data: Path) -> None:
    store = open_store()
    for number in range(7):
        store.set(f"key:{number}", 1)
    store.save()
    store.close()
    (data / DUMP).rename(data / "appendonly.aof")
    assert child.figure(open_store(), "rdb_last_load_keys_loaded") == 7
