"""Logs in directories of their own, for checks and repairs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import aofstore
from tests.servers.connection import StoreConnection
from tests.servers.dataset import Dataset, dataset
from tests.servers.resp import encode

NAME = "appendonly.aof"


def log_of(*commands: str) -> bytes:
    """Commands, each written with blanks between its words."""
    return b"".join(encode([word.encode() for word in command.split(" ")]) for command in commands)


def place(directory: Path, data: bytes, name: str = NAME) -> Path:
    """The file with these bytes, alone in the directory."""
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.iterdir():
        old.unlink()
    path = directory / name
    path.write_bytes(data)
    return path


def prints(directory: Path) -> dict[str, str]:
    """Every file of a directory and its sha256."""
    files = (path for path in sorted(directory.rglob("*")) if path.is_file())
    return {str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def photograph(directory: Path) -> dict[str, tuple[int | str, ...]]:
    """Everything about every file that a reader could have changed."""
    found: dict[str, tuple[int | str, ...]] = {}
    for path in sorted([directory, *directory.rglob("*")]):
        stat = path.stat()
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path)] = (
            stat.st_ino,
            stat.st_mode,
            stat.st_size,
            stat.st_mtime_ns,
            stat.st_ctime_ns,
            digest,
        )
    return found


def data_in(directory: Path) -> Dataset:
    """What a store finds there; it must not have to cut anything."""
    with aofstore.open(directory, appendfsync="no") as store:
        assert store.load_report.truncations == ()
        return dataset(StoreConnection(store), 2)


def data_of(directory: Path, log: bytes) -> Dataset:
    """What a log makes."""
    place(directory, log)
    return data_in(directory)


def real(problems: Iterable[aofstore.Problem]) -> list[aofstore.Problem]:
    """Problems that keep a file from being sound."""
    return [problem for problem in problems if problem.kind not in ("orphan", "timestamp")]


def only(report: aofstore.CheckReport) -> aofstore.Problem:
    """The one such problem of a report."""
    (problem,) = real(problem for file in report.files for problem in file.problems)
    return problem
