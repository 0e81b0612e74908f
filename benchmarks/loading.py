"""Loading data set D, and the memory it takes: here, in redis-server and in Valkey, from the same file.

A server takes a log of one file over as the base of its own; its time is the one that it logs. The third file
is a snapshot, which redis-server wrote as the base of its log. Memory is what loading adds to the resident
size of a process that had opened an empty directory.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.servers.process import Server, aof_options

from .dataset import KINDS, write
from .sizes import Sizes

_LOADED = re.compile(r"DB loaded from append only file: ([\d.]+) seconds")
SNAPSHOT = "rdb"
Measured = tuple[float, float, int]
"""Seconds, MB of resident memory after loading, keys."""


def measure(sizes: Sizes, directory: Path, say: Callable[[str], None]) -> dict[str, dict[str, float]]:
    """Seconds by kind of log ("raw", "base", "rdb") and loader, and MB ("memory"): medians of the rounds."""
    loaders: dict[str, Callable[[Path], Measured]] = {
        "aofstore": _here,
        "redis-server": lambda place: _there("redis", place),
        "Valkey": lambda place: _there("valkey", place),
    }
    results: dict[str, dict[str, float]] = {}
    empty = {name: _once(load, directory, None)[1] for name, load in loaders.items()}
    for kind in (*KINDS, SNAPSHOT):
        log = directory / f"{kind}.aof"
        if kind != SNAPSHOT:
            commands = write(log, kind, sizes.scale)
            say(f"{kind} log: {commands:,} commands")
        if kind == "raw":
            _snapshot(log, directory / f"{SNAPSHOT}.aof", directory / "server")
        say(f"{kind}: {log.stat().st_size / 1e6:.0f} MB")
        rounds: dict[str, list[Measured]] = {name: [] for name in loaders}
        for _ in range(sizes.load_rounds):
            for name, load in loaders.items():
                rounds[name].append(_once(load, directory, log))
        if len({keys for each in rounds.values() for _, _, keys in each}) != 1:
            raise RuntimeError(f"not all loaded the same keys: {rounds}")
        results[kind] = {
            name: statistics.median(seconds for seconds, _, _ in each) for name, each in rounds.items()
        }
        say(", ".join(f"{name} {seconds:.2f} s" for name, seconds in results[kind].items()))
        if kind == "raw":
            results["memory"] = {
                name: statistics.median(size for _, size, _ in each) - empty[name]
                for name, each in rounds.items()
            }
            say(", ".join(f"{name} {size:.0f} MB" for name, size in results["memory"].items()))
        log.unlink()
    return results


def _snapshot(log: Path, into: Path, place: Path) -> None:
    """What redis-server makes of ``log`` when it rewrites it: a base that is a snapshot."""
    place.mkdir()
    os.link(log, place / "appendonly.aof")
    with (
        Server("redis", place, *aof_options(), "--aof-use-rdb-preamble", "yes") as server,
        server.connect() as connection,
    ):
        connection.execute("BGREWRITEAOF")
        while "aof_rewrite_in_progress:1" in str(connection.execute("INFO", "persistence")):
            time.sleep(0.05)
        (base,) = (place / "appendonlydir").glob("*.base.rdb")
        shutil.copyfile(base, into)
    shutil.rmtree(place)


def _once(load: Callable[[Path], Measured], directory: Path, log: Path | None) -> Measured:
    place = directory / "load"
    place.mkdir()
    try:
        if log is None:
            return load(place)
        os.link(log, place / "appendonly.aof")
        measured = load(place)
        if measured[0] <= 0:
            raise RuntimeError("nothing tells how long the loading took")
        return measured
    finally:
        shutil.rmtree(place)


def _here(place: Path) -> Measured:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.loading", str(place)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    seconds, size, keys = json.loads(done.stdout)
    return seconds, size, keys


def _there(kind: str, place: Path) -> Measured:
    options = [*aof_options(), "--loglevel", "notice"]
    with Server(kind, place, *options) as server, server.connect() as connection:
        return loading_seconds(server), resident_megabytes(server.pid), int(connection.execute("DBSIZE"))


def loading_seconds(server: Server) -> float:
    """What a server says that all files of its log took, having told of each before; 0 without any."""
    told = _LOADED.findall(server.log())
    if len(told) > 1:
        raise RuntimeError(f"this server tells of its loading in another way:\n{server.log()}")
    return float(told[0]) if told else 0.0


def resident_megabytes(pid: int) -> float:
    """The resident size of a process."""
    import psutil

    return float(psutil.Process(pid).memory_info().rss / 1e6)


def _main(place: str) -> None:
    import aofstore

    with aofstore.open(place) as store:
        print(json.dumps((store.load_report.seconds, resident_megabytes(os.getpid()), store.dbsize())))


if __name__ == "__main__":
    _main(sys.argv[1])
