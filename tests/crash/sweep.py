"""Every file-system call of a short story fails once, in every way; nobody may lose what was told.

After each `trial` the directory is opened again without faults: the operations that returned must be there,
those that raised AofWriteError may be, those that were refused must not; no file of a rewrite may be left.
"""

from __future__ import annotations

import errno
import itertools
import mmap
import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aofstore
from tests.crash.damage import lose_last_record
from tests.crash.faults import FaultPlan, broken, faults
from tests.crash.findings import Findings
from tests.crash.forms import Form
from tests.crash.history import DATABASES, POLICIES, Policy
from tests.crash.layouts import Layout, newest_log, strangers
from tests.crash.trial import OPERATIONS, Outcome, Trial, Upkeep, allowed, prepared
from tests.servers.connection import StoreConnection
from tests.servers.dataset import compare, dataset

SILENT_CALLS = ("write", "sync")
# In parts the last rename only strikes out what is history: the rewrite has succeeded before.
SILENT_IN_REWRITES = {"single-file": ("write", "sync", "rename"), "multi-part": ("write", "sync")}
CLEAN_RUNS = 3


@dataclass(frozen=True)
class Case:
    """One planned fault."""

    policy: Policy
    call: str
    nth: int
    mode: str
    errno: int = 0
    sticky: bool = False
    short_len: int = 0

    @property
    def fails_for_good(self) -> bool:
        """Whether the call has no effect and the caller is told so."""
        return self.mode == "fail" and self.errno != errno.EINTR

    def plan(self, plan: FaultPlan) -> None:
        plan.add(
            self.call,
            errno=self.errno,
            nth=self.nth,
            mode=self.mode,
            sticky=self.sticky,
            short_len=self.short_len,
        )

    def __str__(self) -> str:
        how = errno.errorcode.get(self.errno, str(self.short_len))
        return f"{self.policy}: {self.call} #{self.nth} {self.mode} {how}{' sticky' if self.sticky else ''}"


@dataclass
class Sweep(Findings):
    """What a sweep saw."""

    upkeep: Upkeep = ""
    layout: Layout = "single-file"
    form: Form = "plain"
    planned: int = 0
    injected: int = 0
    missed: int = 0

    def __str__(self) -> str:
        return f"{self.form} {self.planned} planned, {self.injected} happened"


def cases(policy: Policy, counts: dict[str, int]) -> Iterator[Case]:
    """Every call of a clean run, in every way that it can fail."""
    for call, count in counts.items():
        for nth in range(1, count + 1):
            for number in (errno.EIO, errno.ENOSPC, errno.EINTR, errno.EROFS):
                yield Case(policy, call, nth, "fail", number)
            yield Case(policy, call, nth, "fail_after", errno.EIO)
            for number in (errno.EIO, errno.ENOSPC):
                yield Case(policy, call, nth, "fail", number, sticky=True)
            if call in ("write", "read"):
                for length in (1, 7):
                    yield Case(policy, call, nth, "short", short_len=length)


def sweep(
    root: Path,
    policies: tuple[Policy, ...] = POLICIES,
    every: int = 1,
    control: str = "",
    *,
    upkeep: Upkeep = "",
    layout: Layout = "single-file",
    form: Form = "plain",
    source: Path | None = None,
) -> Sweep:
    """All cases of the policies, or one in ``every``; a new directory must be made durable.

    Each begins with a copy of ``source``, or of a directory that has a log.
    """
    seen = Sweep(upkeep, layout, form)
    source = source or prepared(root, layout, form)
    with broken(control):
        with faults() as plan:
            aofstore.open(root / "new", appendfsync="always", aof_layout=layout).close()
        if plan.count("sync_dir") == 0:
            seen.add("unsynced", "a new log was made and its directory never synced")
        for policy in policies:
            counts = _clean_counts(seen, source, root, policy)
            for number, case in enumerate(cases(policy, counts)):
                if number % every == 0:
                    _one(seen, case, fresh(source, root / "case"), control)
    if seen.injected != seen.planned or not seen.planned:
        seen.add("not injected", f"{seen.planned} faults planned, {seen.injected} happened")
    return seen


def _trial(seen: Sweep, directory: Path, policy: Policy, plan: FaultPlan, **more: Any) -> Trial:
    return Trial(directory, policy, plan, upkeep=seen.upkeep, layout=seen.layout, form=seen.form, **more)


