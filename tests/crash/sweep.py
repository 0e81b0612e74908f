"""Every file-system call of open, write, flush and close fails once, in every way; nobody may lose what was
told.

For each fault the same short story runs: open, a few operations, flush, close, then open again without
faults. The operations that returned must be there, those that raised AofWriteError may be, those that were
refused must not.
"""

from __future__ import annotations

import errno
import itertools
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import aofstore
from tests.crash.faults import FaultPlan, broken, faults
from tests.crash.history import DATABASES, POLICIES, Model, Operation, Policy, tape
from tests.servers.connection import StoreConnection
from tests.servers.dataset import compare, dataset

OPERATIONS = 6
BEFORE = 3
SILENT_CALLS = ("write", "sync")
Outcome: TypeAlias = Literal["told", "raised", "refused"]


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

    def __str__(self) -> str:
        how = errno.errorcode.get(self.errno, str(self.short_len))
        return f"{self.policy}: {self.call} #{self.nth} {self.mode} {how}{' sticky' if self.sticky else ''}"


@dataclass
class Sweep:
    """What a sweep saw."""

    planned: int = 0
    injected: int = 0
    violations: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, text: str) -> None:
        self.kinds[kind] += 1
        self.violations.append(f"{kind}: {text}")

    def red(self) -> list[str]:
        return sorted(self.kinds)


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


class Story:
    """One run of the story under one plan."""

    def __init__(self, directory: Path, policy: Policy, plan: FaultPlan) -> None:
        self.directory = directory
        self.policy = policy
        self.plan = plan
        self.outcomes: list[Outcome] = []
        self.silent: list[str] = []

    def run(self) -> None:
        try:
            store = aofstore.open(self.directory, appendfsync=self.policy)
        except aofstore.PersistenceError:
            return
        try:
            connections = [store.session() for _ in range(DATABASES)]
            for number, session in enumerate(connections):
                session.execute_command("SELECT", number)
            for operation in tape(0)[BEFORE : BEFORE + OPERATIONS]:
                self.outcomes.append(self._operate(connections[operation.database], operation))
            self._flush(store)
        finally:
            try:
                store.close()
            except aofstore.PersistenceError:
                self.plan.clear()

    def _operate(self, session: aofstore.Session, operation: Operation) -> Outcome:
        before, writes, syncs = self.plan.injected, self.plan.count("write"), self.plan.count("sync")
        try:
            if len(operation.commands) > 1:
                session.execute_command("MULTI")
            for command in operation.commands:
                session.execute_command(*command)
            if len(operation.commands) > 1:
                session.execute_command("EXEC")
        except aofstore.AofWriteError:
            return "raised"
        except (aofstore.MisconfError, aofstore.ExecAbortError):
            session.execute_command("DISCARD") if len(operation.commands) > 1 and _in_multi(session) else None
            return "refused"
        if self.plan.injected > before:
            self.silent.append(f"{operation.commands[0]} returned although a call of it failed")
        if self.policy == "always" and self.plan.count("write") > writes and self.plan.count("sync") == syncs:
            self.silent.append(f"{operation.commands[0]} returned before its record was synced")
        return "told"

    def _flush(self, store: aofstore.Store[bytes]) -> None:
        before = self.plan.injected
        try:
            store.flush()
        except aofstore.AofWriteError:
            return
        if self.plan.injected > before:
            self.silent.append("flush() returned although a call of it failed")


def _in_multi(session: aofstore.Session) -> bool:
    """Whether a refused command left its transaction open."""
    try:
        session.execute_command("DISCARD")
    except aofstore.ResponseError:
        return False
    session.execute_command("MULTI")
    return True


def allowed(outcomes: list[Outcome]) -> Iterator[Model]:
    """The states that the outcomes leave possible, the told ones always in."""
    operations = tape(0)[BEFORE : BEFORE + len(outcomes)]
    open_questions = [at for at, outcome in enumerate(outcomes) if outcome == "raised"]
    for chosen in itertools.product((True, False), repeat=len(open_questions)):
        decided = dict(zip(open_questions, chosen, strict=True))
        model = Model(0).advance(BEFORE)
        for at, operation in enumerate(operations):
            if outcomes[at] == "told" or decided.get(at, False):
                model.apply(operation)
        yield model


def prepared(root: Path) -> Path:
    """A directory with a log that holds the first operations; every case starts from a copy."""
    directory = root / "prepared"
    with aofstore.open(directory, appendfsync="no") as store:
        for operation in tape(0)[:BEFORE]:
            with store.db(operation.database).pipeline(transaction=True) as pipe:
                for command in operation.commands:
                    pipe.execute_command(*command)
                pipe.execute()
    return directory


def sweep(root: Path, policies: tuple[Policy, ...] = POLICIES, every: int = 1, control: str = "") -> Sweep:
    """All cases of the policies, or one in ``every``; a new directory must be made durable."""
    seen = Sweep()
    source = prepared(root)
    with broken(control):
        with faults() as plan:
            aofstore.open(root / "new", appendfsync="always").close()
        if plan.count("sync_dir") == 0:
            seen.add("unsynced", "a new log was made and its directory never synced")
        for policy in policies:
            for number, case in enumerate(cases(policy, _clean_counts(source, root, policy))):
                if number % every == 0:
                    _one(seen, case, _copy(source, root / "case"), control)
    if seen.injected != seen.planned:
        seen.add("not injected", f"{seen.planned} faults planned, {seen.injected} happened")
    return seen


def _clean_counts(source: Path, root: Path, policy: Policy) -> dict[str, int]:
    """How often each call is made when nothing fails."""
    with faults() as plan:
        story = Story(_copy(source, root / "clean"), policy, plan)
        story.run()
    assert set(story.outcomes) == {"told"}, story.outcomes
    return plan.counts()


def _one(seen: Sweep, case: Case, directory: Path, control: str) -> None:
    with faults(install=control != "harness-no-fault") as plan:
        plan.add(
            case.call,
            errno=case.errno,
            nth=case.nth,
            mode=case.mode,
            sticky=case.sticky,
            short_len=case.short_len,
        )
        story = Story(directory, case.policy, plan)
        story.run()
    seen.planned += 1
    seen.injected += plan.injected > 0
    if case.call in SILENT_CALLS and case.mode != "short" and case.errno != errno.EINTR:
        for text in story.silent:
            seen.add("silent", f"{case}: {text}")
    try:
        with aofstore.open(directory) as store:
            found = dataset(StoreConnection(store), DATABASES)
    except aofstore.AofstoreError as error:
        seen.add("refused", f"{case}: {error!r}")
        return
    differences = [compare(found, model.dataset()) for model in allowed(story.outcomes)]
    if all(differences):
        seen.add("lost", f"{case}: {story.outcomes}: {differences[0][:2]}")


def _copy(source: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    return target
