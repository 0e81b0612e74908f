"""``make stress``: threads and processes hammer one store while a supervisor kills, reopens and checks.

Prints operations, kills, violations, peak memory and the slowest call; ends with status 1 if an invariant
broke.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import aofstore  # noqa: E402
from tests.crash.layouts import Layout, strangers  # noqa: E402
from tests.stress.invariants import violations  # noqa: E402

DUMP = "dump.rdb"
LIVES = 5
# Of so many of the lives in one directory the log is a single file, which parts take over then.
SINGLE = 0, LIVES, 2


@dataclass
class Figures:
    """What the run adds up to."""

    operations: int = 0
    kills: int = 0
    dumps: int = 0
    saves_cut_short: int = 0
    rewrites_cut_short: int = 0
    refused_second_opens: int = 0
    memory_kib: int = 0
    slowest: tuple[float, str] = (0.0, "")
    violations: list[str] = field(default_factory=list)
    opening_seconds: float = 0.0


def one_life(
    directory: Path, layout: Layout, threads: int, seed: int, seconds: float, figures: Figures
) -> None:
    """Starts the stressed process, lets it work, tries to break in, kills it, and looks at what is left."""
    words = [sys.executable, "-m", "tests.stress.child", str(directory), layout, str(threads), str(seed)]
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT)
        end = time.monotonic() + seconds
        while time.monotonic() < end and process.poll() is None:
            time.sleep(min(0.25, max(0.0, end - time.monotonic())))
            if os.fstat(output.fileno()).st_size:
                _second_open(directory, layout, figures, process)
        died = process.poll()
        process.kill()
        process.wait()
        figures.kills += 1
        _read_reports(output, figures)
        if died is not None:
            figures.violations.append(f"the process ended by itself with status {died}")
    left = [path.name for path in directory.rglob("temp-*")]
    figures.saves_cut_short += any(name.endswith(".rdb") and "rewrite" not in name for name in left)
    figures.rewrites_cut_short += any("rewrite" in name for name in left)
    _look(directory, layout, figures)
    _look_at_dump(directory, figures)


def _second_open(directory: Path, layout: Layout, figures: Figures, process: subprocess.Popen[bytes]) -> None:
    """While the process lives, nobody else may open its directory; it has reported, so it has the lock."""
    with contextlib.suppress(aofstore.AofLockedError):
        aofstore.open(directory, aof_layout=layout).close()
        if process.poll() is None:
            figures.violations.append("a second process could open the directory")
        return
    figures.refused_second_opens += 1


def _read_reports(output: IO[str], figures: Figures) -> None:
    output.seek(0)
    lines = [line for line in output.read().splitlines() if line]
    reports = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
    figures.violations.extend(line for line in lines if not line.startswith("{"))
    if reports:
        last = reports[-1]
        figures.operations += last["operations"]
        figures.memory_kib = max(figures.memory_kib, last["memory_kib"])
        figures.slowest = max(figures.slowest, tuple(last["slowest"]))
        figures.violations.extend(last["errors"])


def _look(directory: Path, layout: Layout, figures: Figures) -> None:
    start = time.monotonic()
    try:
        with aofstore.open(directory, appendfsync="no", aof_layout=layout) as store:
            figures.opening_seconds = max(figures.opening_seconds, time.monotonic() - start)
            figures.violations.extend(violations(store))
            store.delete("taken")
            for key in list(store.scan_iter(match="counted:*")):
                store.delete(key)
    except aofstore.AofstoreError as error:
        figures.violations.append(f"the directory does not open: {error!r}")
        return
    if left := [name for name in strangers(directory, layout) if name != DUMP]:
        figures.violations.append(f"left behind: {left}")


def _look_at_dump(directory: Path, figures: Figures) -> None:
    """The last save was of one moment, too, and is whole."""
    if not (directory / DUMP).exists():
        return
    alone = directory.with_name("alone")
    alone.mkdir()
    shutil.copy(directory / DUMP, alone)
    try:
        with aofstore.open(alone, appendonly=False, save="") as store:
            figures.dumps += 1
            figures.violations.extend(f"in the dump: {text}" for text in violations(store))
    except aofstore.AofstoreError as error:
        figures.violations.append(f"the dump does not open: {error!r}")
    shutil.rmtree(alone)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--threads", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng, figures, start = random.Random(options.seed), Figures(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="stress-") as root:
        while time.monotonic() - start < options.seconds and not figures.violations:
            number, life = divmod(figures.kills, LIVES)
            layout: Layout = "single-file" if life < SINGLE[number % len(SINGLE)] else "multi-part"
            directory = Path(root) / f"d{number}"
            one_life(directory, layout, options.threads, figures.kills, rng.uniform(0.5, 4.0), figures)
    print(f"seconds      {time.monotonic() - start:.0f}")
    print(f"operations   {figures.operations}")
    print(f"kills        {figures.kills}")
    print(f"cut short    {figures.rewrites_cut_short} rewrites, {figures.saves_cut_short} saves")
    print(f"dumps        {figures.dumps}")
    print(f"locked out   {figures.refused_second_opens}")
    print(f"violations   {len(figures.violations)}")
    print(f"peak memory  {figures.memory_kib / 1024:.0f} MiB")
    print(f"slowest call {figures.slowest[0] * 1000:.1f} ms ({figures.slowest[1]})")
    print(f"slowest open {figures.opening_seconds * 1000:.0f} ms")
    for text in figures.violations[:20]:
        print(f"  {text}")
    return 1 if figures.violations else 0


if __name__ == "__main__":
    sys.exit(main())
