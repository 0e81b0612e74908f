"""A progress bar for each act of a command, on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

Watch: TypeAlias = Callable[[str, int, int], object]
"""Told ``(act, done, total)``; the first word of an act ends the one before."""


@contextmanager
def bars(messages: Console) -> Iterator[Watch]:
    """A bar for each act that the function given is told of."""
    columns = (TextColumn("{task.description:<10}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), console=messages) as progress:
        shown: dict[str, TaskID] = {}

        def watch(act: str, done: int, total: int) -> None:
            if act not in shown:
                for earlier in shown.values():
                    progress.stop_task(earlier)
                shown[act] = progress.add_task(act)
            progress.update(shown[act], completed=done, total=total)

        yield watch
