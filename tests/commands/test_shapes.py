"""Replies become what redis-py returns, for stores of bytes and of str alike."""

from __future__ import annotations

import decimal
from collections.abc import Callable
from typing import Any

import pytest

from aofstore.commands import descriptions, shapes

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("shape", "reply", "expected"),
    [
        (shapes.key_and_value, None, None),
        (shapes.key_and_value, [b"l", b"a"], (b"l", b"a")),
        (shapes.key_member_score, [b"z", b"m", 2.5], (b"z", b"m", 2.5)),
        (shapes.key_and_scored, [b"z", [[b"m", 2.5]]], [b"z", [[b"m", b"2.5"]]]),
        (shapes.key_and_scored, ["z", [["m", 2.0]]], ["z", [["m", "2"]]]),
        (shapes.scored_as_float, [], []),
        (shapes.scored_as_float, [b"m", 1.0], [(b"m", 1.0)]),
        (shapes.scored_as_float, [[b"m", 1.0], [b"n", 2.0]], [(b"m", 1.0), (b"n", 2.0)]),
        (shapes.flat_scores, [[b"m", 6.0]], [b"m", b"6"]),
        (shapes.flat_scores, [["m", 0.5]], ["m", "0.5"]),
        (shapes.flat_pairs, [[b"f", b"v"]], [b"f", b"v"]),
        (shapes.flat_map, {b"matches": [], b"len": 0}, [b"matches", [], b"len", 0]),
        (shapes.scan_list, [b"17", [b"a"]], (17, [b"a"])),
        (shapes.scan_dict, [b"0", [b"f", b"v"]], (0, {b"f": b"v"})),
        (shapes.scan_fields, ["0", ["f", "v"]], (0, ["f"])),
        (shapes.scan_scored(float), [b"0", [b"a", b"6"]], (0, [(b"a", 6.0)])),
        (shapes.grouped(2), [b"1", b"x", b"2", None], [(b"1", b"x"), (b"2", None)]),
        (shapes.rank_and_score(float), None, None),
        (shapes.rank_and_score(int), [3, 2.5], [3, 2]),
        (shapes.as_list, {b"a"}, [b"a"]),
        (shapes.text_dict, {b"hz": b"10"}, {"hz": "10"}),
        (shapes.pong, "PONG", True),
        (shapes.int_pair, [b"12", b"34"], (12, 34)),
    ],
)
def test_shape(shape: Callable[[Any], Any], reply: Any, expected: Any) -> None:
    shaped = shape(reply)
    assert shaped == expected
    assert type(shaped) is type(expected)


def test_score_cast_func_gets_the_text_and_else_the_float() -> None:
    assert shapes.scored(bytes)([[b"m", 2.5]]) == [(b"m", b"2.5")]
    assert shapes.scored(int)([[b"m", 2.5]]) == [(b"m", 2)]
    assert shapes.scored(decimal.Decimal)([[b"m", 2.5]]) == [(b"m", decimal.Decimal("2.5"))]


def test_info_is_parsed_as_redis_py_parses_it() -> None:
    text = b"# Server\r\nredis_version:7.2.0\r\nhz:10\r\nratio:1.50\r\n\r\n# Keyspace\r\ndb0:keys=2,expires=0"
    assert descriptions.info(text) == {
        "redis_version": "7.2.0",
        "hz": 10,
        "ratio": 1.5,
        "db0": {"keys": 2, "expires": 0},
    }


def test_command_leaves_unknown_names_out() -> None:
    entry = ["get", 2, {"readonly"}, 1, 1, 1, {"@read"}, [], [], []]
    described = descriptions.commands([entry, None])
    assert described == {
        "get": {
            "name": "get",
            "arity": 2,
            "flags": ["readonly"],
            "first_key_pos": 1,
            "last_key_pos": 1,
            "step_count": 1,
            "acl_categories": ["@read"],
            "tips": [],
            "key_specifications": [],
            "subcommands": [],
        }
    }


def test_debug_object_is_a_dict() -> None:
    line = "Value at:0x7f refcount:1 encoding:listpack serializedlength:18 lru:1 lru_seconds_idle:2"
    assert descriptions.debug_object(line)["encoding"] == "listpack"
    assert descriptions.debug_object(line)["serializedlength"] == 18
