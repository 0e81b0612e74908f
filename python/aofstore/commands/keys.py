"""Key commands: existence, names, expiry, moving about, sorting, and a look inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, overload

from ..errors import DataError
from ..types import AbsoluteTime, Encodable, Expiry, V
from . import shapes
from .arguments import limit, milliseconds, seconds, unix_milliseconds, unix_seconds
from .family import Family, spread


class KeyCommands(Family[V]):
    """Commands on keys of any type."""

    def delete(self, *names: Encodable) -> int:
        """Delete keys; how many there were (DEL)."""
        return self._call("DEL", *names)

    def unlink(self, *names: Encodable) -> int:
        """Delete keys; how many there were (UNLINK). The same as `delete` here."""
        return self._call("UNLINK", *names)

    def exists(self, *names: Encodable) -> int:
        """How many of ``names`` exist, one named twice counts twice (EXISTS)."""
        return self._call("EXISTS", *names)

    def touch(self, *args: Encodable) -> int:
        """Mark keys as used now; how many there were (TOUCH)."""
        return self._call("TOUCH", *args)

    def type(self, name: Encodable) -> V:
        """The type of the value: ``string``, ``list``, ``set``, ``zset``, ``hash`` or ``none`` (TYPE)."""
        return self._call("TYPE", name)

    def keys(self, pattern: Encodable = "*") -> list[V]:
        """All keys that match the glob ``pattern``; walks the whole database (KEYS). See `scan_iter`."""
        return self._call("KEYS", pattern)

    def randomkey(self) -> V | None:
        """A random key, None when the database is empty (RANDOMKEY)."""
        return self._call("RANDOMKEY")

    def rename(self, src: Encodable, dst: Encodable) -> bool:
        """Rename a key, replacing ``dst`` (RENAME). True; ResponseError when there is no ``src``."""
        return self._ok("RENAME", src, dst)

    def renamenx(self, src: Encodable, dst: Encodable) -> bool:
        """Rename a key if ``dst`` does not exist; whether it was renamed (RENAMENX)."""
        return self._shaped(bool, "RENAMENX", src, dst)

    def copy(
        self,
        source: Encodable,
        destination: Encodable,
        destination_db: int | str | None = None,
        replace: bool = False,
    ) -> bool:
        """Copy a key, expiry included; whether it was copied (COPY).

        ``destination_db`` is the number of another database; without ``replace`` an existing key is kept.
        """
        options: list[Encodable] = [] if destination_db is None else ["DB", destination_db]
        if replace:
            options.append("REPLACE")
        return self._shaped(bool, "COPY", source, destination, *options)

    def dump(self, name: Encodable) -> bytes | None:
        """The value in the form of a snapshot, None for a missing key (DUMP).

        Bytes, also when replies are decoded; of the version that ``rdb_version`` says. Every Redis >= 7 and
        Valkey takes it with RESTORE.
        """
        return self._call("DUMP", name)

    def restore(
        self,
        name: Encodable,
        ttl: int,
        value: Encodable,
        replace: bool = False,
        absttl: bool = False,
        idletime: int | None = None,
        frequency: int | None = None,
    ) -> V:
        """Store a value that `dump` or a server's DUMP gave (RESTORE).

        It expires in ``ttl`` milliseconds, or at that Unix time with ``absttl``; never with 0. An existing
        key is a ResponseError (``BUSYKEY``) unless it is to be replaced. ``idletime`` and ``frequency`` are
        taken and forgotten.
        """
        options: list[Encodable] = []
        if replace:
            options.append("REPLACE")
        if absttl:
            options.append("ABSTTL")
        if idletime is not None:
            options += ["IDLETIME", _integer(idletime, "idletime")]
        if frequency is not None:
            options += ["FREQ", _integer(frequency, "frequency")]
        return self._call("RESTORE", name, ttl, value, *options)

    def move(self, name: Encodable, db: int) -> bool:
        """Move a key to database ``db`` if it does not exist there; whether it was moved (MOVE)."""
        return self._shaped(bool, "MOVE", name, db)

    def expire(
        self,
        name: Encodable,
        time: Expiry,
        nx: bool = False,
        xx: bool = False,
        gt: bool = False,
        lt: bool = False,
    ) -> bool:
        """Let the key expire in ``time`` seconds or after a timedelta; whether that was set (EXPIRE).

        Only if the key has no expiry (``nx``), has one (``xx``), or has an earlier (``gt``) or a later one
        (``lt``).
        """
        return self._shaped(bool, "EXPIRE", name, seconds(time), *_conditions(nx, xx, gt, lt))

    def pexpire(
        self,
        name: Encodable,
        time: Expiry,
        nx: bool = False,
        xx: bool = False,
        gt: bool = False,
        lt: bool = False,
    ) -> bool:
        """Let the key expire in ``time`` milliseconds or after a timedelta (PEXPIRE).

        Conditions as `expire`.
        """
        return self._shaped(bool, "PEXPIRE", name, milliseconds(time), *_conditions(nx, xx, gt, lt))

    def expireat(
        self,
        name: Encodable,
        when: AbsoluteTime,
        nx: bool = False,
        xx: bool = False,
        gt: bool = False,
        lt: bool = False,
    ) -> bool:
        """Let the key expire at Unix second ``when`` or at a datetime; conditions as `expire` (EXPIREAT)."""
        return self._shaped(bool, "EXPIREAT", name, unix_seconds(when), *_conditions(nx, xx, gt, lt))

    def pexpireat(
        self,
        name: Encodable,
        when: AbsoluteTime,
        nx: bool = False,
        xx: bool = False,
        gt: bool = False,
        lt: bool = False,
    ) -> bool:
        """Let the key expire at Unix millisecond ``when`` or at a datetime (PEXPIREAT).

        Conditions as `expire`.
        """
        return self._shaped(bool, "PEXPIREAT", name, unix_milliseconds(when), *_conditions(nx, xx, gt, lt))

    def ttl(self, name: Encodable) -> int:
        """Seconds until the key expires; -1 when it never does, -2 when there is no key (TTL)."""
        return self._call("TTL", name)

    def pttl(self, name: Encodable) -> int:
        """Milliseconds until the key expires; -1 when it never does, -2 when there is no key (PTTL)."""
        return self._call("PTTL", name)

    def expiretime(self, key: Encodable) -> int:
        """The Unix second at which the key expires (EXPIRETIME).

        -1 when it never does, -2 when there is no key.
        """
        return self._call("EXPIRETIME", key)

    def pexpiretime(self, key: Encodable) -> int:
        """The Unix millisecond at which the key expires; -1 and -2 as `expiretime` (PEXPIRETIME)."""
        return self._call("PEXPIRETIME", key)

    def persist(self, name: Encodable) -> bool:
        """Take the expiry away; whether there was one (PERSIST)."""
        return self._shaped(bool, "PERSIST", name)

    @overload
    def sort(
        self,
        name: Encodable,
        start: int | None = None,
        num: int | None = None,
        by: Encodable | None = None,
        get: Encodable | Sequence[Encodable] | None = None,
        desc: bool = False,
        alpha: bool = False,
        store: None = None,
        groups: Literal[False] | None = False,
    ) -> list[V]: ...
    @overload
    def sort(
        self,
        name: Encodable,
        start: int | None = None,
        num: int | None = None,
        by: Encodable | None = None,
        get: Encodable | Sequence[Encodable] | None = None,
        desc: bool = False,
        alpha: bool = False,
        *,
        store: Encodable,
        groups: bool | None = False,
    ) -> int: ...
    @overload
    def sort(
        self,
        name: Encodable,
        start: int | None = None,
        num: int | None = None,
        by: Encodable | None = None,
        get: Encodable | Sequence[Encodable] | None = None,
        desc: bool = False,
        alpha: bool = False,
        store: Encodable | None = None,
        groups: bool | None = False,
    ) -> list[V] | list[tuple[V, ...]] | int: ...
    def sort(
        self,
        name: Encodable,
        start: int | None = None,
        num: int | None = None,
        by: Encodable | None = None,
        get: Encodable | Sequence[Encodable] | None = None,
        desc: bool = False,
        alpha: bool = False,
        store: Encodable | None = None,
        groups: bool | None = False,
    ) -> list[V] | list[tuple[V, ...]] | int:
        """The elements of a list, set or sorted set in order (SORT).

        They are compared as numbers, as text with ``alpha``, by the keys of the pattern ``by``; ``get`` gives
        what its patterns lead to instead of the elements (None where that leads nowhere), ``groups`` as one
        tuple an element. ``start`` and ``num`` give a part. With ``store`` the result becomes the list
        ``store`` and its length is returned.
        """
        arguments = ["SORT", name, *_sorting(start, num, by, get, desc, alpha)]
        if groups and (isinstance(get, (str, bytes)) or not isinstance(get, Sequence) or len(get) < 2):
            raise DataError(
                'when using "groups" the "get" argument must be specified and contain at least two keys'
            )
        if store is not None:
            return self._call(*arguments, "STORE", store)
        if groups and isinstance(get, Sequence):
            return self._shaped(shapes.grouped(len(get)), *arguments)
        return self._call(*arguments)

    def sort_ro(
        self,
        key: Encodable,
        start: int | None = None,
        num: int | None = None,
        by: Encodable | None = None,
        get: Encodable | Sequence[Encodable] | None = None,
        desc: bool = False,
        alpha: bool = False,
    ) -> list[V]:
        """`sort` that cannot store (SORT_RO)."""
        return self._call("SORT_RO", key, *_sorting(start, num, by, get, desc, alpha))

    def object(self, infotype: str, key: Encodable) -> Any:
        """What is known of a key: ENCODING (text), REFCOUNT, IDLETIME or FREQ (numbers) (OBJECT).

        None for a missing key.
        """
        return self._call("OBJECT", infotype, key)


def _integer(value: int, name: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise DataError(f"{name} must be an integer") from None


def _conditions(nx: bool, xx: bool, gt: bool, lt: bool) -> list[Encodable]:
    return [word for word, given in (("NX", nx), ("XX", xx), ("GT", gt), ("LT", lt)) if given]


def _sorting(
    start: int | None,
    num: int | None,
    by: Encodable | None,
    get: Encodable | Sequence[Encodable] | None,
    desc: bool,
    alpha: bool,
) -> list[Encodable]:
    window = limit("start", start, num)
    options: list[Encodable] = [] if by is None else ["BY", by]
    options += window
    if get is not None:
        for pattern in spread(get):
            options += ("GET", pattern)
    if desc:
        options.append("DESC")
    if alpha:
        options.append("ALPHA")
    return options
