"""What every command family stands on: three ways to send a command, and how arguments are spread.

A family method either returns ``self._call(...)`` (the reply is already in its final shape),
``self._ok(...)`` (a status reply becomes True) or ``self._shaped(shape, ...)`` (a function gives the reply
its shape). A `Store` binds the first two to the extension's methods, so a plain command costs one Python
frame; a `Pipeline` buffers instead and returns itself, which is why no method may look at what these three
return.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, Protocol, TypeVar, cast

from ..types import Encodable, K, OneOrMany, V

R = TypeVar("R")


class Call(Protocol):
    """Sends one command; the reply has the type that the calling method declares."""

    def __call__(self, /, *args: Encodable) -> R:  # type: ignore[type-var]
        """Send ``args``, the command's name first."""
        ...


class Family(Generic[V]):
    """The base of the command classes."""

    _call: Call
    _ok: Call

    def _shaped(self, shape: Callable[[Any], R], /, *args: Encodable) -> R:
        return shape(self._call(*args))

    def _nothing(self, empty: Callable[[], R], /) -> R:
        """The answer to a call that needs no command at all, as ``mget([])``."""
        return empty()


def spread(first: OneOrMany, rest: Iterable[Encodable] = ()) -> list[Encodable]:
    """The arguments of a method that takes one, several or an iterable.

    ``f(a)``, ``f(a, b)``, ``f([a, b])``.
    """
    if isinstance(first, (str, bytes, bytearray, memoryview, int, float)):
        return [first, *rest]
    try:
        several = iter(first)
    except TypeError:
        # No argument that any command could take: the call says so, as for every other one.
        return [cast("Encodable", first), *rest]
    return [*several, *rest]


def pairs(mapping: Mapping[K, Encodable]) -> list[tuple[K, Encodable]]:
    """What stands in ``mapping`` at one moment: another thread may change it before the next."""
    return list(mapping.items())


def flat(mapping: Mapping[K, Encodable]) -> list[Encodable]:
    """The same as arguments: key, value, key, value, …."""
    return [item for pair in pairs(mapping) for item in pair]
