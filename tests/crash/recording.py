"""What a program did to a directory, step by step: the calls that strace saw, as operations on the disk.

Lines that the program writes to standard output come among them as `Said`. A call that changes something
below the directory and has no rule here is an error, and so is a difference between the record and the
directory as it was found afterwards.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from tests.crash.operations import (
    ROOT,
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
from tests.crash.states import Disk
from tests.crash.strace import Call, UnknownCallError


@dataclass(frozen=True)
class Said:
    """A line on standard output."""

    text: str


@dataclass(frozen=True)
class Event:
    """An operation that begins or ends, or something said in between."""

    phase: Literal["begin", "end", "said"]
    what: Operation | Said


@dataclass
class Recording:
    """What was there before, and everything that happened to it."""

    before: Tree
    events: list[Event] = field(default_factory=list)

    def add(self, *whats: Operation | Said) -> None:
        """Appends what happened one after the other."""
        for what in whats:
            if isinstance(what, Said):
                self.events.append(Event("said", what))
            else:
                self.events += [Event("begin", what), Event("end", what)]


def sections(found: Sequence[Call], mark: str) -> list[list[Call]]:
    """The calls behind each line ``mark`` on standard output."""
    parts: list[list[Call]] = []
    for call in found:
        if said(call) == Said(mark):
            parts.append([])
        elif parts:
            parts[-1].append(call)
    return parts


def recorded(found: Sequence[Call], root: Path, before: Tree) -> Recording:
    """The recording of what happened below ``root``, which must hold now what the calls led to."""
    recording = parsed(found, root, before)
    disk = Disk("journal", before)
    for event in recording.events:
        if not isinstance(event.what, Said):
            (disk.begin if event.phase == "begin" else disk.end)(event.what)
    if dict(disk.live().paths) != dict(_paths(read_tree(root))):
        raise UnknownCallError(f"the record does not lead to what {root} holds")
    return recording


def read_tree(root: Path) -> Tree:
    """A directory in memory."""
    return {path.name: read_tree(path) if path.is_dir() else path.read_bytes() for path in root.iterdir()}


def _paths(tree: Tree, prefix: str = "") -> Iterator[tuple[str, bytes | None]]:
    for name, entry in tree.items():
        if isinstance(entry, bytes):
            yield f"{prefix}{name}", entry
        else:
            yield f"{prefix}{name}", None
            yield from _paths(entry, f"{prefix}{name}/")


@dataclass
class OpenFile:
    """What descriptors lead to, shared by those that are copies of each other."""

    node: int
    appends: bool = False
    position: int = 0


Table: TypeAlias = dict[int, OpenFile]

LOOKING = {
    "access", "epoll_ctl", "faccessat", "faccessat2", "fadvise64", "flock", "fstat", "fstatfs", "getcwd",
    "getdents64", "ioctl", "lstat", "newfstatat", "poll", "readlink", "readlinkat",
    "stat", "statfs", "statx",
}  # fmt: skip
# The last starts a writeback, which promises nothing.
HARMLESS = {"chmod", "fchmod", "fchmodat", "sync_file_range"}
FORKING = {"clone", "clone3", "fork", "vfork"}


class Tracer:
    """Follows descriptors and names through the calls."""

    def __init__(self, root: Path, before: Tree) -> None:
        self._root = os.fsencode(root)
        self._names: dict[int, dict[str, int]] = {ROOT: {}}
        self._sizes: dict[int, int] = {}
        self._tables: dict[int, Table] = {}
        self._opening: dict[int, OpenFile] = {}
        for entry, data in planted(before):
            self._enter(entry)
            self._sizes[entry.node] = len(data)
        self._numbers = itertools.count(1 + sum(1 for _ in planted(before)))

    def _enter(self, entry: Enter) -> None:
        self._names[entry.directory][entry.name] = entry.node
        if entry.is_directory:
            self._names[entry.node] = {}

    def born(self, child: int, parent: int, *, shares: bool) -> None:
        """A thread has its process's descriptors, a child has copies."""
        table = self._tables.setdefault(parent, {})
        self._tables[child] = table if shares else dict(table)

    def operation(self, call: Call) -> Operation | None:
        """What a successful call does to the disk, if anything."""
        table = self._tables.setdefault(call.thread, {})
        handler = getattr(self, f"_{call.name}", None)
        if handler is not None:
            done: Operation | None = handler(call, table)
            return done
        if call.name not in LOOKING | HARMLESS | FORKING and self._touches(call, table):
            raise UnknownCallError(f"{call.name}({call.text[:300]}")
        return None

    def returned(self, call: Call) -> None:
        """A new descriptor can be used only now: its number may have been another's when the call began."""
        if call.begin in self._opening:
            self._tables[call.thread][call.result] = self._opening.pop(call.begin)

    def _touches(self, call: Call, table: Table) -> bool:
        if any(text.startswith(self._root) for text in call.strings()):
            return True
        try:
            return call.number(0) in table
        except ValueError:
            return False

    def _place(self, table: Table, at: int, path: bytes) -> tuple[int, str] | None:
        """The directory and the name that a path means; an empty name is the root itself."""
        if path.startswith(b"/"):
            if path != self._root and not path.startswith(self._root + b"/"):
                return None
            directory, rest = ROOT, path[len(self._root) :]
        elif at in table:
            directory, rest = table[at].node, path
        else:
            return None
        names = [name for name in os.fsdecode(rest).split("/") if name not in ("", ".")]
        for name in names[:-1]:
            directory = self._names[directory].get(name, -1)
            if directory not in self._names:
                return None
        return directory, names[-1] if names else ""

    def _look_up(self, place: tuple[int, str]) -> int | None:
        return self._names[place[0]].get(place[1]) if place[1] else place[0]

    def _open(self, call: Call, table: Table) -> Operation | None:
        return self._opened(call, self._place(table, -1, call.strings()[0]))

    def _openat(self, call: Call, table: Table) -> Operation | None:
        return self._opened(call, self._place(table, call.number(0), call.strings()[0]))

    def _opened(self, call: Call, place: tuple[int, str] | None) -> Operation | None:
        # A file without a name is on no disk; a name given to it later would be a call without a rule.
        if place is None or "O_TMPFILE" in call.text:
            return None
        made = None
        node = self._look_up(place)
        if node is None:
            node = next(self._numbers)
            made = Enter(*place, node)
            self._enter(made)
            self._sizes[node] = 0
        elif "O_TRUNC" in call.text:
            raise UnknownCallError(f"O_TRUNC on {place[1]}")
        self._opening[call.begin] = OpenFile(node, "O_APPEND" in call.text)
        return made

    def _close(self, call: Call, table: Table) -> None:
        table.pop(call.number(0), None)

    def _close_range(self, call: Call, table: Table) -> None:
        first, last = call.number(0), call.number(1)
        for number in [number for number in table if first <= number <= last]:
            del table[number]

    def _execve(self, _: Call, table: Table) -> None:
        table.clear()

    def _dup(self, call: Call, table: Table) -> None:
        if call.number(0) in table:
            self._opening[call.begin] = table[call.number(0)]

    _dup2 = _dup3 = _dup

    def _fcntl(self, call: Call, table: Table) -> None:
        if "F_DUPFD" in call.text:
            self._dup(call, table)

    def _lseek(self, call: Call, table: Table) -> None:
        if call.number(0) in table:
            table[call.number(0)].position = call.result

    def _write(self, call: Call, table: Table) -> Operation | None:
        opened = table.get(call.number(0))
        if opened is None:
            return None
        offset = self._sizes[opened.node] if opened.appends else opened.position
        opened.position = offset + call.result
        self._sizes[opened.node] = max(self._sizes[opened.node], opened.position)
        return Write(opened.node, offset, call.strings()[0][: call.result])

    def _ftruncate(self, call: Call, table: Table) -> Operation | None:
        opened = table.get(call.number(0))
        if opened is None:
            return None
        self._sizes[opened.node] = call.number(1)
        return Resize(opened.node, call.number(1))

    def _fsync(self, call: Call, table: Table) -> Operation | None:
        opened = table.get(call.number(0))
        return Sync(opened.node) if opened else None

    _fdatasync = _fsync

    def _mkdir(self, call: Call, table: Table) -> Operation | None:
        return self._make_directory(self._place(table, -1, call.strings()[0]))

    def _mkdirat(self, call: Call, table: Table) -> Operation | None:
        return self._make_directory(self._place(table, call.number(0), call.strings()[0]))

    def _make_directory(self, place: tuple[int, str] | None) -> Operation | None:
        if place is None:
            return None
        made = Enter(*place, next(self._numbers), is_directory=True)
        self._enter(made)
        return made

    def _unlink(self, call: Call, table: Table) -> Operation | None:
        return self._remove(self._place(table, -1, call.strings()[0]))

    _rmdir = _unlink

    def _unlinkat(self, call: Call, table: Table) -> Operation | None:
        return self._remove(self._place(table, call.number(0), call.strings()[0]))

    def _remove(self, place: tuple[int, str] | None) -> Operation | None:
        if place is None:
            return None
        del self._names[place[0]][place[1]]
        return Remove(*place)

    def _rename(self, call: Call, table: Table) -> Operation | None:
        return self._move(*(self._place(table, -1, path) for path in call.strings()))

    def _renameat(self, call: Call, table: Table) -> Operation | None:
        old, new = call.strings()
        return self._move(self._place(table, call.number(0), old), self._place(table, call.number(2), new))

    def _renameat2(self, call: Call, table: Table) -> Operation | None:
        if not call.text.endswith((" 0", "RENAME_NOREPLACE")):
            raise UnknownCallError(f"renameat2({call.text}")
        return self._renameat(call, table)

    def _move(self, old: tuple[int, str] | None, new: tuple[int, str] | None) -> Operation | None:
        if old is None and new is None:
            return None
        if old is None or new is None:
            raise UnknownCallError(f"a rename from {old} to {new}")
        node = self._names[old[0]].pop(old[1])
        self._names[new[0]][new[1]] = node
        return Move(*old, new[1], node, None if new[0] == old[0] else new[0])

    def _linkat(self, call: Call, table: Table) -> Operation | None:
        old, new = call.strings()
        if "AT_EMPTY_PATH" in call.text or old.startswith(b"/proc"):
            raise UnknownCallError(f"linkat({call.text}")
        source = self._place(table, call.number(0), old)
        target = self._place(table, call.number(2), new)
        if source is None or target is None:
            return None
        node = self._names[source[0]][source[1]]
        self._names[target[0]][target[1]] = node
        return Enter(*target, node)


