"""What the data must be: the same operations on plain dictionaries.

The model knows neither a log nor a clock. What expires after a span of time expires somewhere between the
moment when the writer began and the moment when it was dead, each plus the span.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from .operations import DATABASES, Operation

Where: TypeAlias = tuple[int, bytes]
"""A database and a key."""

Span: TypeAlias = tuple[int, int]
"""The earliest and the latest Unix time in ms at which something may expire."""

Entry: TypeAlias = tuple[Any, Span | None]
"""A value as the readers of `verify` give it, and when it expires."""


class Model:
    """All databases, for a writer that lived from ``life[0]`` to ``life[1]`` (Unix time in ms)."""

    def __init__(self, life: Span) -> None:
        self._databases = [Database(life) for _ in range(DATABASES)]

    def apply(self, operation: Operation) -> set[Where]:
        """Do an operation; the keys that it changed."""
        database = self._databases[operation.db]
        database.changed = set()
        for method, args, options in operation.calls:
            getattr(database, method)(*args, **options)
        return {(operation.db, key) for key in database.changed}

    def entry(self, where: Where, now: int) -> Entry | None:
        """What is there, None if it is gone by ``now``."""
        db, key = where
        return self._databases[db].entry(key, now)

    def entries(self, now: int) -> dict[Where, Entry]:
        """Everything that is there at ``now``."""
        found = {}
        for db, database in enumerate(self._databases):
            for key in database.values:
                if (entry := database.entry(key, now)) is not None:
                    found[db, key] = entry
        return found


class Database:
    """One database: the methods of a store that the operations use, without their replies."""

    def __init__(self, life: Span) -> None:
        self.values: dict[bytes, Any] = {}
        self.deadlines: dict[bytes, Span] = {}
        self.changed: set[bytes] = set()
        self._life = life

    def entry(self, key: bytes, now: int) -> Entry | None:
        """A key's value and deadline, None if it is gone by ``now``."""
        value = self.values.get(key)
        deadline = self.deadlines.get(key)
        if value is None or (deadline is not None and deadline[1] < now):
            return None
        if isinstance(value, SortedSet):
            return sorted(value.items(), key=lambda item: (item[1], item[0])), deadline
        return value.copy() if isinstance(value, (list, set, dict)) else value, deadline

    def _existing(self, key: bytes, kind: Callable[[], Any]) -> Any:
        self.changed.add(key)
        return self.values.setdefault(key, kind())

    def _tidy(self, *keys: bytes) -> None:
        for key in keys:
            if not self.values.get(key):
                self.delete(key)

    def _expire_within(self, key: bytes, milliseconds: int) -> None:
        self.deadlines[key] = (self._life[0] + milliseconds, self._life[1] + milliseconds)

    def delete(self, *keys: bytes) -> None:
        for key in keys:
            self.changed.add(key)
            self.values.pop(key, None)
            self.deadlines.pop(key, None)

    def set(
        self, key: bytes, value: bytes, ex: int | None = None, px: int | None = None, keepttl: bool = False
    ) -> None:
        self.changed.add(key)
        self.values[key] = value
        if not keepttl:
            self.deadlines.pop(key, None)
        if ex is not None or px is not None:
            self._expire_within(key, px or (ex or 0) * 1000)

    def mset(self, mapping: Mapping[bytes, bytes]) -> None:
        for key, value in mapping.items():
            self.set(key, value)

    def append(self, key: bytes, value: bytes) -> None:
        self.values[key] = self._existing(key, bytes) + value

    def incrby(self, key: bytes, amount: int) -> None:
        self.values[key] = b"%d" % (int(self._existing(key, bytes) or 0) + amount)

    def decrby(self, key: bytes, amount: int) -> None:
        self.incrby(key, -amount)

    def rpush(self, key: bytes, *values: bytes) -> None:
        self._existing(key, list).extend(values)

    def lpush(self, key: bytes, *values: bytes) -> None:
        self._existing(key, list)[:0] = values[::-1]

    def lpop(self, key: bytes, count: int = 1) -> None:
        del self._existing(key, list)[:count]
        self._tidy(key)

    def rpop(self, key: bytes, count: int = 1) -> None:
        del self._existing(key, list)[-count:]
        self._tidy(key)

    def ltrim(self, key: bytes, start: int, end: int) -> None:
        values = self._existing(key, list)
        values[:] = values[start : end + 1]
        self._tidy(key)

    def lmove(self, source: bytes, target: bytes, _take: str, _put: str) -> None:
        if values := self.values.get(source):
            value = values.pop(0)
            self._existing(target, list).append(value)
        self._existing(source, list)
        self._tidy(source)

    def hset(self, key: bytes, mapping: Mapping[bytes, bytes]) -> None:
        self._existing(key, dict).update(mapping)

    def hdel(self, key: bytes, field: bytes) -> None:
        self._existing(key, dict).pop(field, None)
        self._tidy(key)

    def hincrby(self, key: bytes, field: bytes, amount: int) -> None:
        fields = self._existing(key, dict)
        fields[field] = b"%d" % (int(fields.get(field, 0)) + amount)

    def sadd(self, key: bytes, *members: bytes) -> None:
        self._existing(key, set).update(members)

    def srem(self, key: bytes, member: bytes) -> None:
        self._existing(key, set).discard(member)
        self._tidy(key)

    def smove(self, source: bytes, target: bytes, member: bytes) -> None:
        if member in self._existing(source, set):
            self.values[source].remove(member)
            self._existing(target, set).add(member)
        self._tidy(source, target)

    def zadd(self, key: bytes, mapping: Mapping[bytes, float]) -> None:
        self._existing(key, SortedSet).update((name, float(score)) for name, score in mapping.items())

    def zincrby(self, key: bytes, amount: float, member: bytes) -> None:
        scores = self._existing(key, SortedSet)
        scores[member] = scores.get(member, 0.0) + amount

    def zrem(self, key: bytes, member: bytes) -> None:
        self._existing(key, SortedSet).pop(member, None)
        self._tidy(key)

    def zpopmin(self, key: bytes, count: int) -> None:
        scores = self._existing(key, SortedSet)
        for member, _ in sorted(scores.items(), key=lambda item: (item[1], item[0]))[:count]:
            del scores[member]
        self._tidy(key)

    def expire(self, key: bytes, seconds: int) -> None:
        if key in self.values:
            self.changed.add(key)
            self._expire_within(key, seconds * 1000)

    def pexpireat(self, key: bytes, moment: int) -> None:
        if key in self.values:
            self.changed.add(key)
            self.deadlines[key] = (moment, moment)

    def persist(self, key: bytes) -> None:
        self.changed.add(key)
        self.deadlines.pop(key, None)

    def copy(self, source: bytes, target: bytes, replace: bool) -> None:
        if source not in self.values or not replace:
            return
        self.changed.add(target)
        value = self.values[source]
        self.values[target] = value if isinstance(value, bytes) else value.copy()
        self.deadlines.pop(target, None)
        if source in self.deadlines:
            self.deadlines[target] = self.deadlines[source]


class SortedSet(dict[bytes, float]):
    """Member to score; told from a hash by its class."""

    def copy(self) -> SortedSet:
        return SortedSet(self)
