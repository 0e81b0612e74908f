"""Copies of data that is only read: as of a moment, in another layout, with another base.

The source is opened as a view, so not a byte of it changes. The copy is written in a directory beside its
place and renamed there when all of it is on the disk: whoever finds it finds it whole.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from ._core import Directory, Export
from .config import Config
from .errors import AofOpenError, ConfigError
from .lifetime import Lifetime
from .loading import load
from .moment import View
from .types import LoadProgress

Layout: TypeAlias = Literal["single-file", "multi-part"]
Base: TypeAlias = Literal["resp", "rdb10", "rdb11"]
Watch: TypeAlias = Callable[[str, int, int], object]
"""Told ``(act, done, total)``; the acts are "loading" and "writing"."""

LAYOUTS: tuple[Layout, ...] = ("single-file", "multi-part")
BASES: tuple[Base, ...] = ("resp", "rdb10", "rdb11")

_LOOK_EVERY_SECONDS = 0.05
#: Reads what any other settings wrote.
_ANY = Config(databases=2**31 - 1, proto_max_bulk_len=2**63 - 1)


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied: ``keys`` and ``bytes`` of the copy, ``commands`` that were read for it."""

    source: str
    target: str
    layout: Layout
    base: Base
    keys: int
    bytes: int
    commands: int
    seconds: float


class TargetTakenError(AofOpenError):
    """There is something where the copy should go."""


def copy(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    layout: Layout | None = None,
    base: Base = "resp",
    view: View | None = None,
    skip_unknown: bool = False,
    watch: Watch = lambda *_: None,
) -> Copied:
    """Write the data of ``source`` into the new or empty directory ``target``.

    ``source`` is a data directory, a directory with a manifest, a log, or a snapshot. ``layout`` is the
    source's own unless given. ``view`` says as of when. ``skip_unknown`` leaves out values of types that the
    store does not have, with a warning for each. TargetTakenError, before anything is read, when
    ``target`` is not empty; AofOpenError and AofLoadError as `aofstore.open` raises them; AofWriteError when
    the copy could not be written: then nothing of it is left.
    """
    if (layout is not None and layout not in LAYOUTS) or base not in BASES:
        raise ConfigError(f"a copy has one of the layouts {LAYOUTS} and one of the bases {BASES}")
    began = time.monotonic()
    place = Path(target).absolute()
    _refuse_taken(place)
    config = _reading(Path(source).absolute())
    config = config.replace(unknown_types="skip" if skip_unknown else "raise")
    view = View(None if view is None else view.until, alone=config.aof_layout == "single-file")

    total = 0

    def loading(progress: LoadProgress) -> None:
        nonlocal total
        total = progress.bytes_total
        watch("loading", progress.bytes_done, total)

    lifetime = load(config, loading, view)
    try:
        # What was logged after the moment of the view is not read.
        watch("loading", total, total)
        layout = layout or _layout(config)
        with _staged(place) as staging:
            keys, written = _write(lifetime, staging, layout, base, view, watch)
    finally:
        lifetime.close()
    seconds = time.monotonic() - began
    commands = lifetime.report.commands
    return Copied(str(source), str(target), layout, base, keys, written, commands, seconds)


def _reading(source: Path) -> Config:
    """The settings that read ``source``, whatever it is."""
    if not source.exists():
        raise AofOpenError(f"there is no {source}", path=str(source), errno=2)
    if source.is_file():
        return _parts(source) if source.suffix == ".manifest" else _file(source)
    if not source.is_dir():
        raise AofOpenError(f"{source} is neither a directory nor a file", path=str(source))
    names = Config()
    for directory in (source, source / names.appenddirname):
        if manifest := _manifest_in(directory):
            return _parts(manifest)
    # Without a manifest what is in there is refused with a reason, not passed over.
    if (parts := source / names.appenddirname).is_dir() and any(parts.iterdir()):
        return _parts(parts / f"{names.appendfilename}.manifest")
    log, snapshot = source / names.appendfilename, source / names.dbfilename
    return _file(log if log.exists() or not snapshot.exists() else snapshot)


def _file(path: Path) -> Config:
    """One file, a log or a snapshot: a log may begin with one, and end there."""
    return _ANY.replace(dir=path.parent, appendonly=True, appendfilename=path.name, aof_layout="single-file")


def _parts(manifest: Path) -> Config:
    return _ANY.replace(
        dir=manifest.parent.parent,
        appendonly=True,
        appenddirname=manifest.parent.name,
        appendfilename=manifest.stem,
        aof_layout="multi-part",
    )


def _manifest_in(directory: Path) -> Path | None:
    if not directory.is_dir():
        return None
    found = [path for path in directory.glob("*.manifest") if not path.name.startswith("temp-")]
    if len(found) > 1:
        names = ", ".join(sorted(path.name for path in found))
        raise AofOpenError(f"{directory} has several manifests, name one: {names}", path=str(directory))
    return found[0] if found else None


def _layout(config: Config) -> Layout:
    return "multi-part" if config.aof_layout == "multi-part" else "single-file"


def _refuse_taken(place: Path) -> None:
    try:
        taken = place.is_symlink() or (place.exists() and (not place.is_dir() or any(place.iterdir())))
    except OSError as error:
        raise AofOpenError(
            f"cannot look at {place}: {error.strerror}", path=str(place), errno=error.errno
        ) from error
    if taken:
        raise TargetTakenError(f"{place} is not a new or empty directory: name another", path=str(place))
    if not place.parent.is_dir():
        raise AofOpenError(f"there is no directory {place.parent} for {place.name}", path=str(place))


@contextlib.contextmanager
def _staged(place: Path) -> Iterator[Path]:
    """A directory beside ``place``, which takes its name at the end or is gone."""
    staging = place.with_name(f".{place.name}.partial-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        yield staging
        try:
            staging.rename(place)
            _sync(place.parent)
        except OSError as error:
            raise AofOpenError(
                f"cannot put the copy at {place}: {error.strerror}", path=str(place), errno=error.errno
            ) from error
    finally:
        # Nothing is there any more when it was renamed.
        shutil.rmtree(staging, ignore_errors=True)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(
    lifetime: Lifetime, staging: Path, layout: Layout, base: Base, view: View, watch: Watch
) -> tuple[int, int]:
    """The files of the copy, each of them and its name on the disk; keys and bytes."""
    export = lifetime.engine.export()
    names = Config()
    with contextlib.ExitStack() as opened:
        directory = Directory(str(staging))
        opened.callback(directory.close)
        if layout == "multi-part":
            directory = Directory(str(staging / names.appenddirname))
            opened.callback(directory.close)
        write = export.parts if layout == "multi-part" else export.single
        with ThreadPoolExecutor(1) as executor:
            running = executor.submit(write, directory, names.appendfilename, base, view.second)
            _watch(export, running, watch)
    keys, _, written = export.progress()
    return keys, written


def _watch(export: Export, running: Future[None], watch: Watch) -> None:
    try:
        while not running.done():
            time.sleep(_LOOK_EVERY_SECONDS)
            done, total, _ = export.progress()
            watch("writing", done, total)
    except BaseException:
        export.stop()
        raise
    running.result()
    done, total, _ = export.progress()
    watch("writing", done, total)
