"""Sorted set commands on ranges by rank, score and bytes, and the algebra of sorted sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, overload

from ..errors import DataError
from ..types import Encodable, K, OneOrMany, V
from . import shapes
from .arguments import both_or_neither, limit
from .family import Family, pairs, spread


class SortedSetRangeCommands(Family[V]):
    """Commands on parts and combinations of sorted sets.

    A bound of a range by score is a number, ``"(5"`` to exclude it, ``"-inf"`` or ``"+inf"``; a bound by
    bytes starts with ``[`` or ``(``, or is ``-`` or ``+``. With ``withscores`` a reply is ``[(member, score),
    ...]``, the score made by ``score_cast_func``: ``float``, or a function that takes the score's text as
    bytes.
    """

    def zcount(self, name: Encodable, min: Encodable, max: Encodable) -> int:
        """How many members have a score from ``min`` to ``max`` (ZCOUNT)."""
        return self._call("ZCOUNT", name, min, max)

    def zlexcount(self, name: Encodable, min: Encodable, max: Encodable) -> int:
        """How many members lie from ``min`` to ``max`` by bytes, all scores being equal (ZLEXCOUNT)."""
        return self._call("ZLEXCOUNT", name, min, max)

    @overload
    def zrange(
        self,
        name: Encodable,
        start: Encodable,
        end: Encodable,
        desc: bool = False,
        withscores: Literal[False] = False,
        score_cast_func: Callable[[Any], Any] = float,
        byscore: bool = False,
        bylex: bool = False,
        offset: int | None = None,
        num: int | None = None,
    ) -> list[V]: ...
    @overload
    def zrange(
        self,
        name: Encodable,
        start: Encodable,
        end: Encodable,
        desc: bool = False,
        *,
        withscores: Literal[True],
        score_cast_func: type[float] = float,
        byscore: bool = False,
        bylex: bool = False,
        offset: int | None = None,
        num: int | None = None,
    ) -> list[tuple[V, float]]: ...
    @overload
    def zrange(
        self,
        name: Encodable,
        start: Encodable,
        end: Encodable,
        desc: bool = False,
        withscores: bool = False,
        score_cast_func: Callable[[Any], Any] = float,
        byscore: bool = False,
        bylex: bool = False,
        offset: int | None = None,
        num: int | None = None,
    ) -> list[Any]: ...
    def zrange(
        self,
        name: Encodable,
        start: Encodable,
        end: Encodable,
        desc: bool = False,
        withscores: bool = False,
        score_cast_func: Callable[[Any], Any] = float,
        byscore: bool = False,
        bylex: bool = False,
        offset: int | None = None,
        num: int | None = None,
    ) -> list[Any]:
        """The members from ``start`` to ``end``, both included (ZRANGE).

        The two are ranks, or bounds with ``byscore`` or ``bylex``. ``desc`` goes from the highest to the
        lowest (bounds are then given in that order). ``offset`` and ``num`` give a part of a range by score
        or bytes.
        """
        options = _range_options(desc, byscore, bylex, offset, num)
        if not withscores:
            return self._call("ZRANGE", name, start, end, *options)
        if bylex:
            raise DataError("``withscores`` not supported in combination with ``bylex``.")
        shape = shapes.scored(score_cast_func)
        return self._shaped(shape, "ZRANGE", name, start, end, *options, "WITHSCORES")

    def zrangestore(
        self,
        dest: Encodable,
        name: Encodable,
        start: Encodable,
        end: Encodable,
        byscore: bool = False,
        bylex: bool = False,
        desc: bool = False,
        offset: int | None = None,
        num: int | None = None,
    ) -> int:
        """Store `zrange` of ``name`` at ``dest``; its number of members (ZRANGESTORE)."""
        options = _range_options(desc, byscore, bylex, offset, num)
        return self._call("ZRANGESTORE", dest, name, start, end, *options)

    @overload
    def zrevrange(
        self,
        name: Encodable,
        start: int,
        end: int,
        withscores: Literal[False] = False,
        score_cast_func: Callable[[Any], Any] = float,
    ) -> list[V]: ...
    @overload
    def zrevrange(
        self,
        name: Encodable,
        start: int,
        end: int,
        withscores: Literal[True],
        score_cast_func: type[float] = float,
    ) -> list[tuple[V, float]]: ...
    @overload
    def zrevrange(
        self,
        name: Encodable,
        start: int,
        end: int,
        withscores: bool = False,
        score_cast_func: Callable[[Any], Any] = float,
    ) -> list[Any]: ...
    def zrevrange(
        self,
        name: Encodable,
        start: int,
        end: int,
        withscores: bool = False,
        score_cast_func: Callable[[Any], Any] = float,
    ) -> list[Any]:
        """The members of rank ``start`` to ``end``, counted from the highest score (ZREVRANGE)."""
        return self._members("ZREVRANGE", name, start, end, withscores=withscores, cast=score_cast_func)

    @overload
    def zrangebyscore(
        self,
        name: Encodable,
        min: Encodable,
        max: Encodable,
        start: int | None = None,
        num: int | None = None,
        withscores: Literal[False] = False,
        score_cast_func: Callable[[Any], Any] = float,
    ) -> list[V]: ...
    @overload
    def zrangebyscore(
        self,
        name: Encodable,
        min: Encodable,
        max: Encodable,
        start: int | None = None,
        num: int | None = None,
        *,
        withscores: Literal[True],
        score_cast_func: type[float] = float,
    ) -> list[tuple[V, float]]: ...
    @overload
    def zrangebyscore(
        self,
        name: Encodable,
        min: Encodable,
        max: Encodable,
        start: int | None = None,
        num: int | None = None,
        withscores: bool = False,
        score_cast_func: Callable[[Any], Any] = float,
    ) -> list[Any]: ...
    def zrangebyscore(
        self,
        name: Encodable,
        min: Encodable,
        max: Encodable,
        start: int | None = None,
        num: int | None = None,
        withscores: bool = False,
        score_cast_func: Callable[[Any], Any] = float,
    ) -> list[Any]:
        """The members with a score from ``min`` to ``max``, lowest first (ZRANGEBYSCORE).

        A part with ``start`` and ``num``.
        """
        window = limit("start", start, num)
        return self._members(
            "ZRANGEBYSCORE", name, min, max, *window, withscores=withscores, cast=score_cast_func
        )

    @overload
    def zrevrangebyscore(
        self,
        name: Encodable,
        max: Encodable,
        min: Encodable,
        start: int | None = None,
        num: int | None = None,
        withscores: Literal[False] = False,
        score_cast_func: Callable[[Any], Any] = float,
    ) -> list[V]: ...
    @overload
    def zrevrangebyscore(
        self,
        name: Encodable,
        max: Encodable,
        min: Encodable,
        start: int | None = None,
        num: int | None = None,
        *,
        withscores: Literal[True],
        score_cast_func: type[float] = float,
    ) -> list[tuple[V, float]]: ...
    @overload
    def zrevrangebyscore(
        self,
        name: Encodable,
        max: Encodable,
        min: Encodable,
        start: int | None = None,
        num: int | None = None,
        withscores: bool = False,
        score_cast_func: Callable[[Any], Any] = float,
    ) -> list[Any]: ...
    def zrevrangebyscore(
        self,
        name: Encodable,
        max: Encodable,
        min: Encodable,
        start: int | None = None,
        num: int | None = None,
        withscores: bool = False,
        score_cast_func: Callable[[Any], Any] = float,
    ) -> list[Any]:
        """The members with a score from ``max`` down to ``min`` (ZREVRANGEBYSCORE).

        A part with ``start`` and ``num``.
        """
        window = limit("start", start, num)
        return self._members(
            "ZREVRANGEBYSCORE", name, max, min, *window, withscores=withscores, cast=score_cast_func
        )

    def zrangebylex(
        self,
        name: Encodable,
        min: Encodable,
        max: Encodable,
        start: int | None = None,
        num: int | None = None,
    ) -> list[V]:
        """The members from ``min`` to ``max`` by bytes; a part with ``start`` and ``num`` (ZRANGEBYLEX)."""
        return self._call("ZRANGEBYLEX", name, min, max, *limit("start", start, num))

    def zrevrangebylex(
        self,
        name: Encodable,
        max: Encodable,
        min: Encodable,
        start: int | None = None,
        num: int | None = None,
    ) -> list[V]:
        """The members from ``max`` down to ``min`` by bytes (ZREVRANGEBYLEX).

        A part with ``start`` and ``num``.
        """
        return self._call("ZREVRANGEBYLEX", name, max, min, *limit("start", start, num))

    def zremrangebyrank(self, name: Encodable, min: int, max: int) -> int:
        """Remove the members of rank ``min`` to ``max``; how many there were (ZREMRANGEBYRANK)."""
        return self._call("ZREMRANGEBYRANK", name, min, max)

    def zremrangebyscore(self, name: Encodable, min: Encodable, max: Encodable) -> int:
        """Remove the members with a score from ``min`` to ``max``; how many there were (ZREMRANGEBYSCORE)."""
        return self._call("ZREMRANGEBYSCORE", name, min, max)

    def zremrangebylex(self, name: Encodable, min: Encodable, max: Encodable) -> int:
        """Remove the members from ``min`` to ``max`` by bytes; how many there were (ZREMRANGEBYLEX)."""
        return self._call("ZREMRANGEBYLEX", name, min, max)

    @overload
    def zunion(
        self,
        keys: Iterable[Encodable] | Mapping[K, float],
        aggregate: str | None = None,
        withscores: Literal[False] = False,
        score_cast_func: Callable[[Any], Any] = float,
    ) -> list[V]: ...
    @overload
    def zunion(
        self,
        keys: Iterable[Encodable] | Mapping[K, float],
        aggregate: str | None = None,
        *,
        withscores: Literal[True],
        score_cast_func: type[float] = float,
    ) -> list[tuple[V, float]]: ...
    @overload
    def zunion(
        self,
        keys: Iterable[Encodable] | Mapping[K, float],
        aggregate: str | None = None,
        withscores: bool = False,
        score_cast_func: Callable[[Any], Any] = float,
    ) -> list[Any]: ...
    def zunion(
        self,
        keys: Iterable[Encodable] | Mapping[K, float],
        aggregate: str | None = None,
        withscores: bool = False,
        score_cast_func: Callable[[Any], Any] = float,
    ) -> list[Any]:
        """The members of any of the sets (ZUNION).

        A mapping of ``keys`` gives a weight to each. ``aggregate`` (SUM, MIN or MAX) makes one score of
        several.
        """
        return self._members(
            "ZUNION", *_weighted(keys, aggregate), withscores=withscores, cast=score_cast_func
        )

    def zunionstore(
        self, dest: Encodable, keys: Iterable[Encodable] | Mapping[K, float], aggregate: str | None = None
    ) -> int:
        """Store `zunion` at ``dest``; its number of members (ZUNIONSTORE)."""
        return self._call("ZUNIONSTORE", dest, *_weighted(keys, aggregate))

    @overload
    def zinter(
        self,
        keys: Iterable[Encodable] | Mapping[K, float],
        aggregate: str | None = None,
        withscores: Literal[False] = False,
    ) -> list[V]: ...
    @overload
    def zinter(
        self,
        keys: Iterable[Encodable] | Mapping[K, float],
        aggregate: str | None = None,
        *,
        withscores: Literal[True],
    ) -> list[tuple[V, float]]: ...
    @overload
    def zinter(
        self,
        keys: Iterable[Encodable] | Mapping[K, float],
        aggregate: str | None = None,
        withscores: bool = False,
    ) -> list[Any]: ...
    def zinter(
        self,
        keys: Iterable[Encodable] | Mapping[K, float],
        aggregate: str | None = None,
        withscores: bool = False,
    ) -> list[Any]:
        """The members that all of the sets have; ``keys`` and ``aggregate`` as in `zunion` (ZINTER)."""
        return self._members("ZINTER", *_weighted(keys, aggregate), withscores=withscores, cast=float)

    def zinterstore(
        self, dest: Encodable, keys: Iterable[Encodable] | Mapping[K, float], aggregate: str | None = None
    ) -> int:
        """Store `zinter` at ``dest``; its number of members (ZINTERSTORE)."""
        return self._call("ZINTERSTORE", dest, *_weighted(keys, aggregate))

    def zintercard(self, numkeys: int, keys: Iterable[Encodable], limit: int = 0) -> int:
        """How many members all ``numkeys`` sets have, counted up to ``limit`` (0: all) (ZINTERCARD)."""
        return self._call("ZINTERCARD", numkeys, *spread(keys), "LIMIT", limit)

    def zdiff(self, keys: OneOrMany, withscores: bool = False) -> list[V]:
        """The members of the first set that no other has (ZDIFF).

        ``withscores`` puts each score behind its member: ``[member, score text, ...]``.
        """
        names = spread(keys)
        if withscores:
            return self._shaped(shapes.flat_scores, "ZDIFF", len(names), *names, "WITHSCORES")
        return self._call("ZDIFF", len(names), *names)

    def zdiffstore(self, dest: Encodable, keys: OneOrMany) -> int:
        """Store `zdiff` at ``dest``; its number of members (ZDIFFSTORE)."""
        names = spread(keys)
        return self._call("ZDIFFSTORE", dest, len(names), *names)

    def _members(self, *args: Encodable, withscores: bool, cast: Callable[[Any], Any]) -> list[Any]:
        if withscores:
            return self._shaped(shapes.scored(cast), *args, "WITHSCORES")
        return self._call(*args)


def _range_options(
    desc: bool, byscore: bool, bylex: bool, offset: int | None, num: int | None
) -> list[Encodable]:
    if byscore and bylex:
        raise DataError("``byscore`` and ``bylex`` can not be specified together.")
    both_or_neither("``offset`` and ``num`` must both be specified.", offset, num)
    words = (("BYSCORE", byscore), ("BYLEX", bylex), ("REV", desc))
    options: list[Encodable] = [word for word, given in words if given]
    if offset is not None and num is not None:
        options += ("LIMIT", offset, num)
    return options


def _weighted(keys: Iterable[Encodable] | Mapping[K, float], aggregate: str | None) -> list[Encodable]:
    weighted = pairs(keys) if isinstance(keys, Mapping) else []
    names: list[Encodable] = [name for name, _ in weighted] if isinstance(keys, Mapping) else spread(keys)
    arguments: list[Encodable] = [len(names), *names]
    if weighted:
        arguments += ("WEIGHTS", *(weight for _, weight in weighted))
    if aggregate:
        if aggregate.upper() not in ("SUM", "MIN", "MAX", "COUNT"):
            raise DataError("aggregate can be sum, min, max or count.")
        arguments += ("AGGREGATE", aggregate)
    return arguments
