"""The exceptions of aofstore, grouped by what the caller can do about them.

Catch `AofstoreError` for everything this package raises. `ResponseError` and its subclasses are the error
replies of commands, with Redis's text letter for letter; `DataError` and `ConfigError` are mistakes in a
call; `PersistenceError` and its subclasses are about files and carry the path.

The extension module raises these classes through their keyword constructors: `AofWriteError(message,
path=..., errno=..., pending_bytes=...)`. Every class also takes the message alone, so every exception can be
pickled and copied with its attributes.
"""

from __future__ import annotations

import errno as _errno
import os
from typing import Literal, TypeAlias

from .paths import shown

__all__ = [
    "AofLoadError",
    "AofLockedError",
    "AofOpenError",
    "AofWriteError",
    "AofstoreError",
    "BusyLoadingError",
    "ConfigError",
    "DataError",
    "ExecAbortError",
    "InternalError",
    "LoadErrorKind",
    "MisconfError",
    "NoScriptError",
    "PersistenceError",
    "ReadOnlyError",
    "ResponseError",
    "RewriteError",
    "RewriteInProgressError",
    "StoreClosedError",
    "StoreForkedError",
    "WatchError",
    "WrongTypeError",
    "error_from_reply",
]

LoadErrorKind: TypeAlias = Literal[
    "truncated", "format", "unknown-command", "unsupported", "replay", "checksum", "manifest", "io"
]
"""What kind of damage stopped a load: the values of `AofLoadError.kind`."""


class AofstoreError(Exception):
    """The base of every exception that aofstore raises."""


class ResponseError(AofstoreError):
    """A command's error reply; the text is Redis's, for example ``ERR syntax error``.

    ``code`` is its first word: ``"ERR"``, ``"WRONGTYPE"``, …
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.code = _code_of(message)


class WrongTypeError(ResponseError):
    """``WRONGTYPE``: the key holds another type than the command works on."""


class ExecAbortError(ResponseError):
    """``EXECABORT``: the transaction was discarded, because a command could not be queued."""


class BusyLoadingError(ResponseError):
    """``LOADING``: the store is still reading its files."""


class NoScriptError(ResponseError):
    """``NOSCRIPT``: no script has this digest."""


class ReadOnlyError(ResponseError):
    """``READONLY``: the store was opened as of a past moment and takes no writes."""


class MisconfError(ResponseError):
    """``MISCONF``: writes are refused, because an earlier one could not be made durable.

    Reads go on. ``errno`` is the operating system's number of the failure, or None when it gave none.
    """

    def __init__(self, message: str = "", *, errno: int | None = None) -> None:
        super().__init__(message)
        self.errno = errno


class DataError(AofstoreError):
    """An argument that no command could take; nothing was executed."""


class WatchError(AofstoreError):
    """A watched key changed before EXEC; nothing of the transaction was executed. Read again and retry."""


class ConfigError(AofstoreError):
    """A setting that does not exist, or a value that it cannot take."""

    def __init__(self, message: str = "") -> None:
        super().__init__(shown(message))


class InternalError(AofstoreError):
    """A defect of aofstore itself. The store is latched: every call raises this, until it is closed.

    What the log holds is sound: open the store again.
    """


class StoreClosedError(AofstoreError):
    """The store was closed; open it again with `aofstore.open`."""


class StoreForkedError(AofstoreError):
    """This process is a forked copy of the one that opened the store; open it again after the fork."""


class PersistenceError(AofstoreError):
    r"""Something about the files of a store failed.

    ``path`` names the file or directory, where one is known; a byte of it that is not UTF-8 is in the message
    as ``\xff``.
    """

    def __init__(self, message: str = "", *, path: str | None = None) -> None:
        super().__init__(shown(message))
        self.path = path


class AofOpenError(PersistenceError):
    """A directory or file cannot be opened or used; ``errno`` is the operating system's number, if any."""

    def __init__(self, message: str = "", *, path: str | None = None, errno: int | None = None) -> None:
        super().__init__(message, path=path)
        self.errno = errno


class AofLockedError(AofOpenError):
    """Another store has the directory open; ``pid`` is the process that holds it, when that is known."""

    def __init__(
        self, message: str = "", *, path: str | None = None, errno: int | None = None, pid: int | None = None
    ) -> None:
        super().__init__(message, path=path, errno=errno)
        self.pid = pid


class AofLoadError(PersistenceError):
    """A file is damaged, foreign or unreadable; it was left as it is.

    ``kind`` says what is wrong, ``path`` where, ``offset`` at which byte (None when the whole file is meant).
    """

    def __init__(
        self,
        message: str = "",
        *,
        kind: LoadErrorKind = "io",
        path: str | None = None,
        offset: int | None = None,
    ) -> None:
        super().__init__(message, path=path)
        self.kind: LoadErrorKind = kind
        self.offset = offset


class AofWriteError(PersistenceError):
    """Bytes could not be written or synced.

    ``errno`` is the operating system's number; ``pending_bytes`` of the log were not made durable.
    """

    def __init__(
        self,
        message: str = "",
        *,
        path: str | None = None,
        errno: int | None = None,
        pending_bytes: int = 0,
    ) -> None:
        super().__init__(message, path=path)
        self.errno = errno
        self.pending_bytes = pending_bytes


class RewriteError(PersistenceError):
    """A rewrite failed; the log it should have replaced is still in use and complete.

    One of ``errno`` (a system call failed), ``signal`` (the child was killed) and ``exit_code`` (the child
    gave up) says how.
    """

    def __init__(
        self,
        message: str = "",
        *,
        path: str | None = None,
        errno: int | None = None,
        signal: int | None = None,
        exit_code: int | None = None,
    ) -> None:
        super().__init__(message, path=path)
        self.errno = errno
        self.signal = signal
        self.exit_code = exit_code


class RewriteInProgressError(RewriteError):
    """A rewrite is already running."""


_REPLY_CLASSES: dict[str, type[ResponseError]] = {
    "WRONGTYPE": WrongTypeError,
    "EXECABORT": ExecAbortError,
    "LOADING": BusyLoadingError,
    "NOSCRIPT": NoScriptError,
    "READONLY": ReadOnlyError,
    "MISCONF": MisconfError,
}


def error_from_reply(text: str, errno: int | None = None) -> ResponseError:
    """The exception for an error reply ``text`` (without the leading ``-``); the class follows the code.

    ``errno`` is for `MisconfError` only; without it the number is looked up from the text behind the last
    colon.
    """
    cls = _REPLY_CLASSES.get(_code_of(text), ResponseError)
    if cls is MisconfError:
        return MisconfError(text, errno=_errno_named_in(text) if errno is None else errno)
    return cls(text)


def _code_of(text: str) -> str:
    word = text.partition(" ")[0]
    return word if word and word.isascii() and word.isalnum() and word.isupper() else "ERR"


def _errno_named_in(text: str) -> int | None:
    reason = text.rpartition(": ")[2]
    return next((number for number in _errno.errorcode if os.strerror(number) == reason), None)
