"""The extension module: keyspace, commands and log in Rust.

Use the public package; this is its engine room.
"""

from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, Literal, Self, TypeAlias, final

from typing_extensions import disjoint_base

from .errors import PersistenceError
from .types import Encodable

__all__ = [
    "Batch",
    "Checker",
    "Client",
    "Direct",
    "Directory",
    "Engine",
    "Export",
    "Loader",
    "Parts",
    "_testing",
    "cut_tail",
    "mend",
    "publish",
    "replace",
]

_testing: ModuleType

@final
class Directory:
    """A data directory, created 0700 if missing, locked until closed. AofOpenError, AofLockedError.

    ``shared``: it must exist, other readers may have it too, and a store may not.

    `disown` is for a forked copy: it lets go of the descriptor, and with it of a share in the lock.
    """

    def __new__(cls, path: str, /, *, shared: bool = False) -> Directory: ...
    @property
    def path(self) -> str: ...
    def names(self) -> list[str]: ...
    def size(self, name: str, /) -> int | None: ...
    def head(self, name: str, length: int, /) -> bytes: ...
    def close(self) -> None: ...
    def disown(self) -> None: ...

# Seconds, bytes before and after, keys, microseconds of the fork, bytes copied on write, bytes of difference.
_Report: TypeAlias = tuple[float, int, int, int, int, int, int]

@final
class Engine:
    """A keyspace in memory with its live settings (Redis's names with ``_``). ConfigError.

    `loader` reads up to the first ``#TS`` line later than ``until`` (microseconds since 1970); a ``base``
    that begins with such a line is an error; a ``snapshot`` must be one and nothing else. The threads run
    from `start_log` (writes are logged from then on), `start` (a store without a log; with a directory, one
    can be switched on), `start_parts` (both, for a multi-part log) or `start_view` (read only). `rewrite`
    begins a rewrite and waits for it, `begin_rewrite` only begins; `wait_rewrite` gives each outcome once, or
    None. They raise RewriteError,
    RewriteInProgressError and TimeoutError (which leaves the rewrite running). `rewrite_progress` is keys
    done, all keys, bytes, seconds.
    `settings` has them under Redis's own names as text, as `config_set` left them.
    `close` wakes waiters, stops the threads, syncs, and raises AofWriteError once; `drain_events`, `closed`
    and `last_persistence_error` answer afterwards too.
    """

    def __new__(cls, settings: Mapping[str, int | str | bool], /) -> Engine: ...
    def client(
        self,
        db: int = 0,
        *,
        encoding: str = "utf-8",
        errors: str = "strict",
        decode: bool = False,
        session: bool = False,
    ) -> Client: ...
    def loader(
        self,
        directory: Directory,
        name: str,
        /,
        *,
        until: int | None = None,
        base: bool = False,
        snapshot: bool = False,
        expire: bool = False,
    ) -> Loader: ...
    def start_log(self, directory: Directory, name: str, /) -> None: ...
    def start(self, directory: Directory | None = None, name: str = "", /) -> None: ...
    def start_view(self) -> None: ...
    def export(self) -> Export: ...
    def parts(self, directory: Directory, folder: str, name: str, /) -> Parts: ...
    def start_parts(self, parts: Parts, /, log: bool = True) -> None: ...
    def settings(self) -> dict[str, str]: ...
    def begin_rewrite(self) -> Literal["started", "scheduled"]: ...
    def rewrite(self, background: bool = True, timeout: float | None = None, /) -> _Report: ...
    def wait_rewrite(self, timeout: float | None = None, /) -> _Report | None: ...
    def rewrite_progress(self) -> tuple[int, int, int, float] | None: ...
    def flush(self, sync: bool, /) -> None: ...
    def close(self) -> None: ...
    def drain_events(self) -> list[tuple[int, str]]: ...
    def last_persistence_error(self) -> PersistenceError | None: ...
    @property
    def closed(self) -> bool: ...

@final
class Export:
    """The data of a store as new files, durable with their names when the call returns. AofWriteError.

    ``base`` is "resp", "rdb10" or "rdb11"; ``second`` is said at the head of the file. `progress` (keys done,
    all keys, bytes) and `stop` are for another thread than the one that writes.
    """

    def single(self, directory: Directory, name: str, base: str, second: int | None, /) -> None: ...
    def parts(self, directory: Directory, name: str, base: str, second: int | None, /) -> None: ...
    def progress(self) -> tuple[int, int, int]: ...
    def stop(self) -> None: ...

