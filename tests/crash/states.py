"""What may be on the disk after a power cut, given what was asked of the file system until then.

A `Disk` is fed with operations as they begin and end and at any moment lists the `Image`s that the power cut
could leave. What was synced is in all of them; what was not may be there in part:

- *journal*: names change in the order in which they were changed, and a sync of any directory makes all of
  them durable. A file holds its writes up to any point, the next one torn, or zeros up to a later size.
- *weak*: every name is on its own, a rename being two; only the sync of its own directory makes it durable.
  A file may also miss any of its unsynced writes, with zeros in their place.

Harsher than real systems in one point of *journal* too: the sync of a file promises nothing about its name.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal, TypeAlias

from tests.crash.contents import Content, applied, combined, holed, subsets, torn
from tests.crash.operations import (
    ROOT,
    Change,
    Enter,
    Move,
    Operation,
    Remove,
    Resize,
    Sync,
    Tree,
    Write,
    planted,
)

Order: TypeAlias = Literal["journal", "weak"]
ORDERS: tuple[Order, ...] = ("journal", "weak")
MOST_IMAGES = 150


@dataclass(frozen=True)
class Image:
    """One thing that the disk may hold: every path, None for a directory; and which names are links."""

    paths: tuple[tuple[str, bytes | None], ...]
    holes: tuple[tuple[str, int], ...] = ()
    links: tuple[tuple[str, str], ...] = ()

    def digest(self) -> bytes:
        """Equal for equal disks, whatever made them."""
        whole = blake2b(digest_size=16)
        for path, data in self.paths:
            whole.update(b"%d:%b" % (len(path), path.encode()))
            whole.update(b"directory" if data is None else b"%d:%b" % (len(data), data))
        for second, first in self.links:
            whole.update(b"%b is %b" % (second.encode(), first.encode()))
        return whole.digest()


@dataclass
class _Pending:
    """A change that no sync has made durable; ``done`` once the call that it is of has returned."""

    change: Change
    call: Change
    done: bool = False


@dataclass
class _File:
    durable: bytes = b""
    pending: list[_Pending] = field(default_factory=list)
    contents: list[Content] | None = None


class Disk:
    """A file system below one durable directory, and everything a power cut could make of it."""

    def __init__(self, order: Order, tree: Mapping[str, bytes | Tree], seed: int = 0) -> None:
        self._order = order
        self._rng = random.Random(seed)
        self._files: dict[int, _File] = {}
        self._names: dict[int, dict[str, int]] = {ROOT: {}}
        self._pending: list[_Pending] = []
        self._syncing: dict[int, tuple[Sync, list[_Pending]]] = {}
        for change, data in planted(tree):
            self._names[change.directory][change.name] = change.node
            if change.is_directory:
                self._names[change.node] = {}
            else:
                self._files[change.node] = _File(data)

    def begin(self, operation: Operation) -> None:
        """From now on the effect of a change may be on the disk; a sync will cover what was done by now."""
        if isinstance(operation, Sync):
            covered = [pending for pending in self._queue(operation.node) if pending.done]
            self._syncing[id(operation)] = operation, covered
            return
        if isinstance(operation, (Write, Resize)):
            file = self._file(operation.node)
            file.pending.append(_Pending(operation, operation))
            file.contents = None
        else:
            # Each of two directories makes only its own half of a rename durable, unless there is a journal.
            apart = self._order == "weak" and isinstance(operation, Move) and operation.into is not None
            changes: tuple[Change, ...] = _parts(operation) if apart else (operation,)
            self._pending += [_Pending(change, operation) for change in changes]
            if isinstance(operation, Enter) and operation.is_directory:
                self._names.setdefault(operation.node, {})

    def end(self, operation: Operation) -> None:
        """The call has returned: a later sync covers a change; what a sync covers is durable."""
        if isinstance(operation, Sync):
            _, covered = self._syncing.pop(id(operation))
            for pending in covered:
                self._make_durable(operation.node, pending)
            return
        if isinstance(operation, (Write, Resize)):
            queue = self._file(operation.node).pending
        else:
            queue = self._pending
        for pending in queue:
            if pending.call is operation:
                pending.done = True

    def apply(self, operation: Operation) -> None:
        """A call that nothing else overlapped."""
        self.begin(operation)
        self.end(operation)

    def _file(self, node: int) -> _File:
        return self._files.setdefault(node, _File())

    def _queue(self, node: int) -> list[_Pending]:
        """What a sync of this file or directory makes durable."""
        if node in self._files:
            return self._files[node].pending
        if self._order == "journal":
            return self._pending
        return [
            pending
            for pending in self._pending
            if isinstance(pending.change, (Enter, Remove, Move)) and pending.change.directory == node
        ]

    def _make_durable(self, node: int, pending: _Pending) -> None:
        change = pending.change
        if isinstance(change, (Write, Resize)):
            file = self._files[node]
            if pending in file.pending:
                file.durable = applied(file.durable, change)
                file.pending = [other for other in file.pending if other is not pending]
                file.contents = None
        elif any(other is pending for other in self._pending):
            for part in _parts(change):
                _rename(self._names, part)
            self._pending = [other for other in self._pending if other is not pending]

    def at(self, path: str) -> int | None:
        """The node that a path leads to while the power is on."""
        names = _copied(self._names)
        for pending in self._pending:
            for part in _parts(pending.change):
                _rename(names, part)
        node: int | None = ROOT
        for name in path.split("/"):
            node = names.get(node, {}).get(name) if node is not None else None
        return node

    def images(self, limit: int = MOST_IMAGES) -> Iterator[Image]:
        """All that may be on the disk now; of more than ``limit`` a sample.

        Of every set of names the sample has the least and the most that its files may hold.
        """
        always, others = [], []
        for names in self._namings():
            paths = dict(_walk(names, ROOT, ""))
            files = {path: node for path, node in paths.items() if node not in names}
            nodes = list(dict.fromkeys(files.values()))
            found = combined([self.contents(node) for node in nodes], limit, self._rng)
            held_by = [dict(zip(nodes, contents, strict=True)) for contents in found]
            chosen = [(paths, {path: held[node] for path, node in files.items()}) for held in held_by]
            always += chosen[:2]
            others += chosen[2:]
        room = max(0, limit - len(always))
        for paths, held in [*always, *(others if len(others) <= room else self._rng.sample(others, room))]:
            yield Image(
                tuple((path, held[path].data if path in held else None) for path in sorted(paths)),
                tuple((path, content.hole) for path, content in held.items() if content.hole is not None),
                _links(paths, held),
            )

    def live(self) -> Image:
        """What is there while the power is on."""
        names = _copied(self._names)
        for pending in self._pending:
            for part in _parts(pending.change):
                _rename(names, part)
        paths = sorted(_walk(names, ROOT, ""))
        return Image(tuple((path, None if node in names else self._whole(node)) for path, node in paths))

    def _whole(self, node: int) -> bytes:
        data = self._file(node).durable
        for pending in self._file(node).pending:
            data = applied(data, pending.change)
        return data

    def _namings(self) -> Iterator[dict[int, dict[str, int]]]:
        """Every set of names that may be durable."""
        if self._order == "journal":
            groups = [list(_parts(pending.change)) for pending in self._pending]
            chosen = [list(itertools.chain(*groups[:length])) for length in range(len(groups) + 1)]
        else:
            parts = [part for pending in self._pending for part in _parts(pending.change)]
            chosen = [[parts[at] for at in subset] for subset in subsets(len(parts), self._rng)]
        seen = set()
        for changes in chosen:
            names = _copied(self._names)
            for change in changes:
                _rename(names, change)
            paths = tuple(sorted(_walk(names, ROOT, "")))
            if paths not in seen:
                seen.add(paths)
                yield names

    def contents(self, node: int) -> list[Content]:
        """Everything that a file may hold, the least first and the most second."""
        file = self._file(node)
        if file.contents is None:
            changes = [pending.change for pending in file.pending]
            found = dict.fromkeys([Content(file.durable), Content(self._whole(node))])
            found.update(dict.fromkeys(torn(file.durable, changes)))
            if self._order == "weak":
                found.update(dict.fromkeys(holed(file.durable, changes, self._rng)))
            file.contents = list(found)
        return file.contents


def _parts(change: Change) -> tuple[Enter | Remove, ...]:
    """A change of names as changes of single entries."""
    if isinstance(change, Move):
        return Enter(change.target, change.new, change.node), Remove(change.directory, change.old)
    assert isinstance(change, (Enter, Remove))
    return (change,)


def _rename(names: dict[int, dict[str, int]], part: Enter | Remove) -> None:
    entries = names.setdefault(part.directory, {})
    if isinstance(part, Enter):
        entries[part.name] = part.node
    else:
        entries.pop(part.name, None)


def _links(paths: Mapping[str, int], files: Iterable[str]) -> tuple[tuple[str, str], ...]:
    first: dict[int, str] = {}
    named = [(path, first.setdefault(paths[path], path)) for path in sorted(files)]
    return tuple((path, other) for path, other in named if path != other)


def _copied(names: Mapping[int, dict[str, int]]) -> dict[int, dict[str, int]]:
    return {node: dict(entries) for node, entries in names.items()}


def _walk(names: Mapping[int, dict[str, int]], node: int, prefix: str) -> Iterator[tuple[str, int]]:
    for name, child in names[node].items():
        yield f"{prefix}{name}", child
        if child in names:
            yield from _walk(names, child, f"{prefix}{name}/")
