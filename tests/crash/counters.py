"""Counters in a shared file: what a process says about itself up to the instant of its death.

A store into the mapping needs no system call, so it is neither lost nor late when SIGKILL comes.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path

MAX_THREADS = 8
_SIZE = 8 * (2 + 2 * MAX_THREADS)


class Counters:
    """``opened``, ``rewriting``, and for each thread how many operations it has begun and how many were
    acknowledged.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        if create:
            path.write_bytes(bytes(_SIZE))
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._map = mmap.mmap(descriptor, _SIZE)
        os.close(descriptor)
        self._cells = memoryview(self._map).cast("Q")

    @property
    def opened(self) -> bool:
        return bool(self._cells[0])

    def open_now(self) -> None:
        self._cells[0] = 1

    @property
    def rewriting(self) -> bool:
        return bool(self._cells[-1])

    def rewriting_now(self, running: bool) -> None:
        self._cells[-1] = running

    def start(self, thread: int, position: int) -> None:
        self._cells[1 + 2 * thread] = self._cells[2 + 2 * thread] = position

    def begin(self, thread: int, position: int) -> None:
        self._cells[1 + 2 * thread] = position

    def acknowledge(self, thread: int, position: int) -> None:
        self._cells[2 + 2 * thread] = position

    def begun(self, thread: int) -> int:
        return self._cells[1 + 2 * thread]

    def acknowledged(self, thread: int) -> int:
        return self._cells[2 + 2 * thread]

    def close(self) -> None:
        self._cells.release()
        self._map.close()
