"""The two kinds of partner a comparison has: a server behind a unix socket, and a store in this process."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import aofstore
from tests.servers.replies import canonical, failure, with_statuses
from tests.servers.resp import encode, read_reply
from tests.servers.words import split_line

Arg: TypeAlias = bytes | str | int | float
CHUNK = 2000


class Partner(Protocol):
    """What both kinds offer; an error reply is a value here, not an exception."""

    def execute(self, *args: Arg) -> Any: ...

    def pipeline(self, commands: Sequence[Sequence[Arg]]) -> list[Any]: ...


def as_bytes(arg: Arg) -> bytes:
    """An argument as the bytes that go over the wire."""
    if isinstance(arg, bytes):
        return arg
    return (repr(arg) if isinstance(arg, float) else str(arg)).encode()


def run_line(partner: Partner, line: str) -> Any:
    """The reply to a command written as redis-cli takes it."""
    return partner.execute(*split_line(line))


class ServerConnection:
    """A RESP3 connection that returns typed replies and never raises for an error reply."""

    def __init__(self, path: Path, timeout: float = 60.0, protocol: int = 3) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise
        self._stream = io.BufferedReader(self._socket.makefile("rb", buffering=0), 1 << 16)
        try:
            if protocol == 3:
                self.execute("HELLO", 3)
        except (OSError, EOFError):
            # A server that is about to end.
            self.close()
            raise

    def execute(self, *args: Arg) -> Any:
        self._socket.sendall(encode(map(as_bytes, args)))
        return read_reply(self._stream)

    def pipeline(self, commands: Sequence[Sequence[Arg]]) -> list[Any]:
        replies: list[Any] = []
        for start in range(0, len(commands), CHUNK):
            chunk = commands[start : start + CHUNK]
            self._socket.sendall(b"".join(encode(map(as_bytes, args)) for args in chunk))
            replies.extend(read_reply(self._stream) for _ in chunk)
        return replies

    def send_raw(self, data: bytes, replies: int) -> list[Any]:
        """Sends bytes that are commands already and reads that many replies."""
        self._socket.sendall(data)
        return [read_reply(self._stream) for _ in range(replies)]

    def close(self) -> None:
        self._stream.close()
        self._socket.close()

    def __enter__(self) -> ServerConnection:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class StoreConnection:
    """A session of a store that answers as a server connection does."""

    def __init__(self, store: aofstore.Store[bytes]) -> None:
        self.store = store
        self.session = store.session()

    def execute(self, *args: Arg) -> Any:
        try:
            return with_statuses([as_bytes(args[0])], canonical(self.session.execute_command(*args)))
        except (aofstore.ResponseError, aofstore.WatchError) as error:
            return failure(error)

    def pipeline(self, commands: Sequence[Sequence[Arg]]) -> list[Any]:
        return [self.execute(*args) for args in commands]


def run_all(partner: Partner, commands: Iterable[Sequence[Arg]]) -> list[Any]:
    """Replies to commands, one after the other."""
    return [partner.execute(*args) for args in commands]
