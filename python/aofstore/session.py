"""A connection of its own: selected database, MULTI queue, watched keys."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self

from .errors import DataError, StoreClosedError
from .types import Encodable

if TYPE_CHECKING:
    from ._core import Client


class Session:
    """What one connection to a server is: commands by name, with the state that a connection keeps.

    SELECT, MULTI, EXEC, DISCARD, WATCH and UNWATCH work here, and only here. Replies are raw and typed as
    RESP3 types them; EXEC gives the list of replies, errors among them as exception instances, or None when a
    watched key changed. For one user at a time; made by `Store.session`, also a context manager.
    """

    __slots__ = ("_client", "_closed", "_store")

    def __init__(self, client: Client, store: object = None) -> None:
        """Called by `Store.session`; ``store`` stays open while the session is referred to."""
        self._client = client
        self._store = store
        self._closed = False

    @property
    def database(self) -> int:
        """The number of the selected database."""
        return self._client.db

    def execute_command(self, *args: Encodable) -> Any:
        """Run a command by name, ``execute_command("SET", "k", "v")``.

        Inside MULTI the reply is ``QUEUED``.
        """
        self._check()
        return self._client.execute(*words(args))

    def close(self) -> None:
        """Forget the queue and the watched keys. Later calls raise StoreClosedError."""
        self._closed = True
        self._client.close()

    def __enter__(self) -> Self:
        """The session itself. StoreClosedError when it, or its store, was closed."""
        self._check()
        self._client.check()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the session."""
        self.close()

    def _check(self) -> None:
        if self._closed:
            raise StoreClosedError("the session is closed; make another with Store.session()")

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled."""
        raise TypeError(
            "a Session cannot be pickled or copied: it is one connection to a store of this process; "
            "make another with Store.session()"
        )


def words(args: tuple[Encodable, ...]) -> tuple[Encodable, ...]:
    """The arguments of a command by name; a name of two words (``"CONFIG GET"``) is taken apart."""
    if not args:
        raise DataError("execute_command() needs the name of a command")
    name = args[0]
    if isinstance(name, str) and " " in name:
        return (*name.split(), *args[1:])
    return args


def command_name(args: tuple[Encodable, ...]) -> str:
    """The upper-case name of a command."""
    name = args[0]
    return name.decode("latin-1").upper() if isinstance(name, bytes) else str(name).upper()
