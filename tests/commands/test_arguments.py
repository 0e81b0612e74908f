"""What the facade sends for its parameters, and what it refuses before it sends anything."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest

import aofstore
from aofstore import DataError
from aofstore.commands import Commands
from aofstore.types import Encodable

pytestmark = pytest.mark.quick

HOUR = datetime.timedelta(hours=1)
MOMENT = datetime.datetime(2035, 1, 2, 3, 4, 5, 678900, tzinfo=datetime.UTC)
UNIX = 2051319845


class Sent(Commands[bytes]):
    """Commands whose reply is what was sent."""

    def __init__(self) -> None:
        self._call = self._ok = self._send

    def _send(self, /, *args: Encodable) -> Any:
        return args

    def _shaped(self, shape: Callable[[Any], Any], /, *args: Encodable) -> Any:
        return args


SENT = Sent()


def sent(value: object) -> str:
    assert isinstance(value, tuple)
    return " ".join(map(str, value))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (SENT.set("k", "v"), "SET k v"),
        (SENT.set("k", "v", ex=0), "SET k v EX 0"),
        (SENT.set("k", "v", ex=HOUR, nx=True), "SET k v NX EX 3600"),
        (SENT.set("k", "v", px=HOUR, xx=True, get=True), "SET k v XX GET PX 3600000"),
        (SENT.set("k", "v", exat=MOMENT), f"SET k v EXAT {UNIX}"),
        (SENT.set("k", "v", pxat=MOMENT), f"SET k v PXAT {UNIX}678"),
        (SENT.set("k", "v", keepttl=True), "SET k v KEEPTTL"),
        (SENT.set("k", "v", ifeq="x"), "SET k v IFEQ x"),
        (SENT.set("k", "v", ex=9, keepttl=None), "SET k v EX 9"),  # type: ignore[call-overload]
        (SENT.set("k", "v", nx="", xx=1), "SET k v XX"),  # type: ignore[call-overload]
        (SENT.getex("k", persist=True), "GETEX k PERSIST"),
        (SENT.getex("k", ex=9, persist=None), "GETEX k EX 9"),  # type: ignore[arg-type]
        (SENT.setex("k", HOUR, "v"), "SETEX k 3600 v"),
        (SENT.psetex("k", HOUR, "v"), "PSETEX k 3600000 v"),
        (SENT.incr("k"), "INCRBY k 1"),
        (
            SENT.lcs("a", "b", idx=True, minmatchlen=4, withmatchlen=True),
            "LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN",
        ),
        (SENT.bitcount("k", 0, -1, "BIT"), "BITCOUNT k 0 -1 BIT"),
        (
            SENT.bitfield("k", "sat").incrby("u8", "#1", 2).get("i5", 0).execute(),
            "BITFIELD k OVERFLOW SAT INCRBY u8 #1 2 GET i5 0",
        ),
        (SENT.lmpop(2, "a", "b", direction="LEFT"), "LMPOP 2 a b LEFT"),
        (SENT.blpop(["a", "b"], None), "BLPOP a b 0"),
        (SENT.sintercard(2, ["a", "b"], limit=3), "SINTERCARD 2 a b LIMIT 3"),
        (SENT.zadd("z", {"m": 1.5, "n": 2}, gt=True, ch=True), "ZADD z CH GT 1.5 m 2 n"),
        (
            SENT.zrange("z", 0, 9, desc=True, byscore=True, offset=1, num=2, withscores=True),
            "ZRANGE z 0 9 BYSCORE REV LIMIT 1 2 WITHSCORES",
        ),
        (SENT.zunionstore("d", {"a": 2, "b": 3}, "max"), "ZUNIONSTORE d 2 a b WEIGHTS 2 3 AGGREGATE max"),
        (SENT.zrevrangebyscore("z", 9, "(1", 0, 5), "ZREVRANGEBYSCORE z 9 (1 LIMIT 0 5"),
        (SENT.hset("h", "a", 1, {"b": 2}, ["c", 3]), "HSET h c 3 a 1 b 2"),
        (SENT.hscan("h", 7, match="f*", count=5, no_values=True), "HSCAN h 7 MATCH f* COUNT 5"),
        (SENT.expire("k", HOUR, lt=True), "EXPIRE k 3600 LT"),
        (SENT.pexpireat("k", MOMENT), f"PEXPIREAT k {UNIX}678"),
        (SENT.copy("a", "b", destination_db=3, replace=True), "COPY a b DB 3 REPLACE"),
        (
            SENT.sort("k", 0, 5, by="w_*", get=["#", "v_*"], desc=True, alpha=True, store="d"),
            "SORT k BY w_* LIMIT 0 5 GET # GET v_* DESC ALPHA STORE d",
        ),
        (SENT.sort_ro("k", get="v_*"), "SORT_RO k GET v_*"),
        (SENT.scan(0, "a*", 10, _type="set"), "SCAN 0 MATCH a* COUNT 10 TYPE set"),
        (SENT.flushall(asynchronous=True), "FLUSHALL ASYNC"),
        (SENT.config_set("hz", 20, "save", ""), "CONFIG SET hz 20 save "),
        (SENT.memory_usage("k", samples=0), "MEMORY USAGE k SAMPLES 0"),
        (SENT.waitaof(), "WAITAOF 1 0 0"),
    ],
)
def test_parameters_become_arguments(value: object, expected: str) -> None:
    assert sent(value) == expected


@pytest.mark.parametrize(
    "call",
    [
        lambda: SENT.set("k", "v", ex=1, px=1),
        lambda: SENT.set("k", "v", ex=1, keepttl=True),
        lambda: SENT.set("k", "v", nx=True, xx=True),
        lambda: SENT.set("k", "v", ex=1.5),  # type: ignore[call-overload]
        lambda: SENT.getex("k", ex=1, persist=True),
        lambda: SENT.bitcount("k", 1),
        lambda: SENT.bitpos("k", 2),
        lambda: SENT.bitpos("k", 1, None, 5),
        lambda: SENT.zadd("z", {}),
        lambda: SENT.zadd("z", None),  # type: ignore[call-overload]
        lambda: SENT.zadd("z", {"a": 1}, nx=True, xx=True),
        lambda: SENT.zadd("z", {"a": 1}, gt=True, lt=True),
        lambda: SENT.zadd("z", {"a": 1}, nx=True, gt=True),
        lambda: SENT.zadd("z", {"a": 1, "b": 2}, incr=True),
        lambda: SENT.zmscore("z", []),
        lambda: SENT.zrange("z", 0, 1, byscore=True, bylex=True),
        lambda: SENT.zrange("z", 0, 1, byscore=True, offset=1),
        lambda: SENT.zrange("z", "-", "+", bylex=True, withscores=True),
        lambda: SENT.zrangebyscore("z", 0, 1, start=1),
        lambda: SENT.zmpop(1, ["z"]),
        lambda: SENT.zunion(["a"], aggregate="avg"),
        lambda: SENT.hset("h"),
        lambda: SENT.hset("h", mapping={}),
        lambda: SENT.hmset("h", {}),
        lambda: SENT.sort("k", start=1),
        lambda: SENT.sort("k", get="a", groups=True),
    ],
)
def test_what_no_command_could_take_is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(DataError):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda store, keys: store.mget(keys),
        lambda store, keys: store.hmget("h", keys),
        lambda store, keys: store.blpop(keys, 0.01),
        lambda store, keys: store.bzpopmin(keys, 0.01),
        lambda store, keys: store.sinter(keys, "a"),
        lambda store, keys: store.sunionstore("d", keys),
        lambda store, keys: store.smismember("s", keys),
        lambda store, keys: store.zdiff(keys),
        lambda store, keys: store.zunion(keys),
        lambda store, keys: store.zinterstore("d", keys),
    ],
)
@pytest.mark.parametrize("keys", [None, object()])
def test_keys_that_are_neither_one_nor_many_are_refused_like_any_argument(
    call: Callable[[Any, Any], object], keys: object
) -> None:
    with aofstore.open() as store, pytest.raises(DataError, match=r"Invalid input of type: '(NoneT|object)"):
        call(store, keys)


def test_mget_of_nothing_needs_no_command() -> None:
    assert SENT.mget([]) == []


def test_an_integer_too_long_for_python_to_print_is_an_argument_that_no_command_takes() -> None:
    with aofstore.open() as store:
        with pytest.raises(DataError, match=r"integer with more digits .* sys\.set_int_max_str_digits"):
            store.set("k", 10**5000)
        with pytest.raises(DataError, match="integer"):
            store.pipeline().set("j", 1).set("k", -(10**5000)).execute()
        assert store.exists("j", "k") == 0
        assert store.set("k", 10**4000)
        assert store.get("k") == b"1" + b"0" * 4000
