"""The store: every command, other databases, pipelines, and its life."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal, NoReturn, Self, Unpack, overload

from .commands import Commands
from .config import AllSettings, Config, Settings
from .errors import AofstoreError, DataError, PersistenceError, WatchError
from .lifetime import Lifetime
from .loading import load
from .moment import View
from .paths import AnyPath, shown
from .pipeline import Pipeline
from .progress import OnProgress
from .session import Session, command_name, words
from .types import Encodable, LoadReport, RewriteProgress, RewriteReport, V

if TYPE_CHECKING:
    from ._core import Client

    class _Direct:
        """The families' methods of the same names, for type checkers: nothing of its own."""

        def __new__(cls, client: Client, /) -> Self: ...

else:
    from ._core import Direct as _Direct

__all__ = ["Store", "open"]

_CONNECTION_COMMANDS = frozenset(("SELECT", "MULTI", "EXEC", "DISCARD", "WATCH", "UNWATCH"))
_BEGUN = {
    "started": "Background append only file rewriting started",
    "scheduled": "Background append only file rewriting scheduled",
}


class Store(_Direct, Commands[V], Generic[V]):
    """A Redis keyspace in this process, durable in a directory; made by `aofstore.open`.

    Has every command as a method, named as in redis-py, for one database; `db` gives the others. Safe to use
    from any thread. Strings come back as bytes, or as str when opened with ``decode_responses=True``.

    Every method raises ResponseError or a subclass for an error reply, DataError for an argument that no
    command could take, StoreClosedError after `close`, StoreForkedError in a forked copy of the process.
    Writes raise AofWriteError when they could not be appended or, under ``appendfsync="always"``, synced, and
    MisconfError while they are refused because of an earlier such failure.
    """

    _client: Client

    def __new__(cls, lifetime: Lifetime, db: int = 0, *, owner: bool = False) -> Self:  # noqa: ARG004
        """The usual calls go straight to the extension, which needs to know the client."""
        client = lifetime.client(db)
        store = super().__new__(cls, client)
        store._client = client
        return store

    def __init__(self, lifetime: Lifetime, db: int = 0, *, owner: bool = False) -> None:  # noqa: ARG002
        """Called by `open` (``owner``: closing it closes the store) and by `db`."""
        self._lifetime = lifetime
        self._call = self._client.execute
        self._ok = self._client.execute_ok
        self._owner = owner

    def __repr__(self) -> str:
        """Where the data is, and which database this is."""
        where = shown(self._lifetime.config.dir or "memory")
        return f"<aofstore.Store {where} db={self._client.db}{' closed' if self.closed else ''}>"

    def execute_command(self, *args: Encodable) -> Any:
        """Run any command by name: ``execute_command("SET", "k", "v")``.

        The reply is raw, typed as RESP3 types it (numbers, maps, sets, …), without redis-py's shapes.
        DataError for SELECT, MULTI, EXEC, DISCARD, WATCH and UNWATCH, which need a connection of their own.
        """
        args = words(args)
        if (name := command_name(args)) in _CONNECTION_COMMANDS:
            raise DataError(
                f"{name} changes the state of a connection, which a Store does not have: use db() for "
                "another database, pipeline() for a transaction, session() for a connection of its own"
            )
        return self._call(*args)

    def db(self, index: int) -> Store[V]:
        """The database ``index`` of this store: a view with the same engine and lifetime.

        Closing a view does nothing. ResponseError if there is no such database.
        """
        return Store(self._lifetime, index)

    def session(self) -> Session:
        """A connection of its own: selected database, MULTI queue, watched keys."""
        return Session(self._new_session(), self._lifetime)

    def pipeline(self, transaction: bool = True, shard_hint: object = None) -> Pipeline:  # noqa: ARG002
        """A buffer of commands that run at once; one MULTI … EXEC unless ``transaction`` is false.

        ``shard_hint`` is accepted as in redis-py and means nothing.
        """
        return Pipeline(self._client, self._new_session, transaction)

    def transaction(
        self,
        func: Callable[[Pipeline], Any],
        *watches: Encodable,
        shard_hint: object = None,
        value_from_callable: bool = False,
        watch_delay: float | None = None,
    ) -> Any:
        """Run ``func(pipeline)`` and then its pipeline, again until no key of ``watches`` changed meanwhile.

        ``func`` reads through the pipeline, calls ``pipeline.multi()`` and buffers its writes. The result is
        the replies, or with ``value_from_callable`` what ``func`` returned. ``watch_delay`` seconds are
        waited before a retry.
        """
        with self.pipeline(True, shard_hint) as pipe:
            while True:
                try:
                    if watches:
                        pipe.watch(*watches)
                    value = func(pipe)
                    replies = pipe.execute()
                except WatchError:
                    if watch_delay is not None and watch_delay > 0:
                        time.sleep(watch_delay)
                else:
                    return value if value_from_callable else replies

    def info(self, section: str | None = None, *args: str) -> dict[str, Any]:
        """Figures about the store under Redis's field names, all or those of some sections (INFO).

        Numbers are int or float; a field like ``db0:keys=1,expires=0`` is a dict of its parts.
        ``info("commandstats")``, part of "all", counts the calls of every command; its ``usec`` is taken for
        commands whose work grows with the data, and for all of them while the latency monitor is on.
        """
        self._lifetime.drain()
        return super().info(section, *args)

    def config_set(self, name: Encodable, value: Encodable, *args: Encodable) -> bool:
        """Change settings, ``name, value, name, value, …``: all or none (CONFIG SET). True.

        ResponseError with Redis's text for an unknown name, a value that does not fit, or a setting that
        cannot change while the store is open.
        """
        try:
            return super().config_set(name, value, *args)
        finally:
            self._lifetime.drain()

    def flush(self, sync: bool = True) -> None:
        """Write everything that was done before to the log and sync it to disk, whatever the policy.

        ``sync=False`` only writes. AofWriteError when that fails.
        """
        try:
            self._lifetime.engine.flush(sync)
        finally:
            self._lifetime.drain()

    def bgrewriteaof(self) -> str:
        """Have the log written anew, as short as the data is, in the background (BGREWRITEAOF).

        The text is Redis's: "Background append only file rewriting started", or "... scheduled" when it
        begins once a running snapshot has ended; `wait_rewrite` tells how it went. RewriteInProgressError
        while one runs, RewriteError when it could not begin. A store with the log off writes the file once
        and leaves it at that.
        """
        return _BEGUN[self._lifetime.engine.begin_rewrite()]

    def rewrite(self, timeout: float | None = None, background: bool = True) -> RewriteReport:
        """Write the log anew, as short as the data is, and wait until the new file is in its place.

        A child process writes it while this store is in use as ever; without ``background`` the calling
        thread does, and every other call waits. A running snapshot is waited for first. TimeoutError after
        ``timeout`` seconds leaves the rewrite running: see `wait_rewrite`.

        RewriteInProgressError when one runs already. RewriteError when it failed: the log is as it was and
        in use, and the next try may work.
        """
        return RewriteReport(*self._lifetime.engine.rewrite(background, timeout))

    def wait_rewrite(self, timeout: float | None = None) -> RewriteReport | None:
        """Wait for the rewrite that runs or is scheduled, whoever began it.

        When there is none, the outcome of the last one, once; None when that was given already. TimeoutError
        after ``timeout`` seconds leaves it running. RewriteError when it failed.
        """
        report = self._lifetime.engine.wait_rewrite(timeout)
        return None if report is None else RewriteReport(*report)

    @property
    def rewrite_progress(self) -> RewriteProgress | None:
        """How far the running rewrite is, None when none runs."""
        progress = self._lifetime.engine.rewrite_progress()
        return None if progress is None else RewriteProgress(*progress)

    @property
    def load_report(self) -> LoadReport:
        """What opening the store read, and what it had to cut off."""
        return self._lifetime.report

    @property
    def last_persistence_error(self) -> PersistenceError | None:
        """What is wrong with the files of the store now, None while all is well.

        First the failure that writes suffer from (AofWriteError; what `MisconfError` refuses them for). Else
        the one of the last rewrite, whoever began it (RewriteError), or of the last snapshot in the
        background (PersistenceError), until the next one succeeds; one that was stopped on purpose is none.
        Of a closed store, what it was last.
        """
        self._lifetime.drain()
        return self._lifetime.engine.last_persistence_error()

    @property
    def config(self) -> Config:
        """The settings as they are now: what the store was opened with, and what CONFIG SET changed since.

        A snapshot, which changes no more. In a forked copy of the process what the store was opened with.
        """
        return self._lifetime.live_config()

    @property
    def closed(self) -> bool:
        """Whether the store was closed."""
        return self._lifetime.engine.closed

    def close(self) -> None:
        """Flush, sync, stop the threads, unlock the directory; safe to call again.

        On a view of `db`: nothing.

        AofWriteError, once and after everything was released, when something could not be saved. Other
        threads that wait in the store are woken with StoreClosedError.
        """
        if self._owner:
            self._lifetime.close()

    def __enter__(self) -> Self:
        """The store itself. StoreClosedError when it was closed."""
        self._client.check()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the store. Under an exception a failure to save becomes a note on that exception."""
        if error is None:
            self.close()
            return
        try:
            self.close()
        except AofstoreError as failure:
            error.add_note(f"closing the store failed too: {type(failure).__name__}: {failure}")

    def __getitem__(self, name: Encodable) -> V:
        """The value of key ``name``. KeyError when there is none."""
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name: Encodable, value: Encodable) -> None:
        """Set key ``name`` to ``value``."""
        self.set(name, value)

    def __delitem__(self, name: Encodable) -> None:
        """Delete key ``name``, if it exists."""
        self.delete(name)

    def __contains__(self, name: Encodable) -> bool:
        """Whether key ``name`` exists."""
        return bool(self.exists(name))

    __iter__ = None  # without it, iter() would ask for the keys 0, 1, 2, …

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled."""
        raise TypeError(
            "a Store cannot be pickled or copied: it holds the lock of a directory and threads of this "
            "process; pass the path, and open it where no other process has it open"
        )

    def _new_session(self) -> Client:
        return self._lifetime.client(self._client.db, session=True)


