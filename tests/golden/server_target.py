"""A transcript's commands run on a real server: the oracle for authors, and for replies that all should
share.
"""

from __future__ import annotations

from pathlib import Path

from tests.golden.sessions import Sessions
from tests.golden.transcript import START_MS
from tests.servers.clock import ServerClock
from tests.servers.connection import ServerConnection
from tests.servers.process import Server, aof_options, server_log

_OURS_ALONE = {"aof-layout", "decode-responses"}


class ServerTarget(Sessions[ServerConnection]):
    """One server whose wall clock is a file; its log is BASE and INCRs in one stream."""

    def __init__(self, kind: str, directory: Path) -> None:
        super().__init__(directory)
        self._kind = kind
        self._clock = ServerClock(directory.parent / f"{directory.name}.clock", START_MS)
        self._options: list[str] = []
        self._server: Server | None = None

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

    def _connect(self) -> ServerConnection:
        assert self._server is not None
        return self._server.connect()

    def _set_clock(self) -> None:
        self._clock.set(self._now)

    def _log(self) -> bytes:
        return server_log(self._directory)

    def close(self) -> None:
        for connection in self._sessions.values():
            connection.close()
        self._sessions = {}
        if self._server is not None:
            self._server.stop()
            self._server.close()
            self._server = None
