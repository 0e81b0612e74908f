"""``make bench``: everything side by side, as a page and a picture in ``benchmarks/results``.

``make bench ARGS=--quick`` does little of everything; ``ARGS="--only peers growth"`` some parts.
"""

from __future__ import annotations

import argparse
import datetime
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import growth, loading, machine, peers, picture, report, rewriting, syncs
from .native import NoCompilerError
from .sizes import FULL, QUICK, Sizes

ROOT = Path(__file__).resolve().parents[1]
SUITES = ("pytest", "criterion")
PARTS = ("peers", "one_thread", "many_threads", "latency", "loading", "rewriting", "growth")


def main() -> int:
    """Run what was asked for; the exit status."""
    wanted = _arguments()
    sizes = QUICK if wanted.quick else FULL
    only = wanted.only or [*SUITES, *PARTS]
    for suite in SUITES:
        if suite in only:
            _SUITES[suite](sizes)
    if not set(only) & set(PARTS):
        return 0
    wanted.dir.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="bench-", dir=wanted.dir))
    try:
        results = _measured(sizes, directory, [part for part in PARTS if part in only])
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    _write(results, wanted.out)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, under a minute")
    parser.add_argument("--only", nargs="+", choices=[*SUITES, *PARTS], help="some parts instead of all")
    parser.add_argument(
        "--dir", type=Path, default=ROOT / "target" / "bench", help="where the stores are made"
    )
    parser.add_argument(
        "--out", type=Path, default=ROOT / "benchmarks" / "results", help="where the page is put"
    )
    return parser.parse_args()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _measured(sizes: Sizes, directory: Path, parts: list[str]) -> dict[str, Any]:
    results: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine.machine(directory),
        "load": machine.load(),
        "sizes": sizes.name,
    }
    measures: dict[str, Callable[[], Any]] = {
        "peers": lambda: peers.measure(sizes, directory, _say),
        "one_thread": lambda: syncs.one_thread(sizes, directory),
        "many_threads": lambda: syncs.many_threads(sizes, directory),
        "latency": lambda: syncs.latency(sizes, directory),
        "loading": lambda: loading.measure(sizes, directory, _say),
        "rewriting": lambda: rewriting.measure(sizes, directory, _say),
        "growth": lambda: growth.measure(sizes, _say),
    }
    for part in parts:
        _say(f"--- {part}")
        machine.warm_memory()
        try:
            results[part] = measures[part]()
        except NoCompilerError as missing:
            _say(f"left out: {missing}")
    return results


def _write(results: dict[str, Any], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    name = results["date"] if results["sizes"] == "full" else f"{results['date']}-{results['sizes']}"
    image = None
    if results.get("peers"):
        image = f"{name}.png"
        picture.draw(results["peers"], out / image, results["machine"])
    text = report.page(results, image)
    (out / f"{name}.md").write_text(text)
    (out / f"{name}.json").write_text(json.dumps(results, indent=1) + "\n")
    print(text)
    _say(f"written to {out / name}.md, .json{', .png' if image else ''}")


def _pytest(sizes: Sizes) -> None:
    words = [
        sys.executable,
        "-m",
        "pytest",
        "benchmarks",
        "-q",
        "-p",
        "no:cacheprovider",
        "--benchmark-columns=median,ops",
    ]
    words += ["--benchmark-max-time=0.05", "--benchmark-min-rounds=2"] if sizes is QUICK else []
    subprocess.run(words, cwd=ROOT, check=True)


def _criterion(sizes: Sizes) -> None:
    words = ["cargo", "bench", "--locked", "-p", "aofstore-core", "--bench", "core", "--"]
    seconds = ("0.1", "0.3") if sizes is QUICK else ("1", "2")
    words += ["--warm-up-time", seconds[0], "--measurement-time", seconds[1]]
    subprocess.run(words, cwd=ROOT, check=True)


_SUITES: dict[str, Callable[[Sizes], None]] = {"pytest": _pytest, "criterion": _criterion}

if __name__ == "__main__":
    sys.exit(main())
