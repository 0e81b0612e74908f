"""Which files there are at a path, and which of them make up one data set."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .._core import Checker
from ..config import Config
from ..errors import AofLoadError, AofOpenError
from ..files import holds_data
from ..paths import AnyPath, is_text
from ..types import FileReport, Problem

_MANIFEST = ".manifest"


@dataclass(frozen=True, slots=True)
class Log:
    """Files of one directory that make up one data set, in the order in which they are loaded.

    ``home`` is the directory that a store locks; ``manifest`` is the report on the file that lists the
    others; ``rebuilt`` is the text of a new one, where that one was to be made anew. ``is_part``: it is only
    a part of one, so its commands do not mean much by themselves; ``is_followed``: others come behind it;
    ``is_snapshot``: it is a snapshot and nothing else.
    """

    directory: Path
    names: tuple[str, ...]
    home: Path
    manifest: FileReport | None = None
    rebuilt: bytes | None = None
    guesses: tuple[str, ...] = ()
    is_part: bool = False
    is_followed: bool = False
    is_snapshot: bool = False


@dataclass(frozen=True, slots=True)
class Finder:
    """Looks for data sets; with ``rebuild`` a manifest that cannot be used is made anew in memory."""

    config: Config
    rebuild: bool = False

    def find(self, path: AnyPath) -> tuple[Log, ...]:
        """The data sets at a path, at least one. AofOpenError: there is none, or it cannot be looked at."""
        place = Path(os.fsdecode(path)).absolute()
        with reading(place):
            place = place.resolve(strict=True)
            found = self._directory(place) if place.is_dir() else (self._file(place),)
        if not found:
            names = (self.config.appendfilename, self.config.dbfilename)
            odd = [f"{name} is {what}" for name in names if (what := _oddity(place / name))]
            text = "; ".join([f"there is no log and no snapshot in {place}", *odd])
            raise AofOpenError(text, path=str(place))
        return found

    def _directory(self, place: Path) -> tuple[Log, ...]:
        config = self.config
        if stems := self._stems(place):
            return tuple(self._parts(place, stem, place.parent) for stem in stems)
        names = _files(place)
        found: list[Log] = []
        for folder in sorted(entry for entry in place.iterdir() if entry.is_dir()):
            # People put a log on another disk by a link, which opening follows.
            if folder.name == config.appenddirname:
                found += [self._parts(folder, stem, place) for stem in self._stems(folder)]
            elif not folder.is_symlink():
                # Others may be anybody's, and closed (lost+found).
                with suppress(PermissionError):
                    found += [self._parts(folder, stem, place) for stem in self._stems(folder)]
        log = place / config.appendfilename
        if not found and (what := _oddity(log)):
            raise AofOpenError(f"{log} is {what}", path=str(log))
        logs = [name for name in names if name == config.appendfilename]
        if not logs and not found:
            logs = [name for name in names if name.endswith(".aof") and not name.startswith("temp-")]
        if found and not _is_outside(found):
            logs = []
        snapshots = [name for name in names if name == config.dbfilename]
        if not snapshots and not found and not logs:
            snapshots = [name for name in names if name.endswith(".rdb") and not name.startswith("temp-")]
        return (*found, *(self._file(place / name) for name in [*logs, *snapshots]))

    def _stems(self, place: Path) -> list[str]:
        """The multi-part logs whose files are in a directory."""
        names = _files(place)
        found = {
            name.removesuffix(_MANIFEST)
            for name in names
            if name.endswith(_MANIFEST) and not name.startswith("temp-")
        }
        if Checker.parts(self.config.appendfilename, names):
            found.add(self.config.appendfilename)
        return sorted(found)

    def _file(self, path: Path) -> Log:
        if not path.is_file():
            raise AofOpenError(f"{path} is neither a file nor a directory", path=str(path))
        if not is_text(path.name):
            text = f"cannot read {path}: the name of the file is not UTF-8; give it another"
            raise AofOpenError(text, path=str(path))
        if path.name.endswith(_MANIFEST):
            return self._parts(path.parent, path.name.removesuffix(_MANIFEST), path.parent.parent)
        place = path.parent
        for stem in self._stems(place):
            names = self._parts(place, stem, place.parent).names
            if path.name in names or Checker.parts(stem, [path.name]):
                behind = names[names.index(path.name) + 1 :] if path.name in names else ()
                followed = any((place / name).stat().st_size for name in behind)
                return Log(place, (path.name,), place.parent, is_part=True, is_followed=followed)
        snapshot = path.name == self.config.dbfilename or path.name.endswith(".rdb")
        return Log(place, (path.name,), place, is_snapshot=snapshot)

    def _parts(self, place: Path, stem: str, home: Path) -> Log:
        path = place / f"{stem}{_MANIFEST}"
        checker = Checker(str(place), self.config.live_settings(), False)
        problems: list[Problem] = []
        live: list[str] | None = None
        history: list[str] = []
        names = _files(place)
        rebuilt: tuple[bytes, list[str], list[str]] | None = None
        try:
            if (listed := checker.manifest(path.name)) is not None:
                live, history = listed
            if not live and Checker.parts(stem, _filled(place, names)):
                problems.append(_lost(path, missing=live is None))
        except AofLoadError as error:
            problems.append(Problem("manifest", str(path), error.offset, None, str(error)))
        if self.rebuild and problems and (rebuilt := checker.rebuilt(stem)) is not None:
            problems, live = [], rebuilt[1]
        live, known = live or [], {*(live or []), *history}
        outside = place.parent / stem
        taken_over = live[:1] == [stem] and stem not in names and outside.is_file()
        missing = [name for name in live if name not in names and not (taken_over and name == stem)]
        is_stray = bool(live) and not taken_over and holds_data(outside)
        # Without a manifest that says anything nobody knows which files are orphans: they may be the log.
        orphans = [] if problems else [name for name in Checker.parts(stem, names) if name not in known]
        if not problems and stem in names and stem not in known:
            orphans.append(stem)
        problems += [_missing(path, place / name) for name in missing]
        problems += [_orphan(place / name) for name in orphans]
        problems += [_stray(outside)] if is_stray else []
        size = path.stat().st_size if path.is_file() else 0
        bad = [problem.offset for problem in problems if problem.kind == "manifest"]
        valid_to = (bad[0] or 0) if bad else size
        report = FileReport(str(path), "manifest", size, 0, valid_to, tuple(problems))
        present = tuple(name for name in live if name in names)
        text, guesses = (None, ()) if rebuilt is None else (rebuilt[0], tuple(rebuilt[2]))
        return Log(place, present, home, report, text, guesses)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """AofOpenError instead of OSError."""
    try:
        yield
    except RuntimeError as error:  # what pathlib makes of a link to itself, up to Python 3.12
        raise AofOpenError(f"cannot look at {path}: {error}", path=str(path), errno=errno.ELOOP) from error
    except OSError as error:
        text = f"cannot look at {path}: {error.strerror or error}"
        raise AofOpenError(text, path=str(path), errno=error.errno) from error


def _files(place: Path) -> list[str]:
    """Those that could be a store's."""
    entries = (entry for entry in place.iterdir() if is_text(entry.name))
    return sorted(entry.name for entry in entries if entry.is_file() and not entry.is_symlink())


