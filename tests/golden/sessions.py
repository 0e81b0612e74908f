"""What every target of a transcript has: sessions by name, a clock, and what is new in the log."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from tests.golden.transcript import START_MS
from tests.golden.waiting import Waiting
from tests.servers.connection import Partner
from tests.servers.resp import records

Connection = TypeVar("Connection", bound=Partner)


class Sessions(ABC, Generic[Connection]):
    """A target in one directory; what runs the commands is made by `_open` and `_connect`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._now = START_MS
        self._sessions: dict[str, Connection] = {}
        self._waiting = Waiting(self.execute)
        self._read_to = 0

    @abstractmethod
    def _open(self) -> None: ...

    @abstractmethod
    def _connect(self) -> Connection: ...

    @abstractmethod
    def _set_clock(self) -> None: ...

    @abstractmethod
    def _log(self) -> bytes: ...

    @abstractmethod
    def close(self) -> None: ...

    def reopen(self) -> None:
        self.close()
        self._open()

    def execute(self, session: str, args: Sequence[bytes]) -> Any:
        if session not in self._sessions:
            self._sessions[session] = self._connect()
        return self._sessions[session].execute(*args)

    def start(self, session: str, args: Sequence[bytes]) -> None:
        self._waiting.start(session, args)

    def join(self, session: str) -> Any:
        return self._waiting.join(session)

    def advance(self, milliseconds: int) -> None:
        self._now += milliseconds
        self._set_clock()

    def new_records(self) -> list[list[bytes]]:
        data = self._log()
        found = list(records(data, self._read_to))
        self._read_to = len(data)
        return [args for _, args in found]
