"""A transcript's commands run on a store with a clock that stands still."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aofstore
from aofstore._core import _testing
from tests.golden.transcript import START_MS
from tests.golden.waiting import Waiting
from tests.servers.connection import StoreConnection
from tests.servers.resp import records


class StoreTarget:
    """One store in one directory, ``appendfsync no``; active expiry off, so that only commands write."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._settings: dict[str, Any] = {}
        self._now = START_MS
        self._store: aofstore.Store[bytes] | None = None
        self._sessions: dict[str, StoreConnection] = {}
        self._waiting = Waiting(self.execute)
        self._read_to = 0

    @property
    def store(self) -> aofstore.Store[bytes]:
        assert self._store is not None
        return self._store

    def open(self, settings: dict[str, str]) -> None:
        self.close()
        typed = {
            name.replace("-", "_"): int(text) if text.isdigit() else text for name, text in settings.items()
        }
        self._settings = {"appendfsync": "no", **typed}
        self._open()

    def _open(self) -> None:
        _testing.set_clock(self._now)
        self._store = aofstore.open(self._directory, **{"aof_layout": "single-file", **self._settings})
        self._sessions = {}
        if self.execute("main", [b"DEBUG", b"SET-ACTIVE-EXPIRE", b"0"]) != "OK":
            raise AssertionError("DEBUG SET-ACTIVE-EXPIRE 0 was refused")

    def reopen(self) -> None:
        self.close()
        self._open()

    def execute(self, session: str, args: Sequence[bytes]) -> Any:
        if session not in self._sessions:
            self._sessions[session] = StoreConnection(self.store)
        return self._sessions[session].execute(*args)

    def start(self, session: str, args: Sequence[bytes]) -> None:
        self._waiting.start(session, args)

    def join(self, session: str) -> Any:
        return self._waiting.join(session)

    def advance(self, milliseconds: int) -> None:
        self._now += milliseconds
        _testing.set_clock(self._now)

    def new_records(self) -> list[list[bytes]]:
        path = self._directory / "appendonly.aof"
        data = path.read_bytes() if path.exists() else b""
        found = list(records(data, self._read_to))
        self._read_to = len(data)
        return [args for _, args in found]

    def close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None
