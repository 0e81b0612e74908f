"""The settings of a store: names, defaults, validation, redis.conf.

Every setting has Redis's name with ``_`` for ``-`` and Redis's default, unless the `Config` docstring says
otherwise.
"""

from __future__ import annotations

import codecs
import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self, TypedDict, Unpack

from . import directives
from .errors import ConfigError
from .paths import AnyPath, shown
from .values import (
    Kind,
    choice,
    directory,
    file_name,
    memory,
    number,
    render_save,
    save_points,
    text,
    yes_no,
)

__all__ = ["Config", "Settings"]


class Settings(TypedDict, total=False):
    """The settings that `aofstore.open` and `Config` take as keywords.

    Sizes and switches also as Redis's text.
    """

    dir: AnyPath | None
    appendonly: bool | str
    appendfsync: Literal["always", "everysec", "no"]
    appendfilename: str
    appenddirname: str
    aof_layout: Literal["single-file", "multi-part"]
    no_appendfsync_on_rewrite: bool | str
    auto_aof_rewrite_percentage: int | str
    auto_aof_rewrite_min_size: int | str
    aof_load_truncated: bool | str
    aof_load_corrupt_tail_max_size: int | str
    aof_rewrite_incremental_fsync: bool | str
    aof_use_rdb_preamble: bool | str
    aof_timestamp_enabled: bool | str
    aof_disable_auto_gc: bool | str
    aof_postpone_write: bool | str
    aof_rewrite_ack_timeout: int | str
    rdbcompression: bool | str
    rdb_version: int | str
    stop_writes_on_bgsave_error: bool | str
    save: str | Iterable[tuple[int, int]] | None
    dbfilename: str
    databases: int | str
    latency_monitor_threshold: int | str
    hz: int | str
    active_expire_effort: int | str
    hash_max_listpack_entries: int | str
    hash_max_listpack_value: int | str
    list_max_listpack_size: int | str
    set_max_intset_entries: int | str
    set_max_listpack_entries: int | str
    set_max_listpack_value: int | str
    zset_max_listpack_entries: int | str
    zset_max_listpack_value: int | str
    proto_max_bulk_len: int | str
    encoding: str
    encoding_errors: str
    on_replay_error: Literal["raise", "warn"]
    unknown_types: Literal["raise", "skip"]


class AllSettings(Settings, total=False):
    """`Settings` and the one that decides the type of a store."""

    decode_responses: bool | str


def _setting(default: Any, kind: Kind, *, ours: bool = False) -> Any:
    return field(default=default, metadata={"kind": kind, "ours": ours})


_SIZE = memory(0, 2**63 - 1)
_COUNT = number(0, 2**63 - 1)


class _Given:
    """What a `Config` was made from; kept outside its fields, which are the settings and nothing else."""

    _given: Mapping[str, Any]


