"""A run as a page: the machine, a table a part, and the targets with their figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .contenders import ALL, SERVERS
from .growth import CONTROLS
from .peers import Rates, figure
from .targets import Results, verdicts
from .work import ROWS, TITLES


def page(results: Results, picture: str | None) -> str:
    """The whole page in Markdown."""
    lines = [f"# Benchmarks, {results['date']}", ""]
    lines += [
        f"{results['machine']}; load average before the run {results['load']}; `{results['sizes']}` sizes.",
        "",
    ]
    if results["sizes"] != "full":
        lines += ["Small sizes show that everything works, not how fast it is.", ""]
    lines += _targets(results)
    if results.get("peers"):
        lines += _peers(results["peers"], picture)
    lines += _syncs(results)
    if results.get("loading"):
        lines += _loading(results["loading"])
    if results.get("rewriting"):
        lines += _rewriting(results["rewriting"])
    if results.get("growth"):
        lines += _growth(results["growth"])
    return "\n".join(lines)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    head = list(head)
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" + "---:|" * (len(head) - 1)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def _targets(results: Results) -> list[str]:
    rows = [
        (each.work, each.target, each.measured, "met" if each.met else "**not met**")
        for each in verdicts(results)
    ]
    if not rows:
        return []
    lines = ["## Targets", "", "| work | target | measured in this run | |", "|---|---|---|---|"]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def _peers(rates: Rates, picture: str | None) -> list[str]:
    lines = ["## One call at a time, thousands of keys a second", ""]
    if picture is not None:
        lines += [f"![The same as a picture]({picture})", ""]
    lines += [
        "Every acknowledged write survives `kill -9` of the process in all of them. Medians of interleaved",
        "rounds; of the servers the best round, since an idle core slows a client and its server down at",
        "random. Types that a store of plain keys lacks are emulated with composite keys.",
        "",
    ]
    names = [name for name in ALL if any(name in rates[row] for row in ROWS)]
    rows = []
    for name in names:
        cells = [
            f"{figure(rates[row][name], name) / 1000:,.0f}" if name in rates[row] else "" for row in ROWS
        ]
        rows.append((f"{name} (best)" if name in SERVERS else name, *cells))
    return [*lines, *_table(("", *(TITLES[row] for row in ROWS)), rows)]


def _syncs(results: Results) -> list[str]:
    lines = []
    for part, title in (("one_thread", "`always`, one thread"), ("many_threads", "`always`, 32 threads")):
        if results.get(part):
            lines += [f"## {title}", ""]
            rows = ((name, f"{rate:,.0f}") for name, rate in results[part].items())
            lines += _table(("", "commits a second"), rows)
    if results.get("latency"):
        lines += ["## One write each 5 µs while the file is synced every second, µs", ""]
        rows = ((name, *(f"{each:,.2f}" for each in row)) for name, row in results["latency"].items())
        lines += _table(("", "p50", "p99", "p99.9", "longest"), rows)
    return lines


def _loading(loading: dict[str, dict[str, float]]) -> list[str]:
    rows = []
    for name in loading["raw"]:
        times = (f"{loading[kind][name]:.2f}" for kind in ("raw", "base", "rdb"))
        rows.append((name, *times, f"{loading['memory'][name]:,.0f}"))
    head = ("", "raw log, s", "RESP base, s", "RDB base, s", "growth of RSS, MB")
    return ["## Loading data set D, and its memory", "", *_table(head, rows)]


def _rewriting(sides: dict[str, dict[str, Any]]) -> list[str]:
    lines = [
        "## Rewriting data set D",
        "",
        "From the call until the new file is in place; the base is commands, not a snapshot. Written to: ten",
        "SETs each millisecond. Copied is the memory that parent and child no longer share in the end.",
        "",
    ]
    rows = []
    for name, each in sides.items():
        idle = f"{each['idle_seconds']:.2f} ({each['idle_megabytes_a_second']:,.0f})"
        loaded = f"{each['loaded_seconds']:.2f} ({each['loaded_megabytes_a_second']:,.0f})"
        copied = f"{each['copy_on_write_mb']:,.0f} ({each['writes']:,.0f})"
        fork = f"{each['fork_us_per_gb'] / 1000:.1f}"
        rows.append((name, idle, loaded, fork, copied, f"{each['reload_seconds']:.2f}"))
    head = ("", "idle, s (MB/s)", "written to, s (MB/s)", "fork, ms a GB", "copied, MB (SETs)", "reload, s")
    lines += _table(head, rows)
    tails = []
    for name, each in sides.items():
        for title, tail in (("without", each["quiet_us"]), ("during", each["rewriting_us"])):
            tails.append((f"{name}, {title}", *(f"{value:,.1f}" for value in tail)))
    return [*lines, *_table(("SET, µs", "p50", "p99", "longest"), tails)]


def _growth(growth: dict[str, dict[str, Any]]) -> list[str]:
    lines = [
        "## Growth",
        "",
        "The slowest insert is that of the best round: what else the machine does hits some call in every",
        "round, as the calls show that do nothing or write as much new memory, timed in the same way.",
        "",
    ]
    rows = []
    for name, each in growth.items():
        worst = f"{each['worst_cpu_us']:,.0f} ({each['worst_us']:,.0f})"
        none = ("" for _ in each["sizes"])
        if name in CONTROLS:
            rows.append((f"{CONTROLS[name]}, slowest", *none, worst))
            continue
        for call in ("get", "set"):
            rows.append((f"{name}, {call.upper()}", *(f"{ns:,.0f}" for ns in each[f"{call}_ns"]), ""))
        rows.append((f"{name}, slowest insert", *none, worst))
    sizes = next(iter(growth.values()))["sizes"]
    head = (
        "ns a call, in memory, cache misses apart",
        *(f"{size:,} keys" for size in sizes),
        "µs, CPU (clock)",
    )
    return [*lines, *_table(head, rows)]
