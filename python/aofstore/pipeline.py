"""Commands collected and run at once, with optimistic locking: redis-py's pipeline."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self

from .errors import AofstoreError, DataError, ExecAbortError, ResponseError
from .session import command_name, words
from .types import Encodable

if TYPE_CHECKING:
    from ._core import Client

    class _Buffered:
        """Every command; in a pipeline its value is the pipeline, or after ``watch`` its reply."""

        def __getattr__(self, name: str) -> Callable[..., Any]: ...

else:
    from .commands import Commands as _Buffered

Shape = Callable[[Any], Any]
Entry = tuple[tuple[Encodable, ...], Shape | None]


class Pipeline(_Buffered):
    """A buffer of commands: each call adds one and returns the pipeline, `execute` runs them.

    With ``transaction`` (the default) all of them run as one MULTI … EXEC: in the log they stand together or
    not at all. Without, they are run in one go, but logged one by one. Either way no other thread's command
    comes between.

    After `watch` commands run at once and give their replies, until `multi` starts buffering; `execute` then
    raises WatchError if a watched key has changed meanwhile. For one thread at a time. As a context manager
    it is reset at the end; it can be used again after `execute` and after `reset`.
    """

    def __init__(self, client: Client, session: Callable[[], Client], transaction: bool = True) -> None:
        """Called by `Store.pipeline`; ``session`` opens a connection of its own, needed to watch."""
        self._client = client
        self._open = session
        self._session: Client | None = None
        self.transaction = transaction
        self.explicit_transaction = False
        self.watching = False
        self.command_stack: list[Entry] = []

    def __len__(self) -> int:
        """How many commands are buffered."""
        return len(self.command_stack)

    def __bool__(self) -> bool:
        """Always true, also when nothing is buffered."""
        return True

    def __enter__(self) -> Self:
        """The pipeline itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Reset the pipeline."""
        self.reset()

    def watch(self, *names: Encodable) -> bool:
        """Watch keys: `execute` raises WatchError if one of them changes. True.

        Until `multi` commands run at once and give their replies.
        """
        if self.explicit_transaction:
            raise AofstoreError("Cannot issue a WATCH after a MULTI")
        self._watcher().execute("WATCH", *names)
        self.watching = True
        return True

    def unwatch(self) -> bool:
        """Stop watching; buffers again. True."""
        if self.watching:
            self._watcher().execute("UNWATCH")
            self.watching = False
        return True

    def multi(self) -> None:
        """Begin to buffer the transaction, after `watch` and the reads that it is for."""
        if self.explicit_transaction:
            raise AofstoreError("Cannot issue nested calls to MULTI")
        if self.command_stack:
            raise AofstoreError("Commands without an initial WATCH have already been issued")
        self.explicit_transaction = True

    def discard(self) -> None:
        """Drop what is buffered and stop watching: the same as `reset`."""
        self.reset()

    def reset(self) -> None:
        """Drop what is buffered, stop watching, and give the connection back."""
        self.command_stack = []
        self.watching = False
        self.explicit_transaction = False
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def close(self) -> None:
        """The same as `reset`."""
        self.reset()

    def execute_command(self, *args: Encodable) -> Any:
        """Buffer a command by name, or run it at once after `watch`; its reply is raw."""
        args = words(args)
        if (name := command_name(args)) in _METHODS:
            raise DataError(f"{name} in a pipeline is {_METHODS[name]}")
        return self._call(*args)

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Run what is buffered and give the replies in order; the pipeline is empty afterwards.

        The first error reply is raised, its text naming the command, after all commands were run; with
        ``raise_on_error=False`` errors stand in the list as exceptions instead. A command that cannot even be
        queued in a transaction is always raised, and nothing was run.

        WatchError when a watched key changed: nothing was run. AofWriteError when the log could not be
        written or synced: there are no replies then, but the commands did act in memory.
        """
        stack = self.command_stack
        if not stack and not self.watching:
            return []
        try:
            sent = [args for args, _ in stack if args]
            transaction = self.transaction or self.explicit_transaction
            replies = iter((self._session or self._client).pipeline(sent, transaction))
            answers = [next(replies) if args else None for args, _ in stack]
            _raise_first(stack, answers, raise_on_error)
            return [
                answer if shape is None or isinstance(answer, Exception) else shape(answer)
                for (_, shape), answer in zip(stack, answers, strict=True)
            ]
        finally:
            self.reset()

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled."""
        raise TypeError(
            "a Pipeline cannot be pickled or copied: it belongs to a store of this process; "
            "make another with Store.pipeline()"
        )

    def _call(self, *args: Encodable) -> Any:
        return self._add(None, args)

    def _ok(self, *args: Encodable) -> Any:
        return self._add(_is_ok, args)

    def _shaped(self, shape: Shape, /, *args: Encodable) -> Any:
        return self._add(shape, args)

    def _nothing(self, empty: Callable[[], Any], /) -> Any:
        if self._immediate():
            return empty()
        self.command_stack.append(((), lambda _: empty()))
        return self

    def _add(self, shape: Shape | None, args: tuple[Encodable, ...]) -> Any:
        if self._immediate():
            reply = self._watcher().execute(*args)
            return reply if shape is None else shape(reply)
        self.command_stack.append((args, shape))
        return self

    def _immediate(self) -> bool:
        return self.watching and not self.explicit_transaction

    def _watcher(self) -> Client:
        if self._session is None:
            self._session = self._open()
        return self._session


_METHODS = {
    "WATCH": "its method watch()",
    "UNWATCH": "its method unwatch()",
    "MULTI": "its method multi()",
    "EXEC": "its method execute()",
    "DISCARD": "its method reset()",
    "SELECT": "not possible; take the pipeline from Store.db()",
}


def _is_ok(reply: Any) -> bool | None:
    return None if reply is None else reply in (b"OK", "OK")


def _raise_first(stack: list[Entry], answers: list[Any], raise_on_error: bool) -> None:
    aborted = any(isinstance(answer, ExecAbortError) for answer in answers)
    if not aborted and not raise_on_error:
        return
    wanted = [i for i, answer in enumerate(answers) if isinstance(answer, ResponseError)]
    causes = [i for i in wanted if not isinstance(answers[i], ExecAbortError)] or wanted
    if causes:
        raise _annotated(answers[causes[0]], causes[0] + 1, stack[causes[0]][0])


def _annotated(error: ResponseError, number: int, args: tuple[Encodable, ...]) -> ResponseError:
    shown = " ".join(arg.decode("utf-8", "replace") if isinstance(arg, bytes) else str(arg) for arg in args)
    shown = textwrap.shorten(shown, width=100, placeholder="...")
    error.args = (f"Command # {number} ({shown}) of pipeline caused error: {error.args[0]}", *error.args[1:])
    return error
