"""How problems of files are told, by every command that finds some."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

import aofstore


def print_problems(problems: tuple[aofstore.Problem, ...], console: Console) -> None:
    """A line each, which is never wrapped."""
    for problem in problems:
        place = "" if problem.offset is None else f" at offset {problem.offset}"
        number = "" if problem.command is None else f", command {problem.command}"
        style = "yellow" if problem.is_note else "red"
        line = Text(f"{problem.kind}", style=f"bold {style}")
        line.append(f" {problem.path}{place}{number}: {problem.message}", style="not bold default")
        console.print(line, soft_wrap=True, highlight=False)
