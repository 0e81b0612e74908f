"""Opening: lock the directory, replay the log in steps, decide what to do with its end, start appending.

Policy is here, work is in the extension: between two steps signals are handled, so Ctrl-C stops a load, and
so does an exception in the progress callback. Whatever stops it, everything is released and no file was
changed. A file is cut only at a torn tail, only when the settings allow it, and what is cut is kept beside
it.
"""

from __future__ import annotations

import dataclasses
import errno
import logging
from contextlib import ExitStack
from pathlib import Path

from ._core import Directory, Engine, Loader
from .config import Config
from .errors import AofLoadError, AofOpenError, ConfigError
from .files import Layout, LogFile, layout_of, refuse_other_layout
from .lifetime import Lifetime, keep_from_copies
from .moment import View
from .paths import shown
from .progress import OnProgress, Progress
from .tails import forgive
from .types import LoadReport, Truncation

logger = logging.getLogger("aofstore")


def load(config: Config, on_progress: OnProgress | None, view: View | None = None) -> Lifetime:
    """Open what ``config`` describes; with ``view`` to be read only, and without touching a file.

    AofOpenError, AofLockedError: the directory cannot be used. AofLoadError: its log cannot be read whole.
    """
    with ExitStack() as undo:
        directory = None
        if config.dir is not None:
            directory = Directory(str(Path(config.dir).absolute()), shared=view is not None)
            undo.callback(directory.close)
            keep_from_copies(directory)
            if view is None or not view.alone:
                refuse_other_layout(directory, config)
        engine = Engine(config.live_settings())
        begun: list[Layout] = []
        undo.callback(_give_up, engine, begun)
        layout = None if directory is None else layout_of(engine, directory, config)
        begun += [] if layout is None else [layout]
        files = layout.files() if layout is not None and config.appendonly else []
        lone = [] if files else _lone_snapshot(directory, config)
        if lone and view is None:
            # The log is switched on when all that it begins with is there.
            engine.client().execute("CONFIG", "SET", "appendonly", "no")
        report = _replay(engine, files or lone, config, on_progress, view)
        if view is not None:
            _refuse_nothing(layout, config, report)
            engine.start_view()
        elif layout is not None:
            report = _moved(report, layout.start(log=config.appendonly and not lone))
            if lone and config.appendonly:
                _begin_log(engine, lone[0].path)
        else:
            engine.start()
        lifetime = Lifetime(engine, directory, config, report)
        undo.pop_all()
        return lifetime


def _give_up(engine: Engine, begun: list[Layout]) -> None:
    """After an opening that failed: first the engine, then nobody is at work in the files any more."""
    with ExitStack() as undo:
        for layout in begun:
            # Explicitly: whoever keeps the error keeps its traceback, and with it all that was opened here.
            undo.callback(layout.close)
            undo.callback(layout.forsake)
        undo.callback(engine.close)


def _lone_snapshot(directory: Directory | None, config: Config) -> list[LogFile]:
    """The snapshot that is the data where there is no log: servers begin empty beside it if the log is on."""
    size = None if directory is None else directory.size(config.dbfilename)
    if directory is None or size is None:
        return []
    # Not the last file of a log: nothing of it may be cut off.
    return [LogFile(directory, config.dbfilename, size, last=False, snapshot=True)]


def _moved(report: LoadReport, moved: dict[str, str]) -> LoadReport:
    """The report, naming files as they are to be found now."""
    if not moved:
        return report
    return dataclasses.replace(
        report,
        files=tuple(moved.get(path, path) for path in report.files),
        truncations=tuple(
            dataclasses.replace(cut, path=moved.get(cut.path, cut.path)) for cut in report.truncations
        ),
    )


def _begin_log(engine: Engine, snapshot: str) -> None:
    """The log appears with all that was loaded in it, or not at all: then the snapshot is still the data."""
    engine.client().execute("CONFIG", "SET", "appendonly", "yes")
    engine.wait_rewrite()
    logger.warning(
        "%s: there was no log beside it; one was begun with its data, and the snapshot is not read again",
        shown(snapshot),
    )


