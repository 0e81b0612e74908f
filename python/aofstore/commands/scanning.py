"""Scanning: walks over keys, sets, hashes and sorted sets in small steps.

What is present during the whole walk is returned at least once; what comes or goes meanwhile may be;
something may be returned twice. A step gives the cursor of the next one; cursor 0 starts a walk and ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, overload

from ..types import Encodable, V
from . import shapes
from .family import Family


class ScanCommands(Family[V]):
    """Commands that walk.

    ``match`` is a glob pattern, ``count`` a hint how much work a step does (default 10).
    """

    def scan(
        self,
        cursor: int | str = 0,
        match: Encodable | None = None,
        count: int | None = None,
        _type: str | None = None,
    ) -> tuple[int, list[V]]:
        """One step over the keys: ``(next cursor, keys)``; only keys of type ``_type`` if given (SCAN)."""
        options = _options(match, count)
        if _type is not None:
            options += ("TYPE", _type)
        return self._shaped(shapes.scan_list, "SCAN", cursor, *options)

    def scan_iter(
        self, match: Encodable | None = None, count: int | None = None, _type: str | None = None
    ) -> Iterator[V]:
        """All keys, step by step (SCAN)."""
        cursor: int | None = None
        while cursor != 0:
            cursor, found = self.scan(cursor or 0, match, count, _type)
            yield from found

    def sscan(
        self,
        name: Encodable,
        cursor: int | str = 0,
        match: Encodable | None = None,
        count: int | None = None,
    ) -> tuple[int, list[V]]:
        """One step over the members of a set: ``(next cursor, members)`` (SSCAN)."""
        return self._shaped(shapes.scan_list, "SSCAN", name, cursor, *_options(match, count))

    def sscan_iter(
        self, name: Encodable, match: Encodable | None = None, count: int | None = None
    ) -> Iterator[V]:
        """All members of a set, step by step (SSCAN)."""
        cursor: int | None = None
        while cursor != 0:
            cursor, found = self.sscan(name, cursor or 0, match, count)
            yield from found

    @overload
    def hscan(
        self,
        name: Encodable,
        cursor: int | str = 0,
        match: Encodable | None = None,
        count: int | None = None,
        no_values: Literal[False] | None = None,
    ) -> tuple[int, dict[V, V]]: ...
    @overload
    def hscan(
        self,
        name: Encodable,
        cursor: int | str = 0,
        match: Encodable | None = None,
        count: int | None = None,
        *,
        no_values: Literal[True],
    ) -> tuple[int, list[V]]: ...
    @overload
    def hscan(
        self,
        name: Encodable,
        cursor: int | str = 0,
        match: Encodable | None = None,
        count: int | None = None,
        no_values: bool | None = None,
    ) -> tuple[int, dict[V, V]] | tuple[int, list[V]]: ...
    def hscan(
        self,
        name: Encodable,
        cursor: int | str = 0,
        match: Encodable | None = None,
        count: int | None = None,
        no_values: bool | None = None,
    ) -> tuple[int, dict[V, V]] | tuple[int, list[V]]:
        """One step over a hash: ``(next cursor, {field: value})`` (HSCAN).

        With ``no_values`` the fields alone, as a list (Redis 7.2 has no such option; the values are dropped
        here).
        """
        arguments = ["HSCAN", name, cursor, *_options(match, count)]
        if no_values:
            return self._shaped(shapes.scan_fields, *arguments)
        return self._shaped(shapes.scan_dict, *arguments)

    @overload
    def hscan_iter(
        self,
        name: Encodable,
        match: Encodable | None = None,
        count: int | None = None,
        no_values: Literal[False] | None = None,
    ) -> Iterator[tuple[V, V]]: ...
    @overload
    def hscan_iter(
        self,
        name: Encodable,
        match: Encodable | None = None,
        count: int | None = None,
        *,
        no_values: Literal[True],
    ) -> Iterator[V]: ...
    @overload
    def hscan_iter(
        self,
        name: Encodable,
        match: Encodable | None = None,
        count: int | None = None,
        no_values: bool | None = None,
    ) -> Iterator[tuple[V, V]] | Iterator[V]: ...
    def hscan_iter(
        self,
        name: Encodable,
        match: Encodable | None = None,
        count: int | None = None,
        no_values: bool | None = None,
    ) -> Iterator[Any]:
        """All ``(field, value)`` of a hash, or with ``no_values`` all fields, step by step (HSCAN)."""
        cursor: int | None = None
        while cursor != 0:
            cursor, found = self.hscan(name, cursor or 0, match, count, no_values)
            yield from found.items() if isinstance(found, dict) else found

    @overload
    def zscan(
        self,
        name: Encodable,
        cursor: int | str = 0,
        match: Encodable | None = None,
        count: int | None = None,
        score_cast_func: type[float] = float,
    ) -> tuple[int, list[tuple[V, float]]]: ...
    @overload
    def zscan(
        self,
        name: Encodable,
        cursor: int | str = 0,
        match: Encodable | None = None,
        count: int | None = None,
        *,
        score_cast_func: Callable[[Any], Any],
    ) -> tuple[int, list[tuple[V, Any]]]: ...
    def zscan(
        self,
        name: Encodable,
        cursor: int | str = 0,
        match: Encodable | None = None,
        count: int | None = None,
        score_cast_func: Callable[[Any], Any] = float,
    ) -> tuple[int, list[tuple[V, Any]]]:
        """One step over a sorted set: ``(next cursor, [(member, score), ...])``, in no order (ZSCAN)."""
        return self._shaped(
            shapes.scan_scored(score_cast_func), "ZSCAN", name, cursor, *_options(match, count)
        )

    @overload
    def zscan_iter(
        self,
        name: Encodable,
        match: Encodable | None = None,
        count: int | None = None,
        score_cast_func: type[float] = float,
    ) -> Iterator[tuple[V, float]]: ...
    @overload
    def zscan_iter(
        self,
        name: Encodable,
        match: Encodable | None = None,
        count: int | None = None,
        *,
        score_cast_func: Callable[[Any], Any],
    ) -> Iterator[tuple[V, Any]]: ...
    def zscan_iter(
        self,
        name: Encodable,
        match: Encodable | None = None,
        count: int | None = None,
        score_cast_func: Callable[[Any], Any] = float,
    ) -> Iterator[tuple[V, Any]]:
        """All ``(member, score)`` of a sorted set, step by step, in no order (ZSCAN)."""
        cursor: int | None = None
        while cursor != 0:
            cursor, found = self.zscan(name, cursor or 0, match, count, score_cast_func=score_cast_func)
            yield from found


def _options(match: Encodable | None, count: int | None) -> list[Encodable]:
    options: list[Encodable] = [] if match is None else ["MATCH", match]
    if count is not None:
        options += ("COUNT", count)
    return options
