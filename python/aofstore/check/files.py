"""Which files there are at a path, and which of them make up one data set."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..config import Config
from ..errors import AofOpenError


@dataclass(frozen=True, slots=True)
class Log:
    """Files of one directory that make up one data set, in the order in which they are loaded."""

    directory: Path
    names: tuple[str, ...]


def find(path: str | os.PathLike[str], config: Config) -> tuple[Log, ...]:
    """The data sets at a path, at least one. AofOpenError: there is none, or it cannot be looked at."""
    place = Path(path).absolute()
    with reading(place):
        place = place.resolve(strict=True)
        if not place.is_dir():
            return (_file(place),)
        found = _directory(place, config)
    if not found:
        raise AofOpenError(f"there is no log and no snapshot in {place}", path=str(place))
    return found


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """AofOpenError instead of OSError."""
    try:
        yield
    except OSError as error:
        text = f"cannot look at {path}: {error.strerror or error}"
        raise AofOpenError(text, path=str(path), errno=error.errno) from error


def _directory(place: Path, config: Config) -> tuple[Log, ...]:
    names = sorted(entry.name for entry in place.iterdir() if entry.is_file() and not entry.is_symlink())
    logs = [name for name in names if name == config.appendfilename]
    logs = logs or [name for name in names if name.endswith(".aof") and not name.startswith("temp-")]
    logs += [name for name in names if name == config.dbfilename]
    return tuple(_file(place / name) for name in logs)


def _file(path: Path) -> Log:
    if not path.is_file():
        raise AofOpenError(f"{path} is neither a file nor a directory", path=str(path))
    return Log(path.parent, (path.name,))
