"""T-06, T-08, T-10 to T-12: what a rewrite leaves is what was there, and as the rows say it is written."""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import aofstore
from aofstore._core import _testing
from tests.conftest import OpenStore
from tests.crash.layouts import Layout, whole_log
from tests.loading.test_values import SCORES, TEXTS, numbers_written_as_in
from tests.servers.resp import records

pytestmark = pytest.mark.usefixtures("plain_children")

T0 = 1_700_000_000_000
MODES = pytest.mark.parametrize("background", [True, False])


def _records(path: Path) -> list[list[bytes]]:
    return [args for _, args in records(whole_log(path / "data"))]


@MODES
def test_t08_no_volatile_key_becomes_permanent(background: bool, open_store: OpenStore) -> None:
    _testing.set_clock(T0)
    store = open_store()
    for key, at in {"a": T0 + 1000, "b": T0 + 2050, "c": None, "d": T0 + 3_600_000}.items():
        store.set(key, "v", pxat=at)
    _testing.set_clock(T0 + 2000)
    store.rewrite(background=background)
    store.close()
    _testing.set_clock(T0 + 2100)
    again = open_store()
    assert {key: again.pexpiretime(key) for key in "abcd"} == {"a": -2, "b": -2, "c": -1, "d": T0 + 3_600_000}


def test_t08_a_counter_that_expires_after_the_fork_is_gone(open_store: OpenStore) -> None:
    _testing.set_clock(T0)
    store = open_store()
    store.set("a", 5)
    store.pexpire("a", 30)
    _testing.child_plan(pause="dumping")
    store.bgrewriteaof()
    _testing.set_clock(T0 + 20)
    store.incr("a")
    _testing.child_resume()
    assert store.wait_rewrite() is not None
    store.close()
    _testing.set_clock(T0 + 40)
    assert open_store().get("a") is None


def test_t06_counters_and_lists_are_neither_doubled_nor_lost(
    open_store: OpenStore, tmp_path: Path, layout: Layout
) -> None:
    store = open_store()
    home, other = store.db(3), store.db(0)
    for _ in range(100):
        home.incr("n")
    _testing.child_plan(pause="dumping")
    store.bgrewriteaof()
    for number in range(1000):
        (home if number % 3 else other).incr("n")
        (other if number % 2 else home).rpush("l", number)
    before = len(_records(tmp_path))
    _testing.child_resume()
    for number in range(1000, 2000):  # some of them between the last flush and the switch
        home.rpush("l", number)
    assert store.wait_rewrite() is not None
    for _ in range(10):
        home.incr("n")
    store.close()
    records = _records(tmp_path)
    assert len(records) < before + 1012
    assert records[-10:] == [[b"INCRBY", b"n", b"1"]] * 10
    # What follows a switch to another file says its database again; parts went over to theirs at the fork.
    assert (records[-11] == [b"SELECT", b"3"]) == (layout == "single-file")
    again = open_store()
    assert (again.db(3).get("n"), again.db(0).get("n")) == (b"776", b"334")
    assert again.db(0).lrange("l", 0, -1) == [b"%d" % number for number in range(1, 1000, 2)]
    numbers = [*range(0, 1000, 2), *range(1000, 2000)]
    assert again.db(3).lrange("l", 0, -1) == [b"%d" % number for number in numbers]


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("size", [1, 63, 64, 65, 128, 130])
def test_t10_at_most_64_items_a_command(
    size: int, small: bool, open_store: OpenStore, tmp_path: Path
) -> None:
    limit = 512 if small else 0
    store = open_store(
        list_max_listpack_size=limit or 1,
        set_max_listpack_entries=limit,
        set_max_intset_entries=limit,
        zset_max_listpack_entries=limit,
        hash_max_listpack_entries=limit,
    )
    names = [f"n{number}" for number in range(size)]
    store.rpush("list", *names)
    store.sadd("set", *names)
    store.sadd("ints", *range(size))
    store.zadd("zset", {name: number / 3 for number, name in enumerate(names)})
    store.hset("hash", mapping=dict.fromkeys(names, "v"))
    store.rewrite()
    items = [min(64, size - at) for at in range(0, size, 64)]
    heads: dict[bytes, list[tuple[bytes, int]]] = {}
    for record in _records(tmp_path)[1:]:
        heads.setdefault(record[1], []).append((record[0], len(record)))
    assert heads == {
        b"list": [(b"RPUSH", 2 + count) for count in items],
        b"set": [(b"SADD", 2 + count) for count in items],
        b"ints": [(b"SADD", 2 + count) for count in items],
        b"zset": [(b"ZADD", 2 + 2 * count) for count in items],
        b"hash": [(b"HMSET", 2 + 2 * count) for count in items],
    }
    values = _everything(store)
    store.close()
    assert _everything(open_store()) == values


@MODES
@pytest.mark.parametrize("language", ["C", "de_DE.UTF-8"])
def test_t11_scores_are_short_and_keep_every_bit(
    language: str, background: bool, open_store: OpenStore, tmp_path: Path
) -> None:
    with numbers_written_as_in(language):
        store = open_store(zset_max_listpack_entries=5)
        for number, score in enumerate(SCORES):
            store.zadd("big", {f"m{number}": score})
            store.zadd(f"small{number % 3}", {f"m{number}": score})
        store.rewrite(background=background)
        store.close()
    written = {record[1]: record[2:] for record in _records(tmp_path)[1:]}
    texts = written[b"big"][::2]
    assert texts == [
        b"-inf",
        b"-0",
        b"5e-324",
        b"0.1",
        b"0.3333333333333333",
        b"3",
        b"1e16",
        b"1e17",
        b"1e300",
        b"1.7976931348623157e308",
        b"inf",
    ]
    assert sorted(texts) == sorted(text for number in range(3) for text in written[b"small%d" % number][::2])
    again = open_store()
    for number, score in enumerate(SCORES):
        for key in ("big", f"small{number % 3}"):
            found = again.zscore(key, f"m{number}")
            assert found is not None
            assert struct.pack(">d", found) == struct.pack(">d", score)


_BYTES = st.one_of(st.binary(max_size=300), st.sampled_from([text.encode() for text in TEXTS]))


@given(st.lists(st.tuples(_BYTES, _BYTES), min_size=1, max_size=12), st.booleans())
def test_t12_any_bytes_live_and_rewritten(pairs: list[tuple[bytes, bytes]], background: bool) -> None:
    with tempfile.TemporaryDirectory() as directory:
        with aofstore.open(directory, appendfsync="no") as store:
            for key, value in [*pairs, (b"long", b"\r\n\0" * 350_000)]:
                store.set(b"s" + key, value)
                store.rpush(b"l" + key, value, key)
                store.hset(b"h" + key, value, key)
                store.zadd(b"z" + key, {value: 1.5})
                store.sadd(b"S" + key, value)
            values = _everything(store)
        with aofstore.open(directory, appendfsync="no") as fed:
            assert _everything(fed) == values
            fed.rewrite(background=background)
        with aofstore.open(directory) as again:
            assert _everything(again) == values


def _everything(store: aofstore.Store[bytes]) -> dict[bytes, Any]:
    readers = {
        b"string": store.get,
        b"list": lambda key: store.lrange(key, 0, -1),
        b"set": store.smembers,
        b"zset": lambda key: store.zrange(key, 0, -1, withscores=True),
        b"hash": store.hgetall,
    }
    return {key: readers[store.type(key)](key) for key in store.scan_iter()}
