"""The value types of the public interface: what commands accept, and the reports that a store gives.

Imports nothing of the package, so that every other module may use it.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import InitVar, dataclass
from typing import TypeAlias, TypeVar

__all__ = [
    "AbsoluteTime",
    "CheckReport",
    "Encodable",
    "Expiry",
    "FileReport",
    "LoadProgress",
    "LoadReport",
    "OneOrMany",
    "Problem",
    "RepairReport",
    "RewriteProgress",
    "RewriteReport",
    "Truncation",
    "V",
]

Encodable: TypeAlias = bytes | bytearray | memoryview | str | int | float
"""A key, field, member or value.

Text is encoded with the store's encoding, numbers become their decimal text.
"""

OneOrMany: TypeAlias = Encodable | Iterable[Encodable]
"""One argument, or an iterable of them."""

Expiry: TypeAlias = int | datetime.timedelta
"""A span of time: a number in the unit that the parameter names, or a timedelta."""

AbsoluteTime: TypeAlias = int | datetime.datetime
"""A moment: Unix time in the unit that the parameter names, or a datetime (a naive one is local time)."""

V = TypeVar("V", bytes, str)
"""What a store returns for strings: bytes, or str with ``decode_responses=True``."""

K = TypeVar("K", bound=Encodable)
"""The key type of a mapping argument."""


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """How far a load is; given to ``on_progress`` before the first command and then several times a second.

    ``bytes_done`` of the ``bytes_total`` of all files are read, ``path`` just now, and ``commands`` applied,
    in ``seconds``; ``eta`` is the estimated number of seconds that are left, None while there is nothing to
    estimate from.
    """

    path: str
    bytes_done: int
    bytes_total: int
    commands: int
    seconds: float
    eta: float | None


@dataclass(frozen=True, slots=True)
class Truncation:
    """A torn tail that was cut at load.

    ``dropped_bytes`` from ``offset`` on, kept in the file ``saved_to``.
    """

    path: str
    offset: int
    dropped_bytes: int
    saved_to: str


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What opening a store read: the files in order, commands, bytes, seconds, and what was cut off."""

    files: tuple[str, ...] = ()
    commands: int = 0
    bytes: int = 0
    seconds: float = 0.0
    truncations: tuple[Truncation, ...] = ()


@dataclass(frozen=True, slots=True)
class RewriteProgress:
    """How far a running rewrite is.

    ``keys_done`` of ``keys_total`` are in the new file, ``bytes_written`` so far, in ``seconds``. After the
    last key what was changed meanwhile is added, and the file takes its place.
    """

    keys_done: int
    keys_total: int
    bytes_written: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RewriteReport:
    """What a finished rewrite did.

    The log had ``bytes_before`` and now has ``bytes_after``, with ``keys`` keys, after ``seconds``. With the
    log off, ``bytes_before`` is what was there of an earlier one.
    ``fork_microseconds``: how long the store stood still for the fork. ``copy_on_write_bytes``: memory that
    store and child could not share. ``difference_bytes``: what was logged while it ran, part of the new file.
    All three are 0 for a rewrite without a child.
    """

    seconds: float
    bytes_before: int
    bytes_after: int
    keys: int
    fork_microseconds: int
    copy_on_write_bytes: int
    difference_bytes: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a file, and what a repair would do about it.

    ``kind`` is one of `AofLoadError.kind`, where opening raises that: ``truncated``, ``format``,
    ``unknown-command``, ``unsupported``, ``replay``, ``checksum``, ``manifest``, ``io``. Two kinds keep a
    report sound, because nothing is wrong with the data: ``orphan``, a file that belongs to nothing, and
    ``timestamp``, a ``#TS`` line without a time. ``offset`` is the byte, ``command`` the number of the
    command counted from 1; None where there is none.
    """

    kind: str
    path: str
    offset: int | None
    command: int | None
    message: str

    @property
    def is_note(self) -> bool:
        """Whether a store opens the file as it is all the same."""
        return self.kind in ("orphan", "timestamp")


@dataclass(frozen=True, slots=True)
class FileReport:
    """One checked file.

    ``format`` is ``resp``, ``rdb``, ``rdb+resp`` (a log that begins with a snapshot) or ``manifest``.
    ``commands`` are whole and before the first damage, which ``valid_to`` is the offset of; for a sound
    file they are all, and it is the ``size``.
    """

    path: str
    format: str
    size: int
    commands: int
    valid_to: int
    problems: tuple[Problem, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether a store opens the file and leaves it as it is."""
        return all(problem.is_note for problem in self.problems)


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The outcome of a check: whether everything is sound, and each file."""

    sound: bool
    files: tuple[FileReport, ...] = ()


class _Repair:
    """What a repair could not mend, beside the fields of its report."""

    _remaining: tuple[Problem, ...]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The problems that remain."""
        return self._remaining


@dataclass(frozen=True, repr=False)
class RepairReport(_Repair):
    """The outcome of a repair, or what it would be.

    ``applied``: files were changed. ``changes`` says each change in words, ``lost_commands`` how many
    commands go with them, torn and damaged ones counted. The property ``problems`` has those that remain.
    """

    applied: bool
    changes: tuple[str, ...] = ()
    lost_commands: int = 0
    remaining: InitVar[tuple[Problem, ...]] = ()

    def __post_init__(self, remaining: tuple[Problem, ...]) -> None:
        """Keep what remains."""
        object.__setattr__(self, "_remaining", remaining)

    def __repr__(self) -> str:
        """The fields, and the problems that remain."""
        shown = ("applied", "changes", "lost_commands", "problems")
        return f"RepairReport({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"
