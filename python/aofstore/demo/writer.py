"""The process that writes until it is killed: ``python -m aofstore.demo.writer DIR POLICY SEED COUNT``.

Everything is prepared first, so that what is measured is the store. Then one byte on stdout says "ready", and
one more for each operation that the store has acknowledged, written after the call returned. When everything
is done it waits for the end of its stdin, so that it does not outlive the process that started it.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from typing import Any, cast

import aofstore

from .operations import DATABASES, Call, Policy, operations


def main(directory: str, policy: Policy, seed: int, count: int) -> None:
    """Write, and acknowledge each operation with a byte."""
    gc.disable()
    with aofstore.open(directory, config=aofstore.Config(appendfsync=policy)) as store:
        databases = [store.db(index) for index in range(DATABASES)]
        steps = [_step(databases[op.db], op.calls) for op in operations(seed, count)]
        os.write(1, b"+")
        for method, args, options in steps:
            method(*args, **options)
            os.write(1, b"+")
        sys.stdin.read()


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
    main(sys.argv[1], cast("Policy", sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
