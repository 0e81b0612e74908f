"""What the tests of a rewrite's manners share: it forks the host, and the host notices nothing.

Each test is a fact, and runs in a process of its own that begins with ``SETUP``. The child is told where to
stand still, so that the host can be looked at while it lives.
"""

from __future__ import annotations

import time
from pathlib import Path

SETUP = """
import logging
logging.disable()
store = aofstore.open(directory, auto_aof_rewrite_percentage=0)
for n in range(2000):
    store.set(f"k:{n}", "v" * 50)
for n in range(2000):
    store.set(f"k:{n}", n)

def rewrite(background=True):
    return aofstore.types.RewriteReport(*store._lifetime.engine.rewrite(background, 60))

def wait():
    return aofstore.types.RewriteReport(*store._lifetime.engine.wait_rewrite(20))

def await_step(step):
    until = time.monotonic() + 20
    while _testing.child_reached() != step:
        assert time.monotonic() < until, _testing.child_reached()
        time.sleep(0.002)

def paused(step="dumping", after_keys=0):
    "The pid of a child that stands still."
    _testing.child_plan(pause=step, after_keys=after_keys)
    assert store._lifetime.engine.begin_rewrite() == "started"
    await_step(step)
    _testing.child_plan()
    return _testing.child_progress()[0]

def resumed():
    _testing.child_resume()
    report = wait()
    assert report.keys >= 2000, report

LATE = "draining" if "draining" in STEPS else "synced"

def children():
    found = []
    for task in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{task}/children") as pids:
                found += map(int, pids.read().split())
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found

def sound():
    "That the next rewrite works, nothing is left behind, and what is in the log is what is in memory."
    assert rewrite().keys >= 2000
    assert children() == [], children()
    close_and_compare(store)
"""


def await_death(pid: int) -> None:
    """Of a process whose parent is dead: whoever inherits it may be slow to take its status."""
    until = time.monotonic() + 5
    while True:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return
        if "zombie" in status:
            return
        assert time.monotonic() < until, status
        time.sleep(0.01)
