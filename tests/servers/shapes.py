"""Keys in all encodings of all five types, in several databases, with binary names and extreme numbers."""

from __future__ import annotations

from collections.abc import Iterator

from tests.servers.connection import Arg, Partner

FAR_MS = 4_102_444_800_000
DATABASES = (0, 3, 15)
LONG = 2**63 - 1
BINARY = bytes(range(256))
INTEGERS = (0, -1, 7, LONG, -LONG - 1, LONG + 1, 10**40)
FLOATS = (
    "0.1",
    "1e300",
    "5e-324",
    "1.7976931348623157e308",
    "inf",
    "-inf",
    "3",
    "-0.5",
    "33333333333333.336",
)


def commands(databases: tuple[int, ...] = DATABASES, long: int = 3_000) -> Iterator[list[Arg]]:
    """For a server of 6.2 and later, on empty databases; the long list has so many elements."""
    for database in databases:
        yield ["SELECT", database]
        yield from _strings(long)
        yield from _lists(long)
        yield from _sets()
        yield from _sorted_sets()
        yield from _hashes(long)
        yield from _expiries()


def _strings(long: int) -> Iterator[list[Arg]]:
    for number in INTEGERS:
        yield ["SET", f"int:{number}", number]
    yield ["SET", "short", "v" * 20]
    yield ["SET", "raw", "v" * 45]
    yield ["APPEND", "appended", "12"]
    yield ["SET", "large", "large \r\n" * long]
    yield ["SET", "like a number", "007"]
    yield ["SET", "empty", ""]
    yield ["SET", "", "no name"]
    yield ["SET", BINARY, BINARY]
    yield ["SETBIT", "bits", 4_000, 1]


def _lists(long: int) -> Iterator[list[Arg]]:
    yield ["RPUSH", "list:small", "a", -1, "", BINARY, LONG]
    for begin in range(0, long, 100):
        yield ["RPUSH", "list:long", *(f"element {at}" for at in range(begin, min(begin + 100, long)))]
    yield ["RPUSH", "list:wide", "w" * 9_000, "x", "y" * 70]
    yield ["RPUSH", b"list:\x00\xff", *range(40)]


def _sets() -> Iterator[list[Arg]]:
    for name, step in (("16", 7), ("32", 70_000), ("64", 10**15)):
        yield ["SADD", f"set:int{name}", *(step * at - 50 for at in range(100))]
    yield ["SADD", "set:int many", *range(600)]
    yield ["SADD", "set:small", "a", "b", 3, BINARY, ""]
    yield ["SADD", "set:long", *(f"member {at}" for at in range(300))]
    yield ["SADD", "set:wide", "m" * 80, "n"]


def _sorted_sets() -> Iterator[list[Arg]]:
    extremes = [word for at, score in enumerate(FLOATS) for word in (score, f"m{at}")]
    yield ["ZADD", "zset:small", *extremes, "1", BINARY, "1", ""]
    for begin in range(0, 300, 100):
        pairs = [word for at in range(begin, begin + 100) for word in (repr(at / 7), f"member {at}")]
        yield ["ZADD", "zset:long", *pairs, *extremes]
    yield ["ZADD", "zset:wide", 1, "m" * 80]


def _hashes(long: int) -> Iterator[list[Arg]]:
    yield ["HSET", "hash:small", "f", "v", "", "", BINARY, BINARY, "n", -5]
    yield [
        "HSET",
        "hash:long",
        *(f"{kind} {at}" for at in range(max(130, long // 5)) for kind in ("field", "value")),
    ]
    yield ["HSET", "hash:wide", "f", "v" * 80]


def _expiries() -> Iterator[list[Arg]]:
    makers: list[tuple[str, list[Arg]]] = [
        ("SET", []),
        ("RPUSH", []),
        ("SADD", []),
        ("ZADD", [1]),
        ("HSET", ["f"]),
    ]
    for at, (name, before) in enumerate(makers):
        key = f"volatile:{name}"
        yield [name, key, *before, "v"]
        yield ["PEXPIREAT", key, FAR_MS + at]


def fill(partner: Partner) -> None:
    """Runs them all; each must be taken."""
    replies = partner.pipeline(list(commands()))
    assert not [reply for reply in replies if type(reply).__name__ == "Failure"], replies
