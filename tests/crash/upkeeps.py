"""What happens to the log between the operations of a story: rewrites, switches, failures that heal."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from typing import Any, ClassVar, Literal, TypeAlias

import aofstore
from aofstore._core import _testing
from tests.crash.faults import FaultPlan
from tests.crash.history import Operation
from tests.crash.layouts import LATE_STEP

PATIENCE = 20.0
Upkeep: TypeAlias = Literal["", "rewrites", "abandons", "switches", "heals", "grows", "unproven"]
Sessions: TypeAlias = list[Any]


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


class Nothing:
    """What happens to the log between the operations of the first thread, which is nothing here."""

    SETTINGS: ClassVar[dict[str, Any]] = {}
    # Whether calls of the file system are made to fail.
    FAULTS: ClassVar[bool] = False

    def __init__(self, store: aofstore.Store[bytes], steps: int, plan: FaultPlan) -> None:
        self.store = store
        self._engine = store._lifetime.engine
        self._steps = steps
        self._plan = plan
        self._late = LATE_STEP[store.config.aof_layout]

    def operate(self, sessions: Sessions, operation: Operation, number: int) -> None:
        """Operation so many of this life, from 1 on."""
        operate(sessions, operation)

    def step(self, done: int, position: int) -> None:
        """After so many operations of this life, the history being at a position."""

    def _stand_still(self, at: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while _testing.child_reached() != at:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the child is at {_testing.child_reached()}, not at {at}")
            time.sleep(0.001)


class Rewriter(Nothing):
    """Four rewrites in the course of a life.

    The first child runs as it likes; the second stands still in its dump, so that all of the difference goes
    through the pipe; the third stands still when the end of the difference is agreed on, or, where there is
    none, when its file is whole; the last rewrite has no child.
    """

    def __init__(self, store: aofstore.Store[bytes], steps: int, plan: FaultPlan) -> None:
        super().__init__(store, steps, plan)
        part, pauses = steps // 4, (None, "dumping", self._late)
        self._begins = {at * part + 1: pause for at, pause in enumerate(pauses)}
        self._resumes = {at * part + 1 + part // 2 for at in range(len(pauses))}
        self._waits = {at * part + part for at in range(len(pauses))}
        self._alone = 3 * part + 1

    def step(self, done: int, position: int) -> None:
        if done in self._begins:
            pause = self._begins[done]
            _testing.child_plan(pause=pause)
            self._engine.begin_rewrite()
            if pause is not None:
                self._stand_still(pause)
        if done in self._resumes:
            _testing.child_resume()
        if done in self._waits:
            self._engine.wait_rewrite(PATIENCE)
        if done == self._alone:
            self._engine.rewrite(False)


class Abandoner(Nothing):
    """A rewrite that the life leaves behind at its sudden end, its child at the end of the difference."""

    def step(self, done: int, position: int) -> None:
        if done == self._steps // 2:
            _testing.child_plan(pause=self._late)
            self._engine.begin_rewrite()
            self._stand_still(self._late)


class Switcher(Nothing):
    """The log is switched off, and later on again by a rewrite during which operations go on."""

    LEAST = 8

    def __init__(self, store: aofstore.Store[bytes], steps: int, plan: FaultPlan) -> None:
        if steps < self.LEAST:
            # Closing would end the child in the middle of a write, of which nobody knows whether it happened.
            raise ValueError(f"{steps} operations are too few: the log must be on again before the end")
        super().__init__(store, steps, plan)

    def step(self, done: int, position: int) -> None:
        off, on = self._steps // 3, 2 * self._steps // 3
        if done == off:
            self.store.session().execute_command("CONFIG", "SET", "appendonly", "no")
            say(f"N 0 {position}")
        if done == on:
            _testing.child_plan(pause="dumping")
            self.store.session().execute_command("CONFIG", "SET", "appendonly", "yes")
            self._stand_still("dumping")
        if done == on + 2:
            _testing.child_resume()
        if done == on + 3:
            self._engine.wait_rewrite(PATIENCE)
            say(f"Y 0 {position}")


class Healer(Nothing):
    """The log fails three times for good, and rewrites heal it; the last one is begun by the store itself.

    A sync fails; a write does; a short write cannot be cut off again. The operation that meets with it is not
    over before the new file is there.
    """

    FAULTS = True

    def __init__(self, store: aofstore.Store[bytes], steps: int, plan: FaultPlan) -> None:
        super().__init__(store, steps, plan)
        part = max(2, steps // 4)
        self._failures = {part: self._sync, 2 * part: self._write, 3 * part: self._torn_write}
        self._armed = False
        self._healed = 0

    def operate(self, sessions: Sessions, operation: Operation, number: int) -> None:
        if number in self._failures:
            self._failures[number]()
            self._armed = True
        if not self._armed:
            operate(sessions, operation)
            return
        before, refused = self._plan.injected, False
        try:
            operate(sessions, operation)
        except aofstore.MisconfError:
            refused = True
        except aofstore.AofWriteError:
            pass
        with contextlib.suppress(aofstore.PersistenceError):
            self.store.flush()
        # An operation that changes nothing meets with nothing: then it is the next one's turn.
        if self._plan.injected > before:
            self._heal()
            if refused:
                operate(sessions, operation)

    def _heal(self) -> None:
        self._armed = False
        self._healed += 1
        self._plan.clear()
        if self._healed < len(self._failures):
            self._engine.rewrite(True, PATIENCE)
        deadline = time.monotonic() + PATIENCE
        while self.store.last_persistence_error is not None:
            if time.monotonic() > deadline:
                raise TimeoutError("the store does not heal")
            time.sleep(0.002)

    def step(self, done: int, position: int) -> None:
        if done == self._steps and self._healed < len(self._failures):
            raise AssertionError(f"the log failed {self._healed} times only")

    def _sync(self) -> None:
        self._plan.add("sync", errno=errno.EIO)

    def _write(self) -> None:
        self._plan.add("write", errno=errno.EIO)

    def _torn_write(self) -> None:
        self._plan.add("write", mode="short", short_len=7)
        self._plan.add("write", errno=errno.ENOSPC, nth=2)
        self._plan.add("set_len", errno=errno.EIO)


class Unproven(Nothing):
    """Rewrites of which one sync of a directory fails, each time a later one: a new name may get lost."""

    FAULTS = True
    SYNCS = 5

    def step(self, done: int, position: int) -> None:
        every = max(1, self._steps // (self.SYNCS + 1))
        if done % every or done // every > self.SYNCS:
            return
        self._plan.add("sync_dir", errno=errno.EIO, nth=done // every)
        with contextlib.suppress(aofstore.PersistenceError):
            self._engine.rewrite(True, PATIENCE)
        self._plan.clear()
        if self.store.info("persistence")["aof_latched"]:
            # Not even the log is what it was: another rewrite makes it so.
            self._engine.rewrite(True, PATIENCE)


class Grower(Nothing):
    """Rewrites that begin by themselves, since the log has grown; operations go on meanwhile."""

    SETTINGS: ClassVar[dict[str, Any]] = {"auto_aof_rewrite_min_size": 1, "auto_aof_rewrite_percentage": 0}

    def __init__(self, store: aofstore.Store[bytes], steps: int, plan: FaultPlan) -> None:
        super().__init__(store, steps, plan)
        part = max(4, steps // 3)
        self._begins = range(2, steps - 2, part)

    def step(self, done: int, position: int) -> None:
        if done in self._begins:
            _testing.child_plan(pause="dumping")
            before = _testing.child_progress()
            self._grow("1")
            deadline = time.monotonic() + PATIENCE
            while _testing.child_progress() == before or _testing.child_reached() != "dumping":
                if time.monotonic() > deadline:
                    raise TimeoutError("growth starts no rewrite")
                time.sleep(0.002)
            self._grow("0")
        if done - 2 in self._begins:
            _testing.child_plan()
            _testing.child_resume()
            self._engine.wait_rewrite(PATIENCE)

    def _grow(self, percentage: str) -> None:
        self.store.config_set("auto-aof-rewrite-percentage", percentage)


UPKEEP: dict[Upkeep, type[Nothing]] = {
    "": Nothing,
    "rewrites": Rewriter,
    "abandons": Abandoner,
    "switches": Switcher,
    "heals": Healer,
    "grows": Grower,
    "unproven": Unproven,
}


def operate(sessions: list[Any], operation: Operation) -> None:
    session = sessions[operation.database]
    if len(operation.commands) == 1:
        session.execute_command(*operation.commands[0])
        return
    session.execute_command("MULTI")
    for command in operation.commands:
        session.execute_command(*command)
    session.execute_command("EXEC")
