"""Sorted set commands on members, scores, ranks and ends; the ranges are in `sorted_set_ranges`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, overload

from ..errors import DataError
from ..types import Encodable, K, OneOrMany, V
from . import shapes
from .family import Family, pairs, spread


class SortedSetCommands(Family[V]):
    """Commands on members with scores, in order of score and then of bytes; rank 0 has the lowest score.

    Blocking pops wait without the interpreter lock; a ``timeout`` counts seconds, 0 waits for ever.
    """

    @overload
    def zadd(
        self,
        name: Encodable,
        mapping: Mapping[K, Encodable],
        nx: bool = False,
        xx: bool = False,
        ch: bool = False,
        incr: Literal[False] = False,
        gt: bool = False,
        lt: bool = False,
    ) -> int: ...
    @overload
    def zadd(
        self,
        name: Encodable,
        mapping: Mapping[K, Encodable],
        nx: bool = False,
        xx: bool = False,
        ch: bool = False,
        *,
        incr: Literal[True],
        gt: bool = False,
        lt: bool = False,
    ) -> float | None: ...
    @overload
    def zadd(
        self,
        name: Encodable,
        mapping: Mapping[K, Encodable],
        nx: bool = False,
        xx: bool = False,
        ch: bool = False,
        incr: bool = False,
        gt: bool = False,
        lt: bool = False,
    ) -> int | float | None: ...
    def zadd(
        self,
        name: Encodable,
        mapping: Mapping[K, Encodable],
        nx: bool = False,
        xx: bool = False,
        ch: bool = False,
        incr: bool = False,
        gt: bool = False,
        lt: bool = False,
    ) -> int | float | None:
        """Set the scores of ``mapping``, member to score; how many members were new (ZADD).

        ``nx`` only adds, ``xx`` only changes, ``gt`` and ``lt`` change only to a higher or a lower score;
        ``ch`` counts changed members too. ``incr`` adds to the score of the one member instead and returns
        the new score, None when a condition forbade it. DataError when ``mapping`` is empty or options
        exclude each other.
        """
        members = pairs(mapping or {})
        _check_zadd(len(members), nx, xx, incr, gt, lt)
        words = (("NX", nx), ("XX", xx), ("CH", ch), ("INCR", incr), ("GT", gt), ("LT", lt))
        arguments: list[Encodable] = [word for word, given in words if given]
        for member, value in members:
            arguments += (value, member)
        if incr:
            return self._shaped(shapes.score, "ZADD", name, *arguments)
        return self._call("ZADD", name, *arguments)

    def zincrby(self, name: Encodable, amount: float, value: Encodable) -> float:
        """Add ``amount`` to the score of member ``value``, 0 when missing; the new score (ZINCRBY)."""
        return self._call("ZINCRBY", name, amount, value)

    def zrem(self, name: Encodable, *values: Encodable) -> int:
        """Remove members; how many there were (ZREM)."""
        return self._call("ZREM", name, *values)

    def zscore(self, name: Encodable, value: Encodable) -> float | None:
        """The score of member ``value``, None when there is none (ZSCORE)."""
        return self._call("ZSCORE", name, value)

    def zmscore(self, key: Encodable, members: Iterable[Encodable]) -> list[float | None]:
        """The scores of several members in order, None for one that is missing (ZMSCORE).

        DataError when ``members`` is empty.
        """
        names = spread(members)
        if not names:
            raise DataError("ZMSCORE members must be a non-empty list")
        return self._call("ZMSCORE", key, *names)

    def zcard(self, name: Encodable) -> int:
        """The number of members, 0 when there is no sorted set (ZCARD)."""
        return self._call("ZCARD", name)

    @overload
    def zrank(
        self,
        name: Encodable,
        value: Encodable,
        withscore: Literal[False] = False,
        score_cast_func: Callable[[Any], Any] = float,
    ) -> int | None: ...
    @overload
    def zrank(
        self,
        name: Encodable,
        value: Encodable,
        withscore: bool,
        score_cast_func: Callable[[Any], Any] = float,
    ) -> int | list[Any] | None: ...
    def zrank(
        self,
        name: Encodable,
        value: Encodable,
        withscore: bool = False,
        score_cast_func: Callable[[Any], Any] = float,
    ) -> int | list[Any] | None:
        """The rank of member ``value`` from the lowest score, None when there is none (ZRANK).

        ``[rank, score]`` with ``withscore``.
        """
        if withscore:
            shape = shapes.rank_and_score(score_cast_func)
            return self._shaped(shape, "ZRANK", name, value, "WITHSCORE")
        return self._call("ZRANK", name, value)

    @overload
    def zrevrank(
        self,
        name: Encodable,
        value: Encodable,
        withscore: Literal[False] = False,
        score_cast_func: Callable[[Any], Any] = float,
    ) -> int | None: ...
    @overload
    def zrevrank(
        self,
        name: Encodable,
        value: Encodable,
        withscore: bool,
        score_cast_func: Callable[[Any], Any] = float,
    ) -> int | list[Any] | None: ...
    def zrevrank(
        self,
        name: Encodable,
        value: Encodable,
        withscore: bool = False,
        score_cast_func: Callable[[Any], Any] = float,
    ) -> int | list[Any] | None:
        """The rank of member ``value`` from the highest score, as `zrank` (ZREVRANK)."""
        if withscore:
            shape = shapes.rank_and_score(score_cast_func)
            return self._shaped(shape, "ZREVRANK", name, value, "WITHSCORE")
        return self._call("ZREVRANK", name, value)

    def zpopmin(self, name: Encodable, count: int | None = None) -> list[tuple[V, float]]:
        """Take the member with the lowest score, or up to ``count``: ``[(member, score), ...]`` (ZPOPMIN)."""
        return self._shaped(shapes.scored_as_float, "ZPOPMIN", name, *([] if count is None else [count]))

    def zpopmax(self, name: Encodable, count: int | None = None) -> list[tuple[V, float]]:
        """Take the member with the highest score, or up to ``count`` (ZPOPMAX).

        ``[(member, score), ...]``.
        """
        return self._shaped(shapes.scored_as_float, "ZPOPMAX", name, *([] if count is None else [count]))

    def zmpop(
        self,
        num_keys: int,
        keys: Iterable[Encodable],
        min: bool | None = False,
        max: bool | None = False,
        count: int | None = 1,
    ) -> list[Any] | None:
        """Take up to ``count`` members of the first of ``num_keys`` sorted sets that has any (ZMPOP).

        Exactly one of ``min`` and ``max`` says which end. ``[key, [[member, score text], ...]]``, None when
        all are empty.
        """
        options = _end(min, max) + ([] if count is None or count == 1 else ["COUNT", count])
        return self._shaped(shapes.key_and_scored, "ZMPOP", num_keys, *spread(keys), *options)

    def bzpopmin(self, keys: OneOrMany, timeout: float = 0) -> tuple[V, V, float] | None:
        """Take the lowest member of the first sorted set that has one, waiting for it (BZPOPMIN).

        ``(key, member, score)``, None after ``timeout`` seconds.
        """
        return self._shaped(shapes.key_member_score, "BZPOPMIN", *spread(keys), timeout or 0)

    def bzpopmax(self, keys: OneOrMany, timeout: float = 0) -> tuple[V, V, float] | None:
        """Take the highest member of the first sorted set that has one, waiting for it (BZPOPMAX).

        ``(key, member, score)``, None after ``timeout`` seconds.
        """
        return self._shaped(shapes.key_member_score, "BZPOPMAX", *spread(keys), timeout or 0)

    def bzmpop(
        self,
        timeout: float,
        numkeys: int,
        keys: Iterable[Encodable],
        min: bool | None = False,
        max: bool | None = False,
        count: int | None = 1,
    ) -> list[Any] | None:
        """`zmpop` that waits for a member; None after ``timeout`` seconds (BZMPOP)."""
        options = _end(min, max) + ([] if count is None else ["COUNT", count])
        return self._shaped(shapes.key_and_scored, "BZMPOP", timeout, numkeys, *spread(keys), *options)

    @overload
    def zrandmember(
        self, key: Encodable, count: None = None, withscores: Literal[False] = False
    ) -> V | None: ...
    @overload
    def zrandmember(self, key: Encodable, count: int, withscores: bool = False) -> list[V]: ...
    @overload
    def zrandmember(
        self, key: Encodable, count: int | None = None, withscores: bool = False
    ) -> V | list[V] | None: ...
    def zrandmember(
        self, key: Encodable, count: int | None = None, withscores: bool = False
    ) -> V | list[V] | None:
        """A random member, None when there is none (ZRANDMEMBER).

        With ``count`` a list of up to that many distinct members (a negative one allows repetition);
        ``withscores`` puts each score behind its member: ``[member, score text, ...]``.
        """
        if count is None:
            return self._call("ZRANDMEMBER", key, *(["WITHSCORES"] if withscores else []))
        if withscores:
            return self._shaped(shapes.flat_scores, "ZRANDMEMBER", key, count, "WITHSCORES")
        return self._call("ZRANDMEMBER", key, count)


def _check_zadd(pairs: int, nx: bool, xx: bool, incr: bool, gt: bool, lt: bool) -> None:
    if not pairs:
        raise DataError("ZADD requires at least one element/score pair")
    if nx and xx:
        raise DataError("ZADD allows either 'nx' or 'xx', not both")
    if gt and lt:
        raise DataError("ZADD allows either 'gt' or 'lt', not both")
    if incr and pairs != 1:
        raise DataError("ZADD option 'incr' only works when passing a single element/score pair")
    if nx and (gt or lt):
        raise DataError("Only one of 'nx', 'lt', or 'gr' may be defined.")


def _end(lowest: bool | None, highest: bool | None) -> list[Encodable]:
    if bool(lowest) == bool(highest):
        raise DataError("Either min or max, but not both must be set")
    return ["MIN"] if lowest else ["MAX"]
