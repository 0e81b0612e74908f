"""Commands on whole databases. Another database is reached by `Store.db`, not by SELECT."""

from __future__ import annotations

from ..types import Encodable, V
from .family import Family


class DatabaseCommands(Family[V]):
    """Commands that count, empty and exchange databases."""

    def dbsize(self) -> int:
        """The number of keys in this database (DBSIZE)."""
        return self._call("DBSIZE")

    def flushdb(self, asynchronous: bool = False) -> bool:
        """Delete every key of this database (FLUSHDB). True."""
        return self._ok("FLUSHDB", *_asynchronous(asynchronous))

    def flushall(self, asynchronous: bool = False) -> bool:
        """Delete every key of every database (FLUSHALL). True."""
        return self._ok("FLUSHALL", *_asynchronous(asynchronous))

    def swapdb(self, first: int, second: int) -> bool:
        """Exchange two databases, for every view on them (SWAPDB). True."""
        return self._ok("SWAPDB", first, second)


def _asynchronous(asynchronous: bool) -> list[Encodable]:
    return ["ASYNC"] if asynchronous else []
