"""The calls without a Python frame against the command families' methods of the same names."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aofstore
from aofstore import _core
from aofstore.commands import Commands

METHODS = sorted(name for name in vars(_core.Direct) if not name.startswith("__"))

# Every way to the usual form, and one step beside it.
CALLS: dict[str, list[Callable[[Any], Any]]] = {
    "get": [
        lambda one: one.get("text"),
        lambda one: one.get(b"text"),
        lambda one: one.get(name="text"),
        lambda one: one.get("missing"),
        lambda one: one.get("list"),
        lambda one: one.get(None),
        lambda one: one.get(True),
        lambda one: one.get("\udc80"),
        lambda one: one.get(),
        lambda one: one.get("text", "more"),
        lambda one: one.get("text", more=1),
    ],
    "set": [
        lambda one: one.set("text", b"\x00\xff"),
        lambda one: one.set("text", -7),
        lambda one: one.set("text", 1 << 70),
        lambda one: one.set("text", 0.1),
        lambda one: one.set("text", 1e-7),
        lambda one: one.set("text", -1e22),
        lambda one: one.set("text", 3.0),
        lambda one: one.set("text", float("-inf")),
        lambda one: one.set("text", bytearray(b"a")),
        lambda one: one.set("text", memoryview(b"b")),
        lambda one: one.set(value="v", name="list"),
        lambda one: one.set("text", "v", None, None, False),
        lambda one: one.set("text", "v", 100),
        lambda one: one.set("text", "v", px=100_000),
        lambda one: one.set("text", "v", nx=True),
        lambda one: one.set("text", "w", get=True),
        lambda one: one.set("text", "w", nx=True, xx=True),
        lambda one: one.set("text", None),
        lambda one: one.set("text", []),
        lambda one: one.set("text", False),
        lambda one: one.set("text"),
        lambda one: one.set("text", "v", ifeq="v"),
    ],
    "incr": [
        lambda one: one.incr("number"),
        lambda one: one.incr("number", 5),
        lambda one: one.incr("number", amount=-5),
        lambda one: one.incr(amount=2, name="number"),
        lambda one: one.incr("number", None),
        lambda one: one.incr("text"),
        lambda one: one.incr("number", 1.5),
        lambda one: one.incr(),
    ],
    "incrby": [
        lambda one: one.incrby("number"),
        lambda one: one.incrby("number", 5),
        lambda one: one.incrby(amount=5, name="number"),
        lambda one: one.incrby(amount=5),
    ],
    "delete": [
        lambda one: one.delete("text"),
        lambda one: one.delete("text", "list", "missing"),
        lambda one: one.delete(),
        lambda one: one.delete(["text"]),
    ],
    "exists": [
        lambda one: one.exists("text"),
        lambda one: one.exists("text", "text", "missing"),
        lambda one: one.exists(),
    ],
    "hset": [
        lambda one: one.hset("hash", "f", "v"),
        lambda one: one.hset("hash", key="g", value=1),
        lambda one: one.hset("hash", "f", "v", {"g": 1}),
        lambda one: one.hset("hash", mapping={"g": 1, "h": 2.5}),
        lambda one: one.hset("hash", None, None, None, ["i", 1]),
        lambda one: one.hset("hash", "f"),
        lambda one: one.hset("hash", None, "v"),
        lambda one: one.hset("hash"),
        lambda one: one.hset("text", "f", "v"),
    ],
    "hget": [
        lambda one: one.hget("hash", "f"),
        lambda one: one.hget(key="f", name="hash"),
        lambda one: one.hget("hash", "missing"),
        lambda one: one.hget("hash"),
    ],
    "hdel": [
        lambda one: one.hdel("hash", "f"),
        lambda one: one.hdel("hash", "f", "g"),
        lambda one: one.hdel("hash"),
        lambda one: one.hdel(name="hash"),
    ],
    "lpush": [
        lambda one: one.lpush("list", 1),
        lambda one: one.lpush("list", 1, "b", b"c"),
        lambda one: one.lpush("list"),
        lambda one: one.lpush(name="list"),
        lambda one: one.lpush(),
        lambda one: one.lpush("text", 1),
    ],
    "rpush": [lambda one: one.rpush("list", 1), lambda one: one.rpush("list", 1, 2)],
    "lpop": [
        lambda one: one.lpop("list"),
        lambda one: one.lpop("list", None),
        lambda one: one.lpop("list", 2),
        lambda one: one.lpop("list", count=1),
        lambda one: one.lpop("missing"),
        lambda one: one.lpop("missing", 1),
    ],
    "rpop": [
        lambda one: one.rpop("list"),
        lambda one: one.rpop("list", 2),
        lambda one: one.rpop(name="list", count=1),
    ],
    "sadd": [
        lambda one: one.sadd("set", "m"),
        lambda one: one.sadd("set", "m", "n", 5),
        lambda one: one.sadd("set"),
    ],
    "srem": [lambda one: one.srem("set", "a"), lambda one: one.srem("set", "a", "b")],
    "sismember": [
        lambda one: one.sismember("set", "a"),
        lambda one: one.sismember("set", value="z"),
        lambda one: one.sismember("set", None),
    ],
    "zadd": [
        lambda one: one.zadd("zset", {"m": 1.5}),
        lambda one: one.zadd("zset", {"m": "1e3"}),
        lambda one: one.zadd("zset", {b"m": 2, "n": 3}),
        lambda one: one.zadd("zset", mapping={"m": 7}),
        lambda one: one.zadd("zset", {"m": 9}, nx=True),
        lambda one: one.zadd("zset", {"m": 9}, False, False, True),
        lambda one: one.zadd("zset", {"m": 9}, incr=True),
        lambda one: one.zadd("zset", {}),
        lambda one: one.zadd("zset", {"m": 1}, nx=True, xx=True),
        lambda one: one.zadd("zset", {"m": "x"}),
        lambda one: one.zadd("zset", {"m": None}),
        lambda one: one.zadd("zset", [("m", 1)]),
        lambda one: one.zadd("zset"),
        lambda one: one.zadd("text", {"m": 1}),
    ],
    "zscore": [lambda one: one.zscore("zset", "a"), lambda one: one.zscore("zset", value="missing")],
    "zincrby": [
        lambda one: one.zincrby("zset", 2.5, "a"),
        lambda one: one.zincrby("zset", amount=-1, value="a"),
        lambda one: one.zincrby("zset", "x", "a"),
    ],
}


class Families(Commands[Any]):
    """A store without the short way."""

    def __init__(self, store: aofstore.Store[Any]) -> None:
        self._call = store._client.execute
        self._ok = store._client.execute_ok


def filled(directory: Path, **settings: Any) -> aofstore.Store[Any]:
    store: aofstore.Store[Any] = aofstore.open(directory, **settings)
    store.execute_command("SET", "text", "value")
    store.execute_command("SET", "number", "10")
    store.execute_command("RPUSH", "list", "a", "b", "c")
    store.execute_command("SADD", "set", "a", "b", "c")
    store.execute_command("HSET", "hash", "f", "1", "g", "2")
    store.execute_command("ZADD", "zset", "1", "a", "2", "b")
    return store


def told(call: Callable[[Any], Any], one: Any) -> tuple[Any, ...]:
    try:
        answer = call(one)
    except TypeError:
        return (TypeError,)  # its text names the class
    except Exception as error:
        return type(error), str(error)
    return type(answer), answer


def test_every_direct_method_is_called_here() -> None:
    assert sorted(CALLS) == METHODS


@pytest.mark.parametrize("name", METHODS)
def test_both_have_the_same_signature_and_docstring(name: str) -> None:
    direct, family = getattr(_core.Direct, name), getattr(Commands, name)
    shown = [p.replace(annotation=p.empty) for p in inspect.signature(family).parameters.values()]
    assert shown[1:] == list(inspect.signature(direct).parameters.values())[1:]
    assert inspect.getdoc(direct) == inspect.getdoc(family)
    assert getattr(aofstore.Store, name) is direct


@pytest.mark.parametrize("settings", [{}, {"decode_responses": True}, {"encoding": "latin-1"}], ids=str)
@pytest.mark.parametrize("name", METHODS)
def test_both_send_the_same(name: str, settings: dict[str, Any], tmp_path: Path) -> None:
    _core._testing.set_clock(1_800_000_000_000)
    with filled(tmp_path / "one", **settings) as one, filled(tmp_path / "other", **settings) as other:
        families = Families(other)
        for call in CALLS[name]:
            assert told(call, one) == told(call, families)
            log = (tmp_path / "one" / "appendonly.aof").read_bytes()
            assert log == (tmp_path / "other" / "appendonly.aof").read_bytes()


def test_a_subclass_and_a_patch_come_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Own(aofstore.Store[bytes]):
        def get(self, name: Any) -> Any:
            return super().get(name), "own"

    with aofstore.open() as store:
        store.set("k", "v")
        assert Own(store._lifetime).get("k") == (b"v", "own")
        monkeypatch.setattr(aofstore.Store, "get", lambda self, name: "patched")
        assert store.get("k") == "patched"  # type: ignore[comparison-overlap]


def test_a_client_with_state_is_refused() -> None:
    with aofstore.open() as store, pytest.raises(TypeError, match="state of its own"):
        _core.Direct(store._new_session())
