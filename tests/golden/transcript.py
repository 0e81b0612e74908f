"""The format of a transcript, and its replay against anything that runs commands.

    # a comment: kept as it is, blank lines too
    @clock +1500
    > SET k "a b" EX 10
    OK
    = SELECT 0
    = SET k "a b" PXAT 1700000011500

``>`` is a command with redis-cli's quoting, the lines behind it its reply as redis-cli prints it under
RESP3, ``=`` the records that it added to the log. Directives:

    @open NAME=VALUE …    settings of the store (before the first command), else reopens with them
    @clock +MS            moves the wall clock, which stands still otherwise, on
    @db N                 selects a database in this session
    @config NAME VALUE    CONFIG SET
    @session NAME         goes on as another session; the first one is ``main``
    @reopen               closes and opens the store; sessions start anew
    @sorted               the order of the next reply does not count
    @random               only the shape of the next reply, and command and key of its records
    @later                the next command waits in its session; the script goes on
    @join NAME            the reply of the command that waited in that session
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol

from tests.servers.replies import command_line, render, sorted_reply
from tests.servers.words import split_line

START_MS = 1_700_000_000_000


class Target(Protocol):
    """What a transcript is replayed against."""

    def open(self, settings: dict[str, str]) -> None: ...

    def reopen(self) -> None: ...

    def execute(self, session: str, args: Sequence[bytes]) -> Any: ...

    def start(self, session: str, args: Sequence[bytes]) -> None: ...

    def join(self, session: str) -> Any: ...

    def advance(self, milliseconds: int) -> None: ...

    def new_records(self) -> list[list[bytes]]: ...


class Replay:
    """One run through a script; ``text`` is what the script should say."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._lines: list[str] = []
        self._session = "main"
        self._next: set[str] = set()

    def run(self, script: str) -> str:
        lines = script.splitlines()
        settings = next((line for line in lines if line.startswith("@open")), "@open")
        self._target.open(_settings(settings))
        opened = settings == "@open"
        for line in lines:
            if line.startswith("> "):
                self._lines.append(line)
                self._command(line[2:])
            elif line.startswith("@"):
                self._lines.append(line)
                if line.startswith("@open") and not opened:
                    opened = True
                else:
                    self._directive(line)
            elif not line.strip() or line.startswith("#"):
                self._lines.append(line)
        return "\n".join(self._lines).rstrip("\n") + "\n"

    def _command(self, line: str) -> None:
        args = split_line(line)
        marks, self._next = self._next, set()
        if "later" in marks:
            self._target.start(self._session, args)
            self._log(marks)
        else:
            self._answer(self._target.execute(self._session, args), marks)

    def _answer(self, reply: Any, marks: set[str]) -> None:
        if "random" in marks:
            self._lines.append(f"(any {shape(reply)})")
        else:
            self._lines.extend(render(sorted_reply(reply) if "sorted" in marks else reply))
        self._log(marks)

    def _log(self, marks: set[str]) -> None:
        for record in self._target.new_records():
            text = (
                command_line(record[:2]) + f" …{len(record)}" if "random" in marks else command_line(record)
            )
            self._lines.append(f"= {text}")

    def _directive(self, line: str) -> None:
        name, *words = line[1:].split()
        if name in ("sorted", "random", "later"):
            self._next.add(name)
        elif name == "clock":
            self._target.advance(_offset(words[0]))
        elif name == "db":
            self._silent([b"SELECT", words[0].encode()], line)
        elif name == "config":
            self._silent([b"CONFIG", b"SET", *split_line(line.split(None, 1)[1])], line)
        elif name == "session":
            self._session = words[0]
        elif name == "join":
            marks, self._next = self._next, set()
            self._answer(self._target.join(words[0]), marks)
        elif name == "reopen":
            self._target.reopen()
        elif name == "open":
            self._target.open(_settings(line))
        else:
            raise ValueError(f"no directive is called {line}")

    def _silent(self, args: list[bytes], line: str) -> None:
        reply = self._target.execute(self._session, args)
        if reply != "OK":
            raise AssertionError(f"{line}: {reply!r}")


def _settings(line: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in line.split()[1:])


def _offset(word: str) -> int:
    if not re.fullmatch(r"\+\d+", word):
        raise ValueError(f"@clock takes +milliseconds, not {word}")
    return int(word)


def shape(reply: Any) -> str:
    """What a reply is, without what it says."""
    if isinstance(reply, list):
        return f"array of {len(reply)}"
    return {bytes: "bulk", int: "integer", type(None): "nil", float: "double"}.get(
        type(reply), type(reply).__name__
    )
