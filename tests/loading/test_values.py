"""T-11, T-12: what went in comes back, byte for byte and double for double."""

from __future__ import annotations

import locale
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import aofstore
from tests.conftest import OpenStore

SCORES = [
    0.1,
    1 / 3,
    3.0,
    1e300,
    1e16,
    1e17,
    -0.0,
    float("inf"),
    float("-inf"),
    5e-324,
    1.7976931348623157e308,
]
TEXTS = [
    "007",
    "+1",
    "-0",
    " 1",
    "1e3",
    "1" * 40,
    *(str(sign * 2**63 + n) for sign in (1, -1) for n in (-1, 0, 1)),
]


@contextmanager
def numbers_written_as_in(language: str) -> Iterator[None]:
    """How the C library writes numbers inside the block; as in C where the system lacks the language."""
    before = locale.setlocale(locale.LC_NUMERIC)
    try:
        try:
            locale.setlocale(locale.LC_NUMERIC, language)
        except locale.Error:
            locale.setlocale(locale.LC_NUMERIC, "C")
        yield
    finally:
        locale.setlocale(locale.LC_NUMERIC, before)


def _bits(value: float | None) -> bytes:
    assert value is not None
    return struct.pack(">d", value)


@pytest.mark.parametrize("language", ["C", "de_DE.UTF-8"])
def test_t11_scores_keep_every_bit(open_store: OpenStore, language: str, tmp_path: Path) -> None:
    with numbers_written_as_in(language):
        store = open_store()
        store.zadd("z", {f"m{number}": score for number, score in enumerate(SCORES)})
        store.zadd("i", {f"m{number}": 0.0 for number in range(len(SCORES))})
        for number, score in enumerate(SCORES):
            store.zincrby("i", score, f"m{number}")
        with pytest.raises(aofstore.ResponseError, match="not a valid float"):
            store.execute_command("ZADD", "z", "nan", "m")
        store.close()
        assert b"," not in (tmp_path / "data" / "appendonly.aof").read_bytes()
        again = open_store()
        for number, score in enumerate(SCORES):
            assert _bits(again.zscore("z", f"m{number}")) == _bits(score)
            assert again.zscore("i", f"m{number}") == score


def test_t12_texts_that_look_like_numbers(open_store: OpenStore) -> None:
    store = open_store()
    for text in TEXTS:
        store.set(text, text)
        store.rpush("l", text)
        store.sadd("s", text)
        store.hset("h", text, text)
    store.close()
    again = open_store()
    wanted = [text.encode() for text in TEXTS]
    assert again.mget(TEXTS) == wanted
    assert again.lrange("l", 0, -1) == wanted
    assert again.smembers("s") == set(wanted)
    assert again.hgetall("h") == {text: text for text in wanted}


def test_t12_a_megabyte(open_store: OpenStore) -> None:
    store = open_store()
    big = bytes(range(256)) * 4096
    store.set(big[:70_000], big)
    store.close()
    assert open_store().get(big[:70_000]) == big


@given(st.lists(st.tuples(st.binary(max_size=300), st.binary(max_size=300)), min_size=1, max_size=12))
def test_t12_any_bytes(pairs: list[tuple[bytes, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        with aofstore.open(directory, appendfsync="no") as store:
            for key, value in pairs:
                store.set(b"s" + key, value)
                store.rpush(b"l" + key, value, key)
                store.hset(b"h" + key, value, key)
                store.zadd(b"z" + key, {value: 1.5})
                store.sadd(b"S" + key, value)
        with aofstore.open(directory) as again:
            last = dict(pairs)
            assert {key: again.get(b"s" + key) for key in last} == last
            for key, value in pairs:
                assert value in again.lrange(b"l" + key, 0, -1)
                assert again.hget(b"h" + key, value) == key
                assert again.zscore(b"z" + key, value) == 1.5
                assert again.sismember(b"S" + key, value)
