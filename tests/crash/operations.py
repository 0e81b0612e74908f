"""What can be asked of a file system, as far as it changes what is on the disk.

Files and directories are numbered nodes: names come and go, the node stays. Every tree numbers what it holds
at the start in the same way (`planted`), so that a record and a model of the same tree agree.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

ROOT = 0


@dataclass(frozen=True)
class Write:
    """Bytes put into a file, wherever its end was."""

    node: int
    offset: int
    data: bytes


@dataclass(frozen=True)
class Resize:
    """A file cut or grown to a length."""

    node: int
    size: int


@dataclass(frozen=True)
class Enter:
    """A name in a directory, new or taken over from what had it."""

    directory: int
    name: str
    node: int
    is_directory: bool = False


@dataclass(frozen=True)
class Remove:
    """A name that goes."""

    directory: int
    name: str


@dataclass(frozen=True)
class Move:
    """A rename, inside one directory or into another one."""

    directory: int
    old: str
    new: str
    node: int
    into: int | None = None

    @property
    def target(self) -> int:
        """The directory of the new name."""
        return self.directory if self.into is None else self.into


@dataclass(frozen=True)
class Sync:
    """fsync or fdatasync of a file or a directory."""

    node: int


Naming: TypeAlias = Enter | Remove | Move
Change: TypeAlias = Write | Resize | Naming
Operation: TypeAlias = Change | Sync
Tree: TypeAlias = dict[str, "bytes | Tree"]


def planted(tree: Mapping[str, bytes | Tree]) -> Iterator[tuple[Enter, bytes]]:
    """The entries of a tree with their nodes and contents, parents first."""
    numbers = itertools.count(ROOT + 1)
    waiting: list[tuple[int, Mapping[str, bytes | Tree]]] = [(ROOT, tree)]
    for directory, entries in waiting:
        for name in sorted(entries):
            entry, node = entries[name], next(numbers)
            if isinstance(entry, bytes):
                yield Enter(directory, name, node), entry
            else:
                yield Enter(directory, name, node, is_directory=True), b""
                waiting.append((node, entry))
