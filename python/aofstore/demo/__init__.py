"""The demo: a writer is killed in the middle of a rewrite, and nothing that it acknowledged is lost.

`run` starts a process that writes through the public interface and rewrites its log on the way, kills it with
SIGKILL while it rewrites the log once more, opens the store again and compares it, key by key, with a model
in plain Python. It uses only what every user has, so that it shows what they get; `aofstore.cli` prints it.
"""

from __future__ import annotations

from .operations import Operation, operations
from .play import DemoError, Killed, Outcome, Plan, Rewritten, Watch, reopen, run, write_and_kill

__all__ = [
    "DemoError",
    "Killed",
    "Operation",
    "Outcome",
    "Plan",
    "Rewritten",
    "Watch",
    "operations",
    "reopen",
    "run",
    "write_and_kill",
]