def _refuse_nothing(layout: Layout | None, config: Config, report: LoadReport) -> None:
    """AofOpenError when there is nothing that a view could be of: never an empty one by mistake."""
    if layout is None:
        raise ConfigError("a store that is to be read only needs a directory: give open() a path, or set dir")
    if report.files:
        return
    if config.appendonly:
        raise AofOpenError(f"there is no log {layout.path} to read", path=layout.path, errno=errno.ENOENT)
    path = str(Path(config.dir or "").absolute() / config.dbfilename)
    raise AofOpenError(
        f"there is no snapshot {path} to read, and appendonly is no: a log is read with yes",
        path=path,
        errno=errno.ENOENT,
    )


def _replay(
    engine: Engine,
    files: list[LogFile],
    config: Config,
    on_progress: OnProgress | None,
    view: View | None,
) -> LoadReport:
    """Load the files in order, up to the moment that the view is of."""
    progress = Progress(on_progress, sum(file.size for file in files))
    loaded: list[LoadReport] = []
    for file in files:
        if not file.size and not file.snapshot:
            loaded.append(LoadReport((file.path,)))
            continue
        report, over = _replay_file(engine, file, config, progress, view)
        loaded.append(report)
        if over:
            break
    return LoadReport(
        tuple(path for report in loaded for path in report.files),
        sum(report.commands for report in loaded),
        sum(report.bytes for report in loaded),
        progress.seconds if files else 0.0,
        tuple(cut for report in loaded for cut in report.truncations),
    )


def _replay_file(
    engine: Engine, file: LogFile, config: Config, progress: Progress, view: View | None
) -> tuple[LoadReport, bool]:
    """What was loaded, and whether the moment was reached that the view is of."""
    began = progress.seconds
    until = None if view is None else view.until
    loader = engine.loader(
        file.directory,
        file.name,
        until=until,
        base=file.base,
        snapshot=file.snapshot,
        # Nothing expires before the commands of a log that saw it; nor in a store that is only read.
        expire=file.snapshot and view is None,
    )
    try:
        _run(loader, file, config, progress)
        keys, expired, commands = loader.keys, loader.expired, loader.commands
        kept, truncations = _settle(loader, file, config, view)
        over = loader.outcome()[0] == "later"
    finally:
        loader.close()
    seconds = progress.seconds - began
    left_out = f" ({expired} more had expired)" if expired else ""
    snapshot = f"{keys} keys of a snapshot{left_out} and " if keys or expired else ""
    told = shown(file.path), snapshot, commands, kept, seconds
    logger.info("%s: loaded %s%d commands, %d bytes in %.3f s", *told)
    return LoadReport((file.path,), commands, kept, seconds, truncations), over


def _run(loader: Loader, file: LogFile, config: Config, progress: Progress) -> None:
    try:
        progress.run(loader, file.path)
    except AofLoadError as error:
        if not file.last or error.path != file.path:
            raise
        forgive(error, loader, config)


def _settle(
    loader: Loader, file: LogFile, config: Config, view: View | None
) -> tuple[int, tuple[Truncation, ...]]:
    """What to do with the end of the file: nothing when it is whole, cut a torn tail or refuse it.

    The bytes that count, and what was cut.
    """
    state, valid_to = loader.outcome()
    if state != "torn":
        return valid_to, ()
    path, dropped = file.path, loader.bytes_total - valid_to
    if not (file.last and config.aof_load_truncated):
        advice = (
            "Open it with aof_load_truncated=True to cut them off (they are kept in a file beside)"
            if file.last
            else "It is not the last file of the log, so what follows would be without what is missing here; "
            "put the file back from a backup, or see what repair() would drop"
        )
        raise AofLoadError(
            f"{path} ends in the middle of a command: {dropped} bytes at offset {valid_to} are not whole. "
            f"{advice}",
            kind="truncated",
            path=path,
            offset=valid_to,
        )
    if view is not None:
        logger.warning("%s: left out %d bytes at offset %d (torn tail)", shown(path), dropped, valid_to)
        return valid_to, ()
    saved_to = loader.truncate()
    told = shown(path), dropped, valid_to, shown(saved_to)
    logger.warning("%s: cut %d bytes at offset %d (torn tail), kept in %s", *told)
    return valid_to, (Truncation(path, valid_to, dropped, saved_to),)
