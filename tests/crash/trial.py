"""The short story that every fault happens to: open, a few operations, flush, close.

With ``rewrites`` also one by a child that stands still at the end of its difference, so that the rest is the
parent's to append, and one without a child; with ``switches`` the log is switched off and on again. It
remembers what it was told, and what it should have been told.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, TypeAlias

import aofstore
from tests.crash.faults import PATIENCE, FaultPlan, child_plan, newest_child, resume, stand_still
from tests.crash.forms import SETTINGS, Form, begins_with_snapshot, clock
from tests.crash.history import DATABASES, Model, Operation, Policy, tape
from tests.crash.layouts import LATE_STEP, Layout

OPERATIONS = 8
BEFORE = 3
Upkeep: TypeAlias = Literal["", "rewrites", "switches"]
Outcome: TypeAlias = Literal["told", "raised", "refused"]


class Trial:
    """One run of the story under one plan; ``tell`` hears of every operation that has returned."""

    def __init__(
        self,
        directory: Path,
        policy: Policy,
        plan: FaultPlan,
        *,
        upkeep: Upkeep = "",
        layout: Layout = "single-file",
        form: Form = "plain",
        tell: Callable[[], object] = lambda: None,
    ) -> None:
        self.directory = directory
        self.policy = policy
        self.plan = plan
        self.upkeep = upkeep
        self.layout = layout
        self.form = form
        self.tell = tell
        self.outcomes: list[Outcome] = []
        self.silent: list[str] = []
        self.silent_rewrites: list[str] = []
        self.hung = False
        self.logged = True

    def run(self) -> None:
        with clock(self.form) as tick:
            self._run(tick)

    def _run(self, tick: Callable[[], None]) -> None:
        try:
            settings = SETTINGS[self.form]
            store = aofstore.open(self.directory, appendfsync=self.policy, aof_layout=self.layout, **settings)
        except aofstore.PersistenceError:
            return
        try:
            connections = [store.session() for _ in range(DATABASES)]
            for number, session in enumerate(connections):
                session.execute_command("SELECT", number)
            operations = iter(tape(0)[BEFORE : BEFORE + OPERATIONS])

            def some(number: int) -> None:
                for operation in itertools.islice(operations, number):
                    tick()
                    outcome = self._operate(connections[operation.database], operation)
                    # What no log has may be in the next one.
                    self.outcomes.append("raised" if outcome == "told" and not self.logged else outcome)
                    self.tell()

            some(OPERATIONS // 4)
            if self.upkeep == "rewrites":
                self._rewrite_by_child(store, lambda: some(OPERATIONS // 4))
                some(OPERATIONS // 4)
                self._rewrite("in this thread", lambda: store._lifetime.engine.rewrite(False))
            if self.upkeep == "switches":
                self._switch_off(store)
                begin = len(self.outcomes)
                some(OPERATIONS // 4)
                self._switch_on(store)
                if self.logged:
                    self.outcomes[begin:] = ["told"] * (len(self.outcomes) - begin)
            some(OPERATIONS)
            self._flush(store)
        finally:
            try:
                store.close()
            except aofstore.PersistenceError:
                self.plan.clear()

    def _rewrite_by_child(self, store: aofstore.Store[bytes], meanwhile: Callable[[], None]) -> None:
        engine, before, late = store._lifetime.engine, newest_child(), LATE_STEP[self.layout]
        with child_plan(pause=late):
            try:
                engine.begin_rewrite()
            except aofstore.PersistenceError:
                return
            stand_still(late, engine, before)
            meanwhile()
            resume()
            self._rewrite("by a child", lambda: engine.wait_rewrite(PATIENCE))

    def _switch_off(self, store: aofstore.Store[bytes]) -> None:
        before, self.logged = self.plan.injected, False
        try:
            store.execute_command("CONFIG", "SET", "appendonly", "no")
        except (aofstore.PersistenceError, aofstore.ResponseError):
            return
        if self.plan.injected > before:
            self.silent_rewrites.append("the log was switched off although a call of that failed")

    def _switch_on(self, store: aofstore.Store[bytes]) -> None:
        try:
            store.execute_command("CONFIG", "SET", "appendonly", "yes")
        except (aofstore.PersistenceError, aofstore.ResponseError):
            return
        self.logged = self._rewrite(
            "to switch the log on", lambda: store._lifetime.engine.wait_rewrite(PATIENCE)
        )

    def _rewrite(self, how: str, wait: Callable[[], object]) -> bool:
        """Whether it succeeded."""
        before = self.plan.injected
        try:
            wait()
        except aofstore.PersistenceError:
            return False
        except TimeoutError:
            self.hung = True
            return False
        if self.plan.injected > before:
            self.silent_rewrites.append(f"a rewrite {how} succeeded although a call of it failed")
        return True

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
        except aofstore.PersistenceError:
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


def prepared(root: Path, layout: Layout = "single-file", form: Form = "plain") -> Path:
    """A directory with a log that holds the first operations; every case starts from a copy.

    Of the forms with a snapshot they are in one.
    """
    directory = root / "prepared"
    shutil.rmtree(directory, ignore_errors=True)
    settings = SETTINGS[form]
    with clock(form), aofstore.open(directory, appendfsync="no", aof_layout=layout, **settings) as store:
        for operation in tape(0)[:BEFORE]:
            with store.db(operation.database).pipeline(transaction=True) as pipe:
                for command in operation.commands:
                    pipe.execute_command(*command)
                pipe.execute()
        if begins_with_snapshot(form):
            store.rewrite()
    return directory