@dataclass(frozen=True, init=False, repr=False)
class Config(_Given):
    """The settings of a store; immutable, checked when made. ConfigError names what is wrong.

    Sizes are bytes, given as int or as Redis's memory text (``"64mb"``, ``"1g"``); switches bool, ``"yes"``
    or ``"no"``. The defaults are Redis's, except: ``appendonly`` is yes when there is a directory,
    ``aof_use_rdb_preamble`` is no, ``save`` is empty.

    Settings that Redis does not have: ``aof_layout`` ("multi-part", or "single-file" as before Redis 7),
    ``aof_postpone_write`` (let a write wait up to 2 s for a running fsync), ``aof_rewrite_ack_timeout`` (ms),
    ``rdb_version`` (10), ``decode_responses``, ``encoding`` and ``encoding_errors`` (as in redis-py),
    ``on_replay_error`` ("raise", or "warn": go on after a command that fails at load), ``unknown_types``
    ("raise", or "skip" values of types that are not supported).
    """

    dir: str | None = _setting(None, directory, ours=True)
    appendonly: bool = _setting(False, yes_no)
    appendfsync: str = _setting("everysec", choice("everysec", "always", "no"))
    appendfilename: str = _setting("appendonly.aof", file_name)
    appenddirname: str = _setting("appendonlydir", file_name)
    aof_layout: str = _setting("multi-part", choice("multi-part", "single-file"), ours=True)
    no_appendfsync_on_rewrite: bool = _setting(False, yes_no)
    auto_aof_rewrite_percentage: int = _setting(100, number(0, 2**31 - 1))
    auto_aof_rewrite_min_size: int = _setting(64 * 2**20, _SIZE)
    aof_load_truncated: bool = _setting(True, yes_no)
    aof_load_corrupt_tail_max_size: int = _setting(0, _SIZE)
    aof_rewrite_incremental_fsync: bool = _setting(True, yes_no)
    aof_use_rdb_preamble: bool = _setting(False, yes_no)
    aof_timestamp_enabled: bool = _setting(False, yes_no)
    aof_disable_auto_gc: bool = _setting(False, yes_no)
    aof_postpone_write: bool = _setting(False, yes_no, ours=True)
    aof_rewrite_ack_timeout: int = _setting(5000, number(1, 2**31 - 1), ours=True)
    rdbcompression: bool = _setting(True, yes_no)
    rdb_version: int = _setting(10, number(10, 11), ours=True)
    stop_writes_on_bgsave_error: bool = _setting(True, yes_no)
    save: tuple[tuple[int, int], ...] = _setting((), save_points)
    dbfilename: str = _setting("dump.rdb", file_name)
    databases: int = _setting(16, number(1, 2**31 - 1))
    latency_monitor_threshold: int = _setting(0, _COUNT)
    hz: int = _setting(10, number(1, 500))
    active_expire_effort: int = _setting(1, number(1, 10))
    hash_max_listpack_entries: int = _setting(512, _COUNT)
    hash_max_listpack_value: int = _setting(64, _SIZE)
    list_max_listpack_size: int = _setting(-2, number(-(2**31), 2**31 - 1))
    set_max_intset_entries: int = _setting(512, _COUNT)
    set_max_listpack_entries: int = _setting(128, _COUNT)
    set_max_listpack_value: int = _setting(64, _SIZE)
    zset_max_listpack_entries: int = _setting(128, _COUNT)
    zset_max_listpack_value: int = _setting(64, _SIZE)
    proto_max_bulk_len: int = _setting(512 * 2**20, memory(2**20, 2**63 - 1))
    decode_responses: bool = _setting(False, yes_no, ours=True)
    encoding: str = _setting("utf-8", text, ours=True)
    encoding_errors: str = _setting("strict", text, ours=True)
    on_replay_error: str = _setting("raise", choice("raise", "warn"), ours=True)
    unknown_types: str = _setting("raise", choice("raise", "skip"), ours=True)

    def __init__(self, **settings: Unpack[AllSettings]) -> None:
        """Check the settings; what is not given has its default."""
        given: dict[str, Any] = dict(settings)
        for name in given:
            if name not in _FIELDS:
                raise ConfigError(unknown_setting(name))
        for name, setting in _FIELDS.items():
            kind: Kind = setting.metadata["kind"]
            value = kind.parse(name, given[name]) if name in given else setting.default
            object.__setattr__(self, name, value)
        if "appendonly" not in given:
            object.__setattr__(self, "appendonly", self.dir is not None)
        object.__setattr__(self, "_given", given)
        self._check()

    def __repr__(self) -> str:
        """The settings that were given."""
        return f"Config({', '.join(f'{name}={getattr(self, name)!r}' for name in self._given)})"

    def replace(self, **changes: Unpack[AllSettings]) -> Self:
        """This configuration with some settings changed; what was never given keeps following its default."""
        return type(self)(**{**self._given, **changes})

    def with_texts(self, texts: Mapping[str, str]) -> Self:
        """This configuration with those settings changed that have another value in ``texts``.

        Names and values as CONFIG GET shows them. The same object when nothing differs.
        """
        changes: dict[str, Any] = {}
        for setting, words in texts.items():
            name = setting.replace("-", "_")
            if name == "dir" or name not in _FIELDS:
                continue
            value = _FIELDS[name].metadata["kind"].parse(name, words)
            if value != getattr(self, name):
                changes[name] = value
        return self.replace(**changes) if changes else self

    @classmethod
    def from_redis_conf(cls, path: AnyPath) -> Self:
        """The settings of a redis.conf file, ``include`` lines followed.

        As for a server: without an ``appendonly`` line the log is off, without a ``dir`` line the directory
        is the working directory. Directives that only a server has are ignored with a log record each; one
        that nobody knows is ConfigError, with the file and line, naming the nearest known one. A comment
        ``# aofstore: aof-layout single-file`` is a setting that no server has.
        """
        settings: dict[str, Any] = {"appendonly": False, "dir": str(Path.cwd())}
        config = cls(**settings)
        for line in directives.read(path):
            try:
                if directives.apply(settings, line, frozenset(_REDIS_NAMES), frozenset(_OUR_NAMES)):
                    config = cls(**settings)
            except ConfigError as error:
                raise ConfigError(f"{line.path}, line {line.number}: {error}") from None
        return config

    def to_redis_conf(self) -> str:
        """These settings as the text of a redis.conf, for a server or `from_redis_conf`.

        Those that no server has are comments, ``# aofstore: aof-layout single-file``, if they are not the
        default.
        """
        lines = [] if self.dir is None else [f"dir {directives.quoted(self.dir)}"]
        for name in _REDIS_NAMES:
            kind: Kind = _FIELDS[name].metadata["kind"]
            if name == "save":
                lines += [f"save {seconds} {changes}" for seconds, changes in self.save] or ['save ""']
            elif not (name == "aof_load_corrupt_tail_max_size" and self.aof_load_corrupt_tail_max_size == 0):
                lines.append(
                    f"{name.replace('_', '-')} {directives.quoted(kind.render(getattr(self, name)))}"
                )
        for name in _OUR_NAMES:
            if (value := getattr(self, name)) != _FIELDS[name].default:
                word = directives.quoted(_FIELDS[name].metadata["kind"].render(value))
                lines.append(f"{directives.OURS} {name.replace('_', '-')} {word}")
        return "\n".join(lines) + "\n"

    def live_settings(self) -> dict[str, int | str | bool]:
        """What the engine gets.

        Every setting but those of the facade (decoding); ``save`` as text, and so is ``dir``, which is only
        shown there: absolute, since the working directory of the program may change.
        """
        facade = ("decode_responses", "encoding", "encoding_errors")
        live = {name: getattr(self, name) for name in _FIELDS if name not in facade}
        return {
            **live,
            "save": render_save(self.save),
            "dir": "" if self.dir is None else shown(Path(self.dir).absolute()),
        }

    def _check(self) -> None:
        if self.appendonly and self.dir is None:
            raise ConfigError("appendonly needs a directory: give open() a path, or set dir")
        try:
            codecs.lookup(self.encoding)
            codecs.lookup_error(self.encoding_errors)
        except LookupError as error:
            raise ConfigError(f"{error}") from None


_FIELDS: dict[str, dataclasses.Field[Any]] = {setting.name: setting for setting in dataclasses.fields(Config)}
_REDIS_NAMES = tuple(name for name, setting in _FIELDS.items() if not setting.metadata["ours"])
_OUR_NAMES = tuple(name for name in _FIELDS if name not in (*_REDIS_NAMES, "dir"))


def unknown_setting(name: str) -> str:
    """The text of the error for a setting that does not exist."""
    near = difflib.get_close_matches(name.replace("-", "_"), _FIELDS, n=1, cutoff=0.5)
    return f"unknown setting {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
