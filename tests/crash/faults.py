"""The one place that knows the names of the store's fault hooks.

A plan counts every file-system call of the stores that are opened while it is installed, and fails the
planned ones.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aofstore._core import Engine, _testing

CALLS = (
    "open", "open_read", "read", "write", "sync", "set_len", "stat", "names", "rename", "unlink", "link",
    "write_new", "sync_dir", "unlock", "close", "make_dir", "open_dir",
)  # fmt: skip
PATIENCE = 20.0
MODES = ("fail", "fail_after", "short", "delay", "kill", "kill_after")


class FaultPlan:
    """Faults to come, and the account of what happened."""

    def __init__(self) -> None:
        self._plan = _testing.FaultPlan()

    def add(
        self,
        call: str,
        *,
        errno: int = 0,
        nth: int = 1,
        mode: str = "fail",
        sticky: bool = False,
        delay_ms: int = 0,
        short_len: int = 0,
    ) -> None:
        """The ``nth`` such call from now on fails; ``sticky``: and all behind it, until ``clear``."""
        self._plan.add(call, errno, nth=nth, mode=mode, sticky=sticky, delay_ms=delay_ms, short_len=short_len)

    def clear(self) -> None:
        """No fault any more; the counts stay."""
        self._plan.clear()

    def count(self, call: str) -> int:
        """How many calls of that kind there were, failed ones included."""
        return int(self._plan.count(call))

    def counts(self) -> dict[str, int]:
        return {call: self.count(call) for call in CALLS}

    @property
    def injected(self) -> int:
        """How many faults really happened."""
        return int(self._plan.injected())


@contextmanager
def faults(*, install: bool = True) -> Iterator[FaultPlan]:
    """A plan for every store that is opened inside the block; installed or, for a red control, only made."""
    plan = FaultPlan()
    _testing.install_fault_plan(plan._plan if install else None)
    try:
        yield plan
    finally:
        plan.clear()
        _testing.install_fault_plan(None)


@contextmanager
def child_plan(**orders: Any) -> Iterator[None]:
    """What children do whose rewrites begin inside the block: ``pause=``, ``fail=``, ``kill=`` a step."""
    _testing.child_plan(**orders)
    try:
        yield
    finally:
        _testing.child_plan()


def stand_still(at: str, engine: Engine, before: int | None) -> bool:
    """Waits until a new child pauses at a step; False if the rewrite ends without."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if newest_child() != before and _testing.child_reached() == at:
            return True
        if engine.rewrite_progress() is None:
            return False
        time.sleep(0.0005)
    raise TimeoutError(f"the child is at {_testing.child_reached()}, not at {at}")


def newest_child() -> int | None:
    """The pid of the child forked last, if there ever was one."""
    progress = _testing.child_progress()
    return progress[0] if progress else None


def resume() -> None:
    """Lets a child that pauses go on."""
    _testing.child_resume()


@contextmanager
def broken(control: str) -> Iterator[None]:
    """One rule of the store broken on purpose in what is opened inside the block; a harness control breaks
    nothing here.
    """
    _testing.set_control("none" if not control or control.startswith("harness-") else control)
    try:
        yield
    finally:
        _testing.set_control("none")
