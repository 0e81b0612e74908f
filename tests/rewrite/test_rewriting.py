"""Rewrites as a user asks for them: what begins, what is told when, what fails and how."""

from __future__ import annotations

import errno
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import aofstore
from aofstore import RewriteError, RewriteInProgressError, RewriteProgress, RewriteReport
from aofstore._core import _testing
from tests.conftest import OpenStore
from tests.crash.layouts import Layout, log_files, log_place, strangers, whole_log
from tests.rewrite import child

pytestmark = pytest.mark.usefixtures("plain_children")

STARTED = "Background append only file rewriting started"
SCHEDULED = "Background append only file rewriting scheduled"
RUNNING = "ERR Background append only file rewriting already in progress"


def _filled(store: aofstore.Store[Any]) -> dict[bytes, bytes]:
    """Ten keys, each written a hundred times."""
    for turn in range(100):
        store.mset({f"key:{number}": f"{turn} " * 20 for number in range(10)})
    return {key: store[key] for key in store.scan_iter()}


@pytest.mark.parametrize("background", [True, False])
def test_the_log_becomes_as_short_as_the_data(
    background: bool, open_store: OpenStore, tmp_path: Path, layout: Layout
) -> None:
    store = open_store()
    data = _filled(store)
    directory = tmp_path / "data"
    before = len(whole_log(directory))
    (mode,) = {path.stat().st_mode for path in log_files(directory)}
    report = store.rewrite(background=background)
    assert isinstance(report, RewriteReport)
    assert (report.bytes_before, report.bytes_after, report.keys) == (
        before,
        len(whole_log(directory)),
        10,
    )
    assert report.bytes_after < before / 50
    assert report.seconds > 0
    assert (report.fork_microseconds > 0, report.difference_bytes) == (background, 0)
    assert {path.stat().st_mode for path in log_files(directory)} == {mode}
    store.set("later", "x")
    store.close()
    assert strangers(directory, layout) == []
    again = open_store()
    assert {key: again[key] for key in again.scan_iter()} == {**data, b"later": b"x"}


def test_the_texts_are_those_of_redis(store: aofstore.Store[bytes]) -> None:
    _testing.child_plan(pause="dumping")
    assert store.bgrewriteaof() == STARTED
    for begin in (store.bgrewriteaof, store.rewrite, lambda: store.rewrite(background=False)):
        with pytest.raises(RewriteInProgressError) as caught:
            begin()
        assert str(caught.value) == RUNNING
        assert isinstance(caught.value, RewriteError)
    with pytest.raises(aofstore.ResponseError) as refused:
        store.execute_command("BGREWRITEAOF")
    assert str(refused.value) == RUNNING
    _testing.child_resume()
    assert store.wait_rewrite() is not None
    _testing.child_plan()
    assert store.pipeline(transaction=False).bgrewriteaof().execute() == [STARTED]
    assert store.wait_rewrite() is not None


def test_t19_scheduled_while_a_snapshot_is_saved(store: aofstore.Store[bytes]) -> None:
    child.begin_save(store, pause="dumping")
    assert [store.bgrewriteaof(), store.bgrewriteaof()] == [SCHEDULED, SCHEDULED]
    with pytest.raises(TimeoutError):
        store.wait_rewrite(timeout=0.02)
    child.resume()
    assert store.wait_rewrite(timeout=10) is not None
    assert store.wait_rewrite() is None
    assert store.info("persistence")["aof_rewrites"] == 1


def test_progress_is_there_while_one_runs(store: aofstore.Store[bytes]) -> None:
    for number in range(100):
        store.set(f"key:{number}", "v")

    def look() -> RewriteProgress | None:
        return store.rewrite_progress

    assert look() is None
    _testing.child_plan(pause="dumping", after_keys=40)
    store.db(3).bgrewriteaof()
    child.until(lambda: (now := look()) is not None and now.keys_done == 40)
    progress = look()
    assert isinstance(progress, RewriteProgress)
    assert (progress.keys_done, progress.keys_total) == (40, 100)
    assert progress.seconds > 0
    _testing.child_resume()
    report = store.wait_rewrite()
    assert report is not None
    assert report.keys == 100
    assert look() is None


