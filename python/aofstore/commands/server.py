"""Server commands: liveness, information, settings, the command table, and durability."""

from __future__ import annotations

import datetime
from typing import Any

from ..types import Encodable, V
from . import descriptions, shapes
from .family import Family


class ServerCommands(Family[V]):
    """Commands on the store as a whole."""

    def ping(self) -> bool:
        """True (PING). MisconfError while writes are refused, so that a health check notices."""
        return self._shaped(shapes.pong, "PING")

    def echo(self, value: Encodable) -> V:
        """``value`` as the store returns strings (ECHO)."""
        return self._call("ECHO", value)

    def time(self) -> tuple[int, int]:
        """The clock of the store: Unix seconds, and microseconds in this second (TIME)."""
        return self._shaped(shapes.int_pair, "TIME")

    def info(self, section: str | None = None, *args: str) -> dict[str, Any]:
        """Figures about the store under Redis's field names, all or those of some sections (INFO).

        Numbers are int or float; a field like ``db0:keys=1,expires=0`` is a dict of its parts.
        ``info("commandstats")``, part of "all", counts the calls of every command; its ``usec`` is taken for
        commands whose work grows with the data, and for all of them while the latency monitor is on.
        """
        sections = [] if section is None else [section, *args]
        return self._shaped(descriptions.info, "INFO", *sections)

    def config_get(self, pattern: Encodable = "*", *args: Encodable) -> dict[str, str]:
        """The settings whose names match the glob patterns, as text (CONFIG GET)."""
        return self._shaped(shapes.text_dict, "CONFIG", "GET", pattern, *args)

    def config_set(self, name: Encodable, value: Encodable, *args: Encodable) -> bool:
        """Change settings, ``name, value, name, value, …``: all or none (CONFIG SET). True.

        ResponseError with Redis's text for an unknown name, a value that does not fit, or a setting that
        cannot change while the store is open.
        """
        return self._ok("CONFIG", "SET", name, value, *args)

    def config_resetstat(self) -> bool:
        """Set the counters of `info` back to 0 (CONFIG RESETSTAT). True."""
        return self._ok("CONFIG", "RESETSTAT")

    def command(self) -> dict[str, dict[str, Any]]:
        """Every command by name: arity, flags, positions of keys (COMMAND)."""
        return self._shaped(descriptions.commands, "COMMAND")

    def command_count(self) -> int:
        """How many commands there are (COMMAND COUNT)."""
        return self._call("COMMAND", "COUNT")

    def command_info(self, *names: str) -> dict[str, dict[str, Any]]:
        """`command` for some commands; unknown names are left out (COMMAND INFO)."""
        return self._shaped(descriptions.commands, "COMMAND", "INFO", *names)

    def command_docs(self, *names: str) -> dict[str, dict[str, Any]]:
        """The documentation of some commands, or all: summary, arguments, … (COMMAND DOCS)."""
        return self._shaped(descriptions.documentation, "COMMAND", "DOCS", *names)

    def command_list(
        self, module: str | None = None, category: str | None = None, pattern: str | None = None
    ) -> list[V]:
        """The names of all commands, or of those in a category or matching a pattern (COMMAND LIST)."""
        for kind, value in (("MODULE", module), ("ACLCAT", category), ("PATTERN", pattern)):
            if value is not None:
                return self._call("COMMAND", "LIST", "FILTERBY", kind, value)
        return self._call("COMMAND", "LIST")

    def command_getkeys(self, *args: Encodable) -> list[str]:
        """The keys among the arguments of a whole command (COMMAND GETKEYS)."""
        return self._shaped(shapes.text_list, "COMMAND", "GETKEYS", *args)

    def memory_usage(self, key: Encodable, samples: int | None = None) -> int | None:
        """The bytes that ``key`` and its value take, None when there is no key (MEMORY USAGE).

        ``samples`` is how many elements of a big value are measured (default 5, 0: all).
        """
        options: list[Encodable] = [] if samples is None else ["SAMPLES", samples]
        return self._call("MEMORY", "USAGE", key, *options)

    def debug_object(self, key: Encodable) -> dict[str, Any]:
        """Internals of a value: encoding, serialized length, … (DEBUG OBJECT)."""
        return self._shaped(descriptions.debug_object, "DEBUG", "OBJECT", key)

    def waitaof(self, num_local: int = 1, num_replicas: int = 0, timeout: int = 0) -> tuple[int, int]:
        """Wait until every earlier write is synced to disk, at most ``timeout`` milliseconds (WAITAOF).

        ``(1, 0)`` when it is, ``(0, 0)`` after the timeout (0: there is none). Under ``appendfsync no`` it
        syncs itself. There are no replicas. AofWriteError when the sync fails.
        """
        return self._shaped(shapes.int_pair, "WAITAOF", num_local, num_replicas, timeout)

    def bgrewriteaof(self) -> str:
        """Have the log written anew, as short as the data is, in the background (BGREWRITEAOF).

        The text is Redis's: "Background append only file rewriting started", or "... scheduled" when it
        begins once a running snapshot has ended. `Store.wait_rewrite` tells how it went.
        """
        return self._shaped(shapes.text, "BGREWRITEAOF")

    def latency_latest(self) -> list[list[Any]]:
        """The latest spike of each event: ``[event, Unix second, ms, most ms ever]`` (LATENCY LATEST).

        A spike is what took at least ``latency-monitor-threshold`` milliseconds; at 0, the default, nothing
        is measured. The events have Redis's names: ``command``, ``aof-write``, ``fork``, …
        """
        return self._call("LATENCY", "LATEST")

    def latency_history(self, event: str) -> list[list[int]]:
        """The last 160 spikes of an event, ``[Unix second, ms]``, oldest first (LATENCY HISTORY).

        Those of one second are one, the longest. An empty list for an event that never happened.
        """
        return self._call("LATENCY", "HISTORY", event)

    def latency_reset(self, *events: str) -> int:
        """Forget the spikes of some events, or of all; how many events there were (LATENCY RESET)."""
        return self._call("LATENCY", "RESET", *events)

    def latency_doctor(self) -> str:
        """A report on the spikes in words, with advice for each event (LATENCY DOCTOR).

        redis-py names this method and refuses to have it.
        """
        return self._shaped(shapes.text, "LATENCY", "DOCTOR")

    def bgsave(self, schedule: bool = False) -> bool:
        """Have a child process save a snapshot into ``dbfilename`` (BGSAVE). True.

        While a log is being rewritten it is refused, or with ``schedule`` begins once that has ended.
        ResponseError also while one is being saved; PersistenceError when no child could be had. How it
        went, `info` tells: ``rdb_bgsave_in_progress``, ``rdb_last_bgsave_status``.
        """
        options: list[Encodable] = ["SCHEDULE"] if schedule else []
        return self._shaped(shapes.begun, "BGSAVE", *options)

    def save(self) -> bool:
        """Save a snapshot into ``dbfilename``; every other call waits (SAVE). True.

        ResponseError while one is being saved in the background, and when it fails: the last one is as it
        was. Ctrl-C gives it up, except in a pipeline.
        """
        return self._ok("SAVE")

    def lastsave(self) -> datetime.datetime:
        """When the last good snapshot was saved, at first when the store was opened (LASTSAVE).

        A datetime in local time without a zone, as redis-py gives it, to the second.
        """
        return self._shaped(shapes.moment, "LASTSAVE")
