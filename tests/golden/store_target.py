"""A transcript's commands run on a store with a clock that stands still."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aofstore
from aofstore._core import _testing
from tests.golden.sessions import Sessions
from tests.servers.connection import StoreConnection


class StoreTarget(Sessions[StoreConnection]):
    """One store in one directory, ``appendfsync no``; active expiry off, so that only commands write."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._settings: dict[str, Any] = {}
        self._store: aofstore.Store[bytes] | None = None

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
        self._set_clock()
        self._store = aofstore.open(self._directory, **{"aof_layout": "single-file", **self._settings})
        self._sessions = {}
        if self.execute("main", [b"DEBUG", b"SET-ACTIVE-EXPIRE", b"0"]) != "OK":
            raise AssertionError("DEBUG SET-ACTIVE-EXPIRE 0 was refused")

    def _connect(self) -> StoreConnection:
        return StoreConnection(self.store)

    def _set_clock(self) -> None:
        _testing.set_clock(self._now)

    def _log(self) -> bytes:
        path = self._directory / "appendonly.aof"
        return path.read_bytes() if path.exists() else b""

    def close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None
