"""Data set D: a million strings of 100 bytes; 100,000 hashes, sorted sets and lists of ten elements each.

As a raw log (a command an element, the types mixed as they would be written), and as the short log that a
rewrite leaves (a command a key).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

ELEMENTS = 10
KINDS = ("raw", "base")


def write(path: Path, kind: str, scale: float) -> int:
    """Write D, or ``scale`` of it, as a log; the number of commands."""
    commands = _raw(scale) if kind == "raw" else _base(scale)
    count = 0
    with path.open("wb", buffering=1 << 20) as file:
        file.write(_encoded((b"SELECT", b"0")))
        for command in commands:
            file.write(_encoded(command))
            count += 1
    return count


def _encoded(words: tuple[bytes, ...]) -> bytes:
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        parts.append(b"$%d\r\n%b\r\n" % (len(word), word))
    return b"".join(parts)


def _elements(rng: random.Random) -> Iterator[tuple[bytes, bytes]]:
    for number in range(ELEMENTS):
        yield b"element:%d" % number, rng.randbytes(20)


def _raw(scale: float) -> Iterator[tuple[bytes, ...]]:
    rng = random.Random(4)
    for number in range(round(100_000 * scale)):
        for string in range(10):
            yield b"SET", b"key:%012d" % (number * 10 + string), rng.randbytes(100)
        for name, value in _elements(rng):
            yield b"HSET", b"hsh:%012d" % number, name, value
            yield b"ZADD", b"zst:%012d" % number, b"%r" % (rng.random() * 1000), name
            yield b"RPUSH", b"lst:%012d" % number, value


def _base(scale: float) -> Iterator[tuple[bytes, ...]]:
    rng = random.Random(4)
    for number in range(round(100_000 * scale)):
        for string in range(10):
            yield b"SET", b"key:%012d" % (number * 10 + string), rng.randbytes(100)
        pairs = list(_elements(rng))
        yield b"HMSET", b"hsh:%012d" % number, *(word for pair in pairs for word in pair)
        scores = [b"%r" % (rng.random() * 1000) for _ in pairs]
        yield (
            b"ZADD",
            b"zst:%012d" % number,
            *(word for score, (name, _) in zip(scores, pairs, strict=True) for word in (score, name)),
        )
        yield b"RPUSH", b"lst:%012d" % number, *(value for _, value in pairs)
