"""Repairing: what to cut or to leave out, and doing it under the directory's lock."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from .. import _core
from ..config import Config
from ..lifetime import keep_from_copies
from ..paths import AnyPath, shown
from ..types import Problem, RepairReport
from .files import Finder, Log
from .reading import Look, OnProgress, examine
from .words import count, lost, rescued

_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be done to one file."""

    directory: Path
    look: Look
    rdb_version: int = 10
    is_followed: bool = False

    @property
    def lost(self) -> int:
        """Commands that go with it."""
        return lost(self.look.holes or ())

    def words(self, kept: str | None = None) -> str:
        """In words; ``kept`` is where what is dropped was kept."""
        kept = kept and shown(kept)
        holes = self.look.holes or ()
        dropped = sum(hole.length for hole in holes)
        much = f"{count(dropped, 'byte')} ({count(self.lost, 'command')})"
        path = shown(self.look.report.path)
        if rescue := self.look.rescue:
            beside = kept or f"{path}.damaged-{rescue.offset}"
            text = f"{path}: keep {rescued(rescue, self.look.report.size)}; the old file kept as {beside}"
            return f"{text}; what follows in other files is looked at then" if self.is_followed else text
        if self.look.is_tail:
            text = f"{path}: cut the last {much} at offset {holes[0].start}"
            beside = kept or f"{path}.truncated-{holes[0].start}"
            return f"{text}, kept in {beside}"
        places = ", ".join(f"{hole.start} to {hole.end}" for hole in holes[:5])
        more = f" and {count(len(holes) - 5, 'place')} more" if len(holes) > 5 else ""
        beside = kept or f"{path}.damaged-{holes[0].start}"
        return f"{path}: leave out {much} at offset {places}{more}, the old file kept as {beside}"

    def do(self, directory: _core.Directory) -> str:
        """Do it; in words. AofOpenError: it could not be done, and the old file is in its place."""
        holes, name = self.look.holes or (), self.look.name
        if self.look.is_tail:
            return self.words(_core.cut_tail(directory, name, holes[0].start))
        temp = f"temp-repair-{os.getpid()}-{secrets.token_hex(4)}.aof"
        start = rescue.offset if (rescue := self.look.rescue) else holes[0].start
        kept = _free(directory, f"{name}.damaged-{start}")
        if rescue:
            rescue.checker.write_rescue(directory, name, temp, self.rdb_version)
        else:
            spans = [(hole.start, hole.end, hole.instead, hole.commands) for hole in holes]
            _core.mend(directory, name, spans, temp)
        _core.replace(directory, name, temp, kept)
        return self.words(str(self.directory / kept))


def mend(
    path: AnyPath,
    config: Config,
    *,
    apply: bool,
    salvage: bool,
    rebuild_manifest: bool,
    on_progress: OnProgress | None,
) -> RepairReport:
    """See `repair`."""
    finder = Finder(config, rebuild=rebuild_manifest)
    logs = finder.find(path)
    changes: list[str] = []
    gone = 0
    with locks(logs if apply else ()) as directories:
        if apply:
            # As it is now that nobody else can change it.
            logs = finder.find(path)
        changes += [_publish(log, directories) for log in logs if log.rebuilt is not None]
        for _ in range(_ROUNDS):
            planned, problems = _plan(logs, config, salvage=salvage, is_ours=apply, on_progress=on_progress)
            if not apply or not planned:
                break
            for change in planned:
                changes.append(change.do(directories[change.directory]))
                gone += change.lost
    if not apply:
        changes += [change.words() for change in planned]
        gone = sum(change.lost for change in planned)
    return RepairReport(apply and bool(changes), tuple(changes), gone, tuple(problems))


def _plan(
    logs: tuple[Log, ...], config: Config, *, salvage: bool, is_ours: bool, on_progress: OnProgress | None
) -> tuple[list[Change], list[Problem]]:
    """What to change, and the problems that remain then."""
    changes: list[Change] = []
    problems: list[Problem] = []
    for log in logs:
        problems += () if log.manifest is None else log.manifest.problems
        for look in examine(log, config, replay=True, on_progress=on_progress, is_ours=is_ours):
            is_mended = look.holes and (look.is_tail or salvage) and not look.report.sound
            if is_mended or (look.rescue and salvage):
                is_followed = look.name != log.names[-1]
                changes.append(Change(log.directory, look, config.rdb_version, is_followed))
            else:
                problems.extend(look.report.problems)
    return changes, problems


@contextmanager
def locks(logs: tuple[Log, ...]) -> Iterator[dict[Path, _core.Directory]]:
    """The directories of the logs, locked. AofLockedError: a store has one open."""
    with ExitStack() as undo:
        held: dict[Path, _core.Directory] = {}
        for place in sorted({place for log in logs for place in (log.home, log.directory)}):
            held[place] = _core.Directory(str(place))
            undo.callback(held[place].close)
            keep_from_copies(held[place])
        yield held


def _publish(log: Log, directories: dict[Path, _core.Directory]) -> str:
    """The new manifest, written if the directories are locked; in words."""
    if log.manifest is None or log.rebuilt is None:
        return ""
    path = Path(log.manifest.path)
    text = f"{shown(path)}: made anew, lists {', '.join(log.names)}"
    if log.guesses:
        text += f"; guessed that {'; '.join(log.guesses)}"
    if directory := directories.get(log.directory):
        kept = _free(directory, f"{path.name}.damaged-0")
        temp = f"temp-repair-{os.getpid()}-{secrets.token_hex(4)}.manifest"
        _core.publish(directory, path.name, log.rebuilt, temp, kept)
    return text


def _free(directory: _core.Directory, wanted: str) -> str:
    """A name that is not taken: the wanted one, or with a number."""
    taken = set(directory.names())
    tries = (f"{wanted}-{number}" for number in range(1, len(taken) + 2))
    return wanted if wanted not in taken else next(name for name in tries if name not in taken)