@final
class Loader:
    """One file's replay in steps; `step` releases the interpreter. AofLoadError on damage."""

    @property
    def bytes_done(self) -> int: ...
    @property
    def bytes_total(self) -> int: ...
    @property
    def in_snapshot(self) -> bool: ...
    @property
    def keys(self) -> int: ...
    @property
    def expired(self) -> int: ...
    @property
    def commands(self) -> int: ...
    @property
    def valid_to(self) -> int: ...
    def step(self, budget_ms: int, /) -> bool: ...
    def look_behind(self, offset: int, /) -> tuple[str, int]: ...
    def outcome(self) -> tuple[str, int]: ...
    def truncate(self) -> str: ...
    def close(self) -> None: ...

@final
class Parts:
    """The files of a multi-part log in a directory of their own, made when they are needed.

    `read` gives the names of the files that make up the data, in the order of loading, as the manifest
    ``path`` lists them; None without a manifest. AofLoadError with ``kind="manifest"`` if it is damaged.
    ``base`` is the base among them. `unlisted` are files that have names of parts, hold something and were
    not in the manifest read last. `take_over` makes the single file that lies beside the base of a log; it
    can be repeated. `forsake` removes the directory that an opening which failed has made for nothing.
    `close` lets go of the directories; a log that was started with them keeps them.
    """

    @property
    def path(self) -> str: ...
    @property
    def directory(self) -> Directory | None: ...
    @property
    def base(self) -> str | None: ...
    def read(self) -> list[str] | None: ...
    def unlisted(self) -> list[str]: ...
    def forsake(self) -> None: ...
    def take_over(self) -> None: ...
    def close(self) -> None: ...

@final
class Checker:
    """The files of one log in a directory, read in order to see whether they are sound; none is changed.

    No lock is taken. AofOpenError: a file cannot be read. `form` is resp, rdb or rdb+resp; `good` is the
    number of whole commands and the offset before the first damage; `finding` is the kind of that damage,
    its offset, the number of the command, and in words; `holes` are the stretches to leave out for the rest
    to be good (from, to, what stands there instead, commands lost), None if that cannot be said; `is_tail`:
    they are only the end, with no whole command in it; `is_uncertain`: they may not be all. `undated` is
    where the first ``#TS`` line without a time stands.

    `manifest` gives the files that one lists, of the data and of history; None if there is none. `rebuilt`
    is the text of one made anew, the files of its data, and what was guessed; None if there are no files.
    Both raise AofLoadError. `parts` are those of the names that are parts of the log.

    `counts` says how often each command came in the file; `survey` what all files read so far hold: groups
    of keys (database, type, encoding, keys, elements, bytes), the biggest keys (bytes, database, key, type,
    encoding, elements, deadline), how many end before each instant and later, and how many never.
    """

    def __new__(cls, path: str, settings: Mapping[str, int | str | bool], replay: bool, /) -> Checker: ...
    @property
    def holder(self) -> int | None: ...
    def manifest(self, name: str, /) -> tuple[list[str], list[str]] | None: ...
    def rebuilt(self, stem: str, /) -> tuple[bytes, list[str], list[str]] | None: ...
    @staticmethod
    def parts(stem: str, names: list[str], /) -> list[str]: ...
    def begin(self, name: str, /, *, snapshot: bool) -> None: ...
    def step(self, budget_ms: int, /) -> bool: ...
    def progress(self) -> tuple[int, int]: ...
    def form(self) -> str: ...
    def good(self) -> tuple[int, int]: ...
    def finding(self) -> tuple[str, int, int | None, str] | None: ...
    def holes(self) -> list[tuple[int, int, bytes, int]] | None: ...
    def counts(self) -> dict[str, int]: ...
    def survey(
        self, most: int, instants: Sequence[int], /
    ) -> tuple[
        list[tuple[int, str, str, int, int, int]],
        list[tuple[int, int, bytes, str, str, int, int | None]],
        list[int],
        int,
    ]: ...
    def undated(self) -> int | None: ...
    def is_tail(self) -> bool: ...
    def is_uncertain(self) -> bool: ...
    def gave_up_replay(self) -> bool: ...

def cut_tail(directory: Directory, name: str, valid_to: int, /) -> str:
    """Cuts a file at an offset; the path of the file that has what was cut. AofOpenError."""

def mend(directory: Directory, name: str, holes: Sequence[tuple[int, int, bytes, int]], temp: str, /) -> None:
    """Writes a copy without the holes to the new file ``temp``. AofOpenError."""

def publish(directory: Directory, name: str, text: bytes, temp: str, kept: str, /) -> None:
    """Makes a small file by way of ``temp``; what was there is kept as ``kept``. AofOpenError."""

def replace(directory: Directory, name: str, temp: str, kept: str, /) -> None:
    """Puts ``temp`` in the place of ``name``, which is kept as ``kept``. AofOpenError."""