def _filled(place: Path, names: list[str]) -> list[str]:
    return [name for name in names if (place / name).stat().st_size]


def _is_outside(found: list[Log]) -> bool:
    """Whether the data is still in the single file beside a multi-part log: a take-over was interrupted."""
    bad = any(problem.kind == "manifest" for log in found for problem in _of(log))
    return not bad and not any(log.names for log in found)


def _of(log: Log) -> tuple[Problem, ...]:
    return () if log.manifest is None else log.manifest.problems


def _lost(path: Path, *, missing: bool) -> Problem:
    what = "is missing" if missing else "lists no data"
    text = (
        f"the manifest {what}, but there are files of a log; a repair with rebuild_manifest makes it anew "
        "from their names"
    )
    return Problem("manifest", str(path), 0, None, text)


def _missing(manifest: Path, path: Path) -> Problem:
    what = _oddity(path) or "not there"
    text = f"{manifest.name} lists this file, and it is {what}: put it back from a backup"
    return Problem("manifest", str(path), None, None, text)


def _oddity(path: Path) -> str | None:
    """What there is in the place of a file or a directory and is neither."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return None
    if stat.S_ISLNK(mode):
        return "a symbolic link, and none is followed"
    if stat.S_ISDIR(mode):
        return "a directory and not a file"
    return None if stat.S_ISREG(mode) else "not a regular file"


def _stray(path: Path) -> Problem:
    """Nothing reads it, and it may be the newer one."""
    text = (
        "a log in one file beside the manifest of another, which is the one that is loaded; perhaps a server "
        "that knows no manifest wrote it; no repair touches it"
    )
    return Problem("orphan", str(path), None, None, text)


def _orphan(path: Path) -> Problem:
    text = "no manifest lists this file, so nothing of it is loaded; no repair touches it"
    return Problem("orphan", str(path), None, None, text)
