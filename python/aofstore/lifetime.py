"""The life of an open store, shared by all its views: closing, exit, forked copies, and log records.

Holds the engine and the locked directory from the end of `loading` until they are released, exactly once.
Never acts in a forked copy of the process: there the engine and the lock are the parent's.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import warnings
import weakref
from typing import TYPE_CHECKING

from .config import Config
from .errors import AofstoreError, StoreForkedError
from .paths import shown
from .types import LoadReport

if TYPE_CHECKING:
    from ._core import Client, Directory, Engine

logger = logging.getLogger("aofstore")

_open: weakref.WeakSet[Lifetime] = weakref.WeakSet()
_locked: weakref.WeakSet[Directory] = weakref.WeakSet()
_listing = threading.RLock()  # of both sets; reentrant, since the collector may close a store at any moment


class Lifetime:
    """An engine, its directory and its settings, until `close`."""

    def __init__(
        self, engine: Engine, directory: Directory | None, config: Config, report: LoadReport
    ) -> None:
        """Take over what was opened; from now on it is closed at exit."""
        self.engine = engine
        self.directory = directory
        self.config = config
        self.report = report
        self._owner = os.getpid()
        # Reentrant: a signal handler or a log handler may close the store while it is being closed.
        self._closing = threading.RLock()
        self._closed = False
        with _listing:
            _open.add(self)

    def client(self, db: int, *, session: bool = False) -> Client:
        """A client of database ``db`` with the store's codec."""
        config = self.config
        return self.engine.client(
            db,
            encoding=config.encoding,
            errors=config.encoding_errors,
            decode=config.decode_responses,
            session=session,
        )

    def live_config(self) -> Config:
        """The settings as CONFIG SET left them."""
        try:
            live = self.engine.settings()
        except StoreForkedError:
            return self.config
        return self.config.with_texts(live)

    def drain(self) -> None:
        """Hand what the background has to say to `logging`."""
        for level, message in self.engine.drain_events():
            logger.log(level, "%s", message)

    def close(self) -> None:
        """Close the engine and unlock the directory, once; raises what the engine raises, after both."""
        if os.getpid() != self._owner:
            return
        with self._closing:
            if self._closed:
                return
            # Both closings do nothing the second time: whatever interrupts this, it can be done again.
            try:
                self.engine.close()
            finally:
                # Not when Ctrl-C came first: an engine that still appends must keep its lock.
                if self.engine.closed:
                    self._release()
                self.drain()

    def _release(self) -> None:
        try:
            if self.directory is not None:
                self.directory.close()
        except AofstoreError:  # then the lock went with the descriptor
            self._forget()
            raise
        self._forget()

    def _forget(self) -> None:
        self._closed = True
        with _listing:
            _open.discard(self)

    def close_forgotten(self) -> None:
        """Close, with a ResourceWarning, what the program did not."""
        if self._closed or os.getpid() != self._owner:
            return
        where = "in memory" if self.directory is None else f"in {self.directory.path}"
        try:
            warnings.warn(f"unclosed aofstore store {where}", ResourceWarning, stacklevel=2, source=self)
        finally:
            self.close()

    def __del__(self) -> None:
        """Close a store that nothing refers to any more."""
        if not getattr(self, "_closed", True):
            self.close_forgotten()


def keep_from_copies(directory: Directory) -> None:
    """Forked copies of this process will not share the lock of ``directory``, nor carry it beyond its end."""
    with _listing:
        _locked.add(directory)


def _disown_all() -> None:
    # Without _listing: a thread that has it does not exist in the copy.
    for directory in list(_locked):
        try:
            directory.disown()
        except Exception:
            logger.exception("a forked copy still shares the lock of %s", shown(directory.path))


def _close_all() -> None:
    with _listing:
        lifetimes = list(_open)
    for lifetime in lifetimes:
        try:
            lifetime.close_forgotten()
        except Exception:
            logger.exception("closing a store at exit failed")


atexit.register(_close_all)
os.register_at_fork(after_in_child=_disown_all)
