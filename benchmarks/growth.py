"""What an operation costs as the store grows, beside a plain dict, and the slowest single insert on the way.

What else the machine does hits some insert in every run, though never the same one: so each kind grows
several times, and the slowest insert is that of its best round. Beside it stand the slowest of as many calls
that do nothing, and of as many that only write as many bytes into memory that is new: whoever does that waits
for the system to find and clear it, and in a virtual machine sometimes for the host to find it too.

``python -m benchmarks.growth KIND SIZES`` prints the figures as JSON; a process of its own for each kind.
"""

from __future__ import annotations

import gc
import json
import mmap
import random
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from .machine import warm_memory
from .sizes import Sizes
from .work import key

NOTHING = "nothing"
MEMORY = "memory"
KINDS = ("aofstore", "dict", MEMORY, NOTHING)
CONTROLS = {MEMORY: "a call that writes as much new memory", NOTHING: "a call that does nothing"}
"""What only shows how slow a call can be here, and what to call it."""
_SAMPLE = 256
"""So few that the memory they touch stays in the caches, and the places of its pages with the processor."""
_REPEATS = 1000
_VALUE = b"v" * 100


def measure(sizes: Sizes, say: Callable[[str], None]) -> dict[str, dict[str, Any]]:
    """By kind: ns of a GET and of a SET at each size, and the slowest insert in µs by two clocks.

    Of several rounds each figure is the least.
    """
    results: dict[str, dict[str, Any]] = {}
    for number in range(sizes.growth_rounds):
        for kind in KINDS:
            warm_memory()
            words = [sys.executable, "-m", "benchmarks.growth", kind, *map(str, sizes.growth)]
            done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
            found = json.loads(done.stdout)
            say(f"round {number + 1}, {kind}: {found}")
            results[kind] = _better(results.get(kind, found), found)
    return results


def _better(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The smaller of each figure."""
    better = dict(one)
    for name in ("get_ns", "set_ns"):
        better[name] = [min(pair) for pair in zip(one[name], other[name], strict=True)]
    for name in ("worst_us", "worst_cpu_us"):
        better[name] = min(one[name], other[name])
    return better


def _main(kind: str, sizes: list[int]) -> None:
    gc.disable()
    if kind == "dict":
        table: dict[bytes, bytes] = {}
        get: Callable[..., Any] = table.get
        put: Callable[..., Any] = table.__setitem__
    elif kind == MEMORY:
        get, put = _get_nothing, _new_memory(sizes[-1])
    elif kind == NOTHING:
        get, put = _get_nothing, _put_nothing
    else:
        import aofstore

        store = aofstore.open()
        get, put = store.get, store.set
    found: dict[str, Any] = {"sizes": sizes, "get_ns": [], "set_ns": [], "worst_us": 0.0, "worst_cpu_us": 0.0}
    rng = random.Random(3)
    filled = 0
    for size in sizes:
        _fill(put, filled, size, found)
        filled = size
        keys = [key(rng.randrange(size)) for _ in range(_SAMPLE)]
        found["get_ns"].append(_fastest(_reads, get, keys))
        found["set_ns"].append(_fastest(_writes, put, keys))
    print(json.dumps(found))


def _fill(put: Callable[[bytes, bytes], Any], begin: int, end: int, found: dict[str, Any]) -> None:
    """Insert new keys one by one. The processor's clock leaves out what other processes did meanwhile."""
    wall, cpu = time.perf_counter_ns, time.thread_time_ns
    worst = worst_cpu = 0
    for number in range(begin, end):
        name = key(number)
        cpu_began, began = cpu(), wall()
        put(name, _VALUE)
        took, took_cpu = wall() - began, cpu() - cpu_began
        worst, worst_cpu = max(worst, took), max(worst_cpu, took_cpu)
    found["worst_us"] = max(found["worst_us"], worst / 1000)
    found["worst_cpu_us"] = max(found["worst_cpu_us"], worst_cpu / 1000)


def _get_nothing(name: bytes) -> None:
    pass


def _put_nothing(name: bytes, value: bytes) -> None:
    pass


def _new_memory(calls: int) -> Callable[[bytes, bytes], None]:
    """Each call writes key and value behind those of the last one, then at the start again."""
    size = len(key(0)) + len(_VALUE)
    room, last, at = mmap.mmap(-1, calls * size), (calls - 1) * size, -size

    def put(name: bytes, value: bytes) -> None:
        nonlocal at
        at = at + size if at < last else 0
        room[at : at + size] = name + value

    return put


def _reads(get: Callable[[bytes], Any], keys: list[bytes]) -> None:
    for name in keys:
        get(name)


def _writes(put: Callable[[bytes, bytes], Any], keys: list[bytes]) -> None:
    for name in keys:
        put(name, _VALUE)


def _fastest(loop: Callable[[Any, list[bytes]], None], call: Any, keys: list[bytes]) -> float:
    """Nanoseconds a call, the fastest of several passes over the same keys: cache misses apart."""
    best = float("inf")
    for _ in range(_REPEATS):
        began = time.perf_counter_ns()
        loop(call, keys)
        best = min(best, (time.perf_counter_ns() - began) / len(keys))
    return best


if __name__ == "__main__":
    _main(sys.argv[1], [int(word) for word in sys.argv[2:]])
