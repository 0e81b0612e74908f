"""The one place that knows the names of the store's fault hooks.

A plan counts every file-system call of the stores that are opened while it is installed, and fails the
planned ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aofstore._core import _testing

CALLS = (
    "open", "open_read", "read", "write", "sync", "set_len", "stat", "names", "rename", "unlink", "link",
    "write_new", "sync_dir", "unlock", "close",
)  # fmt: skip
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
def broken(control: str) -> Iterator[None]:
    """One rule of the store broken on purpose in what is opened inside the block; a harness control breaks
    nothing here.
    """
    _testing.set_control("none" if not control or control.startswith("harness-") else control)
    try:
        yield
    finally:
        _testing.set_control("none")
