"""COMMAND INFO of every command says what a real server says: arity, flags, positions of keys, categories."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import aofstore
from tests.servers.pool import shared

# What the server knows of its connections and child processes; no store has these.
SERVER_FLAGS = {"stale", "allow_busy", "skip_monitor", "skip_slowlog", "no_async_loading"}
# Redis 7.2 differs from the 7.0 that answers here.
NEWER = {"waitaof": "new in 7.2", "zrank": "WITHSCORE came with 7.2", "zrevrank": "WITHSCORE came with 7.2"}
# Scripts may call them since 7.2, where they do not wait.
NO_LONGER_NOSCRIPT = {"blmove", "blpop", "brpop", "brpoplpush", "bzpopmax", "bzpopmin"}


@pytest.fixture(scope="module")
def servers_table() -> dict[str, Any]:
    with shared("redis").connect() as connection:
        return {text(entry[0]): entry for entry in connection.execute("COMMAND")}


@pytest.fixture(scope="module")
def our_table() -> Iterator[dict[str, Any]]:
    with aofstore.open() as store:
        yield {text(entry[0]): entry for entry in store.execute_command("COMMAND")}


def text(word: Any) -> str:
    return word.decode() if isinstance(word, bytes) else str(word)


def texts(words: Any) -> set[str]:
    return {text(word) for word in getattr(words, "items", words)}


def essence(entry: Any) -> tuple[Any, ...]:
    """What is to be the same of an entry."""
    return entry[1], texts(entry[2]) - SERVER_FLAGS, tuple(entry[3:6]), texts(entry[6])


def test_the_table_is_a_servers(servers_table: dict[str, Any], our_table: dict[str, Any]) -> None:
    wrong = [
        f"{name}: {essence(entry)}, there {essence(servers_table[name]) if name in servers_table else None}"
        for name, entry in our_table.items()
        if name not in NEWER | dict.fromkeys(NO_LONGER_NOSCRIPT)
        and (name not in servers_table or essence(entry) != essence(servers_table[name]))
    ]
    assert wrong == []


def test_blocking_commands_have_the_flags_of_7_2(
    servers_table: dict[str, Any], our_table: dict[str, Any]
) -> None:
    with shared("valkey").connect() as connection:
        valkeys_table = {text(entry[0]): entry for entry in connection.execute("COMMAND")}
    for name in NO_LONGER_NOSCRIPT:
        assert essence(our_table[name]) == essence(valkeys_table[name])
        arity, flags, keys, categories = essence(servers_table[name])
        assert essence(our_table[name]) == (arity, flags - {"noscript"}, keys, categories)
    # There is no server of 7.2 here; Valkey's says what 7.4 changed: blocking, no longer noscript.
    arity, flags, keys, categories = essence(valkeys_table["waitaof"])
    assert essence(our_table["waitaof"]) == (arity, {"noscript"}, keys, categories - {"@blocking"})


def test_subcommands_have_a_servers_arity(servers_table: dict[str, Any], our_table: dict[str, Any]) -> None:
    for name, entry in our_table.items():
        if name in servers_table:
            there = {
                text(sub[0]): sub[1]
                for sub in getattr(servers_table[name][9], "items", servers_table[name][9])
            }
            for sub in entry[9]:
                if text(sub[0]) != "command|getkeys":  # one argument less since 7.2
                    assert sub[1] == there[text(sub[0])], sub[0]
