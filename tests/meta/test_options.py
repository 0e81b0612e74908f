"""Every option token that real servers document for our commands stands in a transcript of that command."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.pool import shared
from tests.servers.process import KINDS
from tests.servers.words import split_line

GOLDEN = Path(__file__).parents[1] / "golden"
TARGET = (7, 2)
LATER = {"ZSCAN": {"NOSCORES"}, "HSCAN": {"NOVALUES"}}
"""Options that came after the target, though their servers' documentation does not say when."""
COMMANDS = """
SET GET GETSET GETDEL GETEX SETEX PSETEX SETNX MSET MSETNX MGET APPEND STRLEN INCR DECR INCRBY
DECRBY INCRBYFLOAT
GETRANGE SUBSTR SETRANGE LCS
SETBIT GETBIT BITCOUNT BITPOS BITOP BITFIELD BITFIELD_RO
LPUSH RPUSH LPUSHX RPUSHX LPOP RPOP LLEN LRANGE LINDEX LSET LINSERT LREM LTRIM LPOS LMOVE RPOPLPUSH
LMPOP
BLPOP BRPOP BLMOVE BRPOPLPUSH BLMPOP
SADD SREM SISMEMBER SMISMEMBER SCARD SMEMBERS SPOP SRANDMEMBER SMOVE SINTER SINTERSTORE SINTERCARD
SUNION SUNIONSTORE
SDIFF SDIFFSTORE SSCAN
ZADD ZINCRBY ZREM ZSCORE ZMSCORE ZCARD ZCOUNT ZLEXCOUNT ZRANK ZREVRANK ZRANGE ZRANGESTORE ZREVRANGE
ZRANGEBYSCORE
ZREVRANGEBYSCORE ZRANGEBYLEX ZREVRANGEBYLEX ZREMRANGEBYRANK ZREMRANGEBYSCORE ZREMRANGEBYLEX ZPOPMIN
ZPOPMAX ZMPOP
BZPOPMIN BZPOPMAX BZMPOP ZRANDMEMBER ZUNION ZUNIONSTORE ZINTER ZINTERSTORE ZINTERCARD ZDIFF
ZDIFFSTORE ZSCAN
HSET HMSET HSETNX HGET HMGET HGETALL HDEL HEXISTS HLEN HSTRLEN HKEYS HVALS HINCRBY HINCRBYFLOAT
HRANDFIELD HSCAN
DEL UNLINK EXISTS TYPE KEYS SCAN RANDOMKEY RENAME RENAMENX COPY MOVE TOUCH EXPIRE PEXPIRE EXPIREAT
PEXPIREAT TTL PTTL
EXPIRETIME PEXPIRETIME PERSIST SORT SORT_RO OBJECT|ENCODING OBJECT|FREQ OBJECT|IDLETIME
OBJECT|REFCOUNT
SELECT DBSIZE FLUSHDB FLUSHALL SWAPDB
MULTI EXEC DISCARD WATCH UNWATCH
PING ECHO TIME INFO CONFIG|GET CONFIG|SET CONFIG|RESETSTAT COMMAND COMMAND|COUNT COMMAND|INFO
COMMAND|DOCS
COMMAND|GETKEYS MEMORY|USAGE WAITAOF DEBUG
LATENCY|LATEST LATENCY|HISTORY LATENCY|RESET LATENCY|GRAPH LATENCY|DOCTOR
""".split()


@functools.cache
def transcribed() -> dict[str, set[str]]:
    """Command → every argument that any transcript gives it, in upper case."""
    seen: dict[str, set[str]] = {}
    for path in GOLDEN.glob("*/*.txt"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("> "):
                name, *args = (word.decode("latin-1").upper() for word in split_line(line[2:]))
                seen.setdefault(name, set()).update(args)
                if args:
                    seen.setdefault(f"{name}|{args[0]}", set()).update(args[1:])
    return seen


@functools.cache
def documented(kind: str) -> dict[str, Any]:
    """COMMAND DOCS of a server, subcommands as ``CONFIG|GET``."""
    with shared(kind).connect() as connection:
        docs = connection.execute("COMMAND", "DOCS")
    flat = dict(docs)
    for entry in docs.values():
        flat.update(entry.get(b"subcommands", {}))
    return {name.decode().upper(): entry for name, entry in flat.items()}


def tokens(arguments: list[dict[bytes, Any]]) -> Iterator[str]:
    """Tokens of arguments and their parts that Redis 7.2 knows."""
    for argument in arguments:
        since = tuple(int(part) for part in argument.get(b"since", b"1.0").split(b".")[:2])
        if since > TARGET:
            continue
        if token := argument.get(b"token", b"").strip(b'"'):
            yield token.decode().upper()
        yield from tokens(argument.get(b"arguments", []))


def test_the_documentation_is_read() -> None:
    found = {kind: set(tokens(documented(kind)["SET"][b"arguments"])) for kind in KINDS}
    assert found["redis"] == {"NX", "XX", "GET", "EX", "PX", "EXAT", "PXAT", "KEEPTTL"}
    assert found["valkey"] == found["redis"]
    assert "WITHSCORE" in set(tokens(documented("valkey")["ZRANK"][b"arguments"]))


@pytest.mark.servers
@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_in_a_transcript(command: str) -> None:
    seen = transcribed().get(command)
    if seen is None:
        pytest.fail(f"no transcript runs {command}")
    wanted: set[str] = set()
    for kind in KINDS:
        entry = documented(kind).get(command, {})
        wanted.update(tokens(entry.get(b"arguments", [])))
    missing = sorted(wanted - LATER.get(command, set()) - seen)
    if missing:
        pytest.fail(f"no transcript gives {command} the options {', '.join(missing)}")