@overload
def open(
    path: AnyPath | None = None,
    /,
    *,
    decode_responses: Literal[True],
    config: Config | None = None,
    on_progress: OnProgress | None = None,
    until: datetime.datetime | None = None,
    **settings: Unpack[Settings],
) -> Store[str]: ...
@overload
def open(
    path: AnyPath | None = None,
    /,
    *,
    decode_responses: Literal[False],
    config: Config | None = None,
    on_progress: OnProgress | None = None,
    until: datetime.datetime | None = None,
    **settings: Unpack[Settings],
) -> Store[bytes]: ...
@overload
def open(
    path: AnyPath | None = None,
    /,
    *,
    config: None = None,
    on_progress: OnProgress | None = None,
    until: datetime.datetime | None = None,
    **settings: Unpack[Settings],
) -> Store[bytes]: ...
@overload
def open(
    path: AnyPath | None = None,
    /,
    *,
    config: Config | None = None,
    on_progress: OnProgress | None = None,
    until: datetime.datetime | None = None,
    **settings: Unpack[AllSettings],
) -> Store[Any]: ...
def open(
    path: AnyPath | None = None,
    /,
    *,
    config: Config | None = None,
    on_progress: OnProgress | None = None,
    until: datetime.datetime | None = None,
    **settings: Any,
) -> Store[Any]:
    """Open the store in directory ``path``, made if missing.

    Without a path and a ``dir`` setting it is in memory, without files.

    Settings come from ``config`` and from keywords, which win; see `Config`. ``on_progress`` is called with a
    LoadProgress while the log is read; an exception in it stops the load. ``until``, a datetime with a time
    zone, opens the data as of that moment, as far as ``#TS`` lines in the log tell it
    (``aof_timestamp_enabled``): writes are ReadOnlyError, nothing expires, and no file is touched.

    ConfigError: a setting is wrong. AofOpenError: the directory cannot be used; AofLockedError: another store
    has it open. AofLoadError: a log or a snapshot is damaged, or holds what is not known here; it was left as
    it is.
    """
    if path is not None:
        settings["dir"] = path
    config = (config or Config()).replace(**settings)
    view = None if until is None else View.of(until)
    return Store(load(config, on_progress, view), owner=True)
