"""What the README shows is what happens: Python blocks and `python -c` lines, in order, in one directory."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"
FENCE = re.compile(r"^```(python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PRINTED = re.compile(r"^\s*print\(.*\)  # (.*\n)", re.MULTILINE)


def examples(text: str) -> Iterator[tuple[list[str], str]]:
    """Each example as Python's arguments and what it prints."""
    for language, block in FENCE.findall(text):
        if language == "python":
            yield ["-c", block], "".join(PRINTED.findall(block))
            continue
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, output = part.partition("\n")
            program, *words = shlex.split(line)
            if program == "python" and words[0] == "-c":
                yield words, output


def test_examples_print_what_they_say(tmp_path: Path) -> None:
    shown = list(examples(README.read_text("utf-8")))
    assert len(shown) >= 2
    for words, output in shown:
        done = subprocess.run(
            [sys.executable, *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONWARNINGS": "error"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr, done.stdout) == (0, "", output), words


def test_red_control() -> None:
    text = "```python\nprint(1 + 1)  # 3\n```\n\n```console\n$ python -c 'print(5)'\n5\n6\n$ ls\n```\n"
    assert list(examples(text)) == [
        (["-c", "print(1 + 1)  # 3\n"], "3\n"),
        (["-c", "print(5)"], "5\n6\n"),
    ]
