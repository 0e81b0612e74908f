"""The targets, each a ratio between figures of the same run, and whether they are met."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .growth import CONTROLS
from .peers import Rates, best_embedded, figure, ours
from .rewriting import OURS, OURS_SINGLE

PLYVEL = "plyvel (LevelDB)"
WRITEMAP = "lmdb, writemap + map_async"
VALKEY = "redis-py, Valkey"
Results = dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """A row of the table of targets: the work, what is wanted, what was measured, met or not."""

    work: str
    target: str
    measured: str
    met: bool


def verdicts(results: Results) -> Iterator[Verdict]:
    """Every target whose part was run."""
    judges: dict[str, Callable[[Any], Iterator[Verdict]]] = {
        "peers": _calls,
        "one_thread": _one_thread,
        "many_threads": _many_threads,
        "latency": _latency,
        "loading": _loading,
        "rewriting": _rewriting,
        "growth": _growth,
    }
    for part, judge in judges.items():
        if results.get(part):
            yield from judge(results[part])


def _at_least(work: str, wanted: float, mine: float, other: str, theirs: float, unit: str) -> Verdict:
    ratio = mine / theirs
    measured = f"{ratio:.2f} × ({_short(mine)} against {_short(theirs)} {unit})"
    return Verdict(work, f">= {wanted:g} × {other}", measured, ratio >= wanted)


def _at_most(work: str, wanted: float, mine: float, other: str, theirs: float, unit: str) -> Verdict:
    ratio = mine / theirs
    measured = f"{ratio:.2f} × ({_short(mine)} against {_short(theirs)} {unit})"
    return Verdict(work, f"<= {wanted:.3g} × {other}", measured, ratio <= wanted)


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _calls(rates: Rates) -> Iterator[Verdict]:
    def against(row: str, wanted: float, name: str) -> Verdict:
        return _at_least(
            _WORK[row], wanted, ours(rates[row]), name, figure(rates[row][name], name), "a second"
        )

    def against_best(row: str, wanted: float) -> Verdict:
        name, rate = best_embedded(rates[row])
        return _at_least(
            _WORK[row], wanted, ours(rates[row]), f"the best embedded peer, {name}", rate, "a second"
        )

    yield against("set", 1.3, PLYVEL)
    yield against("set", 15, VALKEY)
    lmdb = max((WRITEMAP, "lmdb"), key=lambda name: figure(rates["get"][name], name))
    yield against("get", 1.5, lmdb)
    yield against_best("incr", 1.7)
    yield against_best("zadd", 2)
    yield against_best("lpush", 2)
    yield against_best("hset", 1.3)
    yield against("batch", 2, WRITEMAP)
    yield against("batch", 10, VALKEY)


_WORK = {
    "set": "SET, kill-safe, typed facade",
    "get": "GET",
    "incr": "INCR",
    "zadd": "ZADD",
    "lpush": "LPUSH",
    "hset": "HSET",
    "batch": "pipeline in batches of 100",
}


def _one_thread(rates: dict[str, float]) -> Iterator[Verdict]:
    floor = "append + fdatasync in C"
    yield _at_least("`always`, one thread", 0.9, rates["aofstore"], floor, rates[floor], "commits a second")


def _many_threads(rates: dict[str, float]) -> Iterator[Verdict]:
    floor = "group commit in C"
    yield _at_least("`always`, 32 threads", 0.9, rates["aofstore"], floor, rates[floor], "commits a second")


def _latency(rows: dict[str, list[float]]) -> Iterator[Verdict]:
    mine, floor = rows["aofstore SET"], rows["write(2) in C"]
    work = "p99 of SET under everysec while fdatasyncs run"
    yield _at_most(work, 1.5, mine[1], "the p99 of a C write loop", floor[1], "µs")


def _loading(loading: dict[str, dict[str, float]]) -> Iterator[Verdict]:
    wanted_of = {
        "raw": ("load raw log", 1 / 3),
        "base": ("load RESP base", 1 / 3),
        "rdb": ("load RDB base", 1 / 2),
    }
    for kind, (work, wanted) in wanted_of.items():
        times = loading[kind]
        server = min((name for name in times if name != "aofstore"), key=times.__getitem__)
        yield _at_most(work, wanted, times["aofstore"], f"the best server, {server}", times[server], "s")
    memory = loading["memory"]
    work = "memory for D (growth of RSS)"
    yield _at_most(work, 0.95, memory["aofstore"], "Valkey", memory["Valkey"], "MB")


def _rewriting(sides: dict[str, dict[str, Any]]) -> Iterator[Verdict]:
    mine = sides[OURS]
    servers = {name: each for name, each in sides.items() if name not in (OURS, OURS_SINGLE)}
    for state, work in (("idle", "rewrite D, idle"), ("loaded", "rewrite D, written to")):
        times = {name: each[f"{state}_seconds"] for name, each in servers.items()}
        name = min(times, key=times.__getitem__)
        yield _at_most(work, 1 / 2, mine[f"{state}_seconds"], f"the best server, {name}", times[name], "s")
    redis = servers["redis-server"]["fork_us_per_gb"] / 1000
    yield _at_most("fork", 1, mine["fork_us_per_gb"] / 1000, "redis-server", redis, "ms a GB")
    quiet, rewriting = mine["quiet_us"][1], mine["rewriting_us"][1]
    yield _at_most("p99 of SET during a rewrite", 2, rewriting, "the p99 without", quiet, "µs")


def _slowest(each: dict[str, Any]) -> str:
    return f"{each['worst_cpu_us']:,.0f} µs of processor time, {each['worst_us']:,.0f} µs by the clock"


def _growth(growth: dict[str, dict[str, Any]]) -> Iterator[Verdict]:
    mine = growth["aofstore"]
    span = f"{mine['sizes'][0]:,} to {mine['sizes'][-1]:,} keys"
    for call, times in (("GET", mine["get_ns"]), ("SET", mine["set_ns"])):
        work = f"cost of {call} from {span}, cache misses apart"
        yield _at_most(work, 1.5, max(times), "the smallest size", times[0], "ns")
    measured = _slowest(mine)
    for name, title in CONTROLS.items():
        if name in growth:
            measured += f"; {title}: {_slowest(growth[name])}"
    yield Verdict("slowest single insert on the way", "<= 1 ms", measured, mine["worst_cpu_us"] <= 1000)
