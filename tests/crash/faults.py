"""The one place that knows the names of the store's fault hooks.

A plan is registered for a directory before the store opens it; from then on every file-system call of that store is
counted, and the planned ones fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aofstore._core import _testing

CALLS = (
    "open", "open_read", "read", "write", "sync", "set_len", "stat", "names", "rename", "unlink", "link", "write_new",
    "sync_dir", "unlock", "close",
)  # fmt: skip
MODES = ("fail", "fail_after", "short", "delay", "kill", "kill_after")


class FaultPlan:
    """Faults to come on one directory, and the account of what happened there."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

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
        self._handle.add(
            call, errno=errno, nth=nth, mode=mode, sticky=sticky, delay_ms=delay_ms, short_len=short_len
        )

    def clear(self) -> None:
        """No fault any more; the counts stay."""
        self._handle.clear()

    def count(self, call: str) -> int:
        """How many calls of that kind there were, failed ones included."""
        return int(self._handle.count(call))

    def counts(self) -> dict[str, int]:
        return {call: self.count(call) for call in CALLS}

    @property
    def injected(self) -> int:
        """How many faults really happened."""
        return int(self._handle.injected())


@contextmanager
def faults(directory: Path) -> Iterator[FaultPlan]:
    """A plan for every store that is opened on the directory inside the block."""
    plan = FaultPlan(_testing.fault_plan(str(directory)))
    try:
        yield plan
    finally:
        plan.clear()
        _testing.forget_fault_plan(str(directory))
