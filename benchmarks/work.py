"""The same work for every contender: its arguments, made before the clock starts.

Keys are 16 bytes, values 100 random bytes, drawn evenly from the whole key space. Hashes, sorted sets and
lists have about ten elements each.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

ROWS = ("set", "get", "incr", "hset", "zadd", "lpush", "batch", "mset")
TITLES = {
    "set": "SET",
    "get": "GET",
    "incr": "INCR",
    "hset": "HSET",
    "zadd": "ZADD",
    "lpush": "LPUSH",
    "batch": "SET in batches of 100",
    "mset": "MSET of 100",
}
BATCH = 100
_VALUES = [random.Random(7).randbytes(100) for _ in range(4096)]


def key(number: int) -> bytes:
    """The 16-byte key of a number."""
    return b"key:%012d" % number


def preload_pairs(keys: int) -> Iterable[tuple[bytes, bytes]]:
    """A value for each key, in an order that no tree likes."""
    numbers = list(range(keys))
    random.Random(1).shuffle(numbers)
    return ((key(number), _VALUES[number & 4095]) for number in numbers)


def arguments(row: str, count: int, keys: int, rng: random.Random) -> list[Any]:
    """What ``count`` calls of a row take; of a row in batches, ``count`` keys in all."""
    numbers = rng.choices(range(keys), k=count)
    values = rng.choices(_VALUES, k=count)
    groups = max(keys // 10, 1)
    match row:
        case "set":
            return [(key(number), value) for number, value in zip(numbers, values, strict=True)]
        case "get":
            return [key(number) for number in numbers]
        case "incr":
            return [b"num:%012d" % (number % groups) for number in numbers]
        case "hset":
            return [
                (b"hsh:%012d" % (number % groups), b"field:%d" % (number // groups), value)
                for number, value in zip(numbers, values, strict=True)
            ]
        case "zadd":
            return [
                (b"zst:%012d" % (number % groups), b"member:%d" % (number // groups), rng.random() * 1000)
                for number in numbers
            ]
        case "lpush":
            return [
                (b"lst:%012d" % (number % groups), value)
                for number, value in zip(numbers, values, strict=True)
            ]
        case "batch" | "mset":
            pairs = [(key(number), value) for number, value in zip(numbers, values, strict=True)]
            cut = [pairs[start : start + BATCH] for start in range(0, count, BATCH)]
            return cut if row == "batch" else [dict(batch) for batch in cut]
    raise ValueError(row)