def _clean_counts(seen: Sweep, source: Path, root: Path, policy: Policy) -> dict[str, int]:
    """How often each call is made when nothing fails, the timer's moods apart."""
    runs = []
    for _ in range(CLEAN_RUNS if seen.upkeep else 1):
        with faults() as plan:
            trial = _trial(seen, fresh(source, root / "clean"), policy, plan)
            trial.run()
        assert set(trial.outcomes) == {"told"} and not trial.hung, trial.outcomes
        runs.append(plan.counts())
    return {call: min(counts[call] for counts in runs) for call in runs[0]}


def _one(seen: Sweep, case: Case, directory: Path, control: str) -> None:
    with faults(install=control != "harness-no-fault") as plan:
        case.plan(plan)
        trial = _trial(seen, directory, case.policy, plan)
        trial.run()
    if seen.upkeep and not plan.injected and plan.count(case.call) < case.nth:
        # The timer made its calls at another moment than in the clean runs.
        seen.missed += 1
        return
    seen.planned += 1
    seen.injected += plan.injected > 0
    if trial.hung:
        seen.add("hung", f"{case}: a rewrite did not end")
    if case.call in SILENT_CALLS and case.mode != "short" and case.errno != errno.EINTR:
        for text in trial.silent:
            seen.add("silent", f"{case}: {text}")
    # Under everysec a call that fails may be the timer's, on the old file, which a rewrite heals.
    if case.call in SILENT_IN_REWRITES[seen.layout] and case.fails_for_good and case.policy != "everysec":
        for text in trial.silent_rewrites:
            seen.add("silent", f"{case}: {text}")
    settle(seen, str(case), directory, trial.outcomes, control)


def settle(seen: Sweep, case: str, directory: Path, outcomes: list[Outcome], control: str) -> None:
    """What is on the disk must open, with all that was told and nothing that was refused."""
    try:
        with aofstore.open(directory, aof_layout=seen.layout) as store:
            found = dataset(StoreConnection(store), DATABASES)
    except aofstore.AofstoreError as error:
        seen.add("refused", f"{case}: {error!r}")
        return
    if control == "harness-leave":
        (directory / "temp-rewriteaof-bg-1-1.aof").touch()
    if left := strangers(directory, seen.layout):
        seen.add("left", f"{case}: {left}")
    differences = [compare(found, model.dataset()) for model in allowed(outcomes)]
    if all(differences):
        seen.add("lost", f"{case}: {outcomes}: {differences[0][:2]}")


def kill_sweep(
    root: Path,
    policies: tuple[Policy, ...] = POLICIES,
    control: str = "",
    *,
    layout: Layout = "single-file",
    form: Form = "plain",
    source: Path | None = None,
) -> Sweep:
    """SIGKILL before and after every call of the story with rewrites, and what is there afterwards.

    Every case runs in a fork of this process, which must have no other thread.
    """
    seen, source = Sweep("rewrites", layout, form), source or prepared(root, layout, form)
    for policy in policies:
        for call, count in _clean_counts(seen, source, root, policy).items():
            for nth, mode in itertools.product(range(1, count + 1), ("kill", "kill_after")):
                case = Case(policy, call, nth, mode)
                _one_kill(seen, case, fresh(source, root / "case"), control)
    if not seen.injected:
        seen.add("not injected", "nobody was killed")
    return seen


def _one_kill(seen: Sweep, case: Case, directory: Path, control: str) -> None:
    told = mmap.mmap(-1, mmap.PAGESIZE)
    pid = os.fork()
    if pid == 0:
        _be_killed(seen, case, directory, told)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    seen.planned += 1
    if status != -signal.SIGKILL:
        if status == 0:
            seen.missed += 1
        else:
            seen.add("died", f"{case}: status {status}")
        return
    seen.injected += 1
    outcomes: list[Outcome] = ["told"] * told[0]
    if control == "harness-lose-last":
        lose_last_record(newest_log(directory))
    settle(seen, str(case), directory, [*outcomes, "raised"][:OPERATIONS], control)


def _be_killed(seen: Sweep, case: Case, directory: Path, told: mmap.mmap) -> None:
    """Never returns."""
    try:
        with faults() as plan:
            case.plan(plan)

            def tell() -> None:
                told[0] += 1

            _trial(seen, directory, case.policy, plan, tell=tell).run()
        os._exit(0)
    finally:
        os._exit(70)


def fresh(source: Path, target: Path) -> Path:
    """A copy of a directory in the place of whatever was there."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    return target
