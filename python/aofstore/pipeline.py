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
    from ._core import Batch, Client

    class _Buffered(Batch):
        """Every command; in a pipeline its value is the pipeline, or after ``watch`` its reply."""

        def __getattr__(self, name: str) -> Callable[..., Any]: ...

else:
    from ._core import Batch
    from .commands import Commands

    class _Buffered(Batch, Commands):
        """Every command: what `Batch` has is quicker, what is left is made of its ``_call`` and the like."""


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

    def __bool__(self) -> bool:
        """Always true, also when nothing is buffered."""
        return True

    def __enter__(self) -> Self:
        """The pipeline itself. StoreClosedError when its store was closed."""
        self._client.check()
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
        session = self._session = self._session or self._open()
        session.execute("WATCH", *names)
        self.watching = True
        self._run_at_once(session)
        return True

    def unwatch(self) -> bool:
        """Stop watching; buffers again. True."""
        if self.watching and self._session is not None:
            self._session.execute("UNWATCH")
            self.watching = False
            self._run_at_once(None)
        return True

    def multi(self) -> None:
        """Begin to buffer the transaction, after `watch` and the reads that it is for."""
        if self.explicit_transaction:
            raise AofstoreError("Cannot issue nested calls to MULTI")
        if len(self):
            raise AofstoreError("Commands without an initial WATCH have already been issued")
        self.explicit_transaction = True
        self._run_at_once(None)

    def discard(self) -> None:
        """Drop what is buffered and stop watching: the same as `reset`."""
        self.reset()

    def reset(self) -> None:
        """Drop what is buffered, stop watching, and give the connection back."""
        self._forget()
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
        if not len(self) and not self.watching:
            return []
        try:
            transaction = self.transaction or self.explicit_transaction
            answers, failed = self._run(self._session or self._client, transaction)
            if failed:
                self._raise_first(answers, raise_on_error)
            for number, shape in self._shapes:
                if not isinstance(answers[number], Exception):
                    answers[number] = shape(answers[number])
            return answers
        finally:
            self.reset()

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled."""
        raise TypeError(
            "a Pipeline cannot be pickled or copied: it belongs to a store of this process; "
            "make another with Store.pipeline()"
        )

    def _nothing(self, empty: Callable[[], Any], /) -> Any:
        return self._shaped(lambda _: empty())

    def _raise_first(self, answers: list[Any], raise_on_error: bool) -> None:
        aborted = any(isinstance(answer, ExecAbortError) for answer in answers)
        if not aborted and not raise_on_error:
            return
        wanted = [i for i, answer in enumerate(answers) if isinstance(answer, ResponseError)]
        causes = [i for i in wanted if not isinstance(answers[i], ExecAbortError)] or wanted
        if causes:
            raise _annotated(answers[causes[0]], causes[0] + 1, self.command_stack[causes[0]])


_METHODS = {
    "WATCH": "its method watch()",
    "UNWATCH": "its method unwatch()",
    "MULTI": "its method multi()",
    "EXEC": "its method execute()",
    "DISCARD": "its method reset()",
    "SELECT": "not possible; take the pipeline from Store.db()",
}


def _annotated(error: ResponseError, number: int, args: tuple[bytes, ...]) -> ResponseError:
    shown = " ".join(arg.decode("utf-8", "replace") for arg in args)
    shown = textwrap.shorten(shown, width=100, placeholder="...")
    error.args = (f"Command # {number} ({shown}) of pipeline caused error: {error.args[0]}", *error.args[1:])
    return error
