"""Hash commands: fields and their values under one key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, overload

from ..errors import DataError
from ..types import Encodable, K, OneOrMany, V
from . import shapes
from .family import Family, flat, spread


class HashCommands(Family[V]):
    """Commands on hashes; ``key`` names a field of the hash ``name``."""

    def hset(
        self,
        name: Encodable,
        key: Encodable | None = None,
        value: Encodable | None = None,
        mapping: Mapping[K, Encodable] | None = None,
        items: Sequence[Encodable] | None = None,
    ) -> int:
        """Set field ``key`` to ``value``, and those of ``mapping`` and of the flat list ``items`` (HSET).

        How many fields were new. DataError when there is nothing to set.
        """
        if key is not None and mapping is None and items is None:
            return self._call("HSET", name, key, value)  # type: ignore[arg-type]
        arguments: list[Encodable] = list(items or ())
        if key is not None:
            arguments += (key, value)  # type: ignore[arg-type]
        arguments += flat(mapping or {})
        if not arguments:
            raise DataError("'hset' with no key value pairs")
        return self._call("HSET", name, *arguments)

    def hmset(self, name: Encodable, mapping: Mapping[K, Encodable]) -> bool:
        """Set all fields of ``mapping``: the older form of `hset` (HMSET).

        True. DataError when it is empty.
        """
        if not (arguments := flat(mapping or {})):
            raise DataError("'hmset' with 'mapping' of length 0")
        return self._ok("HMSET", name, *arguments)

    def hsetnx(self, name: Encodable, key: Encodable, value: Encodable) -> int:
        """Set field ``key`` if it does not exist; 1 if it was set, else 0 (HSETNX)."""
        return self._call("HSETNX", name, key, value)

    def hget(self, name: Encodable, key: Encodable) -> V | None:
        """The value of field ``key``, None when there is none (HGET)."""
        return self._call("HGET", name, key)

    def hmget(self, name: Encodable, keys: OneOrMany, *args: Encodable) -> list[V | None]:
        """The values of several fields in order, None for one that is missing (HMGET)."""
        return self._call("HMGET", name, *spread(keys, args))

    def hgetall(self, name: Encodable) -> dict[V, V]:
        """All fields with their values, the empty dict when there is no hash (HGETALL)."""
        return self._call("HGETALL", name)

    def hdel(self, name: Encodable, *keys: Encodable) -> int:
        """Delete fields; how many there were (HDEL)."""
        return self._call("HDEL", name, *keys)

    def hexists(self, name: Encodable, key: Encodable) -> bool:
        """Whether field ``key`` exists (HEXISTS)."""
        return self._shaped(bool, "HEXISTS", name, key)

    def hlen(self, name: Encodable) -> int:
        """The number of fields, 0 when there is no hash (HLEN)."""
        return self._call("HLEN", name)

    def hstrlen(self, name: Encodable, key: Encodable) -> int:
        """The length in bytes of a field's value, 0 when missing (HSTRLEN)."""
        return self._call("HSTRLEN", name, key)

    def hkeys(self, name: Encodable) -> list[V]:
        """All fields (HKEYS)."""
        return self._call("HKEYS", name)

    def hvals(self, name: Encodable) -> list[V]:
        """All values (HVALS)."""
        return self._call("HVALS", name)

    def hincrby(self, name: Encodable, key: Encodable, amount: int = 1) -> int:
        """Add ``amount`` to the integer in field ``key``, 0 when missing; the new value (HINCRBY)."""
        return self._call("HINCRBY", name, key, amount)

    def hincrbyfloat(self, name: Encodable, key: Encodable, amount: float = 1.0) -> float:
        """Add ``amount`` to the number in field ``key``, 0 when missing; the new value (HINCRBYFLOAT)."""
        return self._shaped(float, "HINCRBYFLOAT", name, key, amount)

    @overload
    def hrandfield(
        self, key: Encodable, count: None = None, withvalues: Literal[False] = False
    ) -> V | None: ...
    @overload
    def hrandfield(self, key: Encodable, count: int, withvalues: bool = False) -> list[V]: ...
    @overload
    def hrandfield(
        self, key: Encodable, count: int | None = None, withvalues: bool = False
    ) -> V | list[V] | None: ...
    def hrandfield(
        self, key: Encodable, count: int | None = None, withvalues: bool = False
    ) -> V | list[V] | None:
        """A random field of the hash ``key``, None when there is none (HRANDFIELD).

        With ``count`` a list of up to that many distinct fields (a negative one allows repetition);
        ``withvalues`` puts each value behind its field: ``[field, value, ...]``.
        """
        if count is None:
            return self._call("HRANDFIELD", key, *(["WITHVALUES"] if withvalues else []))
        if withvalues:
            return self._shaped(shapes.flat_pairs, "HRANDFIELD", key, count, "WITHVALUES")
        return self._call("HRANDFIELD", key, count)
