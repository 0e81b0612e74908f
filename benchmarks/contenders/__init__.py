"""Everything that is measured, by name; each has one tight loop a row, written as its users would.

Every one of them is set so that an acknowledged write survives ``kill -9`` of the process, not power loss.
"""

from __future__ import annotations

from .base import Contender
from .files import DiskCache, SemiDbm, Sqlite
from .redis_like import OnRedis, OnValkey, Ours
from .trees import Lmdb, LmdbWriteMap, Plyvel, RocksDict

ALL: dict[str, type[Contender]] = {
    kind.name: kind
    for kind in (Ours, Plyvel, SemiDbm, LmdbWriteMap, RocksDict, Lmdb, Sqlite, DiskCache, OnRedis, OnValkey)
}
OURS = Ours.name
EMBEDDED = tuple(kind.name for kind in (Plyvel, SemiDbm, LmdbWriteMap, RocksDict, Lmdb, Sqlite, DiskCache))
SERVERS = (OnRedis.name, OnValkey.name)

__all__ = ["ALL", "EMBEDDED", "OURS", "SERVERS", "Contender"]
