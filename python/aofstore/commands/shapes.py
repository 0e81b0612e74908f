"""How replies become what redis-py returns: pure functions from an extension reply to a Python value.

The extension replies as RESP3 types things (maps, sets, doubles); these functions give redis-py's default
shapes. Nothing here sends a command or knows a store. Text in replies is bytes or str, whatever the store
decodes to, so a function that makes new text makes it of the kind that it was given beside it.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

ScoreCast = Callable[[Any], Any]
"""A ``score_cast_func``: called with the score's text as bytes, or with the float if that does not do."""


def text(value: Any) -> str:
    """A reply's text as str, whatever the store decodes to."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def begun(_reply: Any) -> bool:
    """True for the text that says what begins, or will."""
    return True


def moment(reply: Any) -> datetime.datetime:
    """A Unix second as local time without a zone."""
    return datetime.datetime.fromtimestamp(reply)  # noqa: DTZ006 - as redis-py


def as_list(reply: Any) -> list[Any]:
    """A set or list reply as a list."""
    return list(reply)


def as_set(reply: Any) -> set[Any]:
    """A set or list reply as a set."""
    return reply if isinstance(reply, set) else set(reply)


def as_dict(reply: Any) -> dict[Any, Any]:
    """A map, or pairs, as a dict."""
    return reply if isinstance(reply, dict) else dict(_pairs(reply))


def key_and_value(reply: Any) -> tuple[Any, Any] | None:
    """``(key, value)`` of a blocking pop; nothing stays None."""
    return None if reply is None else (reply[0], reply[1])


def int_pair(reply: Any) -> tuple[int, int]:
    """Two numbers as a tuple."""
    return int(reply[0]), int(reply[1])


def score(value: Any) -> float | None:
    """A score as float; nothing stays None."""
    return None if value is None else float(value)


def score_text(value: Any, like: Any) -> Any:
    """A score as text of the kind of ``like``: 17 significant digits at most, as redis-py prints it."""
    if isinstance(value, (bytes, str)):
        return value
    printed = format(value, ".17g")
    return printed if isinstance(like, str) else printed.encode()


def cast_score(cast: ScoreCast, value: Any) -> Any:
    """``value`` through a ``score_cast_func``."""
    if cast is float:
        return float(value)
    raw = value if isinstance(value, (bytes, str)) else score_text(value, b"")
    try:
        return cast(raw)
    except (ValueError, TypeError):
        return cast(float(raw))


def scored(cast: ScoreCast) -> Callable[[Any], list[tuple[Any, Any]]]:
    """Members with scores, nested or flat, as ``[(member, score), ...]``."""
    if cast is float:
        return scored_as_float

    def shape(reply: Any) -> list[tuple[Any, Any]]:
        return [(member, cast_score(cast, value)) for member, value in _pairs(reply)]

    return shape


def scored_as_float(reply: Any) -> list[tuple[Any, float]]:
    """Members with scores, nested or flat, as ``[(member, float), ...]``."""
    return [(member, float(value)) for member, value in _pairs(reply)]


def flat_scores(reply: Any) -> list[Any]:
    """Members with scores as the flat list ``[member, score text, ...]``."""
    return [item for member, value in _pairs(reply) for item in (member, score_text(value, member))]


def flat_pairs(reply: Any) -> list[Any]:
    """``[[field, value], ...]`` as the flat list ``[field, value, ...]``."""
    return [item for pair in _pairs(reply) for item in pair]


def rank_and_score(cast: ScoreCast) -> Callable[[Any], list[Any] | None]:
    """``[rank, score]`` with the score cast; nothing stays None."""

    def shape(reply: Any) -> list[Any] | None:
        return None if reply is None else [reply[0], cast_score(cast, reply[1])]

    return shape


def key_member_score(reply: Any) -> tuple[Any, Any, float] | None:
    """``(key, member, score)`` of a blocking pop; nothing stays None."""
    return None if reply is None else (reply[0], reply[1], float(reply[2]))


def key_and_scored(reply: Any) -> list[Any] | None:
    """``[key, [[member, score text], ...]]`` of ZMPOP; nothing stays None."""
    if reply is None:
        return None
    return [reply[0], [[member, score_text(value, member)] for member, value in _pairs(reply[1])]]


def scan_list(reply: Any) -> tuple[int, list[Any]]:
    """``(cursor, [item, ...])``."""
    return int(reply[0]), list(reply[1])


def scan_dict(reply: Any) -> tuple[int, dict[Any, Any]]:
    """``(cursor, {field: value, ...})``."""
    return int(reply[0]), dict(_pairs(reply[1]))


def scan_fields(reply: Any) -> tuple[int, list[Any]]:
    """``(cursor, [field, ...])``: a hash's scan without the values."""
    return int(reply[0]), [field for field, _ in _pairs(reply[1])]


def scan_scored(cast: ScoreCast) -> Callable[[Any], tuple[int, list[tuple[Any, Any]]]]:
    """``(cursor, [(member, score), ...])``."""
    members = scored(cast)

    def shape(reply: Any) -> tuple[int, list[tuple[Any, Any]]]:
        return int(reply[0]), members(reply[1])

    return shape


def flat_map(reply: Any) -> list[Any]:
    """A map as the flat list ``[name, value, ...]``."""
    return [item for entry in reply.items() for item in entry] if isinstance(reply, dict) else list(reply)


def grouped(size: int) -> Callable[[Any], list[tuple[Any, ...]]]:
    """A flat list as tuples of ``size`` items."""

    def shape(reply: Any) -> list[tuple[Any, ...]]:
        return list(zip(*[iter(reply)] * size, strict=False))

    return shape


def text_dict(reply: Any) -> dict[str, str]:
    """A map of text to text as str."""
    return {text(name): text(value) for name, value in reply.items()}


def text_list(reply: Any) -> list[str]:
    """A list of text as str."""
    return [text(item) for item in reply]


def pong(reply: Any) -> bool:
    """Whether PING was answered."""
    return text(reply) == "PONG"


def _pairs(reply: Any) -> Any:
    """Pairs, whether they came as a map, nested or flat."""
    if isinstance(reply, dict):
        return reply.items()
    if reply and isinstance(reply[0], (list, tuple)):
        return reply
    items = iter(reply)
    return zip(items, items, strict=False)
