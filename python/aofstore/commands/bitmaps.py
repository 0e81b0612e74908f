"""Bit commands: strings as arrays of bits and of small integers."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import DataError
from ..types import Encodable, V
from .arguments import both_or_neither
from .family import Call, Family


class BitmapCommands(Family[V]):
    """Commands on the bits of string values; bit 0 is the highest bit of the first byte."""

    def setbit(self, name: Encodable, offset: int, value: int) -> int:
        """Set bit ``offset`` to 1 if ``value`` is true, else to 0; the bit that was there (SETBIT)."""
        return self._call("SETBIT", name, offset, 1 if value else 0)

    def getbit(self, name: Encodable, offset: int) -> int:
        """Bit ``offset``, 0 beyond the end (GETBIT)."""
        return self._call("GETBIT", name, offset)

    def bitcount(
        self, key: Encodable, start: int | None = None, end: int | None = None, mode: str | None = None
    ) -> int:
        """How many bits are set, in all or from ``start`` to ``end``, both included (BITCOUNT).

        The range counts bytes, or bits with ``mode="BIT"``; negative numbers count from the end.
        """
        both_or_neither("Both start and end must be specified", start, end)
        options = [option for option in (start, end, mode) if option is not None]
        return self._call("BITCOUNT", key, *options)

    def bitpos(
        self,
        key: Encodable,
        bit: int,
        start: int | None = None,
        end: int | None = None,
        mode: str | None = None,
    ) -> int:
        """The position of the first bit that is ``bit`` (0 or 1), -1 when there is none (BITPOS).

        ``start`` and ``end`` limit the search to a range of bytes, or of bits with ``mode="BIT"``.
        """
        if bit not in (0, 1):
            raise DataError("bit must be 0 or 1")
        if start is None and end is not None:
            raise DataError("start argument is not set, when end is specified")
        options = [option for option in (start, end, mode) if option is not None]
        return self._call("BITPOS", key, bit, *options)

    def bitop(self, operation: str, dest: Encodable, *keys: Encodable) -> int:
        """Combine the strings at ``keys`` by AND, OR, XOR or NOT into ``dest`` (BITOP).

        The length of the result in bytes.
        """
        return self._call("BITOP", operation, dest, *keys)

    def bitfield(self, key: Encodable, default_overflow: str | None = None) -> BitFieldOperation:
        """A builder for operations on the integers in a string (BITFIELD).

        Its ``execute()`` runs them at once.
        """
        return BitFieldOperation(self._call, key, default_overflow)

    def bitfield_ro(
        self,
        key: Encodable,
        encoding: str,
        offset: int | str,
        items: Iterable[tuple[str, int | str]] | None = None,
    ) -> list[int]:
        """The integers at ``offset`` and at each ``(encoding, offset)`` of ``items`` (BITFIELD_RO).

        An encoding is ``"u8"``, ``"i16"``, …; an offset counts bits, or whole integers as ``"#3"``.
        """
        gets: list[Encodable] = ["GET", encoding, offset]
        for more_encoding, more_offset in items or ():
            gets += ("GET", more_encoding, more_offset)
        return self._call("BITFIELD_RO", key, *gets)


class BitFieldOperation:
    """Operations of one BITFIELD command, collected by chained calls and run by `execute`."""

    def __init__(self, run: Call, key: Encodable, default_overflow: str | None = None) -> None:
        self._run = run
        self.key = key
        self._default_overflow = default_overflow or "WRAP"
        self.reset()

    def reset(self) -> None:
        """Forget the operations collected so far."""
        self.operations: list[tuple[Encodable, ...]] = []
        self._last_overflow = "WRAP"
        self.overflow(self._default_overflow)

    def overflow(self, overflow: str) -> BitFieldOperation:
        """How the following `incrby` calls overflow: WRAP, SAT or FAIL (their reply is then None)."""
        overflow = overflow.upper()
        if overflow != self._last_overflow:
            self._last_overflow = overflow
            self.operations.append(("OVERFLOW", overflow))
        return self

    def get(self, fmt: str, offset: int | str) -> BitFieldOperation:
        """Read the integer of format ``fmt`` (``"u8"``, ``"i16"``, …) at ``offset``."""
        self.operations.append(("GET", fmt, offset))
        return self

    def set(self, fmt: str, offset: int | str, value: int) -> BitFieldOperation:
        """Set the integer at ``offset`` to ``value``; replies the old one."""
        self.operations.append(("SET", fmt, offset, value))
        return self

    def incrby(
        self, fmt: str, offset: int | str, increment: int, overflow: str | None = None
    ) -> BitFieldOperation:
        """Add ``increment`` to the integer at ``offset``; replies the new one."""
        if overflow is not None:
            self.overflow(overflow)
        self.operations.append(("INCRBY", fmt, offset, increment))
        return self

    @property
    def command(self) -> list[Encodable]:
        """The arguments of the BITFIELD command, its name included."""
        return ["BITFIELD", self.key, *(part for operation in self.operations for part in operation)]

    def execute(self) -> list[int | None]:
        """Run the operations as one command: a reply for each, None for one that overflowed under FAIL."""
        command = self.command
        self.reset()
        return self._run(*command)
