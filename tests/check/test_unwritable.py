"""Where nothing can be written a check says the same as elsewhere, and opening says why it does not open."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

import aofstore
from tests.check.places import log_of, photograph, place
from tests.crash.samples import SMALL_LOG
from tests.unwritable import WAYS, Way, forbidden, mounted

ROOT = Path(__file__).parents[2]
CHECK = "import sys, aofstore; print(aofstore.check(sys.argv[1]))"
OPEN = """
import sys, aofstore
try:
    aofstore.open(sys.argv[1], aof_layout=sys.argv[2])
except aofstore.AofOpenError as error:
    print(type(error).__name__, error.errno, error.path, error, sep="\\n", end="")
"""
ERRNO: dict[Way, int] = {mounted: errno.EROFS, forbidden: errno.EACCES}


def _log(data: bytes) -> Callable[[Path], object]:
    return lambda directory: place(directory, data)


def _parts(directory: Path) -> None:
    with aofstore.open(directory) as store:
        store.set("a", 1)
        store.rewrite()
        store.set("b", 2)


DATA: dict[str, Callable[[Path], object]] = {
    "empty": Path.mkdir,
    "sound": _log(SMALL_LOG),
    "torn": _log(log_of("SET a 1") + b"*3\r\n$3\r\nSE"),
    "damaged": _log(log_of("SET a 1") + b"*1\r\n$4\r\nNOPE\r\n" + log_of("SET b 2")),
    "parts": _parts,
}


def python(*words: str | Path, before: list[str]) -> subprocess.CompletedProcess[str]:
    command = [*before, sys.executable, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("data", ["sound", "torn", "damaged", "parts"])
def test_a_check_says_the_same_and_leaves_nothing(tmp_path: Path, data: str, way: Way) -> None:
    directory = tmp_path / "data"
    DATA[data](directory)
    report, told = aofstore.check(directory), python("-m", "aofstore", "check", directory, before=[])
    unwritable = way(directory)
    before = photograph(directory)
    done = python("-c", CHECK, directory, before=unwritable)
    assert (done.stdout, done.stderr) == (f"{report}\n", "")
    done = python("-m", "aofstore", "check", directory, before=unwritable)
    assert (done.stdout, done.stderr, done.returncode) == (told.stdout, "", told.returncode)
    assert done.returncode == (0 if report.sound else 1)
    assert photograph(directory) == before


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("data", "layout"),
    [*product(["empty", "sound", "torn"], ["single-file", "multi-part"]), ("parts", "multi-part")],
)
def test_opening_says_why_it_cannot_and_leaves_nothing(
    tmp_path: Path, data: str, layout: str, way: Way
) -> None:
    directory = tmp_path / "data"
    DATA[data](directory)
    unwritable = way(directory)
    before = photograph(directory)
    done = python("-c", OPEN, directory, layout, before=unwritable)
    assert (done.stderr, done.returncode) == ("", 0)
    kind, number, path, message = done.stdout.split("\n")
    assert (kind, int(number)) == ("AofOpenError", ERRNO[way])
    assert Path(path).is_relative_to(directory)
    assert path in message
    assert os.strerror(ERRNO[way]) in message
    assert photograph(directory) == before


def test_red_control_what_can_be_written_is_no_proof(tmp_path: Path) -> None:
    """The words that a command is preceded by see to it themselves."""
    words = forbidden(tmp_path)
    tmp_path.chmod(0o755)
    assert subprocess.run([*words, "true"], check=False).returncode != 0
