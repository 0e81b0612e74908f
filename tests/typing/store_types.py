"""What mypy infers of the public interface; checked by test_typing.py, never run."""

from collections.abc import Iterator
from typing import Any, assert_type

import aofstore
from aofstore import Config, LoadReport, Pipeline, Session, Store


def opening(config: Config, flag: bool) -> None:
    assert_type(aofstore.open(), Store[bytes])
    assert_type(aofstore.open("data"), Store[bytes])
    assert_type(aofstore.open(None, appendfsync="always", databases=4), Store[bytes])
    assert_type(aofstore.open("data", decode_responses=False), Store[bytes])
    assert_type(aofstore.open("data", decode_responses=True), Store[str])
    assert_type(aofstore.open("data", decode_responses=True, aof_load_truncated="no"), Store[str])
    assert_type(aofstore.open("data", config=config, decode_responses=True), Store[str])
    assert_type(aofstore.open(config=config), Store[Any])
    assert_type(aofstore.open("data", decode_responses=flag), Store[Any])
    aofstore.open("data", apendfsync="always")  # type: ignore[call-overload]
    aofstore.open("data", appendfsync="sometimes")  # type: ignore[call-overload]
    with aofstore.open("data") as store:
        assert_type(store, Store[bytes])


def life(store: Store[str]) -> None:
    assert_type(store.db(1), Store[str])
    assert_type(store.session(), Session)
    assert_type(store.pipeline(), Pipeline)
    assert_type(store.load_report, LoadReport)
    assert_type(store.waitaof(), tuple[int, int])
    assert_type(store.config, Config)
    assert_type(store.config.auto_aof_rewrite_min_size, int)
    assert_type(store["k"], str)
    assert_type("k" in store, bool)


def strings(store: Store[str], raw: Store[bytes]) -> None:
    assert_type(store.get("k"), str | None)
    assert_type(raw.get("k"), bytes | None)
    assert_type(store.set("k", 1), bool | None)
    assert_type(store.set("k", 1, ex=5, nx=True), bool | None)
    assert_type(store.set("k", 1, get=True), str | None)
    assert_type(store.mset({"a": 1, "b": "x"}), bool)
    assert_type(store.mget("a", "b"), list[str | None])
    assert_type(raw.mget([b"a"]), list[bytes | None])
    assert_type(store.incr("n"), int)
    assert_type(store.incrbyfloat("n", 0.5), float)
    assert_type(store.lcs("a", "b"), str)
    assert_type(store.lcs("a", "b", len=True), int)


def lists(store: Store[str]) -> None:
    assert_type(store.lpop("l"), str | None)
    assert_type(store.lpop("l", 2), list[str] | None)
    assert_type(store.lrange("l", 0, -1), list[str])
    assert_type(store.lpos("l", "a"), int | None)
    assert_type(store.lpos("l", "a", count=0), list[int])
    assert_type(store.blpop(["a", "b"], timeout=0.5), tuple[str, str] | None)


def sets(store: Store[str]) -> None:
    assert_type(store.smembers("s"), set[str])
    assert_type(store.sinter("a", "b"), set[str])
    assert_type(store.spop("s"), str | None)
    assert_type(store.spop("s", 2), list[str])


def sorted_sets(store: Store[str], flag: bool) -> None:
    assert_type(store.zadd("z", {"a": 1}), int)
    assert_type(store.zadd("z", {"a": 1}, incr=True), float | None)
    assert_type(store.zscore("z", "a"), float | None)
    assert_type(store.zrange("z", 0, -1), list[str])
    assert_type(store.zrange("z", 0, -1, withscores=True), list[tuple[str, float]])
    assert_type(store.zrange("z", 0, -1, withscores=flag), list[Any])
    assert_type(store.zrevrangebyscore("z", 9, 0, withscores=True), list[tuple[str, float]])
    assert_type(store.zpopmin("z"), list[tuple[str, float]])
    assert_type(store.bzpopmin("z"), tuple[str, str, float] | None)
    assert_type(store.zunion({"a": 2, "b": 1.5}, withscores=True), list[tuple[str, float]])
    assert_type(store.zrank("z", "a"), int | None)


def hashes(store: Store[str], raw: Store[bytes]) -> None:
    assert_type(store.hset("h", mapping={"f": 1}), int)
    assert_type(store.hgetall("h"), dict[str, str])
    assert_type(raw.hgetall("h"), dict[bytes, bytes])
    assert_type(store.hmget("h", "a", "b"), list[str | None])
    assert_type(store.hrandfield("h"), str | None)
    assert_type(store.hrandfield("h", 2), list[str])


def keys(store: Store[str]) -> None:
    assert_type(store.type("k"), str)
    assert_type(store.keys(), list[str])
    assert_type(store.expire("k", 10, gt=True), bool)
    assert_type(store.sort("k", store="d"), int)
    assert_type(store.sort("k"), list[str])
    assert_type(store.scan(), tuple[int, list[str]])
    assert_type(store.scan_iter("user:*"), Iterator[str])
    assert_type(store.hscan_iter("h"), Iterator[tuple[str, str]])
    assert_type(store.zscan_iter("z"), Iterator[tuple[str, float]])
    store.get(["a list"])  # type: ignore[arg-type]
    store.set("k", None)  # type: ignore[call-overload]


def pipelines(store: Store[str]) -> None:
    assert_type(store.pipeline().set("a", 1).incr("a").execute(), Any)
    assert_type(store.pipeline().execute(), list[Any])
