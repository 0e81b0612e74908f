"""That a skip hides nothing: see `tests.skips`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = """
import pytest

def test_that_runs(): pass

@pytest.mark.scarce
def test_that_finds_it(): pass

@pytest.mark.scarce
def test_that_does_not_find_it(): pytest.skip("no such limit")

@pytest.mark.scarce
@pytest.mark.skipif(True, reason="no such kernel")
def test_that_does_not_look(): pass

@pytest.mark.xfail(strict=True)
def test_that_is_known(): assert False
"""
HIDDEN = "def test_hidden(): pytest.importorskip('no_such_module')\n"


def run(tests: str, directory: Path) -> subprocess.CompletedProcess[str]:
    (directory / "test_them.py").write_text(tests)
    (directory / "pytest.ini").write_text("[pytest]\nmarkers = scarce\n")
    words = ["-m", "pytest", "-q", "-p", "tests.skips", "-p", "no:cacheprovider", str(directory)]
    return subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_end_says_what_the_kernel_did_not_give(tmp_path: Path) -> None:
    done = run(TESTS, tmp_path)
    assert done.returncode == 0, done.stdout
    told = [line for line in done.stdout.splitlines() if line.startswith("test_them.py::")]
    assert told == [
        "test_them.py::test_that_does_not_find_it: NOT RUN: Skipped: no such limit",
        "test_them.py::test_that_does_not_look: NOT RUN: Skipped: no such kernel",
        "test_them.py::test_that_finds_it: ran",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere what is Linux's is skipped")
def test_a_missing_module_is_no_skip(tmp_path: Path) -> None:
    done = run(TESTS + HIDDEN, tmp_path)
    assert done.returncode == 1
    assert "1 failed, 2 passed, 2 skipped, 1 xfailed" in done.stdout
    assert "no_such_module" in done.stdout
