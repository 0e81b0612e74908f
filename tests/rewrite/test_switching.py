"""T-09, T-20, T-21: the log switched on and off while the store is open."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

import aofstore
from tests.conftest import OpenStore
from tests.crash.layouts import LATE_STEP, STEPS, Layout, log_files, strangers, whole_log
from tests.rewrite import child

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
    pytest.mark.xdist_group("children"),
]


def test_t09_with_the_log_off_a_rewrite_is_a_dump(open_store: OpenStore, data: Path, layout: Layout) -> None:
    store = open_store(appendonly=False)
    store.set("a", 1)
    store.db(7).set("b", 2)
    # The directory of the parts is made, and stays open.
    fds = child.descriptors() + (layout == "multi-part")
    child.begin(store, pause="dumping")
    store.set("late", 1)
    child.resume()
    report = child.wait(store)
    assert (report.difference_bytes, report.bytes_before) == (0, 0)
    child.until(lambda: child.descriptors() <= fds)
    assert strangers(data, layout) == []
    # What is there of a log that is off is what is replaced.
    store.delete("late")
    for background in (True, False):
        before, report = report, store.rewrite(background=background)
        assert report.bytes_before == before.bytes_after > 0
    store.close()
    again = open_store()
    assert (again.keys(), again.db(7).get("b")) == ([b"a"], b"2")


def test_t09_switching_on_stops_the_dump_and_begins_anew(open_store: OpenStore, layout: Layout) -> None:
    store = open_store(appendonly=False)
    store.set("a", 1)
    pid = child.begin(store, pause="dumping")
    with child.orders(pause=LATE_STEP[layout]):
        store.config_set("appendonly", "yes")
    assert child.is_gone(pid)
    assert child.figure(store, "aof_waits_for_rewrite") == 1
    store.set("late", 1)
    child.resume()
    child.wait(store)
    assert (child.figure(store, "aof_waits_for_rewrite"), child.figure(store, "aof_enabled")) == (0, 1)
    store.set("later", 1)
    store.close()
    assert sorted(open_store().keys()) == [b"a", b"late", b"later"]


def test_t20_stopping_ends_the_rewrite_and_no_other_child(
    open_store: OpenStore, data: Path, layout: Layout
) -> None:
    steps = STEPS[layout][:-1]
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60); raise SystemExit(7)"])
    try:
        store = open_store()
        fds = child.descriptors()
        for turn in range(50):
            store.incr("n")
            pid = child.begin(store, pause=steps[turn % len(steps)])
            store.config_set("appendonly", "no")
            assert child.is_gone(pid)
            assert child.figure(store, "aof_last_bgrewrite_status") == "ok"
            assert strangers(data, layout) == []
            store.config_set("appendonly", "yes")
            store.flush()
            # The log is there; what it took the place of may still be being removed.
            child.until(lambda: child.figure(store, "aof_rewrite_in_progress") == 0)
        child.until(lambda: child.descriptors() <= fds)
        assert stranger.poll() is None
        stranger.terminate()
        assert stranger.wait(10) == -15
    finally:
        stranger.kill()
        stranger.wait()
    store.close()
    assert open_store().get("n") == b"50"


@pytest.mark.parametrize("step", ["dumping", "waiting", "synced"])
def test_t21_killed_before_the_switch_the_old_log_is_untouched(
    open_store: OpenStore, data: Path, layout: Layout, step: str
) -> None:
    step = step if step in STEPS[layout] else "early-sync"
    with open_store() as store:
        store.set("old", 1)
    content = whole_log(data)
    child.killed_before_the_switch(data, step)
    assert whole_log(data) == content
    # The child dies with its parent, so its file is nobody's at the next open.
    again = open_store()
    assert again.keys() == [b"old"]
    child.until(lambda: strangers(data, layout) == [])


@pytest.mark.single_file
def test_t21_after_the_switch_everything_is_there_and_the_old_file_is_kept(
    open_store: OpenStore, data: Path, layout: Layout
) -> None:
    with open_store() as store:
        store.set("old", 1)
    content = whole_log(data)
    store = open_store(appendonly=False)
    store.set("new", 1)
    before = time.time() * 1000
    with child.orders(pause=LATE_STEP[layout]):
        store.config_set("appendonly", "yes")
    assert store.config_get("appendonly") == {"appendonly": "yes"}
    store.set("newer", 1)
    child.resume()
    child.wait(store)
    store.set("newest", 1)
    store.close()
    [kept] = data.glob("appendonly.aof.old-*")
    assert kept.read_bytes() == content
    assert before - 1 <= int(kept.name.rpartition("-")[2]) <= time.time() * 1000 + 1
    assert sorted(open_store().keys()) == [b"new", b"newer", b"newest"]


def test_s15_a_start_that_is_refused_leaves_the_log_off(
    open_store: OpenStore, data: Path, layout: Layout
) -> None:
    store = open_store(appendonly=False)
    with child.orders(refuse=11), pytest.raises(aofstore.RewriteError) as raised:
        store.config_set("appendonly", "yes")
    assert raised.value.errno == 11
    assert store.config_get("appendonly") == {"appendonly": "no"}
    assert strangers(data, layout) == []
    assert not any(path.exists() for path in log_files(data))
    store.config_set("appendonly", "yes")
    child.wait(store)


def test_s23_closing_before_the_switch_writes_the_log(open_store: OpenStore) -> None:
    store = open_store(appendonly=False)
    store.set("a", 1)
    with child.orders(pause="dumping"):
        store.config_set("appendonly", "yes")
    store.set("b", 1)
    store.close()
    assert sorted(open_store().keys()) == [b"a", b"b"]


def test_flush_and_waitaof_wait_for_the_log_that_is_being_switched_on(open_store: OpenStore) -> None:
    store = open_store(appendonly=False)
    store.config_set("appendonly", "yes")
    store.set("a", 1)
    assert store.waitaof(1, 0, 0) == (1, 0)
    assert child.figure(store, "aof_waits_for_rewrite") == 0
    store.config_set("appendonly", "no")
    with pytest.raises(aofstore.ResponseError):
        store.waitaof(1, 0, 0)
    store.config_set("appendonly", "yes")
    store.flush()
    assert child.figure(store, "aof_waits_for_rewrite") == 0
