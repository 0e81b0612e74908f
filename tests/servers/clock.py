"""A server's wall clock as a number in a file: what makes its log repeatable to the millisecond."""

from __future__ import annotations

import functools
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

_SOURCE = Path(__file__).with_name("clock.c")


@functools.cache
def _library() -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        raise AssertionError("a C compiler is missing: apt-get install gcc")
    built = Path(tempfile.mkdtemp(prefix="clock-")) / "clock.so"
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", str(built), str(_SOURCE)], check=True)
    return built


class ServerClock:
    """The clock of one server; ``env`` goes to its process."""

    def __init__(self, path: Path, milliseconds: int) -> None:
        self._path = path
        self.env = {"LD_PRELOAD": str(_library()), "FIXED_CLOCK": str(path)}
        path.write_bytes(bytes(4096))
        self.set(milliseconds)

    def set(self, milliseconds: int) -> None:
        """Moves the clock; the server sees it at its next look."""
        with self._path.open("r+b") as file:
            file.write(struct.pack("=q", milliseconds))