@final
class Client:
    """A view: engine, database and codec, with MULTI and WATCH state when made with ``session=True``.

    `execute` gives the reply typed as RESP3 types it and raises error replies. `execute_ok` is the same,
    except that a status reply is True.
    """

    @property
    def db(self) -> int: ...
    def execute(self, /, *args: Encodable) -> Any: ...
    def execute_ok(self, /, *args: Encodable) -> Any: ...
    def close(self) -> None: ...

@disjoint_base
class Batch:
    """The commands that a pipeline has buffered; the base of `Pipeline`, made with the same arguments.

    Arguments are taken at the call. The methods named as in `Commands` do its plainest calls and leave the
    rest to it; `_call`, `_ok` and `_shaped` are what it sends with. `_run` gives one reply a command, a
    status as True after `_ok`, errors as exception instances, and whether there are any; with ``transaction``
    all commands run or none: one that cannot be queued has its error at its place and every other one an
    ExecAbortError, and WatchError is raised when a key that ``client`` watches was changed (the watch ends
    then). What was given to `_shaped` is in `_shapes`, for the caller to apply.
    """

    def __new__(cls, client: Client, *_rest: object, **_named: object) -> Self: ...
    def __len__(self) -> int: ...
    def get(self, name: Encodable) -> Any: ...
    def set(
        self,
        name: Encodable,
        value: Encodable,
        ex: Any = None,
        px: Any = None,
        nx: Any = None,
        xx: Any = None,
        keepttl: Any = None,
        get: Any = None,
        exat: Any = None,
        pxat: Any = None,
        ifeq: Any = None,
        ifne: Any = None,
        ifdeq: Any = None,
        ifdne: Any = None,
    ) -> Any: ...
    def _call(self, *args: Encodable) -> Any: ...
    def _ok(self, *args: Encodable) -> Any: ...
    def _shaped(self, shape: Callable[[Any], Any], /, *args: Encodable) -> Any: ...
    def _run_at_once(self, client: Client | None) -> None: ...
    def _run(self, client: Client, transaction: bool) -> tuple[list[Any], bool]: ...
    @property
    def _shapes(self) -> list[tuple[int, Callable[[Any], Any]]]: ...
    @property
    def command_stack(self) -> list[tuple[bytes, ...]]: ...
    def _forget(self) -> None: ...

@disjoint_base
class Direct:
    """The calls that a store is asked most often; a `Store` has them in front of the command families.

    For the usual form of its arguments a method sends the command itself; for any other it calls the next
    method of its name, as ``super()`` would.
    """

    def __new__(cls, client: Client, /) -> Self: ...
    def get(self, name: Encodable) -> Any: ...
    def set(
        self,
        name: Encodable,
        value: Encodable,
        ex: Any = None,
        px: Any = None,
        nx: bool = False,
        xx: bool = False,
        keepttl: bool = False,
        get: bool = False,
        exat: Any = None,
        pxat: Any = None,
        ifeq: Any = None,
        ifne: Any = None,
        ifdeq: Any = None,
        ifdne: Any = None,
    ) -> Any: ...
    def delete(self, *names: Encodable) -> Any: ...
    def exists(self, *names: Encodable) -> Any: ...
    def hget(self, name: Encodable, key: Encodable) -> Any: ...
    def hdel(self, name: Encodable, *keys: Encodable) -> Any: ...
    def lpush(self, name: Encodable, *values: Encodable) -> Any: ...
    def rpush(self, name: Encodable, *values: Encodable) -> Any: ...
    def lpop(self, name: Encodable, count: int | None = None) -> Any: ...
    def rpop(self, name: Encodable, count: int | None = None) -> Any: ...
    def sadd(self, name: Encodable, *values: Encodable) -> Any: ...
    def srem(self, name: Encodable, *values: Encodable) -> Any: ...
    def sismember(self, name: Encodable, value: Encodable) -> Any: ...
    def zscore(self, name: Encodable, value: Encodable) -> Any: ...
    def zincrby(self, name: Encodable, amount: float, value: Encodable) -> Any: ...
    def incr(self, name: Encodable, amount: int = 1) -> Any: ...
    def incrby(self, name: Encodable, amount: int = 1) -> Any: ...
    def hset(
        self,
        name: Encodable,
        key: Encodable | None = None,
        value: Encodable | None = None,
        mapping: Mapping[Any, Encodable] | None = None,
        items: Sequence[Encodable] | None = None,
    ) -> Any: ...
    def zadd(
        self,
        name: Encodable,
        mapping: Mapping[Any, Encodable],
        nx: bool = False,
        xx: bool = False,
        ch: bool = False,
        incr: bool = False,
        gt: bool = False,
        lt: bool = False,
    ) -> Any: ...
