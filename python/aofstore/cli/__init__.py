"""The command line: one file a subcommand. Needs the extra ``aofstore[cli]``.

Data goes to stdout, progress and messages to stderr; NO_COLOR is respected.
"""

from __future__ import annotations

import io
import sys

import typer

from . import check, convert, demo, inspect, restore, rewrite

__all__ = ["main"]

app = typer.Typer(
    name="aofstore",
    help="Redis's data structures and append-only file inside a Python process.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",  # else the lines of a docstring end where the source ends them
)
app.command("check")(check.check)
app.command("demo")(demo.demo)
app.command("inspect")(inspect.inspect)
app.command("repair")(check.repair)
app.command("rewrite")(rewrite.rewrite)
app.command("restore")(restore.restore)
app.command("convert")(convert.convert)


@app.callback()
def _common() -> None:
    """Redis's data structures and append-only file inside a Python process."""


def main() -> int:
    """Run the command line; its exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A path need not be text; stderr takes it as it is.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0
