"""aofstore, and redis-py on two servers over a unix socket: the same calls on both."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from tests.servers.process import Server, aof_options

from .base import Contender, Pair


class RedisLike(Contender):
    """Anything with redis-py's methods."""

    client: Any

    def preload(self, pairs: Iterable[Pair]) -> None:
        rest = iter(pairs)
        while batch := dict(islice(rest, 1000)):
            self.client.mset(batch)

    def set(self, pairs: list[Pair]) -> None:
        call = self.client.set
        for key, value in pairs:
            call(key, value)

    def get(self, keys: list[bytes]) -> None:
        call = self.client.get
        for key in keys:
            call(key)

    def incr(self, keys: list[bytes]) -> None:
        call = self.client.incr
        for key in keys:
            call(key)

    def hset(self, triples: list[tuple[bytes, bytes, bytes]]) -> None:
        call = self.client.hset
        for key, field, value in triples:
            call(key, field, value)

    def zadd(self, triples: list[tuple[bytes, bytes, float]]) -> None:
        call = self.client.zadd
        for key, member, score in triples:
            call(key, {member: score})

    def lpush(self, pairs: list[Pair]) -> None:
        call = self.client.lpush
        for key, value in pairs:
            call(key, value)

    def batch(self, batches: list[list[Pair]]) -> None:
        pipeline = self.client.pipeline
        for batch in batches:
            pipe = pipeline(transaction=False)
            add = pipe.set
            for key, value in batch:
                add(key, value)
            pipe.execute()

    def mset(self, mappings: list[dict[bytes, bytes]]) -> None:
        call = self.client.mset
        for mapping in mappings:
            call(mapping)


class Ours(RedisLike):
    name = "aofstore"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        import aofstore

        self.client = aofstore.open(directory, appendfsync="everysec")

    def close(self) -> None:
        self.client.close()


class OnServer(RedisLike):
    kind: ClassVar[str]

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        import redis

        self._server = Server(self.kind, directory, *aof_options(appendfsync="everysec")).start()
        self.client = redis.Redis(unix_socket_path=str(self._server.socket))

    def close(self) -> None:
        self.client.close()
        self._server.close()


class OnRedis(OnServer):
    name = "redis-py, redis-server"
    kind = "redis"


class OnValkey(OnServer):
    name = "redis-py, Valkey"
    kind = "valkey"
