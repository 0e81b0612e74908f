"""A long tape of operations that everybody knows, and a model that says what the store must hold after each
of them.

An operation is one command or one transaction; it is acknowledged as a whole, so it must survive as a
whole. Every thread has a tape and keys of its own.
"""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from tests.servers.dataset import Dataset
from tests.servers.replies import Members

Policy: TypeAlias = Literal["always", "everysec", "no"]
POLICIES: tuple[Policy, ...] = ("always", "everysec", "no")
Command: TypeAlias = tuple[str | int, ...]
FAR_FUTURE_MS = 4_102_444_800_000
TAPE_LENGTH = 20_000
DATABASES = 2


@dataclass(frozen=True)
class Operation:
    """One command, or several between MULTI and EXEC, on one database."""

    database: int
    commands: tuple[Command, ...]


@functools.cache
def tape(thread: int) -> tuple[Operation, ...]:
    """The operations of a thread, the same in every process; number ``n`` is ``tape[n % TAPE_LENGTH]``."""
    return operations(thread, TAPE_LENGTH)


def operations(thread: int, length: int) -> tuple[Operation, ...]:
    """The beginning of a thread's tape."""
    rng = random.Random(thread)
    return tuple(_operation(rng, f"t{thread}") for _ in range(length))


def _operation(rng: random.Random, prefix: str) -> Operation:
    database = rng.randrange(DATABASES)
    if rng.random() < 0.15:
        amount, source, target = rng.randrange(1, 50), rng.randrange(4), rng.randrange(4)
        transfer: tuple[Command, ...] = (
            ("DECRBY", f"{prefix}:account{source}", amount),
            ("INCRBY", f"{prefix}:account{target}", amount),
            ("RPUSH", f"{prefix}:journal", f"{source}>{target}:{amount}"),
        )
        return Operation(database, transfer)
    return Operation(database, (_command(rng, prefix),))


def _command(rng: random.Random, prefix: str) -> Command:
    number = rng.randrange(8)
    text = f"v{rng.randrange(10**6)}" * rng.choice([1, 1, 1, 8, 40])
    choices: list[Command] = [
        ("SET", f"{prefix}:s{number}", text),
        ("SET", f"{prefix}:s{number}", text, "PXAT", FAR_FUTURE_MS + number),
        ("PEXPIREAT", f"{prefix}:s{number}", FAR_FUTURE_MS + rng.randrange(1000)),
        ("APPEND", f"{prefix}:a{number}", text),
        ("INCRBY", f"{prefix}:n{number}", rng.randrange(-5, 90)),
        ("RPUSH", f"{prefix}:l{number}", text, number),
        ("LPUSH", f"{prefix}:l{number}", text),
        ("LPOP", f"{prefix}:l{number}"),
        ("SADD", f"{prefix}:S{number}", rng.randrange(60), rng.randrange(60)),
        ("SREM", f"{prefix}:S{number}", rng.randrange(60)),
        ("ZADD", f"{prefix}:z{number}", rng.randrange(1000), f"m{rng.randrange(40)}"),
        ("ZINCRBY", f"{prefix}:z{number}", rng.randrange(9), f"m{rng.randrange(40)}"),
        ("HSET", f"{prefix}:h{number}", f"f{rng.randrange(30)}", text),
        ("HDEL", f"{prefix}:h{number}", f"f{rng.randrange(30)}"),
        ("DEL", f"{prefix}:{rng.choice('salSzh')}{number}"),
    ]
    return rng.choice(choices)


@dataclass
class Model:
    """What one thread's keys hold; ``position`` operations of its tape have been applied."""

    thread: int
    position: int = 0
    values: dict[tuple[int, str], Any] = field(default_factory=dict)
    expiries: dict[tuple[int, str], int] = field(default_factory=dict)

    def advance(self, position: int) -> Model:
        """Applies the tape up to a position."""
        whole = tape(self.thread)
        while self.position < position:
            self.apply(whole[self.position % TAPE_LENGTH])
            self.position += 1
        return self

    def apply(self, operation: Operation) -> None:
        """Applies one operation, wherever it comes from."""
        for command in operation.commands:
            self._apply(operation.database, command)

    def _apply(self, database: int, command: Command) -> None:
        name, key, *args = command
        where = database, str(key)
        words = [str(arg).encode() for arg in args]
        getattr(self, f"_{str(name).lower()}")(where, words)
        if where in self.values and not self.values[where] and not isinstance(self.values[where], bytes):
            self._del(where, [])

    def _set(self, where: tuple[int, str], words: list[bytes]) -> None:
        self.values[where] = words[0]
        self.expiries.pop(where, None)
        if len(words) == 3:
            self.expiries[where] = int(words[2])

    def _pexpireat(self, where: tuple[int, str], words: list[bytes]) -> None:
        if where in self.values:
            self.expiries[where] = int(words[0])

    def _append(self, where: tuple[int, str], words: list[bytes]) -> None:
        self.values[where] = self.values.get(where, b"") + words[0]

    def _incrby(self, where: tuple[int, str], words: list[bytes]) -> None:
        self.values[where] = b"%d" % (int(self.values.get(where, b"0")) + int(words[0]))

    def _decrby(self, where: tuple[int, str], words: list[bytes]) -> None:
        self._incrby(where, [b"%d" % -int(words[0])])

    def _rpush(self, where: tuple[int, str], words: list[bytes]) -> None:
        self.values.setdefault(where, []).extend(words)

    def _lpush(self, where: tuple[int, str], words: list[bytes]) -> None:
        self.values.setdefault(where, []).insert(0, words[0])

    def _lpop(self, where: tuple[int, str], words: list[bytes]) -> None:
        if where in self.values:
            self.values[where].pop(0)

    def _sadd(self, where: tuple[int, str], words: list[bytes]) -> None:
        self.values.setdefault(where, set()).update(words)

    def _srem(self, where: tuple[int, str], words: list[bytes]) -> None:
        self.values.get(where, set()).discard(words[0])

    def _zadd(self, where: tuple[int, str], words: list[bytes]) -> None:
        self.values.setdefault(where, _Scores())[words[1]] = float(words[0])

    def _zincrby(self, where: tuple[int, str], words: list[bytes]) -> None:
        scores = self.values.setdefault(where, _Scores())
        scores[words[1]] = scores.get(words[1], 0.0) + float(words[0])

    def _hset(self, where: tuple[int, str], words: list[bytes]) -> None:
        self.values.setdefault(where, {})[words[0]] = words[1]

    def _hdel(self, where: tuple[int, str], words: list[bytes]) -> None:
        self.values.get(where, {}).pop(words[0], None)

    def _del(self, where: tuple[int, str], _words: list[bytes]) -> None:
        self.values.pop(where, None)
        self.expiries.pop(where, None)

    def dataset(self) -> Dataset:
        """The same form that a partner's data is read in."""
        return {
            (database, key.encode()): (*_typed(value), self.expiries.get((database, key), -1))
            for (database, key), value in self.values.items()
        }


class _Scores(dict[bytes, float]):
    """A sorted set."""


def _typed(value: Any) -> tuple[str, Any]:
    if isinstance(value, bytes):
        return "string", value
    if isinstance(value, list):
        return "list", list(value)
    if isinstance(value, set):
        return "set", Members.of(value)
    if isinstance(value, _Scores):
        ordered = sorted(value.items(), key=lambda item: (item[1], item[0]))
        return "zset", [[member, score] for member, score in ordered]
    return "hash", dict(value)
