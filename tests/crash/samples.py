"""A small log that has everything in it that a cut or a flip may hit."""

from __future__ import annotations

from tests.servers.resp import encode

COMMANDS: list[list[bytes]] = [
    [b"SELECT", b"0"],
    [b"SET", b"k", b"\r\n*3\r\n$1\r\n"],
    [b"SET", b"", b""],
    [b"SET", b"t", b"v", b"PXAT", b"4102444800000"],
    [b"MULTI"],
    [b"RPUSH", b"l", *(b"%d" % number for number in range(12))],
    [b"INCR", b"n"],
    [b"EXEC"],
    [b"SELECT", b"1"],
    [b"SADD", b"s", b"1", b"2"],
    [b"ZADD", b"z", b"1.5", b"a"],
    [b"HSET", b"h", b"f", b"x" * 70],
    [b"DEL", b"h"],
]
SMALL_LOG = b"".join(map(encode, COMMANDS))
