"""One store a directory; who has it is told; stores of other directories are none of its business."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aofstore
from tests.conftest import OpenStore
from tests.host.child import said, start


def test_a_second_open_in_this_process_is_refused_and_names_it(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with pytest.raises(aofstore.AofLockedError, match="this process") as caught:
        aofstore.open(tmp_path)
    assert caught.value.pid == os.getpid()
    assert f"({os.getpid()})" in str(caught.value)
    assert caught.value.path == str(tmp_path)
    store.set("k", "v")
    store.close()
    assert open_store(tmp_path).get("k") == b"v"


def test_a_second_open_through_another_path_is_refused_too(open_store: OpenStore, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    open_store(tmp_path / "real")
    with pytest.raises(aofstore.AofLockedError):
        aofstore.open(tmp_path / "link")


def test_another_process_is_told_who_has_the_directory(open_store: OpenStore, tmp_path: Path) -> None:
    open_store(tmp_path)
    out = said(
        """
try:
    aofstore.open(directory)
except aofstore.AofLockedError as error:
    print(error.pid, error)
""",
        tmp_path,
    )
    assert out.startswith(f"{os.getpid()} ")
    assert f"process {os.getpid()}" in out


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody can tell that its taker is dead")
def test_a_lock_that_a_dying_copy_of_a_dead_process_has_is_waited_for(tmp_path: Path) -> None:
    copied = """
import fcntl, os, sys, time
fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX)
if os.fork() == 0:
    time.sleep(0.3)
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", copied, str(tmp_path)], check=True)
    with aofstore.open(tmp_path) as store:
        assert store.set("k", "v")


def test_a_store_that_lives_is_not_waited_for(open_store: OpenStore, tmp_path: Path) -> None:
    open_store(tmp_path)
    out = said(
        """
import time
began = time.monotonic()
try:
    aofstore.open(directory)
except aofstore.AofLockedError:
    print(time.monotonic() - began)
""",
        tmp_path,
    )
    assert float(out) < 0.5


def test_the_lock_is_free_at_once_after_a_kill_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    for round_ in range(5):
        process = start(
            """
store = aofstore.open(directory, appendfsync=argv[1])
while True:
    print(store.incr("n"), flush=True)
""",
            tmp_path,
            ("always", "everysec", "no")[round_ % 3],
        )
        assert process.stdout is not None
        for _ in range(20):
            process.stdout.readline()
        process.kill()
        process.wait()
        told = [line for line in process.communicate()[0].splitlines(keepends=True) if line.endswith("\n")]
        with aofstore.open(tmp_path) as store:
            assert int(store["n"]) >= int(told[-1] if told else 20)


def test_the_lock_is_free_after_an_opening_that_failed(tmp_path: Path) -> None:
    log = tmp_path / "appendonly.aof"
    log.write_bytes(b"nonsense")
    with pytest.raises(aofstore.AofLoadError):
        aofstore.open(tmp_path)
    log.unlink()
    aofstore.open(tmp_path).close()


def test_the_lock_is_free_inside_the_handler_of_an_opening_that_failed(tmp_path: Path) -> None:
    log = tmp_path / "appendonly.aof"
    log.write_bytes(b"nonsense")
    try:
        aofstore.open(tmp_path)
    except aofstore.AofLoadError:
        # The traceback still refers to everything that the failed opening had.
        log.unlink()
        aofstore.open(tmp_path).close()


def test_stores_of_two_directories_do_not_know_each_other(open_store: OpenStore, tmp_path: Path) -> None:
    first, second = open_store(tmp_path / "a", appendfsync="always"), open_store(tmp_path / "b")
    first.set("k", 1)
    second.set("k", 2)
    first.close()
    with pytest.raises(aofstore.StoreClosedError):
        first.get("k")
    assert second.incr("k") == 3
    second.close()
    assert [open_store(tmp_path / name).get("k") for name in "ab"] == [b"1", b"3"]


COPIES: dict[str, Callable[[Any], Any]] = {
    "pickle": pickle.dumps,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("kind", ["Store", "Session", "Pipeline"])
def test_nothing_that_belongs_to_this_process_can_be_pickled_or_copied(
    store: aofstore.Store[bytes], kind: str, duplicate: Callable[[Any], Any]
) -> None:
    thing = {"Store": store, "Session": store.session(), "Pipeline": store.pipeline()}[kind]
    with pytest.raises(TypeError, match=f"a {kind} cannot be pickled or copied: .*process"):
        duplicate(thing)


@pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)
def test_nor_can_the_parts_of_the_extension(
    store: aofstore.Store[bytes], duplicate: Callable[[Any], Any]
) -> None:
    lifetime = store._lifetime
    for part in (lifetime.engine, lifetime.directory, store._client):
        with pytest.raises(TypeError, match="pickle"):
            duplicate(part)
