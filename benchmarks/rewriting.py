"""Rewriting the log of data set D: here, in redis-server and in Valkey, idle and while a client writes.

The servers' logs have several parts, of which a rewrite replaces those that were there when it began; ours is
measured so and as one file, into which goes also what was written meanwhile.

Every contender has a process of its own that loads the raw log, rewrites it in peace, is written to without
a rewrite, and is written to during the next one, always at the same pace: ten SETs each millisecond. A
rewrite's time is from the call until the new file is in place. The process is ``python -m
benchmarks.rewriting NAME DIRECTORY SECONDS``; it prints its figures as JSON.
"""

from __future__ import annotations

import gc
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

from tests.servers.process import Server, aof_options

from .dataset import write
from .loading import loading_seconds, resident_megabytes
from .sizes import Sizes

BURST = 10
PERIOD = 0.001
LOOK = 0.02
OURS = "aofstore"
OURS_SINGLE = "aofstore, one file"
FIGURES = (
    "idle_seconds", "idle_megabytes_a_second", "loaded_seconds", "loaded_megabytes_a_second",
    "fork_us_per_gb", "copy_on_write_mb", "quiet_us", "rewriting_us", "writes", "reload_seconds",
)  # fmt: skip
Figures = dict[str, Any]


class Side(ABC):
    """A store with D in it, ready for commands."""

    keys: int
    pid: int
    put: Callable[..., Any]
    """SET, without a frame of ours in what is measured."""

    def __init__(self, place: Path) -> None:
        self.place = place

    @abstractmethod
    def begin(self) -> None:
        """Start a rewrite."""

    @abstractmethod
    def runs(self) -> bool:
        """Whether it still runs; raises if it failed."""

    @abstractmethod
    def cost(self) -> tuple[int, int]:
        """Of the last rewrite: microseconds of the fork, bytes copied because both sides wrote."""

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    def reload(self) -> float:
        """Seconds to load what the rewrite left, after `close`."""

    def size(self) -> int:
        """Bytes of the log in the directory."""
        return sum(path.stat().st_size for path in self.place.rglob("*.aof"))


class Here(Side):
    """A store in this process."""

    def __init__(self, place: Path, layout: Literal["single-file", "multi-part"]) -> None:
        super().__init__(place)
        import aofstore

        self._open = partial(aofstore.open, place, aof_layout=layout, auto_aof_rewrite_percentage=0)
        self._store = self._open()
        self.keys, self.pid = self._store.dbsize(), os.getpid()
        self.put = self._store.set

    def begin(self) -> None:
        self._store.bgrewriteaof()

    def runs(self) -> bool:
        return self._store.rewrite_progress is not None

    def cost(self) -> tuple[int, int]:
        report = self._store.wait_rewrite()
        assert report is not None
        return report.fork_microseconds, report.copy_on_write_bytes

    def close(self) -> None:
        self._store.close()

    def reload(self) -> float:
        with self._open() as store:
            return float(store.load_report.seconds)


class There(Side):
    """A server, and this process as its client."""

    def __init__(self, kind: str, place: Path) -> None:
        super().__init__(place)
        import redis

        self._kind = kind
        self._server = Server(kind, place, *aof_options()).start()
        self._client = redis.Redis(unix_socket_path=str(self._server.socket))
        self._other = redis.Redis(unix_socket_path=str(self._server.socket))
        self.keys, self.pid = int(self._client.dbsize()), self._server.pid
        self.put = self._client.set

    def begin(self) -> None:
        self._client.bgrewriteaof()

    def runs(self) -> bool:
        told: Any = self._other.info("persistence")
        if told["aof_last_bgrewrite_status"] != "ok":
            raise RuntimeError(f"{self._kind} could not rewrite:\n{self._server.log()}")
        return bool(told["aof_rewrite_in_progress"])

    def cost(self) -> tuple[int, int]:
        told: Any = self._other.info("everything")
        return told["latest_fork_usec"], told["aof_last_cow_size"]

    def close(self) -> None:
        self._client.close()
        self._other.close()
        self._server.stop()
        self._server.close()

    def reload(self) -> float:
        with Server(self._kind, self.place, *aof_options(), "--loglevel", "notice") as server:
            return loading_seconds(server)


SIDES: dict[str, Callable[[Path], Side]] = {
    OURS: lambda place: Here(place, "multi-part"),
    OURS_SINGLE: lambda place: Here(place, "single-file"),
    "redis-server": lambda place: There("redis", place),
    "Valkey": lambda place: There("valkey", place),
}


