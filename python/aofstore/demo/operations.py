"""What the writer does: mixed operations, the same ones again for the same seed.

An operation is one call of a store's method, or several in one transaction. The writer applies it to a real
store, the model to dictionaries; both have methods of the same names.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple, TypeAlias

Policy: TypeAlias = Literal["always", "everysec", "no"]

DATABASES = 4
HOUR = 3600
YEAR_2100_MS = 4_102_444_800_000
SHORT_MS = 50

ACKNOWLEDGED = b"+"  # what the writer sends for each operation
REWRITING = b"R"  # and once, when its second rewrite has begun

_NO_OPTIONS: dict[str, Any] = {}


class Call(NamedTuple):
    """A method of a store and its arguments; the first one is a key."""

    method: str
    args: tuple[Any, ...]
    options: dict[str, Any]


class Operation(NamedTuple):
    """Calls on one database, all or none of which act: more than one make a transaction."""

    db: int
    calls: tuple[Call, ...]


_Maker: TypeAlias = Callable[[random.Random], Call]


def operations(seed: int, count: int) -> Iterator[Operation]:
    """``count`` operations; the same seed gives the same ones."""
    rng = random.Random(seed)
    for _ in range(count):
        db = rng.randrange(DATABASES)
        if rng.random() < 0.05:
            yield Operation(db, _transaction(rng))
        else:
            yield Operation(db, (_single(rng),))


def _single(rng: random.Random) -> Call:
    (maker,) = rng.choices(_MAKERS, cum_weights=_CUMULATIVE)
    return maker(rng)


def _transaction(rng: random.Random) -> tuple[Call, ...]:
    amount = rng.randrange(1, 100)
    giver, taker = rng.sample(range(100), 2)
    transfer = (
        _call("decrby", b"account:%d" % giver, amount),
        _call("incrby", b"account:%d" % taker, amount),
    )
    return (*transfer, *(_single(rng) for _ in range(rng.randrange(3))))


def _call(method: str, *args: Any, **options: Any) -> Call:
    return Call(method, args, options or _NO_OPTIONS)


def _value(rng: random.Random) -> bytes:
    if rng.random() < 0.2:
        return rng.randbytes(rng.randrange(64))
    return b"value %d " % rng.randrange(10**9) * rng.randrange(1, 5)


def _number(rng: random.Random, size: int) -> int:
    return int(size * rng.random() ** 2)


def _string(rng: random.Random) -> Call:
    key = b"string:%d" % _number(rng, 20_000)
    match rng.randrange(8):
        case 0 | 1:
            return _call("set", key, _value(rng), ex=rng.randrange(HOUR, 100 * HOUR))
        case 2:
            return _call("append", key, b"tail")
        case 3:
            return _call("mset", {key: _value(rng), key + b":too": _value(rng)})
        case 4:
            return _call("set", key, _value(rng), keepttl=True)
        case _:
            return _call("set", key, _value(rng))


def _short_lived(rng: random.Random) -> Call:
    return _call("set", b"short:%d" % rng.randrange(10_000), _value(rng), px=rng.randrange(1, SHORT_MS))


def _counter(rng: random.Random) -> Call:
    return _call("incrby", b"counter:%d" % _number(rng, 1_000), rng.randrange(-5, 100))


def _list(rng: random.Random) -> Call:
    key = b"list:%d" % _number(rng, 1_000)
    match rng.randrange(8):
        case 0:
            return _call("lpush", key, _value(rng), _value(rng))
        case 1:
            return _call("lpop", key)
        case 2:
            return _call("rpop", key, 2)
        case 3:
            return _call("lmove", key, b"list:%d" % rng.randrange(1_000), "LEFT", "RIGHT")
        case 4:
            return _call("ltrim", key, 0, 200)
        case _:
            return _call("rpush", key, *(_value(rng) for _ in range(rng.randrange(1, 4))))


def _hash(rng: random.Random) -> Call:
    key = b"hash:%d" % _number(rng, 1_000)
    field = b"field:%d" % rng.randrange(200)
    match rng.randrange(6):
        case 0:
            return _call("hdel", key, field)
        case 1 | 2:
            return _call("hincrby", key, b"visits", rng.randrange(1, 10))
        case _:
            return _call("hset", key, mapping={field: _value(rng), b"last": _value(rng)})


def _set(rng: random.Random) -> Call:
    key = b"set:%d" % _number(rng, 1_000)
    match rng.randrange(6):
        case 0:
            return _call("srem", key, b"%d" % rng.randrange(300))
        case 1:
            return _call("smove", key, b"set:%d" % rng.randrange(1_000), b"%d" % rng.randrange(300))
        case 2:
            return _call("sadd", key, b"member %d" % rng.randrange(300))
        case _:
            return _call("sadd", key, *(b"%d" % rng.randrange(300) for _ in range(3)))


def _sorted_set(rng: random.Random) -> Call:
    key = b"zset:%d" % _number(rng, 1_000)
    member = b"member:%d" % rng.randrange(300)
    match rng.randrange(6):
        case 0:
            return _call("zrem", key, member)
        case 1:
            return _call("zincrby", key, rng.randrange(-100, 1000) / 8, member)
        case 2:
            return _call("zpopmin", key, 2)
        case _:
            return _call("zadd", key, {member: rng.random() * 1000, b"fixed": rng.randrange(100)})


def _any_type(rng: random.Random) -> Call:
    kind = rng.choice((b"string", b"list", b"hash", b"set", b"zset"))
    key = b"%s:%d" % (kind, _number(rng, 1_000))
    match rng.randrange(5):
        case 0:
            return _call("delete", key, b"%s:%d" % (kind, rng.randrange(1_000)))
        case 1:
            return _call("expire", key, rng.randrange(HOUR, 100 * HOUR))
        case 2:
            return _call("pexpireat", key, YEAR_2100_MS + rng.randrange(10**9))
        case 3:
            return _call("persist", key)
        case _:
            return _call("copy", key, b"%s:copy:%d" % (kind, rng.randrange(50)), replace=True)


_WEIGHTS: dict[_Maker, int] = {
    _string: 28,
    _counter: 10,
    _list: 15,
    _hash: 15,
    _set: 10,
    _sorted_set: 14,
    _any_type: 5,
    _short_lived: 3,
}
_MAKERS = list(_WEIGHTS)
_CUMULATIVE = [sum(list(_WEIGHTS.values())[: i + 1]) for i in range(len(_WEIGHTS))]
