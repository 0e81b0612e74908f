"""Embedded trees: LMDB in two modes, LevelDB by plyvel, RocksDB by rocksdict."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from .base import Contender, Pair, PlainKeys, pack_index, pack_score, unpack_index

_MAP_SIZE = 1 << 34


class Lmdb(Contender):
    """One transaction a call; written through ``write(2)``, not synced."""

    name = "lmdb"
    lacks = frozenset({"mset"})
    options: ClassVar[dict[str, bool]] = {"sync": False, "metasync": False}

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        import lmdb

        self.env = lmdb.open(str(directory), map_size=_MAP_SIZE, **self.options)

    def preload(self, pairs: Iterable[Pair]) -> None:
        with self.env.begin(write=True) as txn:
            txn.cursor().putmulti(pairs)

    def set(self, pairs: list[Pair]) -> None:
        begin = self.env.begin
        for key, value in pairs:
            with begin(write=True) as txn:
                txn.put(key, value)

    def get(self, keys: list[bytes]) -> None:
        begin = self.env.begin
        for key in keys:
            with begin() as txn:
                txn.get(key)

    def incr(self, keys: list[bytes]) -> None:
        begin = self.env.begin
        for key in keys:
            with begin(write=True) as txn:
                txn.put(key, b"%d" % (int(txn.get(key) or 0) + 1))

    def hset(self, triples: list[tuple[bytes, bytes, bytes]]) -> None:
        begin = self.env.begin
        for key, field, value in triples:
            with begin(write=True) as txn:
                txn.put(key + b":" + field, value)

    def zadd(self, triples: list[tuple[bytes, bytes, float]]) -> None:
        begin = self.env.begin
        for key, member, score in triples:
            by_member = key + b":m" + member
            packed = pack_score(score)
            with begin(write=True) as txn:
                old = txn.get(by_member)
                if old is not None:
                    txn.delete(key + b":s" + old + member)
                txn.put(by_member, packed)
                txn.put(key + b":s" + packed + member, b"-")

    def lpush(self, pairs: list[Pair]) -> None:
        begin = self.env.begin
        for key, value in pairs:
            with begin(write=True) as txn:
                packed = txn.get(key)
                index = unpack_index(packed)[0] + 1 if packed is not None else 0
                packed = pack_index(index)
                txn.put(key + packed, value)
                txn.put(key, packed)

    def batch(self, batches: list[list[Pair]]) -> None:
        begin = self.env.begin
        for batch in batches:
            with begin(write=True) as txn:
                put = txn.put
                for key, value in batch:
                    put(key, value)

    def close(self) -> None:
        self.env.close()


class LmdbWriteMap(Lmdb):
    name = "lmdb, writemap + map_async"
    options: ClassVar[dict[str, bool]] = {"writemap": True, "map_async": True}


class _LogStructured(PlainKeys):
    db: Any

    @abstractmethod
    def batch(self, batches: list[list[Pair]]) -> None: ...

    def preload(self, pairs: Iterable[Pair]) -> None:
        rest = iter(pairs)
        while batch := list(islice(rest, 1000)):
            self.batch([batch])

    def close(self) -> None:
        self.db.close()


class Plyvel(_LogStructured):
    name = "plyvel (LevelDB)"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        import plyvel

        self.db = plyvel.DB(str(directory / "db"), create_if_missing=True)
        self.get_one, self.put_one, self.delete_one = self.db.get, self.db.put, self.db.delete

    def batch(self, batches: list[list[Pair]]) -> None:
        for batch in batches:
            with self.db.write_batch() as writes:
                put = writes.put
                for key, value in batch:
                    put(key, value)


class RocksDict(_LogStructured):
    name = "rocksdict (RocksDB)"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        import rocksdict

        self._batch: Any = rocksdict.WriteBatch
        self.db = rocksdict.Rdict(str(directory / "db"), rocksdict.Options(raw_mode=True))
        self.get_one, self.put_one, self.delete_one = self.db.get, self.db.put, self.db.delete

    def batch(self, batches: list[list[Pair]]) -> None:
        for batch in batches:
            writes = self._batch(raw_mode=True)
            put = writes.put
            for key, value in batch:
                put(key, value)
            self.db.write(writes)
