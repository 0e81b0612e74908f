"""Embedded stores of other kinds: semidbm, sqlite3, and diskcache over sqlite3."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .base import Contender, Pair, PlainKeys, pack_index, pack_score, unpack_index


class SemiDbm(PlainKeys):
    name = "semidbm"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        import semidbm

        self.db: Any = semidbm.open(str(directory / "db"), "c")
        self.put_one, self.delete_one = self.db.__setitem__, self.db.__delitem__

    def get_one(self, key: bytes) -> bytes | None:
        try:
            value: bytes = self.db[key]
        except KeyError:
            return None
        return value

    def get(self, keys: list[bytes]) -> None:
        db = self.db
        for key in keys:
            db[key]

    def preload(self, pairs: Iterable[Pair]) -> None:
        for key, value in pairs:
            self.db[key] = value

    def batch(self, batches: list[list[Pair]]) -> None:
        for batch in batches:
            self.set(batch)

    def close(self) -> None:
        self.db.close()


class DiskCache(PlainKeys):
    name = "diskcache"
    lacks = frozenset({"mset", "zadd"})

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        import diskcache

        self.db: Any = diskcache.Cache(str(directory), eviction_policy="none", size_limit=1 << 40)
        self.get_one, self.put_one, self.delete_one = self.db.get, self.db.set, self.db.delete

    def preload(self, pairs: Iterable[Pair]) -> None:
        with self.db.transact():
            self.set(list(pairs))

    def incr(self, keys: list[bytes]) -> None:
        call = self.db.incr
        for key in keys:
            call(key)

    def batch(self, batches: list[list[Pair]]) -> None:
        for batch in batches:
            with self.db.transact():
                self.set(batch)

    def close(self) -> None:
        self.db.close()


class Sqlite(Contender):
    """A table of keys and values in WAL mode; one statement or one transaction a call."""

    name = "sqlite3, WAL"
    lacks = frozenset({"mset"})
    synchronous = "OFF"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.db = sqlite3.connect(directory / "db", isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute(f"PRAGMA synchronous = {self.synchronous}")
        self.db.execute("CREATE TABLE kv (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID")

    def preload(self, pairs: Iterable[Pair]) -> None:
        self.db.execute("BEGIN")
        self.db.executemany(_PUT, pairs)
        self.db.execute("COMMIT")

    def set(self, pairs: list[Pair]) -> None:
        call = self.db.execute
        for pair in pairs:
            call(_PUT, pair)

    def get(self, keys: list[bytes]) -> None:
        call = self.db.execute
        for key in keys:
            call(_GET, (key,)).fetchone()

    def incr(self, keys: list[bytes]) -> None:
        call = self.db.execute
        for key in keys:
            call(_INCREMENT, (key,))

    def hset(self, triples: list[tuple[bytes, bytes, bytes]]) -> None:
        call = self.db.execute
        for key, field, value in triples:
            call(_PUT, (key + b":" + field, value))

    def zadd(self, triples: list[tuple[bytes, bytes, float]]) -> None:
        call = self.db.execute
        for key, member, score in triples:
            by_member = key + b":m" + member
            packed = pack_score(score)
            call("BEGIN IMMEDIATE")
            old = call(_GET, (by_member,)).fetchone()
            if old is not None:
                call(_DELETE, (key + b":s" + old[0] + member,))
            call(_PUT, (by_member, packed))
            call(_PUT, (key + b":s" + packed + member, b""))
            call("COMMIT")

    def lpush(self, pairs: list[Pair]) -> None:
        call = self.db.execute
        for key, value in pairs:
            call("BEGIN IMMEDIATE")
            old = call(_GET, (key,)).fetchone()
            packed = pack_index(unpack_index(old[0])[0] + 1 if old is not None else 0)
            call(_PUT, (key + packed, value))
            call(_PUT, (key, packed))
            call("COMMIT")

    def batch(self, batches: list[list[Pair]]) -> None:
        for batch in batches:
            self.db.execute("BEGIN IMMEDIATE")
            self.db.executemany(_PUT, batch)
            self.db.execute("COMMIT")

    def close(self) -> None:
        self.db.close()


_PUT = "INSERT OR REPLACE INTO kv VALUES (?, ?)"
_GET = "SELECT value FROM kv WHERE key = ?"
_DELETE = "DELETE FROM kv WHERE key = ?"
_INCREMENT = "INSERT INTO kv VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET value = value + 1"
