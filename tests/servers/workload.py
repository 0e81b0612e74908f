"""A mixed write load that any partner can run: five types, several databases, expiry, transactions, binary
values.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.servers.connection import Arg, Partner

DATABASES = 4
FAR_FUTURE_MS = 4_102_444_800_000
_BATCH = 500


def commands(seed: int, count: int) -> Iterator[list[Arg]]:
    """At least ``count`` commands that fit a keyspace which only this workload writes; none of them waits."""
    rng = random.Random(seed)
    made = 0
    while made < count:
        yield ["SELECT", rng.randrange(DATABASES)]
        for _ in range(rng.randrange(20, 60)):
            for command in _step(rng):
                yield command
                made += 1


def _step(rng: random.Random) -> list[list[Arg]]:
    if rng.random() < 0.08:
        inside = [_single(rng) for _ in range(rng.randrange(1, 6))]
        return [["MULTI"], *inside, ["BLPOP", "l:1", "l:2", 0], ["EXEC"]]
    return [_single(rng)]


def _value(rng: random.Random) -> Arg:
    kind = rng.randrange(6)
    if kind == 0:
        return rng.randrange(-(10**6), 10**12)
    if kind == 1:
        return rng.randbytes(rng.randrange(0, 90))
    if kind == 2:
        return b"\r\n*3\r\n$1\r\n"
    return f"value:{rng.randrange(1000)}" * rng.randrange(1, 4)


def _single(rng: random.Random) -> list[Arg]:
    kind = rng.choice("ssssllllSSSzzzzhhhhkkk")
    number = int(rng.triangular(0, 900, 0))
    makers = {"s": _string, "l": _list, "S": _set, "z": _sorted_set, "h": _hash, "k": _generic}
    return makers[kind](rng, f"{kind}:{number}")


def _string(rng: random.Random, key: str) -> list[Arg]:
    return rng.choice(
        [
            ["SET", key, _value(rng)],
            ["SET", key, _value(rng), "EX", rng.randrange(10**5, 10**6)],
            ["SETEX", key, rng.randrange(10**5, 10**6), _value(rng)],
            ["GETEX", key, "PXAT", FAR_FUTURE_MS + rng.randrange(10**6)],
            ["APPEND", key, "tail"],
            ["INCR", f"n{key}"],
            ["INCRBYFLOAT", f"f{key}", rng.choice(["0.1", "1.5", "-2.25"])],
            ["SETRANGE", key, rng.randrange(40), "xyz"],
            ["SETBIT", f"b{key}", rng.randrange(500), 1],
            ["GETSET", key, _value(rng)],
            ["MSET", key, _value(rng), f"{key}x", 1],
        ]
    )


def _list(rng: random.Random, key: str) -> list[Arg]:
    return rng.choice(
        [
            ["RPUSH", key, *(_value(rng) for _ in range(rng.randrange(1, 8)))],
            ["LPUSH", key, _value(rng), _value(rng)],
            ["LPOP", key],
            ["RPOP", key, 2],
            ["LMOVE", key, "l:moved", "LEFT", "RIGHT"],
            ["LTRIM", key, 0, 150],
            ["LMPOP", 2, key, "l:0", "RIGHT", "COUNT", 3],
        ]
    )


def _set(rng: random.Random, key: str) -> list[Arg]:
    return rng.choice(
        [
            ["SADD", key, *(rng.randrange(700) for _ in range(6))],
            ["SADD", key, _value(rng), _value(rng)],
            ["SREM", key, rng.randrange(700)],
            ["SPOP", key],
            ["SPOP", key, 2],
            ["SUNIONSTORE", f"{key}u", key, "S:0"],
            ["SMOVE", key, "S:1", rng.randrange(700)],
        ]
    )


def _sorted_set(rng: random.Random, key: str) -> list[Arg]:
    scores: list[Arg] = [rng.random() * 100, rng.randrange(1000), 1e300, -0.1, "inf"]
    score = rng.choice(scores)
    return rng.choice(
        [
            ["ZADD", key, score, f"m{rng.randrange(200)}", 1, _value(rng)],
            ["ZADD", key, "GT", "CH", rng.randrange(100), f"m{rng.randrange(200)}"],
            ["ZINCRBY", f"i{key}", rng.choice([1, 0.1, -3]), f"m{rng.randrange(50)}"],
            ["ZREM", key, f"m{rng.randrange(200)}"],
            ["ZPOPMIN", key, 2],
            ["ZRANGESTORE", f"{key}r", key, 0, 10],
            ["ZREMRANGEBYRANK", key, 100, -1],
        ]
    )


def _hash(rng: random.Random, key: str) -> list[Arg]:
    field = f"f{rng.randrange(60)}"
    return rng.choice(
        [
            ["HSET", key, field, _value(rng), "g", _value(rng)],
            ["HINCRBY", f"n{key}", field, rng.randrange(-5, 100)],
            ["HINCRBYFLOAT", f"f{key}", field, "0.7"],
            ["HDEL", key, field],
            ["HSETNX", key, field, 1],
        ]
    )


def _generic(rng: random.Random, key: str) -> list[Arg]:
    other = f"{rng.choice('slSzh')}:{rng.randrange(900)}"
    return rng.choice(
        [
            ["EXPIRE", other, rng.randrange(10**5, 10**6)],
            ["PEXPIREAT", other, FAR_FUTURE_MS + rng.randrange(10**9)],
            ["PERSIST", other],
            ["DEL", other],
            ["UNLINK", other, f"{other}x"],
            ["COPY", other, f"{other}c", "REPLACE"],
            ["MOVE", other, rng.randrange(DATABASES)],
            ["EXPIRE", other, -1],
        ]
    )


def run(partner: Partner, seed: int, count: int) -> int:
    """Runs the load in batches; the number of commands that were sent."""
    sent, batch = 0, []
    for command in commands(seed, count):
        batch.append(command)
        if len(batch) == _BATCH:
            partner.pipeline(batch)
            sent, batch = sent + len(batch), []
    partner.pipeline(batch)
    return sent + len(batch)