def parsed(found: Sequence[Call], root: Path, before: Tree) -> Recording:
    """The events of the calls below a directory."""
    recording, tracer = Recording(before), Tracer(root, before)
    operations: dict[int, Operation] = {}
    moments = [(call.begin, 0, call) for call in found]
    moments += [(call.end, 1, call) for call in found if call.end is not None]
    for _, is_end, call in sorted(moments, key=lambda moment: moment[:2]):
        if is_end:
            tracer.returned(call)
            if call.begin in operations:
                recording.events.append(Event("end", operations.pop(call.begin)))
            continue
        if call.name in FORKING and call.result > 0:
            tracer.born(call.result, call.thread, shares="CLONE_FILES" in call.text)
        if call.end is None:
            _never_returned(call)
        elif call.result >= 0:
            line = said(call)
            if line is not None:
                recording.add(line)
                continue
            operation = tracer.operation(call)
            if operation is not None:
                operations[call.begin] = operation
                recording.events.append(Event("begin", operation))
    return recording


def _never_returned(call: Call) -> None:
    """A change that was cut short by a signal may have happened or not: no story may contain one."""
    if call.name in {"write", "ftruncate", "renameat", "unlinkat", "linkat", "mkdir"}:
        raise UnknownCallError(f"{call.name} never returned")


def said(call: Call) -> Said | None:
    """The line that a call writes to standard output."""
    if call.name != "write" or call.number(0) != 1:
        return None
    return Said(call.strings()[0].decode("ascii", "replace").strip())
