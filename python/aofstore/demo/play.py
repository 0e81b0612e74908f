"""The demo's acts: write and kill, reopen and verify."""

from __future__ import annotations

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
from .operations import Operation, Policy, operations
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

    def steps(self) -> Iterator[Operation]:
        """The operations, from the first one."""
        return operations(self.seed, self.operations)


@dataclass(frozen=True)
class Killed:
    """A writer's life: what it acknowledged, in how many seconds, and when it began and ended."""

    acknowledged: int
    seconds: float
    life: Span


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
        return not self.lost and not self.wrong and self.check_passed is not False


def run(plan: Plan, watch: Watch) -> Outcome:
    """Write, kill, reopen, verify. DemoError when the writer failed by itself."""
    return reopen(plan, write_and_kill(plan, watch), watch)


def write_and_kill(plan: Plan, watch: Watch) -> Killed:
    """Start the writer and send it SIGKILL once it has acknowledged the plan's share of its operations."""
    words = (str(plan.directory), plan.policy, str(plan.seed), str(plan.operations))
    target = max(1, round(plan.operations * plan.kill_at / 100))
    began = time.time_ns() // 1_000_000
    with subprocess.Popen(
        [sys.executable, "-m", "aofstore.demo.writer", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as writer:
        try:
            acknowledged, seconds = _follow(writer, target, plan.operations, watch)
        finally:
            writer.kill()
        status = writer.wait()
    if status != -signal.SIGKILL or acknowledged < target:
        raise DemoError(f"the writer ended by itself, with status {status}; its messages stand above")
    return Killed(acknowledged, seconds, (began, time.time_ns() // 1_000_000 + 1))


def _follow(writer: subprocess.Popen[bytes], target: int, total: int, watch: Watch) -> tuple[int, float]:
    """Count acknowledgements, kill at ``target``; all that were given, and the seconds that they took."""
    pipe = writer.stdout
    if pipe is None or not os.read(pipe.fileno(), 1):
        return 0, 0.0
    began = time.perf_counter()
    acknowledged, ended = 0, None
    watch("writing", 0, total)
    while given := os.read(pipe.fileno(), 1 << 16):
        acknowledged += len(given)
        if ended is not None:
            continue
        watch("writing", acknowledged, total)
        if acknowledged >= target:
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
    checker, passed = check_with_server_tool(plan.directory / "appendonly.aof")
    cut = report.truncations[0] if report.truncations else None
    return Outcome(
        directory=str(plan.directory),
        policy=plan.policy,
        seed=plan.seed,
        operations=plan.operations,
        acknowledged=killed.acknowledged,
        write_seconds=killed.seconds,
        writes_per_second=round(killed.acknowledged / killed.seconds) if killed.seconds else 0,
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
