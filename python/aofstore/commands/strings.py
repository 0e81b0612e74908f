"""String commands: whole values, parts of them, and numbers in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, overload

from ..types import AbsoluteTime, Encodable, Expiry, K, OneOrMany, V
from . import shapes
from .arguments import at_most_one, expiry_options, milliseconds, seconds
from .family import Family, flat, spread


class StringCommands(Family[V]):
    """Commands on string values."""

    def get(self, name: Encodable) -> V | None:
        """The value of key ``name``, or None when there is none (GET).

        WrongTypeError when it is no string.
        """
        return self._call("GET", name)

    @overload
    def set(
        self,
        name: Encodable,
        value: Encodable,
        ex: Expiry | None = None,
        px: Expiry | None = None,
        nx: bool = False,
        xx: bool = False,
        keepttl: bool = False,
        get: Literal[False] = False,
        exat: AbsoluteTime | None = None,
        pxat: AbsoluteTime | None = None,
        ifeq: bytes | str | None = None,
        ifne: bytes | str | None = None,
        ifdeq: str | None = None,
        ifdne: str | None = None,
    ) -> bool | None: ...
    @overload
    def set(
        self,
        name: Encodable,
        value: Encodable,
        ex: Expiry | None = None,
        px: Expiry | None = None,
        nx: bool = False,
        xx: bool = False,
        keepttl: bool = False,
        *,
        get: Literal[True],
        exat: AbsoluteTime | None = None,
        pxat: AbsoluteTime | None = None,
        ifeq: bytes | str | None = None,
        ifne: bytes | str | None = None,
        ifdeq: str | None = None,
        ifdne: str | None = None,
    ) -> V | None: ...
    @overload
    def set(
        self,
        name: Encodable,
        value: Encodable,
        ex: Expiry | None = None,
        px: Expiry | None = None,
        nx: bool = False,
        xx: bool = False,
        keepttl: bool = False,
        get: bool = False,
        exat: AbsoluteTime | None = None,
        pxat: AbsoluteTime | None = None,
        ifeq: bytes | str | None = None,
        ifne: bytes | str | None = None,
        ifdeq: str | None = None,
        ifdne: str | None = None,
    ) -> bool | V | None: ...
    def set(
        self,
        name: Encodable,
        value: Encodable,
        ex: Expiry | None = None,
        px: Expiry | None = None,
        nx: bool = False,
        xx: bool = False,
        keepttl: bool = False,
        get: bool = False,
        exat: AbsoluteTime | None = None,
        pxat: AbsoluteTime | None = None,
        ifeq: bytes | str | None = None,
        ifne: bytes | str | None = None,
        ifdeq: str | None = None,
        ifdne: str | None = None,
    ) -> bool | V | None:
        """Set key ``name`` to ``value``, whatever it held before (SET).

        True, or None when a condition failed.

        ``ex`` and ``px`` let the key expire after that many seconds or milliseconds (or a timedelta),
        ``exat`` and ``pxat`` at that Unix time (or a datetime); ``keepttl`` keeps the expiry that the key
        had. ``nx`` sets only a new key, ``xx`` only an existing one. With ``get`` the old value is returned,
        None when there was none.

        ``ifeq``, ``ifne``, ``ifdeq`` and ``ifdne`` belong to servers newer than Redis 7.2: as there, the
        answer is ``ERR syntax error``. DataError when options exclude each other.
        """
        if (
            ex is None
            and px is None
            and not nx
            and not xx
            and not keepttl
            and not get
            and exat is None
            and pxat is None
            and ifeq is None
            and ifne is None
            and ifdeq is None
            and ifdne is None
        ):
            return self._ok("SET", name, value)
        at_most_one(
            "``ex``, ``px``, ``exat``, ``pxat``, and ``keepttl`` are mutually exclusive.",
            ex is not None,
            px is not None,
            exat is not None,
            pxat is not None,
            keepttl,
        )
        newer = {"IFEQ": ifeq, "IFNE": ifne, "IFDEQ": ifdeq, "IFDNE": ifdne}
        at_most_one(
            "``nx``, ``xx``, ``ifeq``, ``ifne``, ``ifdeq``, ``ifdne`` are mutually exclusive.",
            nx,
            xx,
            *(value is not None for value in newer.values()),
        )
        options: list[Encodable] = [
            option for option, given in (("NX", nx), ("XX", xx), ("GET", get)) if given
        ]
        for option, digest in newer.items():
            if digest is not None:
                options += (option, digest)
        options += expiry_options(ex, px, exat, pxat)
        if keepttl:
            options.append("KEEPTTL")
        if get:
            return self._call("SET", name, value, *options)
        return self._ok("SET", name, value, *options)

    def getset(self, name: Encodable, value: Encodable) -> V | None:
        """Set ``name`` to ``value`` and return the old value, None when there was none (GETSET)."""
        return self._call("GETSET", name, value)

    def getdel(self, name: Encodable) -> V | None:
        """The value of ``name``, which is deleted; None when there is none (GETDEL)."""
        return self._call("GETDEL", name)

    def getex(
        self,
        name: Encodable,
        ex: Expiry | None = None,
        px: Expiry | None = None,
        exat: AbsoluteTime | None = None,
        pxat: AbsoluteTime | None = None,
        persist: bool = False,
    ) -> V | None:
        """The value of ``name``, whose expiry is changed; None when there is none (GETEX).

        ``ex``, ``px``, ``exat``, ``pxat`` as in `set`; ``persist`` takes the expiry away; at most one of
        them.
        """
        at_most_one(
            "``ex``, ``px``, ``exat``, ``pxat``, and ``persist`` are mutually exclusive.",
            ex is not None,
            px is not None,
            exat is not None,
            pxat is not None,
            persist,
        )
        options = ["PERSIST"] if persist else expiry_options(ex, px, exat, pxat)
        return self._call("GETEX", name, *options)

    def setex(self, name: Encodable, time: Expiry, value: Encodable) -> bool:
        """Set ``name`` to ``value`` for ``time`` seconds or a timedelta (SETEX). True."""
        return self._ok("SETEX", name, seconds(time), value)

    def psetex(self, name: Encodable, time_ms: Expiry, value: Encodable) -> bool:
        """Set ``name`` to ``value`` for ``time_ms`` milliseconds or a timedelta (PSETEX). True."""
        return self._ok("PSETEX", name, milliseconds(time_ms), value)

    def setnx(self, name: Encodable, value: Encodable) -> bool:
        """Set ``name`` to ``value`` if it does not exist; whether it was set (SETNX)."""
        return self._shaped(bool, "SETNX", name, value)

    def mset(self, mapping: Mapping[K, Encodable]) -> bool:
        """Set every key of ``mapping`` to its value, at once (MSET). True."""
        return self._ok("MSET", *flat(mapping))

    def msetnx(self, mapping: Mapping[K, Encodable]) -> bool:
        """Set every key of ``mapping``, or none when one of them exists; whether they were set (MSETNX)."""
        return self._shaped(bool, "MSETNX", *flat(mapping))

    def mget(self, keys: OneOrMany, *args: Encodable) -> list[V | None]:
        """The values of all keys in order, None for a key that is missing or no string (MGET)."""
        names = spread(keys, args)
        return self._call("MGET", *names) if names else self._nothing(list)

    def append(self, key: Encodable, value: Encodable) -> int:
        """Append ``value`` to the string at ``key``, created when missing (APPEND).

        The new length in bytes.
        """
        return self._call("APPEND", key, value)

    def strlen(self, name: Encodable) -> int:
        """The length in bytes of the string at ``name``, 0 when missing (STRLEN)."""
        return self._call("STRLEN", name)

    def incr(self, name: Encodable, amount: int = 1) -> int:
        """Add ``amount`` to the integer at ``name``, 0 when missing; the new value (INCRBY)."""
        return self._call("INCRBY", name, amount)

    def incrby(self, name: Encodable, amount: int = 1) -> int:
        """Add ``amount`` to the integer at ``name``, 0 when missing; the new value (INCRBY)."""
        return self._call("INCRBY", name, amount)

    def decr(self, name: Encodable, amount: int = 1) -> int:
        """Subtract ``amount`` from the integer at ``name``, 0 when missing; the new value (DECRBY)."""
        return self._call("DECRBY", name, amount)

    def decrby(self, name: Encodable, amount: int = 1) -> int:
        """Subtract ``amount`` from the integer at ``name``, 0 when missing; the new value (DECRBY)."""
        return self._call("DECRBY", name, amount)

    def incrbyfloat(self, name: Encodable, amount: float = 1.0) -> float:
        """Add ``amount`` to the number at ``name``, 0 when missing; the new value (INCRBYFLOAT)."""
        return self._shaped(float, "INCRBYFLOAT", name, amount)

    def getrange(self, key: Encodable, start: int, end: int) -> V:
        """The bytes ``start`` to ``end`` of the string, both included, negative from its end (GETRANGE)."""
        return self._call("GETRANGE", key, start, end)

    def substr(self, name: Encodable, start: int, end: int = -1) -> V:
        """The bytes ``start`` to ``end`` of the string, both included (SUBSTR).

        The older name of `getrange`.
        """
        return self._call("SUBSTR", name, start, end)

    def setrange(self, name: Encodable, offset: int, value: Encodable) -> int:
        """Overwrite from byte ``offset`` on, padded with zero bytes; the new length in bytes (SETRANGE)."""
        return self._call("SETRANGE", name, offset, value)

    @overload
    def lcs(
        self,
        key1: Encodable,
        key2: Encodable,
        len: Literal[False] = False,
        idx: Literal[False] = False,
        minmatchlen: int | None = 0,
        withmatchlen: bool | None = False,
    ) -> V: ...
    @overload
    def lcs(
        self,
        key1: Encodable,
        key2: Encodable,
        len: Literal[True],
        idx: Literal[False] = False,
        minmatchlen: int | None = 0,
        withmatchlen: bool | None = False,
    ) -> int: ...
    @overload
    def lcs(
        self,
        key1: Encodable,
        key2: Encodable,
        len: bool | None = False,
        idx: bool | None = False,
        minmatchlen: int | None = 0,
        withmatchlen: bool | None = False,
    ) -> V | int | list[object]: ...
    def lcs(
        self,
        key1: Encodable,
        key2: Encodable,
        len: bool | None = False,
        idx: bool | None = False,
        minmatchlen: int | None = 0,
        withmatchlen: bool | None = False,
    ) -> V | int | list[object]:
        """The longest common subsequence of two strings (LCS).

        The subsequence itself; its length with ``len``; with ``idx`` the matching ranges as ``["matches",
        [[[from1, to1], [from2, to2]], ...], "len", length]``, only those of at least ``minmatchlen`` bytes,
        each with its length when ``withmatchlen``.
        """
        options: list[Encodable] = []
        if len:
            options.append("LEN")
        if idx:
            options.append("IDX")
        if minmatchlen:
            options += ("MINMATCHLEN", minmatchlen)
        if withmatchlen:
            options.append("WITHMATCHLEN")
        if idx:
            return self._shaped(shapes.flat_map, "LCS", key1, key2, *options)
        return self._call("LCS", key1, key2, *options)
