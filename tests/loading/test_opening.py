"""T-25: progress, stopping, and directories that are not what they should be."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

import aofstore
from tests.conftest import OpenStore
from tests.servers.resp import encode

COMMANDS = 200_000


@pytest.fixture(scope="module")
def long_log(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    commands = (encode([b"SET", b"key%d" % (number % 5000), b"v" * 50]) for number in range(COMMANDS))
    return encode([b"SELECT", b"0"]) + b"".join(commands)


def _place(directory: Path, data: bytes) -> Path:
    directory.mkdir(exist_ok=True)
    (directory / "appendonly.aof").write_bytes(data)
    return directory


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _tasks() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def test_t25_progress_rises_to_the_end(tmp_path: Path, long_log: bytes, open_store: OpenStore) -> None:
    seen: list[aofstore.LoadProgress] = []
    store = open_store(_place(tmp_path / "data", long_log), on_progress=seen.append)
    assert (seen[0].bytes_done, seen[0].commands, seen[0].bytes_total) == (0, 0, len(long_log))
    assert seen[-1].bytes_done == len(long_log)
    done = [(progress.bytes_done, progress.commands) for progress in seen]
    assert done == sorted(done)
    assert store.load_report.commands == seen[-1].commands >= COMMANDS
    assert store.load_report.bytes == len(long_log)
    assert store.dbsize() == 5000


def test_t25_an_exception_stops_the_load_cleanly(
    tmp_path: Path, long_log: bytes, open_store: OpenStore
) -> None:
    directory = _place(tmp_path / "data", long_log)
    threads, descriptors = threading.active_count(), _descriptors()
    tasks = _tasks()
    ticks: list[aofstore.LoadProgress] = []

    def stop_at_the_second(progress: aofstore.LoadProgress) -> None:
        ticks.append(progress)
        if len(ticks) == 2:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        open_store(directory, on_progress=stop_at_the_second)
    assert (threading.active_count(), _descriptors()) == (threads, descriptors)
    assert _tasks() == tasks
    assert (directory / "appendonly.aof").read_bytes() == long_log
    assert open_store(directory).dbsize() == 5000


def test_t25_others_wait_outside(tmp_path: Path, long_log: bytes, open_store: OpenStore) -> None:
    directory = _place(tmp_path / "data", long_log)
    refused: list[aofstore.AofLockedError] = []

    def try_as_well(progress: aofstore.LoadProgress) -> None:
        with pytest.raises(aofstore.AofLockedError) as raised:
            aofstore.open(directory)
        refused.append(raised.value)

    open_store(directory, on_progress=try_as_well)
    assert refused[0].pid in (os.getpid(), None)


def test_t25_an_empty_file_is_an_empty_store(tmp_path: Path, open_store: OpenStore) -> None:
    store = open_store(_place(tmp_path / "data", b""))
    assert (store.dbsize(), store.load_report.commands) == (0, 0)
    assert int(store.info("persistence")["aof_current_size"]) == 0


def test_t25_a_missing_directory_is_made(tmp_path: Path, open_store: OpenStore) -> None:
    store = open_store(tmp_path / "new" / "deeper")
    store.set("k", "v")
    path = tmp_path / "new" / "deeper" / "appendonly.aof"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_t25_a_directory_in_place_of_the_file(tmp_path: Path, open_store: OpenStore) -> None:
    (tmp_path / "data" / "appendonly.aof").mkdir(parents=True)
    with pytest.raises(aofstore.AofOpenError):
        open_store()
    assert (tmp_path / "data" / "appendonly.aof").is_dir()


def test_t25_a_file_in_place_of_the_directory(tmp_path: Path, open_store: OpenStore) -> None:
    (tmp_path / "data").write_text("not a directory")
    with pytest.raises(aofstore.AofOpenError):
        open_store()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_t25_an_unreadable_file(tmp_path: Path, open_store: OpenStore) -> None:
    directory = _place(tmp_path / "data", encode([b"SET", b"k", b"v"]))
    (directory / "appendonly.aof").chmod(0)
    with pytest.raises(aofstore.AofOpenError):
        open_store(directory)


def test_t25_virtual_memory_is_no_setting(open_store: OpenStore) -> None:
    with pytest.raises(aofstore.ConfigError, match="vm"):
        open_store(vm_enabled=True)
