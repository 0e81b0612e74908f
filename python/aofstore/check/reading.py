"""Reading the files of one data set in steps, so that Ctrl-C and progress work."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .._core import Checker
from ..config import Config
from ..paths import shown
from ..types import FileReport, LoadProgress, Problem
from .files import Log, reading
from .findings import Hole, Rescue
from .words import advice

logger = logging.getLogger("aofstore")

OnProgress = Callable[[LoadProgress], object]

_STEP_MS = 10
_REPORT_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of a file after it was read.

    ``holes`` is None when nobody can say what would have to be left out; ``is_tail``: it is only the end of
    the file, with no whole command in it. ``rescue``: it begins with a damaged snapshot.
    """

    name: str
    report: FileReport
    holes: tuple[Hole, ...] | None = ()
    is_tail: bool = False
    rescue: Rescue | None = None


def examine(
    log: Log, config: Config, *, replay: bool, on_progress: OnProgress | None, is_ours: bool = False
) -> Iterator[Look]:
    """Read the files of ``log`` in order; ``is_ours``: nobody else writes there.

    AofOpenError: one cannot be read.
    """
    return read(reader(log, config, replay=replay), log, on_progress, is_ours=is_ours)


def reader(log: Log, config: Config, *, replay: bool) -> Checker:
    """What reads the files of ``log``."""
    return Checker(str(log.directory), config.live_settings(), replay and not log.is_part)


def read(
    checker: Checker, log: Log, on_progress: OnProgress | None, *, is_ours: bool = False
) -> Iterator[Look]:
    """Read the files of ``log`` in order. AofOpenError: one cannot be read."""
    with reading(log.directory):
        sizes = {name: (log.directory / name).stat().st_size for name in log.names}
    last = next((name for name in reversed(log.names) if sizes[name]), None)
    for name in log.names:
        is_last = name == last and not log.is_followed
        yield _examine(checker, log, name, is_last=is_last, is_ours=is_ours, on_progress=on_progress)


def _examine(
    checker: Checker, log: Log, name: str, *, is_last: bool, is_ours: bool, on_progress: OnProgress | None
) -> Look:
    path = str(log.directory / name)
    checker.begin(name, snapshot=log.is_snapshot)
    _run(checker, path, on_progress)
    if checker.gave_up_replay():
        told = shown(path)
        logger.warning("%s: its data takes too much memory, only the form of the rest was checked", told)
    commands, valid_to = checker.good()
    _, size = checker.progress()
    found, holes = checker.finding(), checker.holes()
    left_out = None if holes is None else tuple(Hole(*hole) for hole in holes)
    is_no_snapshot = size > 0 and name.endswith(".rdb") and checker.form() == "resp"
    if is_no_snapshot:
        # Its first bytes are damaged: what is not read as a snapshot is no log for that.
        left_out = None
    is_tail = is_last and left_out is not None and checker.is_tail()
    problems: list[Problem] = []
    rescue = None
    if found is not None:
        kind, offset, command, what = found
        if kept := checker.rescue():
            rescue = Rescue(checker, *kept, offset)
        if is_no_snapshot:
            what = f"by its name it is a snapshot, but it does not begin as one: {what}"
        text = f"{what}; {advice(left_out, size, is_tail=is_tail, is_last=is_last, rescue=rescue)}"
        if kind == "truncated" and checker.holder is not None and not is_ours:
            text += f" (process {checker.holder} has the directory open and may be writing there)"
        problems.append(Problem(kind, path, offset, command, text))
    if (undated := checker.undated()) is not None:
        text = "a '#TS' line without a number of seconds: it opens, but not as of a moment (until)"
        problems.append(Problem("timestamp", path, undated, None, text))
    report = FileReport(path, checker.form(), size, commands, valid_to, tuple(problems))
    return Look(name, report, left_out, is_tail, rescue)


def _run(checker: Checker, path: str, on_progress: OnProgress | None) -> None:
    if on_progress is None:
        while not checker.step(_STEP_MS):
            pass
        return
    began, told, done = time.monotonic(), float("-inf"), False
    while True:
        now = time.monotonic()
        if done or now - told >= _REPORT_SECONDS:
            told = now
            on_progress(_progress(checker, path, now - began))
        if done:
            return
        done = checker.step(_STEP_MS)


def _progress(checker: Checker, path: str, seconds: float) -> LoadProgress:
    done, total = checker.progress()
    eta = seconds * (total - done) / done if done else None
    return LoadProgress(path, done, total, checker.good()[0], seconds, eta)
