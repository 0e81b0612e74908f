"""What a contender is, and the emulation of Redis's types over plain keys."""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

Pair = tuple[bytes, bytes]
pack_score = struct.Struct(">d").pack
pack_index = struct.Struct(">Q").pack
unpack_index = struct.Struct(">Q").unpack


class Contender(ABC):
    """Opened in an empty directory; a method a row takes what `work.arguments` makes."""

    name: ClassVar[str]
    lacks: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @abstractmethod
    def preload(self, pairs: Iterable[Pair]) -> None:
        """Set every pair as fast as it can; not measured."""

    def run(self, row: str, arguments: list[Any]) -> None:
        """All calls of a row."""
        getattr(self, row)(arguments)

    def close(self) -> None:  # noqa: B027  (most libraries close when they are dropped)
        """End; the directory is removed afterwards."""


class PlainKeys(Contender):
    """A store of plain keys with ``get``, ``put``, ``delete``: the types are emulated with composite keys.

    The three are the library's own bound methods, so that the emulation costs what a user's would.
    """

    lacks = frozenset({"mset"})
    get_one: Callable[[bytes], bytes | None]
    put_one: Callable[[bytes, bytes], Any]
    delete_one: Callable[[bytes], Any]

    def set(self, pairs: list[Pair]) -> None:
        put = self.put_one
        for key, value in pairs:
            put(key, value)

    def get(self, keys: list[bytes]) -> None:
        get = self.get_one
        for key in keys:
            get(key)

    def incr(self, keys: list[bytes]) -> None:
        get, put = self.get_one, self.put_one
        for key in keys:
            put(key, b"%d" % (int(get(key) or 0) + 1))

    def hset(self, triples: list[tuple[bytes, bytes, bytes]]) -> None:
        put = self.put_one
        for key, field, value in triples:
            put(key + b":" + field, value)

    def zadd(self, triples: list[tuple[bytes, bytes, float]]) -> None:
        get, put, delete = self.get_one, self.put_one, self.delete_one
        for key, member, score in triples:
            by_member = key + b":m" + member
            packed = pack_score(score)
            old = get(by_member)
            if old is not None:
                delete(key + b":s" + old + member)
            put(by_member, packed)
            put(key + b":s" + packed + member, b"")

    def lpush(self, pairs: list[Pair]) -> None:
        get, put = self.get_one, self.put_one
        for key, value in pairs:
            packed = get(key)
            index = unpack_index(packed)[0] + 1 if packed is not None else 0
            packed = pack_index(index)
            put(key + packed, value)
            put(key, packed)
