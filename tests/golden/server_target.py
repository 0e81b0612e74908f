"""A transcript's commands run on a real server: the oracle for authors, and for replies that all should
share.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.golden.transcript import START_MS
from tests.golden.waiting import Waiting
from tests.servers.clock import ServerClock
from tests.servers.connection import ServerConnection
from tests.servers.process import Server, aof_options, server_log
from tests.servers.resp import records

_OURS_ALONE = {"aof-layout", "decode-responses"}


class ServerTarget:
    """One server whose wall clock is a file; its log is BASE and INCRs in one stream."""

    def __init__(self, kind: str, directory: Path) -> None:
        self._kind = kind
        self._directory = directory
        self._now = START_MS
        self._clock = ServerClock(directory.parent / f"{directory.name}.clock", START_MS)
        self._options: list[str] = []
        self._server: Server | None = None
        self._sessions: dict[str, ServerConnection] = {}
        self._waiting = Waiting(self.execute)
        self._read_to = 0

    def open(self, settings: dict[str, str]) -> None:
        self.close()
        names = {name.replace("_", "-"): text for name, text in settings.items()}
        pairs = {name: text for name, text in names.items() if name not in _OURS_ALONE}
        self._options = [word for name, text in pairs.items() for word in (f"--{name}", text)]
        self._open()

    def _open(self) -> None:
        options = [*aof_options(appendfsync="no"), *self._options]
        self._server = Server(self._kind, self._directory, *options, env=self._clock.env).start()
        self.execute("main", [b"DEBUG", b"SET-ACTIVE-EXPIRE", b"0"])

    def reopen(self) -> None:
        self.close()
        self._open()

    def execute(self, session: str, args: Sequence[bytes]) -> Any:
        if session not in self._sessions:
            assert self._server is not None
            self._sessions[session] = self._server.connect()
        return self._sessions[session].execute(*args)

    def start(self, session: str, args: Sequence[bytes]) -> None:
        self._waiting.start(session, args)

    def join(self, session: str) -> Any:
        return self._waiting.join(session)

    def advance(self, milliseconds: int) -> None:
        self._now += milliseconds
        self._clock.set(self._now)

    def new_records(self) -> list[list[bytes]]:
        data = server_log(self._directory)
        found = list(records(data, self._read_to))
        self._read_to = len(data)
        return [args for _, args in found]

    def close(self) -> None:
        for connection in self._sessions.values():
            connection.close()
        self._sessions = {}
        if self._server is not None:
            self._server.stop()
            self._server.close()
            self._server = None
