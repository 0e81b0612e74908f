"""Runs a program under strace and reads the log: every call of all its threads and children on files.

Nothing of the store has a say in what is written there.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HOUSE = Path(__file__).parents[2]
LONGEST = 8 << 20
PATIENCE = 120.0
OPTIONS = ("-f", "-qqq", "-xx", "-s", str(LONGEST), "--seccomp-bpf", "-e", "trace=%file,%desc,%process")


class UnknownCallError(Exception):
    """A call that cannot be read, or that changes something in a way that nobody here has a rule for."""


@dataclass
class Call:
    """One system call; ``begin`` and ``end`` are line numbers, the end of one that never returned is None."""

    thread: int
    name: str
    text: str
    begin: int
    end: int | None = None
    result: int = -1

    def strings(self) -> list[bytes]:
        """Its quoted arguments."""
        if '"...' in self.text:
            raise UnknownCallError(f"{self.name} with more than {LONGEST} bytes")
        return [bytes.fromhex(found.replace("\\x", "")) for found in _STRING.findall(self.text)]

    def number(self, at: int) -> int:
        """Its argument at a position where no string comes before; AT_FDCWD is -1."""
        found = _BARE.sub('""', self.text).split(", ")[at]
        return -1 if found == "AT_FDCWD" else int(found, 0)


# Their output is long and they change nothing.
_SKIPPED = ("---", "+++", "read(", "pread64(", "<... read resumed", "<... pread64 resumed")
_LINE = re.compile(r"(\d+) +(.*)")
_UNFINISHED = re.compile(r"(\w+)\((.*?),? *<unfinished \.\.\.>$")
_RESUMED = re.compile(r"<\.\.\. (\w+) resumed>(.*)$")
_WHOLE = re.compile(r"(\w+)\((.*)$")
_RESULT = re.compile(r"(.*)\) += (-?\d+|0x[0-9a-f]+|\?)(?: .*)?")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_BARE = re.compile(r'"(?:\\x[0-9a-f]{2})*"')


def calls(log: str) -> list[Call]:
    """Every call in the log, in the order of their beginnings."""
    found: list[Call] = []
    waiting: dict[int, Call] = {}
    for number, line in enumerate(log.splitlines()):
        match = _LINE.fullmatch(line)
        if match is None:
            raise UnknownCallError(f"cannot read {line[:200]}")
        thread, text = int(match[1]), match[2]
        if text.startswith(_SKIPPED):
            continue
        if unfinished := _UNFINISHED.match(text):
            waiting[thread] = Call(thread, unfinished[1], unfinished[2], number)
            found.append(waiting[thread])
        elif resumed := _RESUMED.match(text):
            call = waiting.pop(thread)
            joint = "" if resumed[2].lstrip().startswith(")") or not call.text else ", "
            _finish(call, call.text + joint + resumed[2], number)
        elif whole := _WHOLE.match(text):
            call = Call(thread, whole[1], "", number)
            _finish(call, whole[2], number)
            found.append(call)
    return found


def _finish(call: Call, text: str, number: int) -> None:
    result = _RESULT.fullmatch(text)
    if result is None:
        raise UnknownCallError(f"cannot read {call.name}({text[:200]}")
    call.text = result[1]
    if result[2] != "?":
        call.end, call.result = number, int(result[2], 0)


def traced(words: Sequence[str], log: Path) -> list[Call]:
    """Runs ``python words...`` and returns the calls that it, its threads and its children made."""
    command = ["strace", *OPTIONS, "-o", str(log), sys.executable, *words]
    with subprocess.Popen(command, cwd=HOUSE, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            status = process.wait(PATIENCE)
        finally:
            # What outlives strace fails in every call that was traced: it must not live on.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    if status != 0:
        raise RuntimeError(f"{words} ended with status {status} under strace")
    return calls(log.read_text(encoding="ascii"))
