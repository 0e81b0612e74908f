"""The pipeline over a store in memory: what is buffered, what comes back, what is raised."""

from __future__ import annotations

import functools
import gc
import weakref
from collections.abc import Iterator

import pytest

import aofstore
from aofstore import (
    AofstoreError,
    DataError,
    ResponseError,
    WatchError,
    WrongTypeError,
)

pytestmark = pytest.mark.quick


@pytest.fixture
def store() -> Iterator[aofstore.Store[bytes]]:
    with aofstore.open() as opened:
        yield opened


def test_calls_are_buffered_and_replies_shaped(store: aofstore.Store[bytes]) -> None:
    store.zadd("z", {"m": 1.0})
    pipe = store.pipeline()
    assert pipe.set("a", 1).zrange("z", 0, -1, withscores=True).mget([]).expire("a", 5).get("x") is pipe
    assert (len(pipe), bool(pipe)) == (5, True)
    assert pipe.command_stack == [
        (b"SET", b"a", b"1"),
        (b"ZRANGE", b"z", b"0", b"-1", b"WITHSCORES"),
        (),
        (b"EXPIRE", b"a", b"5"),
        (b"GET", b"x"),
    ]
    assert pipe.execute() == [True, [(b"m", 1.0)], [], True, None]
    assert (len(pipe), bool(pipe), pipe.execute()) == (0, True, [])


def test_set_and_get_take_all_that_a_store_takes(store: aofstore.Store[bytes]) -> None:
    pipe = store.pipeline()
    pipe.set(name="a", value=b"1").set("a", "2", nx=True).set("a", 3, 100).set("b", 4.5, px=50_000, get=True)
    pipe.ttl("a").get(name="a").set("a", "x", None, None, False, True)
    assert pipe.execute() == [True, None, True, None, 100, b"3", True]
    with pytest.raises(TypeError):
        pipe.set("a")  # type: ignore[call-arg]
    with pytest.raises(DataError, match="ex must be"):
        pipe.set("a", 1, ex="soon")
    assert len(pipe) == 0


def test_arguments_are_taken_at_the_call(store: aofstore.Store[bytes]) -> None:
    changing, long = bytearray(b"now"), "é" * 5000
    pipe = store.pipeline().set("a", changing).set("b", memoryview(b"view")).set("c", long).set("d", 10**30)
    changing[:] = b"later"
    with pytest.raises(DataError, match="Invalid input of type: 'NoneType'"):
        pipe.hset("h", "field", None)
    with pytest.raises(UnicodeEncodeError):
        pipe.set("\ud800", 1)
    assert len(pipe.mget("a", "b", "c", "d")) == 5
    assert pipe.execute()[-1] == [b"now", b"view", long.encode(), b"1" + b"0" * 30]


def test_what_shapes_refer_to_does_not_keep_a_pipeline_alive(store: aofstore.Store[bytes]) -> None:
    pipe = store.pipeline()
    pipe.zrange("z", 0, -1, withscores=True, score_cast_func=functools.partial(lambda _, score: score, pipe))
    alive = weakref.ref(pipe)
    del pipe
    gc.collect()
    assert alive() is None


def test_first_error_is_raised_with_its_command(store: aofstore.Store[bytes]) -> None:
    pipe = store.pipeline(transaction=False)
    with pytest.raises(WrongTypeError) as caught:
        pipe.set("p", 1).lpush("p", b"1").set("q", 2).execute()
    assert str(caught.value) == (
        "Command # 2 (LPUSH p 1) of pipeline caused error: "
        "WRONGTYPE Operation against a key holding the wrong kind of value"
    )
    assert caught.value.code == "WRONGTYPE"
    assert store.get("q") == b"2"


def test_errors_stand_in_the_list_on_request(store: aofstore.Store[bytes]) -> None:
    replies = store.pipeline().set("p", 1).rename("x", "y").execute(raise_on_error=False)
    assert replies[0] is True
    assert isinstance(replies[1], ResponseError)


def test_command_that_cannot_be_queued_is_always_raised(store: aofstore.Store[bytes]) -> None:
    pipe = store.pipeline().set("a", 1).execute_command("NOSUCH").set("b", 2)
    with pytest.raises(ResponseError, match=r"Command # 2 \(NOSUCH\) of pipeline caused error: ERR unknown"):
        pipe.execute(raise_on_error=False)
    assert store.keys() == []


def test_after_watch_commands_run_at_once_until_multi(store: aofstore.Store[bytes]) -> None:
    store.set("k", 7)
    with store.pipeline() as pipe:
        pipe.watch("k")
        assert pipe.get("k") == b"7"
        assert pipe.set("other", 1) is True
        assert pipe.zadd("z", {"m": 1}) == 1
        assert pipe.zrange("z", 0, -1, withscores=True) == [(b"m", 1.0)]
        assert pipe.mget([]) == []
        pipe.multi()
        assert pipe.set("k", 8) is pipe
        assert pipe.execute() == [True]
    assert store.get("k") == b"8"
    assert pipe.watch("k")
    assert pipe.unwatch()
    assert pipe.get("k") is pipe


def test_changed_key_raises_and_resets(store: aofstore.Store[bytes]) -> None:
    pipe = store.pipeline()
    pipe.watch("k")
    store.set("k", 1)
    pipe.multi()
    pipe.set("k", 8)
    with pytest.raises(WatchError):
        pipe.execute()
    assert (len(pipe), pipe.watching, store.get("k")) == (0, False, b"1")


def test_leaving_the_block_drops_what_is_buffered(store: aofstore.Store[bytes]) -> None:
    with store.pipeline() as pipe:
        pipe.set("a", 1)
    assert (len(pipe), store.keys()) == (0, [])


def test_misuse_is_refused(store: aofstore.Store[bytes]) -> None:
    pipe = store.pipeline()
    pipe.multi()
    with pytest.raises(AofstoreError, match="nested"):
        pipe.multi()
    with pytest.raises(AofstoreError, match="after a MULTI"):
        pipe.watch("k")
    pipe.reset()
    pipe.set("a", 1)
    with pytest.raises(AofstoreError, match="already been issued"):
        pipe.multi()
    for command in ("WATCH", "unwatch", b"multi", "EXEC", "DISCARD", "SELECT 1"):
        with pytest.raises(DataError, match="in a pipeline is"):
            pipe.execute_command(command)
