"""How far a load is, over all files that belong to it."""

from __future__ import annotations

import time
from collections.abc import Callable

from ._core import Loader
from .types import LoadProgress

OnProgress = Callable[[LoadProgress], object]

_STEP_MS = 10


class Progress:
    """Runs the loaders of one load, one after the other, and tells how far it is."""

    def __init__(self, tell: OnProgress | None, total: int) -> None:
        """``total``: the bytes of all files."""
        self._tell = tell
        self._total = total
        self._began = time.monotonic()
        self._bytes = 0
        self._commands = 0
        self._told = -1

    @property
    def seconds(self) -> float:
        """Since the load began."""
        return time.monotonic() - self._began

    def run(self, loader: Loader, path: str) -> None:
        """Load one file to its end. Between two steps signals are handled, so Ctrl-C stops it."""
        if self._tell is None:
            while not loader.step(_STEP_MS):
                pass
            return
        done = False
        while not done:
            self._report(loader, path, self._tell)
            # Without a budget a step ends at every tick of the loader: 1000 commands.
            done = loader.step(0)
        self._report(loader, path, self._tell)
        self._bytes += loader.bytes_total
        self._commands += loader.commands

    def _report(self, loader: Loader, path: str, tell: OnProgress) -> None:
        done = self._bytes + loader.bytes_done
        if done == self._told:
            return
        self._told = done
        seconds = self.seconds
        eta = seconds * (self._total - done) / done if done else None
        tell(LoadProgress(path, done, self._total, self._commands + loader.commands, seconds, eta))
