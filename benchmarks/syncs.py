"""What waiting for the disk costs: ``always`` against loops in C, and the tail of SET while a sync runs.

Rounds are interleaved, since a disk's pace drifts more than anything else here.
"""

from __future__ import annotations

import gc
import os
import shutil
import sqlite3
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import aofstore

from . import native
from .sizes import Sizes

_Figure = TypeVar("_Figure")

THREADS = 32
PERIOD_NS = 5_000
_VALUE = b"v" * 100
_KEY = b"key:%012d"
RECORD_BYTES = len(b"*3\r\n$3\r\nSET\r\n$16\r\n" + _KEY % 0 + b"\r\n$100\r\n" + _VALUE + b"\r\n")


def one_thread(sizes: Sizes, directory: Path) -> dict[str, float]:
    """Commits a second of one thread; medians."""
    loops: dict[str, Callable[[Path, float], float]] = {
        "append + fdatasync in C": _append_sync,
        "aofstore": _aofstore_one,
        "plyvel (LevelDB), sync=True": _plyvel,
        "lmdb": _lmdb,
        "sqlite3, WAL, synchronous=FULL": _sqlite,
    }
    return _interleaved(loops, directory, sizes)


def many_threads(sizes: Sizes, directory: Path) -> dict[str, float]:
    """Commits a second of 32 threads; medians."""
    loops: dict[str, Callable[[Path, float], float]] = {
        "group commit in C": _group_commit,
        "aofstore": _aofstore_many,
    }
    return _interleaved(loops, directory, sizes)


def latency(sizes: Sizes, directory: Path) -> dict[str, list[float]]:
    """p50, p99, p99.9 and the longest call in µs: a record each 5 µs, a sync each second; means of two."""
    rounds: dict[str, list[list[float]]] = {"write(2) in C": [], "aofstore SET": []}
    for _ in range(2):
        for name, loop in (("write(2) in C", _write_latency), ("aofstore SET", _set_latency)):
            rounds[name].append(_in(directory, loop, sizes.latency_seconds / 2))
    return {
        name: [statistics.median(column) for column in zip(*each, strict=True)]
        for name, each in rounds.items()
    }


def _interleaved(
    loops: dict[str, Callable[[Path, float], float]], directory: Path, sizes: Sizes
) -> dict[str, float]:
    rounds: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(sizes.sync_rounds):
        for name, loop in loops.items():
            rounds[name].append(_in(directory, loop, sizes.sync_seconds))
    return {name: statistics.median(each) for name, each in rounds.items()}


def _in(directory: Path, loop: Callable[[Path, float], _Figure], seconds: float) -> _Figure:
    """Run a loop in a directory of its own, with nothing of the one before left to be written."""
    place = directory / "sync"
    place.mkdir()
    os.sync()
    try:
        return loop(place, seconds)
    finally:
        shutil.rmtree(place)


def _append_sync(directory: Path, seconds: float) -> float:
    return native.run("append_sync", directory / "log", seconds, RECORD_BYTES)[0]


def _group_commit(directory: Path, seconds: float) -> float:
    return native.run("group_commit", directory / "log", seconds, RECORD_BYTES, THREADS)[0]


def _write_latency(directory: Path, seconds: float) -> list[float]:
    return native.run("write_latency", directory / "log", seconds, RECORD_BYTES, PERIOD_NS)


def _count(put: Callable[[bytes, bytes], Any], seconds: float) -> float:
    number, began = 0, time.perf_counter()
    while (ended := time.perf_counter()) - began < seconds:
        put(_KEY % number, _VALUE)
        number += 1
    return number / (ended - began)


def _aofstore_one(directory: Path, seconds: float) -> float:
    with aofstore.open(directory, appendfsync="always") as store:
        return _count(store.set, seconds)


def _aofstore_many(directory: Path, seconds: float) -> float:
    done = [0] * THREADS
    with aofstore.open(directory, appendfsync="always") as store:
        deadline = time.perf_counter() + seconds

        def client(index: int) -> None:
            put, number = store.set, 0
            while time.perf_counter() < deadline:
                put(_KEY % (index * 10**9 + number), _VALUE)
                number += 1
            done[index] = number

        threads = [threading.Thread(target=client, args=(index,)) for index in range(THREADS)]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(done) / (time.perf_counter() - began)


def _plyvel(directory: Path, seconds: float) -> float:
    import plyvel

    db: Any = plyvel.DB(str(directory / "db"), create_if_missing=True)
    try:
        return _count(lambda key, value: db.put(key, value, sync=True), seconds)
    finally:
        db.close()


def _lmdb(directory: Path, seconds: float) -> float:
    import lmdb

    with lmdb.open(str(directory), map_size=1 << 30) as env:

        def put(key: bytes, value: bytes) -> None:
            with env.begin(write=True) as txn:
                txn.put(key, value)

        return _count(put, seconds)


def _sqlite(directory: Path, seconds: float) -> float:
    db = sqlite3.connect(directory / "db", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE kv (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID")
    try:
        return _count(lambda key, value: db.execute("INSERT INTO kv VALUES (?, ?)", (key, value)), seconds)
    finally:
        db.close()


def _set_latency(directory: Path, seconds: float) -> list[float]:
    """As `native/write_latency.c` does it, with SET under everysec in place of ``write``."""
    clock = time.perf_counter_ns
    took: list[int] = []
    gc.disable()
    with aofstore.open(directory, appendfsync="everysec") as store:
        put, number = store.set, 0
        deadline = clock() + int(seconds * 1e9)
        while (start := clock()) < deadline:
            key = _KEY % (number % 100_000)
            called = clock()
            put(key, _VALUE)
            took.append(clock() - called)
            number += 1
            while clock() - start < PERIOD_NS:
                pass
    gc.enable()
    took.sort()
    at = [took[min(int(len(took) * share), len(took) - 1)] for share in (0.5, 0.99, 0.999)]
    return [each / 1000 for each in (*at, took[-1])]
