"""The process that writes until it is killed, as `play` starts it.

``python -m aofstore.demo.writer DIR POLICY SEED COUNT REWRITE_AT KILL_AT FIGURES``

Everything is prepared first, so that what is measured is the store. Then one byte on stdout says "ready",
and one more for each operation that the store has acknowledged, written after the call returned. After
REWRITE_AT operations the log is rewritten for the first time; after KILL_AT a line of JSON about that goes
to the descriptor FIGURES, a second rewrite begins, and the byte ``R`` on stdout asks to be killed. When
that rewrite is over the next one begins, for who kills may be slow. When everything is done the process
waits for the end of its stdin, so that it does not outlive the one that started it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, cast

import aofstore

from .operations import ACKNOWLEDGED, DATABASES, REWRITING, Call, Policy, operations


def main(
    directory: str, policy: Policy, seed: int, count: int, rewrite_at: int, kill_at: int, figures: int
) -> None:
    """Write, and acknowledge each operation with a byte."""
    gc.disable()
    spans: list[int] = []
    clock = time.perf_counter_ns
    with aofstore.open(directory, config=aofstore.Config(appendfsync=policy)) as store:
        databases = [store.db(index) for index in range(DATABASES)]
        steps = [_step(databases[op.db], op.calls) for op in operations(seed, count)]
        os.write(1, ACKNOWLEDGED)
        for number, (method, args, options) in enumerate(steps):
            if number == rewrite_at:
                rewrite = Rewrite(store, spans)
            if number == kill_at:
                os.write(figures, json.dumps(rewrite.figures()).encode() + b"\n")
            if number >= kill_at and store.rewrite_progress is None:
                _begin_rewrite(store)
            if number == kill_at:
                os.write(1, REWRITING)
            began = clock()
            method(*args, **options)
            spans.append(clock() - began)
            os.write(1, ACKNOWLEDGED)
        sys.stdin.read()


def _begin_rewrite(store: aofstore.Store[Any]) -> None:
    # The last one may not be over yet: then its successor begins before the next operation.
    with contextlib.suppress(aofstore.RewriteInProgressError):
        store.bgrewriteaof()


class Rewrite:
    """A rewrite begun now, and what it did to the time that a write takes."""

    def __init__(self, store: aofstore.Store[Any], spans: list[int]) -> None:
        """Begin; ``spans`` grows by the nanoseconds of each write."""
        self._store, self._spans = store, spans
        self._began_at, self._ended_at = len(spans), 0
        store.bgrewriteaof()
        self._report: aofstore.RewriteReport | None = None
        self._waiting = threading.Thread(target=self._wait)
        self._waiting.start()

    def _wait(self) -> None:
        self._report = self._store.wait_rewrite()
        self._ended_at = len(self._spans)

    def figures(self) -> dict[str, Any]:
        """Wait for its end; its report, and the p99 of writes while it ran and while it did not, in us."""
        self._waiting.join()
        if self._report is None:
            raise RuntimeError("the rewrite vanished")
        spans, began, ended = self._spans, self._began_at, self._ended_at
        return {
            "report": dataclasses.asdict(self._report),
            "p99_microseconds": _p99(spans[:began] + spans[ended:]),
            "p99_rewriting_microseconds": _p99(spans[began:ended]),
        }


def _p99(spans: list[int]) -> float | None:
    return sorted(spans)[len(spans) * 99 // 100] / 1000 if spans else None


def _step(store: aofstore.Store[Any], calls: tuple[Call, ...]) -> tuple[Callable[..., Any], Any, Any]:
    if len(calls) > 1:
        return _transaction, (store, calls), {}
    ((method, args, options),) = calls
    return getattr(store, method), args, options


def _transaction(store: aofstore.Store[Any], calls: tuple[Call, ...]) -> None:
    with store.pipeline() as pipe:
        for method, args, options in calls:
            getattr(pipe, method)(*args, **options)
        pipe.execute()


if __name__ == "__main__":
    main(sys.argv[1], cast("Policy", sys.argv[2]), *map(int, sys.argv[3:]))
