"""Floors in C: compiled with the system's compiler when they are needed."""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

_HERE = Path(__file__).parent


class NoCompilerError(Exception):
    """There is no C compiler here; the rows with a floor in C are left out."""


@functools.cache
def program(name: str) -> Path:
    """The executable of ``name``.c."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        raise NoCompilerError("no C compiler: install gcc")
    built = _scratch() / name
    words = [compiler, "-O2", "-Wall", "-pthread", "-o", str(built), str(_HERE / f"{name}.c")]
    subprocess.run(words, check=True)
    return built


@functools.cache
def _scratch() -> Path:
    directory = tempfile.mkdtemp(prefix="aofstore-bench-")
    atexit.register(shutil.rmtree, directory)
    return Path(directory)


def run(name: str, *words: object) -> list[float]:
    """What the program prints: numbers."""
    done = subprocess.run([program(name), *map(str, words)], capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.split()]