def measure(sizes: Sizes, directory: Path, say: Callable[[str], None]) -> dict[str, Figures]:
    """By contender its figures, medians of the rounds."""
    log = directory / "raw.aof"
    commands = write(log, "raw", sizes.scale)
    say(f"raw log: {commands:,} commands, {log.stat().st_size / 1e6:.0f} MB")
    rounds: dict[str, list[Figures]] = {name: [] for name in SIDES}
    for number in range(sizes.rewrite_rounds):
        for name in SIDES:
            rounds[name].append(_once(name, directory, log, sizes.quiet_seconds))
            say(f"round {number + 1}, {name}: {rounds[name][-1]}")
    log.unlink()
    return {name: _medians(each) for name, each in rounds.items()}


def _medians(rounds: list[Figures]) -> Figures:
    def median(name: str) -> Any:
        values = [each[name] for each in rounds]
        if isinstance(values[0], list):
            return [statistics.median(column) for column in zip(*values, strict=True)]
        return statistics.median(values)

    return {name: median(name) for name in FIGURES}


def _once(name: str, directory: Path, log: Path, quiet_seconds: float) -> Figures:
    place = directory / "rewrite"
    place.mkdir()
    try:
        shutil.copyfile(log, place / "appendonly.aof")
        os.sync()
        words = [sys.executable, "-m", "benchmarks.rewriting", name, str(place), str(quiet_seconds)]
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
        figures: Figures = json.loads(done.stdout)
        return figures
    finally:
        shutil.rmtree(place)


def figures_of(side: Side, quiet_seconds: float) -> Figures:
    """All that is measured of one contender; closes it."""
    idle = _rewrite(side)
    idle_size = side.size()
    gigabytes = resident_megabytes(side.pid) / 1000
    forks = [side.cost()[0] / gigabytes]
    quiet = _write_while(side, _clock(quiet_seconds))
    began = time.perf_counter()
    gigabytes = resident_megabytes(side.pid) / 1000
    side.begin()
    rewriting = _write_while(side, side.runs)
    loaded = time.perf_counter() - began
    loaded_size = side.size()
    fork, copied = side.cost()
    forks.append(fork / gigabytes)
    side.close()
    return {
        "idle_seconds": idle,
        "idle_megabytes_a_second": idle_size / 1e6 / idle,
        "loaded_seconds": loaded,
        "loaded_megabytes_a_second": loaded_size / 1e6 / loaded,
        "fork_us_per_gb": statistics.mean(forks),
        "copy_on_write_mb": copied / 1e6,
        "quiet_us": _tail(quiet),
        "rewriting_us": _tail(rewriting),
        "writes": len(rewriting),
        "reload_seconds": side.reload(),
    }


def _rewrite(side: Side) -> float:
    began = time.perf_counter()
    side.begin()
    while side.runs():
        time.sleep(0.001)
    return time.perf_counter() - began


def _clock(seconds: float) -> Callable[[], bool]:
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() < end


def _write_while(side: Side, goes_on: Callable[[], bool]) -> list[int]:
    """What each SET took in ns, at a steady pace, until `goes_on` says no; it is asked now and then."""
    rng, clock, put = random.Random(5), time.perf_counter_ns, side.put
    strings = max(side.keys * 10 // 13, 1)
    value = rng.randbytes(100)
    took: list[int] = []
    asked = due = time.perf_counter()
    gc.disable()
    while True:
        for number in rng.choices(range(strings), k=BURST):
            key = b"key:%012d" % number
            began = clock()
            put(key, value)
            took.append(clock() - began)
        now = time.perf_counter()
        if now - asked >= LOOK:
            if not goes_on():
                break
            asked = now = time.perf_counter()
        due = max(due + PERIOD, now - PERIOD)  # no burst of what was missed
        if due > now:
            time.sleep(due - now)
    gc.enable()
    return took


def _tail(took: list[int]) -> list[float]:
    """p50, p99 and the longest, in µs."""
    took.sort()
    return [took[min(int(len(took) * share), len(took) - 1)] / 1000 for share in (0.5, 0.99, 1.0)]


if __name__ == "__main__":
    print(json.dumps(figures_of(SIDES[sys.argv[1]](Path(sys.argv[2])), float(sys.argv[3]))))
