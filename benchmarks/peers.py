"""The same work side by side: every contender in a process of its own, a turn each, round after round.

A turn lasts about as long for all of them, so that slow ones do fewer calls; the first, of a few calls, only
finds out how many. It is so long that what a store puts off falls due within it: compaction, the rewriting of
a log, writing back. In short turns that would be done while others have theirs, at nobody's cost. Drift of
the machine meets all contenders alike, and medians are compared.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias

from .contenders import ALL, EMBEDDED, OURS, SERVERS
from .sizes import Sizes
from .work import ROWS

Say: TypeAlias = Callable[[str], None]
Rates: TypeAlias = dict[str, dict[str, list[float]]]
"""Row, contender, then keys a second of each round."""

_TRIAL = 200


class Turns:
    """A contender's process."""

    def __init__(self, name: str, directory: Path, keys: int) -> None:
        directory.mkdir(parents=True)
        self.name = name
        self._directory = directory
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", name, str(directory), str(keys)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    def preload(self) -> float:
        """Fill the store; the seconds it took."""
        return float(self._ask(row="preload")["seconds"])

    def rate(self, row: str, count: int, seed: int) -> float:
        """Keys a second of one turn."""
        answer = self._ask(row=row, count=count, seed=seed)
        return float(answer["calls"] / answer["seconds"])

    def close(self) -> None:
        self._process.communicate()
        shutil.rmtree(self._directory)

    def _ask(self, **request: object) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(
                f"{self.name} ended with status {self._process.wait()}; its messages stand above"
            )
        answer: dict[str, Any] = json.loads(line)
        return answer


def measure(sizes: Sizes, directory: Path, say: Say, names: tuple[str, ...] = tuple(ALL)) -> Rates:
    """Keys a second of every row and contender, round by round."""
    rates: Rates = {row: {} for row in ROWS}
    with ExitStack() as stack:
        turns = []
        for number, name in enumerate(names):
            turn = Turns(name, directory / f"peer{number}", sizes.keys)
            stack.callback(turn.close)
            say(f"{name}: {sizes.keys:,} keys in {turn.preload():.1f} s")
            turns.append(turn)
        for row in ROWS:
            able = [turn for turn in turns if row not in ALL[turn.name].lacks]
            counts = {turn.name: _count(turn, row, sizes.cell_seconds) for turn in able}
            for number in range(sizes.rounds):
                for turn in able:
                    rate = turn.rate(row, counts[turn.name], seed=number)
                    rates[row].setdefault(turn.name, []).append(rate)
            say(
                f"{row}: "
                + ", ".join(f"{name} {figure(each, name):,.0f}" for name, each in rates[row].items())
            )
    return rates


def _count(turn: Turns, row: str, seconds: float) -> int:
    """How many calls fill a turn, after two trials: the second one knows its way."""
    turn.rate(row, _TRIAL, seed=101)
    trial = turn.rate(row, 5 * _TRIAL, seed=102)
    return max(_TRIAL, int(trial * seconds) // _TRIAL * _TRIAL)


def figure(rounds: list[float], name: str) -> float:
    """The median; of a server behind a socket the best round: an idle core slows it at random."""
    return max(rounds) if name in SERVERS else statistics.median(rounds)


def best_embedded(rates: dict[str, list[float]]) -> tuple[str, float]:
    """The fastest embedded peer of a row."""
    name = max((name for name in EMBEDDED if name in rates), key=lambda name: figure(rates[name], name))
    return name, figure(rates[name], name)


def ours(rates: dict[str, list[float]]) -> float:
    """Our own figure of a row."""
    return figure(rates[OURS], OURS)
