"""The command line itself, with and without the extra that it needs."""

from __future__ import annotations

import subprocess
import sys

import pytest


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_a_missing_extra_is_one_line(missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None; from aofstore.__main__ import main; sys.exit(main())"
    )
    done = _run("-c", code)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == 'the command line needs an extra: pip install "aofstore[cli]"\n'


def test_help_names_the_commands() -> None:
    done = _run("-m", "aofstore", "--help")
    assert done.returncode == 0
    assert "demo" in done.stdout


def test_help_breaks_lines_only_where_they_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    done = _run("-m", "aofstore", "repair", "--help")
    assert "1 when they are not, 2 when they could not be looked at or changed." in done.stdout


@pytest.mark.parametrize("words", [["nonsense"], ["demo", "--kill-at", "101"], ["demo", "--policy", "never"]])
def test_a_wrong_word_is_status_2(words: list[str]) -> None:
    done = _run("-m", "aofstore", *words)
    assert (done.returncode, done.stdout) == (2, "")
