"""Which files make up a log, in either layout: what is loaded, in which order, and what is refused.

Looks before it loads: a manifest that lists what is not there, files without a manifest, or a layout over the
other's files stop an opening before a byte is read or changed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ._core import Directory, Engine
from .config import Config
from .errors import AofLoadError, AofOpenError
from .paths import shown

logger = logging.getLogger("aofstore")


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file that is to be loaded.

    ``last``: only empty ones come behind it, so that its end may be torn. ``snapshot``: it is one and nothing
    else.
    """

    directory: Directory
    name: str
    size: int
    base: bool = False
    last: bool = True
    snapshot: bool = False

    @property
    def path(self) -> str:
        """Its whole path."""
        return str(Path(self.directory.path, self.name))


class Layout(Protocol):
    """The files of one log."""

    @property
    def path(self) -> str:
        """The file that tells whether there is a log."""

    def files(self) -> list[LogFile]:
        """What is to be loaded, in order. AofOpenError, AofLoadError."""

    def forsake(self) -> None:
        """After an opening that failed: leave nothing that was begun."""

    def start(self, *, log: bool) -> dict[str, str]:
        """End the load, and go on in the log, or without one; the files that were moved, from and to."""

    def close(self) -> None:
        """Let go of what was opened to look at it: nothing was started."""


class SingleFile:
    """A log in one file, as Redis before 7 wrote it."""

    def __init__(self, engine: Engine, directory: Directory, config: Config) -> None:
        """Nothing is looked at yet."""
        self._engine, self._directory, self._config = engine, directory, config

    @property
    def path(self) -> str:
        """The one file."""
        return str(Path(self._directory.path, self._config.appendfilename))

    def files(self) -> list[LogFile]:
        """The one file, if there is one."""
        name = self._config.appendfilename
        size = self._directory.size(name)
        return [] if size is None else [LogFile(self._directory, name, size)]

    def forsake(self) -> None:
        """Nothing: a file appears whole."""

    def start(self, *, log: bool) -> dict[str, str]:
        """End the load, and go on in the file, or without one."""
        start = self._engine.start_log if log else self._engine.start
        start(self._directory, self._config.appendfilename)
        return {}

    def close(self) -> None:
        """Nothing is open but the directory, which is not this one's."""


class MultiPart:
    """A log as a base, increments and a manifest, in a directory of its own."""

    def __init__(self, engine: Engine, directory: Directory, config: Config) -> None:
        """Nothing is read yet."""
        self._engine, self._directory, self._config = engine, directory, config
        self._parts = engine.parts(directory, config.appenddirname, config.appendfilename)
        self._inside: Directory | None = None
        self._takes_over = False

    @property
    def path(self) -> str:
        """The manifest."""
        return self._parts.path

    def files(self) -> list[LogFile]:
        """What the manifest lists, or a single file, which becomes the base at `start`."""
        names = self._parts.read()
        self._inside = inside = self._parts.directory
        if not names:
            self._refuse_lost(names is None)
        stem = self._config.appendfilename
        # The base of that name alone is a take-over that was interrupted.
        outside = self._directory.size(stem) if not names or names == [stem] else None
        self._takes_over = outside is not None
        if outside is not None and (not names or inside is None or inside.size(stem) is None):
            return [LogFile(self._directory, stem, outside)]
        if inside is None or not names:
            return []
        if not self._takes_over:
            self._tell_stray(stem)
        sizes = [self._size(inside, name) for name in names]
        base = self._parts.base
        return [
            LogFile(inside, name, size, name == base, not any(sizes[number + 1 :]))
            for number, (name, size) in enumerate(zip(names, sizes, strict=True))
        ]

    def forsake(self) -> None:
        """Remove the directory of the parts if it was made for nothing."""
        self._parts.forsake()

    def start(self, *, log: bool) -> dict[str, str]:
        """End the load, and go on in the newest increment, or without one."""
        moved = {}
        if log and self._takes_over:
            self._parts.take_over()
            self._parts.read()
            stem = self._config.appendfilename
            moved[str(Path(self._directory.path, stem))] = str(Path(self._parts.path).with_name(stem))
        self._engine.start_parts(self._parts, log)
        return moved

    def _tell_stray(self, stem: str) -> None:
        """A single file beside the log: nothing reads it, and it may be the newer one."""
        path = Path(self._directory.path, stem)
        if holds_data(path):
            logger.warning(
                "%s is a log in one file beside the manifest %s, whose log is the one that is loaded; maybe "
                "a server that knows no manifest wrote it. It is left: look into it, then move it aside",
                shown(path),
                shown(self._parts.path),
            )

    def close(self) -> None:
        """Close the log's directory too."""
        self._parts.close()
        if self._inside is not None:
            self._inside.close()

    def _size(self, directory: Directory, name: str) -> int:
        size = directory.size(name)
        if size is None:
            raise AofLoadError(
                f"{self._parts.path} lists {name}, which is not there; nothing was changed. "
                "Put the file back from a backup; without it the log cannot be read whole",
                kind="manifest",
                path=str(Path(directory.path, name)),
                offset=0,
            )
        return size

    def _refuse_lost(self, missing: bool) -> None:
        """AofLoadError when there are files of a log and nothing says which of them are the data."""
        if not (files := self._parts.unlisted()):
            return
        what = "is missing" if missing else "lists no data"
        raise AofLoadError(
            f"the manifest {self._parts.path} {what}, but there are files of a log: {', '.join(files)}; "
            "nothing was changed. Rebuild it from them (repair with rebuild_manifest), or move them aside to "
            "begin empty",
            kind="manifest",
            path=self._parts.path,
            offset=0,
        )


def holds_data(path: Path) -> bool:
    """Whether there is a file that is not empty."""
    return path.is_file() and not path.is_symlink() and path.stat().st_size > 0


def layout_of(engine: Engine, directory: Directory, config: Config) -> Layout:
    """The layout that ``config`` asks for."""
    multi = config.aof_layout == "multi-part"
    return MultiPart(engine, directory, config) if multi else SingleFile(engine, directory, config)


def refuse_other_layout(directory: Directory, config: Config) -> None:
    """AofOpenError when a store with a single file would begin beside a multi-part log."""
    if config.aof_layout == "multi-part":
        return
    names = set(directory.names())
    for parts in sorted({"appendonlydir", config.appenddirname} & names):
        if _holds_files(Path(directory.path, parts)):
            raise _other(directory, parts, "is a multi-part log")
    for manifest in sorted({"appendonly.aof.manifest", f"{config.appendfilename}.manifest"} & names):
        raise _other(directory, manifest, "is the manifest of a multi-part log")


def _other(directory: Directory, name: str, what: str) -> AofOpenError:
    path = str(Path(directory.path, name))
    return AofOpenError(
        f'{path} {what}, and a store with aof_layout="single-file" does not read it; nothing was changed. '
        'Open it with aof_layout="multi-part", or move it aside to begin empty',
        path=path,
    )


def _holds_files(path: Path) -> bool:
    try:
        return any(path.iterdir())
    except NotADirectoryError:
        return False
    except OSError as error:
        raise AofOpenError(
            f"cannot look into {path}: {error.strerror}", path=str(path), errno=error.errno
        ) from error
