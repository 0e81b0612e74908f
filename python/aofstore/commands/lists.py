"""List commands, the blocking pops among them."""

from __future__ import annotations

from typing import Any, overload

from ..types import Encodable, OneOrMany, V
from . import shapes
from .family import Family, spread


class ListCommands(Family[V]):
    """Commands on lists: ordered, reached from both ends; index 0 is the head (left), -1 the tail (right).

    Blocking commands wait without the interpreter lock and are served in the order in which they came; Ctrl-C
    ends the wait. A ``timeout`` counts seconds, fractions allowed; 0 waits for ever. In a pipeline they do
    not wait.
    """

    def lpush(self, name: Encodable, *values: Encodable) -> int:
        """Push ``values`` one by one onto the head; the new length (LPUSH)."""
        return self._call("LPUSH", name, *values)

    def rpush(self, name: Encodable, *values: Encodable) -> int:
        """Push ``values`` one by one onto the tail; the new length (RPUSH)."""
        return self._call("RPUSH", name, *values)

    def lpushx(self, name: Encodable, *values: Encodable) -> int:
        """`lpush` if the list exists; the new length, 0 when it does not (LPUSHX)."""
        return self._call("LPUSHX", name, *values)

    def rpushx(self, name: Encodable, *values: Encodable) -> int:
        """`rpush` if the list exists; the new length, 0 when it does not (RPUSHX)."""
        return self._call("RPUSHX", name, *values)

    @overload
    def lpop(self, name: Encodable, count: None = None) -> V | None: ...
    @overload
    def lpop(self, name: Encodable, count: int) -> list[V] | None: ...
    def lpop(self, name: Encodable, count: int | None = None) -> V | list[V] | None:
        """Take the first element, or with ``count`` a list of up to that many (LPOP).

        None when there is no list.
        """
        return self._call("LPOP", name) if count is None else self._call("LPOP", name, count)

    @overload
    def rpop(self, name: Encodable, count: None = None) -> V | None: ...
    @overload
    def rpop(self, name: Encodable, count: int) -> list[V] | None: ...
    def rpop(self, name: Encodable, count: int | None = None) -> V | list[V] | None:
        """Take the last element, or with ``count`` a list of up to that many (RPOP).

        None when there is no list.
        """
        return self._call("RPOP", name) if count is None else self._call("RPOP", name, count)

    def llen(self, name: Encodable) -> int:
        """The number of elements, 0 when there is no list (LLEN)."""
        return self._call("LLEN", name)

    def lrange(self, name: Encodable, start: int, end: int) -> list[V]:
        """The elements ``start`` to ``end``, both included, negative from the tail (LRANGE)."""
        return self._call("LRANGE", name, start, end)

    def lindex(self, name: Encodable, index: int) -> V | None:
        """The element at ``index``, None when there is none (LINDEX)."""
        return self._call("LINDEX", name, index)

    def lset(self, name: Encodable, index: int, value: Encodable) -> bool:
        """Replace the element at ``index`` (LSET).

        True; ResponseError when there is no such index or no list.
        """
        return self._ok("LSET", name, index, value)

    def linsert(self, name: Encodable, where: str, refvalue: Encodable, value: Encodable) -> int:
        """Insert ``value`` BEFORE or AFTER (``where``) the first ``refvalue`` (LINSERT).

        The new length, -1 when ``refvalue`` is not in the list, 0 when there is no list.
        """
        return self._call("LINSERT", name, where, refvalue, value)

    def lrem(self, name: Encodable, count: int, value: Encodable) -> int:
        """Remove the first ``count`` elements that equal ``value``; how many were removed (LREM).

        A negative ``count`` starts from the tail, 0 removes all.
        """
        return self._call("LREM", name, count, value)

    def ltrim(self, name: Encodable, start: int, end: int) -> bool:
        """Keep only the elements ``start`` to ``end``, both included (LTRIM). True."""
        return self._ok("LTRIM", name, start, end)

    @overload
    def lpos(
        self,
        name: Encodable,
        value: Encodable,
        rank: int | None = None,
        count: None = None,
        maxlen: int | None = None,
    ) -> int | None: ...
    @overload
    def lpos(
        self,
        name: Encodable,
        value: Encodable,
        rank: int | None = None,
        *,
        count: int,
        maxlen: int | None = None,
    ) -> list[int]: ...
    @overload
    def lpos(
        self,
        name: Encodable,
        value: Encodable,
        rank: int | None = None,
        count: int | None = None,
        maxlen: int | None = None,
    ) -> int | list[int] | None: ...
    def lpos(
        self,
        name: Encodable,
        value: Encodable,
        rank: int | None = None,
        count: int | None = None,
        maxlen: int | None = None,
    ) -> int | list[int] | None:
        """The index of the first element that equals ``value``, None when there is none (LPOS).

        ``rank`` skips to the n-th match (negative: from the tail), ``count`` gives a list of up to that many
        (0: all), ``maxlen`` limits how many elements are compared.
        """
        options: list[Encodable] = []
        if rank is not None:
            options += ("RANK", rank)
        if count is not None:
            options += ("COUNT", count)
        if maxlen is not None:
            options += ("MAXLEN", maxlen)
        return self._call("LPOS", name, value, *options)

    def lmove(
        self, first_list: Encodable, second_list: Encodable, src: str = "LEFT", dest: str = "RIGHT"
    ) -> V | None:
        """Move an element from the ``src`` end of one list to the ``dest`` end of another (LMOVE).

        The element, None when the first list is empty.
        """
        return self._call("LMOVE", first_list, second_list, src, dest)

    def rpoplpush(self, src: Encodable, dst: Encodable) -> V | None:
        """Move the tail of ``src`` to the head of ``dst`` (RPOPLPUSH).

        The element, None when there is none.
        """
        return self._call("RPOPLPUSH", src, dst)

    def lmpop(
        self, num_keys: int, *args: Encodable, direction: str, count: int | None = 1
    ) -> list[Any] | None:
        """Pop up to ``count`` elements from the first of ``num_keys`` lists that has any (LMPOP).

        ``direction`` is LEFT or RIGHT. ``[key, [element, ...]]``, None when all are empty.
        """
        options: list[Encodable] = [] if count is None or count == 1 else ["COUNT", count]
        return self._call("LMPOP", num_keys, *args, direction, *options)

    def blpop(self, keys: OneOrMany, timeout: float | None = 0) -> tuple[V, V] | None:
        """Take the head of the first list that has one, waiting for it (BLPOP).

        ``(key, element)``, None after ``timeout`` seconds.
        """
        return self._shaped(shapes.key_and_value, "BLPOP", *spread(keys), timeout or 0)

    def brpop(self, keys: OneOrMany, timeout: float | None = 0) -> tuple[V, V] | None:
        """Take the tail of the first list that has one, waiting for it (BRPOP).

        ``(key, element)``, None after ``timeout`` seconds.
        """
        return self._shaped(shapes.key_and_value, "BRPOP", *spread(keys), timeout or 0)

    def blmove(
        self,
        first_list: Encodable,
        second_list: Encodable,
        timeout: float,
        src: str = "LEFT",
        dest: str = "RIGHT",
    ) -> V | None:
        """`lmove` that waits for an element; None after ``timeout`` seconds (BLMOVE)."""
        return self._call("BLMOVE", first_list, second_list, src, dest, timeout)

    def brpoplpush(self, src: Encodable, dst: Encodable, timeout: float | None = 0) -> V | None:
        """`rpoplpush` that waits for an element; None after ``timeout`` seconds (BRPOPLPUSH)."""
        return self._call("BRPOPLPUSH", src, dst, timeout or 0)

    def blmpop(
        self, timeout: float, numkeys: int, *args: Encodable, direction: str, count: int | None = 1
    ) -> list[Any] | None:
        """`lmpop` that waits for an element; None after ``timeout`` seconds (BLMPOP)."""
        options: list[Encodable] = [] if count is None else ["COUNT", count]
        return self._call("BLMPOP", timeout, numkeys, *args, direction, *options)