def test_a_timeout_leaves_it_running_and_each_outcome_is_told_once(store: aofstore.Store[bytes]) -> None:
    assert store.wait_rewrite() is None
    _testing.child_plan(pause="dumping")
    store["key"] = "v"
    with pytest.raises(TimeoutError):
        store.rewrite(timeout=0.02)
    with pytest.raises(TimeoutError):
        store.wait_rewrite(timeout=0)
    store["late"] = "v"
    assert store.rewrite_progress is not None
    _testing.child_resume()
    child.until(lambda: store.rewrite_progress is None)
    report = store.wait_rewrite(timeout=0)
    assert report is not None
    assert report.difference_bytes > 0
    assert store.wait_rewrite(timeout=0) is None


@pytest.mark.parametrize(
    ("plan", "attributes"),
    [
        ({"fail": "dumping", "errno": errno.ENOSPC}, (errno.ENOSPC, None, None)),
        ({"kill": "dumping"}, (None, signal.SIGKILL, None)),
        ({"exit": "dumping", "status": 3}, (None, None, 3)),
        ({"refuse": errno.EAGAIN}, (errno.EAGAIN, None, None)),
    ],
)
def test_a_failure_says_how_and_changes_nothing(
    plan: dict[str, Any],
    attributes: tuple[int | None, ...],
    open_store: OpenStore,
    tmp_path: Path,
    layout: Layout,
) -> None:
    store = open_store()
    data = _filled(store)
    directory = tmp_path / "data"
    log, before = log_place(directory, layout), whole_log(directory)
    _testing.child_plan(**plan)
    with pytest.raises(RewriteError) as caught:
        store.rewrite()
    error = caught.value
    assert (error.errno, error.signal, error.exit_code) == attributes
    assert error.path == str(log)
    assert str(log) in str(error)
    assert whole_log(directory) == before
    assert strangers(directory, layout) == []
    assert store.info("persistence")["aof_last_bgrewrite_status"] == "err"
    _testing.child_plan()
    store["after"] = "x"
    assert store.rewrite().bytes_after < len(before)
    store.close()
    again = open_store()
    assert {key: again[key] for key in again.scan_iter()} == {**data, b"after": b"x"}


def test_a_store_in_memory_has_nowhere_to_write() -> None:
    with aofstore.open() as store:
        for begin in (store.bgrewriteaof, store.rewrite, lambda: store.rewrite(background=False)):
            with pytest.raises(RewriteError, match=r"^a store in memory has no directory for a log"):
                begin()
        assert store.wait_rewrite() is None


def test_t09_with_the_log_off_the_file_is_written_once(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store(appendonly=False)
    store["key"] = "v"
    store.db(7)["far"] = "w"
    assert store.rewrite().keys == 2
    store["late"] = "x"
    store.close()
    again = open_store()
    assert (again.get("key"), again.db(7).get("far"), again.get("late")) == (b"v", b"w", None)
    assert {path.stat().st_mode & 0o777 for path in log_files(tmp_path / "data")} == {0o600}


def test_closing_ends_a_rewrite_and_wakes_who_waits(
    open_store: OpenStore, tmp_path: Path, layout: Layout
) -> None:
    store = open_store()
    data = _filled(store)
    _testing.child_plan(pause="dumping")
    store.bgrewriteaof()
    woken: list[BaseException] = []

    def wait() -> None:
        try:
            store.wait_rewrite()
        except BaseException as error:
            woken.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.05)
    store.close()
    waiting.join(10)
    assert [type(error) for error in woken] == [aofstore.StoreClosedError]
    assert strangers(tmp_path / "data", layout) == []
    for call in (store.bgrewriteaof, store.rewrite, store.wait_rewrite, lambda: store.rewrite_progress):
        with pytest.raises(aofstore.StoreClosedError):
            call()
    again = open_store()
    assert {key: again[key] for key in again.scan_iter()} == data
