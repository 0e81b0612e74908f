"""Commands of a transcript that wait in threads of their own until another command serves them."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

Execute = Callable[[str, Sequence[bytes]], Any]

_TIMEOUT = 10.0
# Asks how many wait; no transcript calls a session so.
_WATCH = "(watch)"


class Waiting:
    """At most one command a session."""

    def __init__(self, execute: Execute) -> None:
        self._execute = execute
        self._commands: dict[str, tuple[threading.Thread, list[Any]]] = {}

    def start(self, session: str, args: Sequence[bytes]) -> None:
        """Send a command; it waits, or is answered, when this returns."""
        before, box = self._blocked(), list[Any]()
        thread = threading.Thread(target=lambda: box.append(self._execute(session, args)), daemon=True)
        thread.start()
        self._commands[session] = thread, box
        end = time.monotonic() + _TIMEOUT
        while not box and self._blocked() == before:
            if time.monotonic() > end:
                raise AssertionError(f"the command of session {session} neither waits nor answers")
            time.sleep(0.001)

    def join(self, session: str) -> Any:
        """The reply to the command of a session."""
        thread, box = self._commands.pop(session)
        thread.join(_TIMEOUT)
        if not box:
            raise AssertionError(f"the command of session {session} still waits")
        return box[0]

    def _blocked(self) -> int:
        reply = self._execute(_WATCH, [b"INFO", b"clients"])
        found = re.search(
            r"blocked_clients:(\d+)", reply.decode() if isinstance(reply, bytes) else str(reply)
        )
        assert found is not None, reply
        return int(found.group(1))
