"""What of a damaged file can be left out, and what of it can be kept."""

from __future__ import annotations

from dataclasses import dataclass

from .._core import Checker


@dataclass(frozen=True, slots=True)
class Hole:
    """A stretch of a file that is left out: ``instead`` takes its place, ``commands`` are lost."""

    start: int
    end: int
    instead: bytes
    commands: int

    @property
    def length(self) -> int:
        """Bytes."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Rescue:
    """What can be kept of a damaged snapshot: ``keys``, all of them if only its checksum is wrong.

    ``checker`` has them in memory.
    """

    checker: Checker
    keys: int
    is_all: bool
    offset: int
