"""Opening: lock the directory, replay the log in steps, decide what to do with its end, start appending.

Policy is here, work is in the extension: between two steps signals are handled, so Ctrl-C stops a load, and
so does an exception in the progress callback. Whatever stops it, everything is released and no file was
changed. A file is cut only at a torn tail, only when the settings allow it, and what is cut is kept beside
it.
"""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from ._core import Directory, Engine, Loader
from .config import Config
from .errors import AofLoadError, AofOpenError, ConfigError
from .later import INTEROP, not_yet
from .lifetime import Lifetime, keep_from_copies
from .moment import View
from .types import LoadProgress, LoadReport, Truncation

logger = logging.getLogger("aofstore")

OnProgress = Callable[[LoadProgress], object]

_STEP_MS = 10


def load(config: Config, on_progress: OnProgress | None, view: View | None = None) -> Lifetime:
    """Open what ``config`` describes; with ``view`` to be read only, and without touching a file.

    AofOpenError, AofLockedError: the directory cannot be used. AofLoadError: its log cannot be read whole.
    """
    if config.aof_layout == "multi-part":
        not_yet('aof_layout="multi-part"', INTEROP)
    with ExitStack() as undo:
        directory = None
        if config.dir is not None:
            directory = Directory(str(Path(config.dir).absolute()), shared=view is not None)
            undo.callback(directory.close)
            keep_from_copies(directory)
            refuse_foreign(directory, config)
        engine = Engine(config.live_settings())
        undo.callback(engine.close)
        report = LoadReport()
        if directory is not None and config.appendonly:
            report = _replay(engine, directory, config, on_progress, view)
        if view is not None:
            _refuse_nothing(directory, config)
            engine.start_view()
        elif directory is not None and config.appendonly:
            engine.start_log(directory, config.appendfilename)
        elif directory is not None:
            engine.start(directory, config.appendfilename)
        else:
            engine.start()
        lifetime = Lifetime(engine, directory, config, report)
        undo.pop_all()
        return lifetime


def refuse_foreign(directory: Directory, config: Config) -> None:
    """AofOpenError when the directory holds data that this release cannot read: never an empty start."""
    names = set(directory.names())
    for parts in sorted({"appendonlydir", config.appenddirname} & names):
        if _holds_files(Path(directory.path, parts)):
            raise _unreadable(directory, parts, "is a multi-part log")
    for manifest in sorted({"appendonly.aof.manifest", f"{config.appendfilename}.manifest"} & names):
        raise _unreadable(directory, manifest, "is the manifest of a multi-part log")
    if config.dbfilename in names and not (config.appendonly and config.appendfilename in names):
        raise _unreadable(directory, config.dbfilename, "is a snapshot (RDB)")


def _refuse_nothing(directory: Directory | None, config: Config) -> None:
    """AofOpenError when there is nothing that a view could be of: never an empty one by mistake."""
    if directory is None:
        raise ConfigError("a store that is to be read only needs a directory: give open() a path, or set dir")
    if directory.size(config.appendfilename) is None:
        path = str(Path(directory.path, config.appendfilename))
        raise AofOpenError(f"there is no log {path} to read", path=path, errno=errno.ENOENT)


def _holds_files(path: Path) -> bool:
    try:
        return any(path.iterdir())
    except NotADirectoryError:
        return False
    except OSError as error:
        raise AofOpenError(
            f"cannot look into {path}: {error.strerror}", path=str(path), errno=error.errno
        ) from error


def _unreadable(directory: Directory, name: str, what: str) -> AofOpenError:
    path = str(Path(directory.path, name))
    return AofOpenError(
        f"{path} {what}, which this release cannot read ({INTEROP} can); nothing was changed. "
        "Open another directory, or move this aside to begin empty",
        path=path,
    )


def _replay(
    engine: Engine,
    directory: Directory,
    config: Config,
    on_progress: OnProgress | None,
    view: View | None,
) -> LoadReport:
    name = config.appendfilename
    path = str(Path(directory.path, name))
    if not directory.size(name):
        return LoadReport(files=() if directory.size(name) is None else (path,))
    began = time.monotonic()
    loader = engine.loader(directory, name, until=None if view is None else view.until)
    try:
        _run(loader, path, began, on_progress)
        keys, commands = loader.keys, loader.commands
        kept, truncations = _settle(loader, path, config, view)
    finally:
        loader.close()
    seconds = time.monotonic() - began
    snapshot = f"{keys} keys of a snapshot and " if keys else ""
    logger.info("%s: loaded %s%d commands, %d bytes in %.3f s", path, snapshot, commands, kept, seconds)
    return LoadReport((path,), commands, kept, seconds, truncations)


def _run(loader: Loader, path: str, began: float, on_progress: OnProgress | None) -> None:
    if on_progress is None:
        while not loader.step(_STEP_MS):
            pass
        return
    done, reported = False, -1
    while True:
        if loader.bytes_done != reported:
            reported = loader.bytes_done
            on_progress(_progress(loader, path, began))
        if done:
            return
        # Without a budget a step ends at every tick of the loader: 1000 commands.
        done = loader.step(0)


def _progress(loader: Loader, path: str, began: float) -> LoadProgress:
    done, total = loader.bytes_done, loader.bytes_total
    seconds = time.monotonic() - began
    eta = seconds * (total - done) / done if done else None
    return LoadProgress(path, done, total, loader.commands, seconds, eta)


def _settle(
    loader: Loader, path: str, config: Config, view: View | None
) -> tuple[int, tuple[Truncation, ...]]:
    """What to do with the end of the file: nothing when it is whole, cut a torn tail or refuse it.

    The bytes that count, and what was cut.
    """
    state, valid_to = loader.outcome()
    if state != "torn":
        return valid_to, ()
    dropped = loader.bytes_total - valid_to
    if not config.aof_load_truncated:
        raise AofLoadError(
            f"{path} ends in the middle of a command: {dropped} bytes at offset {valid_to} are not whole. "
            "Open it with aof_load_truncated=True to cut them off (they are kept in a file beside)",
            kind="truncated",
            path=path,
            offset=valid_to,
        )
    if view is not None:
        logger.warning("%s: left out %d bytes at offset %d (torn tail)", path, dropped, valid_to)
        return valid_to, ()
    saved_to = loader.truncate()
    logger.warning("%s: cut %d bytes at offset %d (torn tail), kept in %s", path, dropped, valid_to, saved_to)
    return valid_to, (Truncation(path, valid_to, dropped, saved_to),)
