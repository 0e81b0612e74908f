"""Orders for rewriting children, and what a test sees of a rewrite."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aofstore
from aofstore._core import Engine, _testing
from aofstore.types import RewriteReport
from tests.host.child import run

PATIENCE = 30.0
_BEFORE_THE_SWITCH = """
store = aofstore.open(directory, appendonly=False)
store.set("new", 1)
_testing.child_plan(pause=STEP)
store.config_set("appendonly", "yes")
store.set("newer", 1)
while _testing.child_reached() != STEP:
    time.sleep(0.002)
os.kill(os.getpid(), signal.SIGKILL)
"""


def engine_of(store: aofstore.Store[bytes]) -> Engine:
    return store._lifetime.engine


@contextmanager
def orders(**plan: Any) -> Iterator[None]:
    """What children do that are forked inside the block."""
    _testing.child_plan(**plan)
    try:
        yield
    finally:
        _testing.child_plan()


def begin(store: aofstore.Store[bytes], **plan: Any) -> int:
    """Starts a rewrite whose child has these orders; its pid."""
    with orders(**plan):
        assert engine_of(store).begin_rewrite() == "started"
    return int(_testing.child_progress()[0])


def begin_save(store: aofstore.Store[bytes], **plan: Any) -> int:
    """Starts a save whose child has these orders; its pid."""
    with orders(**plan):
        assert store.bgsave()
    return int(_testing.child_progress()[0])


def wait(store: aofstore.Store[bytes]) -> RewriteReport:
    """The report of the rewrite that runs."""
    report = engine_of(store).wait_rewrite(PATIENCE)
    assert report is not None
    return RewriteReport(*report)


def rewrite(store: aofstore.Store[bytes], background: bool = True) -> RewriteReport:
    return RewriteReport(*engine_of(store).rewrite(background, PATIENCE))


def until(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.002)


def reached(step: str) -> None:
    """Waits until the newest child stands there."""
    until(lambda: _testing.child_reached() == step)


def resume() -> None:
    _testing.child_resume()


def figure(store: aofstore.Store[bytes], name: str) -> Any:
    return store.info("persistence")[name]


def is_gone(pid: int) -> bool:
    """Whether there is no such process, not even as a zombie."""
    return not Path(f"/proc/{pid}").exists()


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def killed_before_the_switch(directory: Path, step: str) -> None:
    """Another process switches the log on there, and is killed when its child is at ``step``."""
    run(_BEFORE_THE_SWITCH.replace("STEP", repr(step)), directory, status=-9)
