"""RESP in both directions: requests, typed replies, and the records of a log."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from tests.servers.replies import Failure, Members, Status


def encode(args: Iterable[bytes]) -> bytes:
    """One command as the wire array that requests and logs share."""
    words = list(args)
    parts = [b"*%d\r\n" % len(words)]
    parts.extend(b"$%d\r\n%b\r\n" % (len(item), item) for item in words)
    return b"".join(parts)


class Stream(Protocol):
    """What replies are read from."""

    def read(self, size: int, /) -> bytes: ...

    def readline(self) -> bytes: ...


class TornRecord(ValueError):
    """The bytes end inside a record."""


_HEADER = re.compile(rb"([*$])(\d+)\r\n")


def records(data: bytes, start: int = 0) -> Iterator[tuple[int, list[bytes]]]:
    """(end offset, arguments) of every record; strict: anything but whole records raises."""
    at = start
    while at < len(data):
        if data[at] == ord("#"):
            at = data.index(b"\n", at) + 1
            continue
        count, at = _header(data, at, b"*")
        args = []
        for _ in range(count):
            size, at = _header(data, at, b"$")
            if at + size + 2 > len(data):
                raise TornRecord(f"the record that ends the file wants {size} bytes at {at}")
            if data[at + size : at + size + 2] != b"\r\n":
                raise ValueError(f"no line end behind the argument at {at}")
            args.append(data[at : at + size])
            at += size + 2
        yield at, args


def _header(data: bytes, at: int, mark: bytes) -> tuple[int, int]:
    found = _HEADER.match(data, at)
    if found is None or found[1] != mark:
        if b"\r\n" not in data[at:]:
            raise TornRecord(f"the file ends inside the header at {at}")
        raise ValueError(f"expected {mark!r} at {at}, found {data[at : at + 12]!r}")
    return int(found[2]), found.end()


def read_reply(stream: Stream) -> Any:
    """One typed reply off the wire, RESP2 or RESP3."""
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise ConnectionError("the server closed the connection")
    mark, rest = line[:1], line[1:-2]
    if mark in (b"$", b"=", b"!"):
        return _bulk(stream, mark, int(rest))
    if mark in (b"*", b"~", b">"):
        if rest == b"-1":
            return None
        items = [read_reply(stream) for _ in range(int(rest))]
        return Members.of(items) if mark == b"~" else items
    if mark == b"%":
        pairs = [(read_reply(stream), read_reply(stream)) for _ in range(int(rest))]
        return {tuple(key) if isinstance(key, list) else key: value for key, value in pairs}
    return _scalar(mark, rest)


def _bulk(stream: Stream, mark: bytes, size: int) -> Any:
    if size < 0:
        return None
    body = stream.read(size + 2)[:-2]
    if mark == b"!":
        return Failure(body.decode("utf-8", "backslashreplace"))
    return body[4:] if mark == b"=" else body


def _scalar(mark: bytes, rest: bytes) -> Any:
    if mark == b"+":
        return Status(rest.decode("utf-8", "backslashreplace"))
    if mark == b"-":
        return Failure(rest.decode("utf-8", "backslashreplace"))
    if mark in (b":", b"("):
        return int(rest)
    if mark == b",":
        return float(rest)
    if mark == b"#":
        return rest == b"t"
    if mark == b"_":
        return None
    raise ValueError(f"no reply starts with {mark!r}")
