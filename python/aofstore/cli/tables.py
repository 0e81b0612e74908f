"""The tables of the commands. The line above one is never wrapped: it may be a path that somebody copies."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text


def listing(left: tuple[str, ...], right: tuple[str, ...]) -> Table:
    """An empty table with columns of words, then columns of numbers."""
    table = Table()
    for column in left:
        table.add_column(column, overflow="fold")
    for column in right:
        table.add_column(column, justify="right")
    return table


def facts(rows: Iterable[tuple[str, str | Text]]) -> Table:
    """A table without a head: what it is, and how much."""
    table = Table(show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right")
    for name, fact in rows:
        table.add_row(name, fact if isinstance(fact, Text) else Text(fact))
    return table


def show(console: Console, heading: str | Text, table: Table) -> None:
    """Print the table below its heading, which is taken as it is: a path may have brackets."""
    line = heading if isinstance(heading, Text) else Text(heading, style="italic")
    console.print(line, soft_wrap=True)
    console.print(table)
