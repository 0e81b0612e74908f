"""What the files of a store hold, in numbers, read without opening a store and without touching a file."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TypeAlias

from .check.files import Finder
from .check.reading import OnProgress, read, reader
from .config import Config
from .paths import AnyPath
from .types import FileReport

_HOUR = 3_600_000
SPANS: tuple[tuple[str, int], ...] = (
    ("expired", 0),
    ("within an hour", _HOUR),
    ("within a day", 24 * _HOUR),
    ("within a week", 7 * 24 * _HOUR),
    ("within 30 days", 30 * 24 * _HOUR),
)
"""How long keys live yet: a name, and until when from now, in milliseconds."""
LATER, NEVER = "later", "never"


Key: TypeAlias = bytes


@dataclass(frozen=True, slots=True)
class Group:
    """Keys of one database, type and encoding; ``bytes`` is an estimate of the memory that they take."""

    db: int
    type: str
    encoding: str
    keys: int
    elements: int
    bytes: int


@dataclass(frozen=True, slots=True)
class BigKey:
    """One of the biggest keys; ``expires`` in milliseconds since 1970."""

    bytes: int
    db: int
    key: Key
    type: str
    encoding: str
    elements: int
    expires: int | None


@dataclass(frozen=True, slots=True)
class Contents:
    """What a data set holds: its files, its keys, when they end, and the commands of its log by name."""

    path: str
    files: tuple[FileReport, ...]
    groups: tuple[Group, ...]
    biggest: tuple[BigKey, ...]
    expiry: dict[str, int]
    commands: dict[str, int]


def inspect(
    path: AnyPath,
    *,
    most: int = 10,
    config: Config | None = None,
    on_progress: OnProgress | None = None,
) -> tuple[Contents, ...]:
    """The contents of every data set at ``path``, with the ``most`` biggest keys of each.

    A damaged file counts up to its damage, and its report says so. AofOpenError: there is nothing of a store,
    or it cannot be read.
    """
    settings = config or Config()
    found: list[Contents] = []
    for log in Finder(settings).find(path):
        checker = reader(log, settings, replay=True)
        files: list[FileReport] = [] if log.manifest is None else [log.manifest]
        commands: dict[str, int] = {}
        for look in read(checker, log, on_progress):
            files.append(look.report)
            for name, count in checker.counts().items():
                commands[name] = commands.get(name, 0) + count
        now = time.time_ns() // 1_000_000
        groups, biggest, ending, lasting = checker.survey(most, [now + span for _, span in SPANS])
        names = [*(name for name, _ in SPANS), LATER]
        found.append(
            Contents(
                path=str(log.directory),
                files=tuple(files),
                groups=tuple(Group(*group) for group in groups),
                biggest=tuple(BigKey(*big) for big in biggest),
                expiry={**dict(zip(names, ending, strict=True)), NEVER: lasting},
                commands=dict(sorted(commands.items(), key=lambda item: (-item[1], item[0]))),
            )
        )
    return tuple(found)
