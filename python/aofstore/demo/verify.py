"""Comparing a store with the model: is every acknowledged operation there?

The operation that was in flight when the writer died may be there or not, but whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias

import aofstore

from .model import Entry, Model, Span, Where
from .operations import DATABASES, SHORT_MS, Operation

Found: TypeAlias = tuple[Any, int]
"""A value and its expiry as Unix time in ms, -1 for none."""

_READERS: dict[bytes, Callable[[aofstore.Store[bytes], bytes], Any]] = {
    b"string": lambda db, key: db.get(key),
    b"list": lambda db, key: db.lrange(key, 0, -1),
    b"hash": lambda db, key: db.hgetall(key),
    b"set": lambda db, key: db.smembers(key),
    b"zset": lambda db, key: db.zrange(key, 0, -1, withscores=True),
}


@dataclass(frozen=True)
class Verdict:
    """What the comparison found: keys, lost operations, keys that differ, whether the last one was in."""

    keys: int
    lost: int
    wrong: tuple[str, ...]
    in_flight: bool


def verify(
    store: aofstore.Store[bytes],
    plan: Callable[[], Iterable[Operation]],
    acknowledged: int,
    life: Span,
    watch: Callable[[int, int], object],
) -> Verdict:
    """Compare the store with the first ``acknowledged`` operations of ``plan``.

    ``life`` is when the writer began and ended; ``watch`` is told how many keys were read, of how many.
    """
    time.sleep(max(0.0, (life[1] + SHORT_MS - _now()) / 1000 + 0.002))
    model = Model(life)
    steps = iter(plan())
    for operation in islice(steps, acknowledged):
        model.apply(operation)
    found = _read(store, watch)
    now = _now()
    wrong = _differences(model.entries(now), found)
    in_flight = False
    if wrong and (last := next(steps, None)) is not None:
        model.apply(last)
        with_last = _differences(model.entries(now), found)
        if len(with_last) < len(wrong):
            wrong, in_flight = with_last, True
    lost = _lost(islice(plan(), acknowledged), life, now, found, set(wrong)) if wrong else 0
    return Verdict(len(found), lost, tuple(map(_where_text, sorted(wrong))), in_flight)


def _now() -> int:
    return time.time_ns() // 1_000_000


def _read(store: aofstore.Store[bytes], watch: Callable[[int, int], object]) -> dict[Where, Found]:
    databases = [store.db(index) for index in range(DATABASES)]
    total = sum(database.dbsize() for database in databases)
    found: dict[Where, Found] = {}
    for index, database in enumerate(databases):
        for key in set(database.scan_iter(count=1000)):
            expiry = database.pexpiretime(key)
            if expiry != -2:
                found[index, key] = (_READERS[database.type(key)](database, key), expiry)
            if len(found) % 1000 == 0:
                watch(len(found), total)
    watch(len(found), len(found))
    return found


def _differences(wanted: dict[Where, Entry], found: dict[Where, Found]) -> list[Where]:
    both = wanted.keys() | found.keys()
    return [where for where in both if not _same(wanted.get(where), found.get(where))]


def _same(wanted: Entry | None, found: Found | None) -> bool:
    if wanted is None or found is None:
        return wanted is None and found is None
    (value, deadline), (there, expiry) = wanted, found
    if value != there:
        return False
    return expiry == -1 if deadline is None else deadline[0] <= expiry <= deadline[1]


def _lost(
    steps: Iterable[Operation], life: Span, now: int, found: dict[Where, Found], wrong: set[Where]
) -> int:
    """How many operations are missing: those on a differing key after the last one that left it as found."""
    model = Model(life)
    since: dict[Where, list[int]] = {where: [] for where in wrong}
    for number, operation in enumerate(steps):
        for where in model.apply(operation) & wrong:
            if _same(model.entry(where, now), found.get(where)):
                since[where].clear()
            else:
                since[where].append(number)
    return len({number for numbers in since.values() for number in numbers})


def _where_text(where: Where) -> str:
    return f"db {where[0]} {where[1].decode('utf-8', 'backslashreplace')}"
