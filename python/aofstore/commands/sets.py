"""Set commands: membership, and the algebra of sets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import overload

from ..types import Encodable, OneOrMany, V
from . import shapes
from .family import Family, spread


class SetCommands(Family[V]):
    """Commands on sets of distinct members.

    A set command that takes ``keys`` takes one, several or an iterable.
    """

    def sadd(self, name: Encodable, *values: Encodable) -> int:
        """Add members; how many were new (SADD)."""
        return self._call("SADD", name, *values)

    def srem(self, name: Encodable, *values: Encodable) -> int:
        """Remove members; how many there were (SREM)."""
        return self._call("SREM", name, *values)

    def sismember(self, name: Encodable, value: Encodable) -> int:
        """1 if ``value`` is a member, else 0 (SISMEMBER)."""
        return self._call("SISMEMBER", name, value)

    def smismember(self, name: Encodable, values: OneOrMany, *args: Encodable) -> list[int]:
        """1 or 0 for each value: whether it is a member (SMISMEMBER)."""
        return self._call("SMISMEMBER", name, *spread(values, args))

    def scard(self, name: Encodable) -> int:
        """The number of members, 0 when there is no set (SCARD)."""
        return self._call("SCARD", name)

    def smembers(self, name: Encodable) -> set[V]:
        """All members, the empty set when there is no set (SMEMBERS)."""
        return self._shaped(shapes.as_set, "SMEMBERS", name)

    @overload
    def spop(self, name: Encodable, count: None = None) -> V | None: ...
    @overload
    def spop(self, name: Encodable, count: int) -> list[V]: ...
    def spop(self, name: Encodable, count: int | None = None) -> V | list[V] | None:
        """Take a random member, None when there is none; with ``count`` a list of up to that many (SPOP)."""
        if count is None:
            return self._call("SPOP", name)
        return self._shaped(shapes.as_list, "SPOP", name, count)

    @overload
    def srandmember(self, name: Encodable, number: None = None) -> V | None: ...
    @overload
    def srandmember(self, name: Encodable, number: int) -> list[V]: ...
    def srandmember(self, name: Encodable, number: int | None = None) -> V | list[V] | None:
        """A random member, None when there is none (SRANDMEMBER).

        With ``number`` a list of up to that many distinct members; a negative one allows repetition.
        """
        if number is None:
            return self._call("SRANDMEMBER", name)
        return self._shaped(shapes.as_list, "SRANDMEMBER", name, number)

    def smove(self, src: Encodable, dst: Encodable, value: Encodable) -> bool:
        """Move member ``value`` from one set to another; whether it was there (SMOVE)."""
        return self._shaped(bool, "SMOVE", src, dst, value)

    def sinter(self, keys: OneOrMany, *args: Encodable) -> set[V]:
        """The members that all sets have (SINTER)."""
        return self._shaped(shapes.as_set, "SINTER", *spread(keys, args))

    def sinterstore(self, dest: Encodable, keys: OneOrMany, *args: Encodable) -> int:
        """Store `sinter` at ``dest``; its number of members (SINTERSTORE)."""
        return self._call("SINTERSTORE", dest, *spread(keys, args))

    def sintercard(self, numkeys: int, keys: Iterable[Encodable], limit: int = 0) -> int:
        """How many members all ``numkeys`` sets have, counted up to ``limit`` (0: all) (SINTERCARD)."""
        return self._call("SINTERCARD", numkeys, *spread(keys), "LIMIT", limit)

    def sunion(self, keys: OneOrMany, *args: Encodable) -> set[V]:
        """The members that any set has (SUNION)."""
        return self._shaped(shapes.as_set, "SUNION", *spread(keys, args))

    def sunionstore(self, dest: Encodable, keys: OneOrMany, *args: Encodable) -> int:
        """Store `sunion` at ``dest``; its number of members (SUNIONSTORE)."""
        return self._call("SUNIONSTORE", dest, *spread(keys, args))

    def sdiff(self, keys: OneOrMany, *args: Encodable) -> set[V]:
        """The members of the first set that no other set has (SDIFF)."""
        return self._shaped(shapes.as_set, "SDIFF", *spread(keys, args))

    def sdiffstore(self, dest: Encodable, keys: OneOrMany, *args: Encodable) -> int:
        """Store `sdiff` at ``dest``; its number of members (SDIFFSTORE)."""
        return self._call("SDIFFSTORE", dest, *spread(keys, args))
