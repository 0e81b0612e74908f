"""What a log has besides plain commands: a snapshot at its beginning, lines that tell the time.

Where the time is told the clock is the test's own, and each operation is a second later than the one before:
so every one of them has its line, and may be torn inside it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias

from aofstore._core import _testing

Form: TypeAlias = Literal["plain", "snapshot", "stamped", "both"]
FORMS: tuple[Form, ...] = ("plain", "snapshot", "stamped", "both")
BEGIN_S = 1_700_000_000

SETTINGS: dict[Form, dict[str, Any]] = {
    "plain": {},
    "snapshot": {"aof_use_rdb_preamble": True},
    "stamped": {"aof_timestamp_enabled": True},
    "both": {"aof_use_rdb_preamble": True, "aof_timestamp_enabled": True},
}


def tells_the_time(form: Form) -> bool:
    return "aof_timestamp_enabled" in SETTINGS[form]


def begins_with_snapshot(form: Form) -> bool:
    """Once it has been rewritten."""
    return "aof_use_rdb_preamble" in SETTINGS[form]


@contextmanager
def clock(form: Form) -> Iterator[Callable[[], None]]:
    """What is to be called before each operation, by whichever thread; after that the clock is real again."""
    if not tells_the_time(form):
        yield lambda: None
        return
    seconds = itertools.count(BEGIN_S)

    def tick() -> None:
        _testing.set_clock(next(seconds) * 1000)

    tick()
    try:
        yield tick
    finally:
        _testing.set_clock(None)
