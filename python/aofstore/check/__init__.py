"""Checking and repairing the files of a store.

Reading is the extension's work; which files belong together, what may be cut and what is said about it is
decided here. A check changes nothing and takes no lock; a repair changes nothing before ``apply``.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from ..config import Config
from ..errors import AofOpenError
from ..paths import AnyPath
from ..types import CheckReport, FileReport, RepairReport
from .files import Finder
from .mending import mend
from .reading import OnProgress, examine

__all__ = ["check", "repair"]

_TRIES = 5


def check(
    path: AnyPath,
    *,
    config: Config | None = None,
    replay: bool = True,
    on_progress: OnProgress | None = None,
) -> CheckReport:
    """Read the files at ``path`` without changing them and report what is wrong.

    ``path`` is a data directory, the directory of a multi-part log, a manifest, a log or a snapshot. The
    report is sound when a store, opened with the settings of ``config`` (the default ones), would open the
    files and leave them as they are. Each problem says what a repair would drop.

    The commands are applied in memory of their own, as opening would apply them, which takes as much memory
    as the data; with ``replay=False`` only their form, names and transactions are looked at.
    ``on_progress`` is given a LoadProgress several times a second; an exception in it ends the check.

    It may run beside an open store, and then sees what was written until it began to read a file.

    AofOpenError: there is nothing of a store, or it cannot be read.
    """
    settings = config or Config()
    for _ in range(_TRIES):
        try:
            return _check(path, settings, replay=replay, on_progress=on_progress)
        except AofOpenError as error:
            # A rewrite of the store that is open may have put others in the place of the files.
            if error.errno != errno.ENOENT or not Path(os.fsdecode(path)).exists():
                raise
    return _check(path, settings, replay=replay, on_progress=on_progress)


def _check(path: AnyPath, config: Config, *, replay: bool, on_progress: OnProgress | None) -> CheckReport:
    files: list[FileReport] = []
    for log in Finder(config).find(path):
        files += () if log.manifest is None else (log.manifest,)
        files += (look.report for look in examine(log, config, replay=replay, on_progress=on_progress))
    return CheckReport(all(file.sound for file in files), tuple(files))


def repair(
    path: AnyPath,
    *,
    apply: bool = False,
    salvage: bool = False,
    rebuild_manifest: bool = False,
    config: Config | None = None,
    on_progress: OnProgress | None = None,
) -> RepairReport:
    """Say what a repair of the files at ``path`` would change, and do it with ``apply``.

    A sound file is never touched. A damaged end is cut when no whole command is behind the damage, and only
    off the last file that is not empty; what is cut is kept beside, in ``<name>.truncated-<offset>``. With
    ``salvage`` the whole commands behind damage are kept as well and only the damaged stretches are left
    out, transactions as a whole; of a damaged snapshot the keys before the damage, or all of them if only
    its checksum is wrong. The old file is kept beside as ``<name>.damaged-<offset>``. With
    ``rebuild_manifest`` a lost or unreadable manifest is made anew from the names of the files.

    ``problems`` of the report are those that remain. ``config`` and ``on_progress`` are as for `check`.

    AofLockedError: a store has the directory open. AofOpenError: there is nothing of a store, or it cannot
    be read or written; what was there is still there.
    """
    return mend(
        path,
        config or Config(),
        apply=apply,
        salvage=salvage,
        rebuild_manifest=rebuild_manifest,
        on_progress=on_progress,
    )
