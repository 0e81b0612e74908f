"""The demo's acts: write, rewrite and kill, reopen and verify."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import aofstore

from .model import Span
from .operations import ACKNOWLEDGED, REWRITING, Operation, Policy, operations
from .verify import verify

Watch: TypeAlias = Callable[[str, int, int], object]
"""Told ``(act, done, total)``; the acts are "writing", "loading" and "verifying"."""

CHECKERS = ("valkey-check-aof", "redis-check-aof")
_POLL_SECONDS = 0.002


class DemoError(Exception):
    """The demo could not be played: nothing is said about the store."""


@dataclass(frozen=True)
class Plan:
    """What to play: where, how many operations, the policy, the seed, the percentage at which to kill."""

    directory: Path
    operations: int
    policy: Policy
    seed: int
    kill_at: float

    @property
    def target(self) -> int:
        """How many operations are acknowledged when the second rewrite begins and the writer is killed."""
        return min(max(1, round(self.operations * self.kill_at / 100)), self.operations - 1)

    def steps(self) -> Iterator[Operation]:
        """The operations, from the first one."""
        return operations(self.seed, self.operations)


@dataclass(frozen=True)
class Rewritten:
    """The rewrite in the middle: what the store reports, and the p99 of a write without it and during it."""

    report: aofstore.RewriteReport
    p99_microseconds: float | None
    p99_rewriting_microseconds: float | None


@dataclass(frozen=True)
class Killed:
    """A writer's life: what it acknowledged, in how many seconds, and when it began and ended.

    ``rewrite`` is its first one; ``left`` are the files of the second one, in which it was killed.
    """

    acknowledged: int
    seconds: float
    life: Span
    rewrite: Rewritten
    left: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What the demo found; sound when ``lost`` is 0 and ``wrong`` empty."""

    directory: str
    policy: str
    seed: int
    operations: int
    acknowledged: int
    write_seconds: float
    writes_per_second: int
    rewrite: Rewritten
    killed_while_rewriting: bool
    files_left_behind: int
    lost: int
    wrong: tuple[str, ...]
    in_flight_kept: bool
    keys: int
    loaded_commands: int
    loaded_bytes: int
    load_seconds: float
    load_megabytes_per_second: float
    torn_bytes_cut: int
    torn_bytes_saved_to: str | None
    checked_by: str | None
    check_passed: bool | None

    @property
    def sound(self) -> bool:
        """Whether the store holds what it acknowledged and nothing else."""
        return (
            not self.lost and not self.wrong and not self.files_left_behind and self.check_passed is not False
        )


def run(plan: Plan, watch: Watch) -> Outcome:
    """Write, kill, reopen, verify. DemoError when the writer failed by itself."""
    return reopen(plan, write_and_kill(plan, watch), watch)


def write_and_kill(plan: Plan, watch: Watch) -> Killed:
    """Start the writer and send it SIGKILL when its second rewrite has begun."""
    figures, figures_of_writer = os.pipe()
    words = [plan.policy, plan.seed, plan.operations, plan.target * 3 // 4, plan.target, figures_of_writer]
    began = time.time_ns() // 1_000_000
    with (
        os.fdopen(figures, "rb") as told,
        subprocess.Popen(
            [sys.executable, "-m", "aofstore.demo.writer", str(plan.directory), *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            pass_fds=[figures_of_writer],
        ) as writer,
    ):
        os.close(figures_of_writer)
        try:
            acknowledged, seconds = _follow(writer, plan.operations, watch)
        finally:
            writer.kill()
        status = writer.wait()
        line = told.readline()
    if status != -signal.SIGKILL or not line:
        raise DemoError(f"the writer ended by itself, with status {status}; its messages stand above")
    ended = time.time_ns() // 1_000_000 + 1
    return Killed(acknowledged, seconds, (began, ended), _rewritten(line), _left(plan.directory))


def _rewritten(line: bytes) -> Rewritten:
    told = json.loads(line)
    return Rewritten(**{**told, "report": aofstore.RewriteReport(**told["report"])})


def _left(directory: Path) -> tuple[str, ...]:
    return tuple(sorted(path.name for path in directory.rglob("temp-rewriteaof-*")))


def _follow(writer: subprocess.Popen[bytes], total: int, watch: Watch) -> tuple[int, float]:
    """Count acknowledgements, kill when the writer asks for it; all that were given, and the seconds."""
    pipe = writer.stdout
    if pipe is None or not os.read(pipe.fileno(), 1):
        return 0, 0.0
    began = time.perf_counter()
    acknowledged, ended = 0, None
    watch("writing", 0, total)
    while given := os.read(pipe.fileno(), 1 << 16):
        acknowledged += given.count(ACKNOWLEDGED)
        if ended is not None:
            continue
        watch("writing", acknowledged, total)
        if REWRITING in given:
            writer.kill()
            ended = time.perf_counter()
        else:
            time.sleep(_POLL_SECONDS)
    watch("writing", acknowledged, total)
    return acknowledged, (ended or time.perf_counter()) - began


def reopen(plan: Plan, killed: Killed, watch: Watch) -> Outcome:
    """Open what the writer left, compare it with the model, and let a server's tool look at the file."""
    with aofstore.open(
        plan.directory,
        config=aofstore.Config(appendfsync=plan.policy),
        on_progress=lambda progress: watch("loading", progress.bytes_done, progress.bytes_total),
    ) as store:
        report = store.load_report
        verdict = verify(
            store,
            plan.steps,
            killed.acknowledged,
            killed.life,
            lambda done, total: watch("verifying", done, total),
        )
    names = aofstore.Config()
    manifest = plan.directory / names.appenddirname / f"{names.appendfilename}.manifest"
    checker, passed = check_with_server_tool(manifest)
    cut = report.truncations[0] if report.truncations else None
    return Outcome(
        directory=str(plan.directory),
        policy=plan.policy,
        seed=plan.seed,
        operations=plan.operations,
        acknowledged=killed.acknowledged,
        write_seconds=killed.seconds,
        writes_per_second=round(killed.acknowledged / killed.seconds) if killed.seconds else 0,
        rewrite=killed.rewrite,
        killed_while_rewriting=bool(killed.left),
        files_left_behind=len(_left(plan.directory)),
        lost=verdict.lost,
        wrong=verdict.wrong,
        in_flight_kept=verdict.in_flight,
        keys=verdict.keys,
        loaded_commands=report.commands,
        loaded_bytes=report.bytes,
        load_seconds=report.seconds,
        load_megabytes_per_second=report.bytes / 1e6 / report.seconds if report.seconds else 0.0,
        torn_bytes_cut=cut.dropped_bytes if cut else 0,
        torn_bytes_saved_to=cut.saved_to if cut else None,
        checked_by=checker,
        check_passed=passed,
    )


def check_with_server_tool(log: Path) -> tuple[str | None, bool | None]:
    """Which of the servers' own checkers is installed, and whether it finds the log valid."""
    for name in CHECKERS:
        if found := shutil.which(name):
            done = subprocess.run([found, str(log)], capture_output=True, check=False)
            return name, done.returncode == 0
    return None, None
