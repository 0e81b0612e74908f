"""The children of rewrites fail, exit, panic and die at every step; the store goes on as if none had been.

After each such rewrite the directory is copied as it is, which is what SIGKILL of the host would leave, and
opened: what was told must be there. The next rewrite must succeed. `pending_at_the_switch` is for the part of
the parent: what waits in the buffer while a file takes the log's place must not be written a second time.
"""

from __future__ import annotations

import errno
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aofstore
from tests.crash.faults import PATIENCE, broken, child_plan, faults
from tests.crash.forms import SETTINGS, Form
from tests.crash.history import DATABASES, Operation, tape
from tests.crash.layouts import STEPS, Layout, strangers
from tests.crash.sweep import Sweep, fresh, settle
from tests.crash.trial import BEFORE, Outcome, prepared

SYNC_DELAY_MS = 300


def orders(layout: Layout) -> Iterator[tuple[dict[str, Any], dict[str, int]]]:
    """What a child is made to do, and the cause that the host must be told."""
    for number in (errno.EAGAIN, errno.ENOMEM):
        yield {"refuse": number}, {"errno": number}
    for step in STEPS[layout]:
        yield {"kill": step}, {"signal": signal.SIGKILL}
        yield {"exit": step, "status": 3}, {"exit_code": 3}
        yield {"panic": step}, {"exit_code": 102}
        if step != STEPS[layout][-1]:
            for number in (errno.EIO, errno.ENOSPC):
                yield {"fail": step, "errno": number}, {"errno": number}


def child_sweep(
    root: Path,
    every: int = 1,
    control: str = "",
    layout: Layout = "single-file",
    form: Form = "plain",
) -> Sweep:
    """Every order, or one in ``every``."""
    seen, source = Sweep(layout=layout, form=form), prepared(root, layout, form)
    for number, (order, cause) in enumerate(orders(layout)):
        if number % every == 0:
            _one_child(seen, fresh(source, root / "case"), root / "copy", order, cause, control)
    if seen.injected != seen.planned:
        seen.add("not injected", f"{seen.planned} children to fail, {seen.injected} did")
    return seen


def _one_child(
    seen: Sweep, directory: Path, copy: Path, order: dict[str, Any], cause: dict[str, int], control: str
) -> None:
    case, told, operations = f"{order}", list[Outcome](), iter(tape(0)[BEFORE:])
    seen.planned += 1
    settings = SETTINGS[seen.form]
    with aofstore.open(directory, appendfsync="always", aof_layout=seen.layout, **settings) as store:
        engine = store._lifetime.engine
        with child_plan(**({} if control == "harness-no-fault" else order)):
            try:
                engine.begin_rewrite()
                _operate(store, next(operations))
                told.append("told")
                engine.wait_rewrite(PATIENCE)
            except aofstore.RewriteError as error:
                found = {name: getattr(error, name) for name in ("errno", "signal", "exit_code")}
                if {name: value for name, value in found.items() if value is not None} != cause:
                    seen.add("cause", f"{case}: {error!r} with {found}")
                seen.injected += 1
        if not told:
            _operate(store, next(operations))
            told.append("told")
        if left := strangers(directory, seen.layout):
            seen.add("left", f"{case}: {left}")
        settle(seen, f"{case}, killed then", fresh(directory, copy), told, control)
        try:
            engine.rewrite(True, PATIENCE)
        except aofstore.AofstoreError as error:
            seen.add("stuck", f"{case}: the next rewrite: {error!r}")
        _operate(store, next(operations))
        told.append("told")
        settle(seen, f"{case}, killed after the next", fresh(directory, copy), told, control)
    settle(seen, f"{case}, closed", directory, told, control)


def _operate(store: aofstore.Store[bytes], operation: Operation) -> None:
    assert operation.database < DATABASES
    with store.db(operation.database).pipeline(transaction=len(operation.commands) > 1) as pipe:
        for command in operation.commands:
            pipe.execute_command(*command)
        pipe.execute()


def pending_at_the_switch(root: Path, control: str = "", layout: Layout = "single-file") -> Sweep:
    """While records wait in the buffer for a slow sync to end, a rewrite takes place."""
    seen, directory = Sweep(planned=1), root / f"pending-{layout}"
    with broken(control), faults() as plan:
        store = aofstore.open(directory, appendfsync="everysec", aof_postpone_write=True, aof_layout=layout)
        plan.add("sync", mode="delay", delay_ms=SYNC_DELAY_MS)
        store.incr("n")
        deadline = time.monotonic() + PATIENCE
        while plan.injected == 0 and time.monotonic() < deadline:
            time.sleep(0.001)
        for _ in range(3):
            store.incr("n")
        store._lifetime.engine.rewrite(False)
        seen.injected = plan.injected
        store.close()
    with aofstore.open(directory, aof_layout=layout) as store:
        found = store.get("n")
    if found != b"4":
        seen.add(
            "doubled" if found is not None and int(found) > 4 else "lost", f"4 increments made {found!r}"
        )
    return seen
