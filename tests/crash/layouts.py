"""Where each layout of the log has its files, and what else may lie there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, TypeAlias

from tests.crash.operations import Enter, Move, Operation, Tree, planted

Layout: TypeAlias = Literal["single-file", "multi-part"]
LAYOUTS: tuple[Layout, ...] = ("single-file", "multi-part")
STEM = "appendonly.aof"
FOLDER = "appendonlydir"
MANIFEST = f"{STEM}.manifest"
INCR = re.compile(r"appendonly\.aof\.(\d+)\.incr\.aof")
SAVED = re.compile(r"appendonly\.aof.*\.truncated-\d+(-\d+)?")
# Where the child of a rewrite may stand still; into parts it waits for nothing: the log goes on elsewhere.
STEPS: dict[str, tuple[str, ...]] = {
    "single-file": ("dumping", "early-sync", "draining", "asking", "waiting", "agreed", "synced", "done"),
    "multi-part": ("dumping", "early-sync", "synced", "done"),
}
# Where the parent stands when a child has nothing more to say than its end.
LATE_STEP: dict[str, str] = {"single-file": "agreed", "multi-part": "synced"}


def is_log(name: str) -> bool:
    """Whether commands are appended to a file of that name, or were before it was taken over."""
    return name == STEM or INCR.fullmatch(name) is not None


def listed(directory: Path) -> set[str]:
    """The names in the manifest, history included; empty where there is none."""
    manifest = directory / FOLDER / MANIFEST
    if not manifest.exists():
        return set()
    lines = (line.split() for line in manifest.read_text(encoding="utf-8").splitlines())
    return {words[1] for words in lines if words and words[0] == "file"}


def newest_log(directory: Path) -> Path:
    """The file that is appended to, or would be."""
    incrs = [path for path in (directory / FOLDER).glob("*") if INCR.fullmatch(path.name)]
    live = [path for path in incrs if path.name in listed(directory)]
    if not live:
        return directory / STEM
    return max(live, key=lambda path: int(path.name.split(".")[2]))


def log_place(directory: Path, layout: Layout) -> Path:
    """What an error of the log as a whole names."""
    return directory / {"single-file": STEM, "multi-part": f"{FOLDER}/{MANIFEST}"}[layout]


def log_files(directory: Path) -> list[Path]:
    """What an opening reads, in its order: the single file, or the base and the increments after it."""
    if not (directory / FOLDER / MANIFEST).exists():
        return [directory / STEM]
    lines = (directory / FOLDER / MANIFEST).read_text(encoding="utf-8").splitlines()
    words = [line.split() for line in lines]
    bases, increments = ([line for line in words if line[5] == kind] for kind in "bi")
    increments.sort(key=lambda line: int(line[3]))
    return [directory / FOLDER / line[1] for line in [*bases, *increments]]


def whole_log(directory: Path) -> bytes:
    """All that an opening reads."""
    return b"".join(path.read_bytes() for path in log_files(directory))


def strangers(directory: Path, layout: Layout) -> list[str]:
    """What lies in an open or opened store's directory and is no part of it."""
    if layout == "single-file":
        return sorted(path.name for path in directory.iterdir() if not _belongs(path.name, {STEM}))
    # A single file that is taken over may have been cut before.
    above = [path.name for path in directory.iterdir() if not _belongs(path.name, {FOLDER})]
    known, folder = listed(directory) | {MANIFEST}, directory / FOLDER
    inside = [path.name for path in folder.iterdir()] if folder.exists() else []
    return sorted([*above, *(name for name in inside if not _belongs(name, known))])


def _belongs(name: str, known: set[str]) -> bool:
    return name in known or SAVED.fullmatch(name) is not None


def not_kept(before: Mapping[str, bytes], directory: Path) -> str:
    """What was cut off one of the logs, given by their names, and lies nowhere beside it."""
    for name, data in before.items():
        places = [place / name for place in (directory, directory / FOLDER) if (place / name).is_file()]
        if not places:
            # A log that became history.
            continue
        kept = places[-1].read_bytes()
        tail = data[len(kept) :]
        if not data.startswith(kept) or (tail and not _saved(directory, name, tail)):
            return f"cut: {len(tail)} bytes of {name} were cut and not kept"
    return ""


def _saved(directory: Path, name: str, tail: bytes) -> bool:
    saved = directory.rglob(f"{name}.truncated-*")
    return any(path.read_bytes() == tail for path in saved)


class Logs:
    """Which file of a recording is the log, as it goes: the one that was last written to.

    Everything that was acknowledged is in it or in files before it, which must have been synced by then.
    """

    def __init__(self, before: Tree) -> None:
        self._nodes = {entry.node for entry, _ in planted(before) if is_log(entry.name)}
        self._written: int | None = None

    def see(self, operation: Operation) -> None:
        """An operation begins."""
        if isinstance(operation, Enter):
            name = "" if operation.is_directory else operation.name
        elif isinstance(operation, Move):
            name = operation.new
        else:
            return
        if is_log(name):
            self._nodes.add(operation.node)

    def wrote(self, node: int) -> None:
        if node in self._nodes:
            self._written = node

    def is_current(self, node: int) -> bool:
        return node == self._written if self._written is not None else node in self._nodes


def holes(paths: Iterable[tuple[str, int]]) -> dict[str, int]:
    """The holes of an image by the names of the files."""
    return {Path(path).name: hole for path, hole in paths}
