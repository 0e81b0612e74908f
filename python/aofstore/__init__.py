"""Redis data structures and Redis's append-only file inside a Python process.

    import aofstore

    with aofstore.open("data") as store:
        store.hset("user:1", mapping={"name": "Ada", "visits": 1})
        store.hincrby("user:1", "visits")

`open` gives a `Store`, which has every command as a method, named as in redis-py. Every change is in the log
of the directory before its call returns.
"""

from __future__ import annotations

from . import errors
from ._core import __version__
from .check import check, repair
from .config import Config
from .errors import (
    AofLoadError,
    AofLockedError,
    AofOpenError,
    AofstoreError,
    AofWriteError,
    BusyLoadingError,
    ConfigError,
    DataError,
    ExecAbortError,
    InternalError,
    MisconfError,
    NoScriptError,
    PersistenceError,
    ReadOnlyError,
    ResponseError,
    RewriteError,
    RewriteInProgressError,
    StoreClosedError,
    StoreForkedError,
    WatchError,
    WrongTypeError,
)
from .pipeline import Pipeline
from .session import Session
from .store import Store, open  # noqa: A004
from .types import (
    CheckReport,
    FileReport,
    LoadProgress,
    LoadReport,
    Problem,
    RepairReport,
    RewriteProgress,
    RewriteReport,
    Truncation,
)

__all__ = [
    "AofLoadError",
    "AofLockedError",
    "AofOpenError",
    "AofWriteError",
    "AofstoreError",
    "BusyLoadingError",
    "CheckReport",
    "Config",
    "ConfigError",
    "DataError",
    "ExecAbortError",
    "FileReport",
    "InternalError",
    "LoadProgress",
    "LoadReport",
    "MisconfError",
    "NoScriptError",
    "PersistenceError",
    "Pipeline",
    "Problem",
    "ReadOnlyError",
    "RepairReport",
    "ResponseError",
    "RewriteError",
    "RewriteInProgressError",
    "RewriteProgress",
    "RewriteReport",
    "Session",
    "Store",
    "StoreClosedError",
    "StoreForkedError",
    "Truncation",
    "WatchError",
    "WrongTypeError",
    "__version__",
    "check",
    "errors",
    "open",
    "repair",
]
