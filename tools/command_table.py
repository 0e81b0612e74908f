"""The command table, as a store tells it, and the methods that send each command."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import aofstore
from aofstore.commands import BitFieldOperation, Commands


@dataclass(frozen=True)
class Command:
    """A row of the command table; a subcommand is called ``CONFIG GET``."""

    name: str
    arity: int
    flags: frozenset[str]
    keys: tuple[int, int, int]
    since: str
    summary: str
    group: str

    @property
    def writes(self) -> bool:
        """Whether it may change data, and so leave a record."""
        return "write" in self.flags


@dataclass(frozen=True)
class Method:
    """A method of a store and the commands that it sends."""

    name: str
    module: str
    function: Any
    sends: tuple[str, ...]


def table() -> dict[str, Command]:
    """Every command of the table by name, subcommands behind their container."""
    with aofstore.open(None, decode_responses=True) as store:
        docs = store.execute_command("COMMAND", "DOCS")
        rows = store.execute_command("COMMAND")
    return {command.name: command for command in _commands(rows, docs)}


def _commands(rows: list[Any], docs: dict[str, Any]) -> Iterator[Command]:
    for name, arity, flags, first, last, step, _, _, _, subcommands in rows:
        doc = docs[name]
        yield Command(
            name.upper().replace("|", " "),
            arity,
            frozenset(flags),
            (first, last, step),
            doc["since"],
            doc["summary"],
            doc["group"],
        )
        yield from _commands(subcommands, doc.get("subcommands", {}))


class _SentError(Exception):
    """The command that a method was about to send."""


class _Probe(Commands[Any]):
    """A store whose methods stop where they would send."""

    def __init__(self) -> None:
        self._call = self._ok = _send


def _send(*args: Any) -> Any:
    raise _SentError(*args)


_VALUES: dict[str, Any] = {
    "Encodable": "a",
    "OneOrMany": ["a"],
    "int": 1,
    "float": 1.0,
    "str": "a",
    "int | str": 1,
    "Expiry": 1,
    "AbsoluteTime": 1,
    "Iterable[Encodable]": ["a"],
    "Mapping[K, Encodable]": {"a": 1},
    "Mapping[K, float]": {"a": 1.0},
    "Iterable[Encodable] | Mapping[K, float]": ["a"],
}
_CONTAINERS = ("CONFIG", "COMMAND", "LATENCY", "MEMORY", "OBJECT")
_OBJECT = ("ENCODING", "FREQ", "IDLETIME", "REFCOUNT")

# What some methods have to be given beside what they demand, once for every command that they send.
_ARGUMENTS: dict[str, tuple[dict[str, Any], ...]] = {
    "hset": ({"mapping": {"a": 1}},),
    "zmpop": ({"min": True},),
    "bzmpop": ({"min": True},),
    "object": tuple({"infotype": kind} for kind in _OBJECT),
}


def methods() -> list[Method]:
    """Every public method of the command families, with what it sends."""
    found = []
    for owner in Commands.__mro__:
        module = owner.__module__.rpartition(".")[2]
        for name, member in vars(owner).items():
            if (
                inspect.isfunction(member)
                and not name.startswith("_")
                and owner.__name__.endswith("Commands")
            ):
                found.append(Method(name, module, member, tuple(_sends(name, member))))
    return found


def _sends(name: str, function: Callable[..., Any]) -> Iterator[str]:
    for given in _ARGUMENTS.get(name, ({},)):
        positional, named = _arguments(function, given)
        try:
            result = function(_Probe(), *positional, **named)
            if isinstance(result, BitFieldOperation):
                result.get("u8", 0).execute()
            next(result)  # an iterator sends when it is asked
        except _SentError as sent:
            yield _full_name(sent.args)


def _arguments(function: Callable[..., Any], given: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """What a call needs at least: positional arguments, then named ones."""
    positional: list[Any] = []
    named = dict(given)
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            positional.append("a")
        elif parameter.default is inspect.Parameter.empty:
            value = named.pop(parameter.name, None) or _VALUES[parameter.annotation]
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
                named[parameter.name] = value
            else:
                positional.append(value)
    return positional, named


def _full_name(args: tuple[Any, ...]) -> str:
    name = str(args[0])
    return f"{name} {args[1]}" if name in _CONTAINERS and len(args) > 1 else name


def by_command(found: list[Method]) -> dict[str, list[Method]]:
    """The methods that send each command."""
    senders: dict[str, list[Method]] = {}
    for method in found:
        for command in method.sends:
            senders.setdefault(command, []).append(method)
    return senders
