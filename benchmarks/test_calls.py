"""A call of each kind through the facade, in memory and with a log: to compare two versions of the package.

``pytest benchmarks --benchmark-save=before``, then ``--benchmark-compare``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import aofstore

from .work import ROWS, arguments

KEYS = 10_000
CALLS = 1_000


@pytest.fixture(params=["memory", "everysec"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[aofstore.Store[bytes]]:
    if request.param == "memory":
        with aofstore.open() as opened:
            yield opened
    else:
        with aofstore.open(tmp_path, appendfsync=request.param) as opened:
            yield opened


@pytest.mark.parametrize("row", ROWS)
def test_a_thousand_keys(row: str, store: aofstore.Store[bytes], benchmark: Callable[..., Any]) -> None:
    from .contenders.redis_like import RedisLike

    contender = RedisLike(Path())
    contender.client = store
    calls = arguments(row, CALLS, KEYS, random.Random(0))
    if row == "get":
        contender.set([(key, b"v" * 100) for key in calls])
    benchmark(contender.run, row, calls)


@pytest.mark.parametrize("size", [10, 1_000])
def test_whole_values(size: int, store: aofstore.Store[bytes], benchmark: Callable[..., Any]) -> None:
    """HGETALL, LRANGE, SMEMBERS and ZRANGE WITHSCORES of one key each."""
    names = [b"element:%d" % number for number in range(size)]
    store.hset("hash", mapping={name: name for name in names})
    store.rpush("list", *names)
    store.sadd("set", *names)
    store.zadd("zset", {name: number for number, name in enumerate(names)})

    def read() -> int:
        whole = (store.hgetall("hash"), store.lrange("list", 0, -1), store.smembers("set"))
        return sum(map(len, whole)) + len(store.zrange("zset", 0, -1, withscores=True))

    assert benchmark(read) == 4 * size
