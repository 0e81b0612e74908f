"""Where a real server may answer differently: rows of ``differences.toml``, each with its reason and an
example.

The target is Redis 7.2; the servers at hand are 7.0.15 and Valkey 9.1.2. A row without a living example
fails.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.connection import Arg, as_bytes
from tests.servers.process import KINDS
from tests.servers.replies import command_line, plain, render

PATH = Path(__file__).with_name("differences.toml")
_FIELDS = {"servers", "command", "ours", "theirs", "reason", "example"}


@dataclass(frozen=True)
class Difference:
    """One allowed deviation; patterns match the whole text, command without regard to case."""

    servers: tuple[str, ...]
    command: re.Pattern[str]
    ours: re.Pattern[str]
    theirs: re.Pattern[str]
    reason: str
    example: tuple[str, ...]

    def allows(self, server: str, command: str, ours: str, theirs: str) -> bool:
        return (
            server in self.servers
            and self.command.fullmatch(command) is not None
            and self.ours.fullmatch(ours) is not None
            and self.theirs.fullmatch(theirs) is not None
        )


def load(path: Path = PATH) -> list[Difference]:
    """All rows; a row with a missing, unknown or empty field raises."""
    return [_row(row) for row in tomllib.loads(path.read_text(encoding="utf-8")).get("difference", [])]


def _row(row: dict[str, Any]) -> Difference:
    wrong = _FIELDS ^ row.keys() or {name for name, value in row.items() if not value}
    if wrong or not set(row["servers"]) <= set(KINDS):
        raise ValueError(f"differences.toml: {row.get('command')}: {sorted(wrong) or row['servers']}")
    command, ours, theirs = (
        re.compile(row[name], re.DOTALL | re.IGNORECASE) for name in ("command", "ours", "theirs")
    )
    return Difference(tuple(row["servers"]), command, ours, theirs, row["reason"], tuple(row["example"]))


@functools.cache
def table() -> list[Difference]:
    return load()


def text_of(reply: Any) -> str:
    """A reply as the patterns see it."""
    return "\n".join(render(plain(reply)))


def mismatch(server: str, args: Sequence[Arg], ours: Any, theirs: Any) -> str | None:
    """What differs and is not allowed to, as a text for an assertion; None if all is well."""
    ours, theirs = plain(ours), plain(theirs)
    line, mine, other = command_line(map(as_bytes, args)), text_of(ours), text_of(theirs)
    if ours == theirs and mine == other:
        return None
    if any(row.allows(server, line, mine, other) for row in table()):
        return None
    return f"{line}\n--- the store\n{mine}\n--- {server}\n{other}"
