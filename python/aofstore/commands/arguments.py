"""How method parameters become command arguments.

Spans and moments of time, and checks before anything is sent.
"""

from __future__ import annotations

import datetime
from typing import Any

from ..errors import DataError
from ..types import AbsoluteTime, Encodable, Expiry


def seconds(span: Any) -> Any:
    """A span in whole seconds; a timedelta is rounded down."""
    return int(span.total_seconds()) if isinstance(span, datetime.timedelta) else span


def milliseconds(span: Any) -> Any:
    """A span in whole milliseconds; a timedelta is rounded down."""
    return span // datetime.timedelta(milliseconds=1) if isinstance(span, datetime.timedelta) else span


def unix_seconds(moment: Any) -> Any:
    """A moment as Unix seconds."""
    return int(moment.timestamp()) if isinstance(moment, datetime.datetime) else moment


def unix_milliseconds(moment: Any) -> Any:
    """A moment as Unix milliseconds."""
    if not isinstance(moment, datetime.datetime):
        return moment
    return int(moment.replace(microsecond=0).timestamp()) * 1000 + moment.microsecond // 1000


def expiry_options(
    ex: Expiry | None, px: Expiry | None, exat: AbsoluteTime | None, pxat: AbsoluteTime | None
) -> list[Encodable]:
    """The ``EX|PX|EXAT|PXAT n`` options of SET and GETEX.

    DataError when a span is neither a number nor a timedelta.
    """
    if ex is not None:
        return ["EX", seconds(_span("ex", ex, digits=True))]
    if px is not None:
        return ["PX", milliseconds(_span("px", px))]
    if exat is not None:
        return ["EXAT", unix_seconds(exat)]
    if pxat is not None:
        return ["PXAT", unix_milliseconds(pxat)]
    return []


def at_most_one(message: str, *given: object) -> None:
    """DataError with ``message`` when more than one of ``given`` is true."""
    if sum(map(bool, given)) > 1:
        raise DataError(message)


def both_or_neither(message: str, first: object, second: object) -> None:
    """DataError with ``message`` when exactly one of the two is None."""
    if (first is None) != (second is None):
        raise DataError(message)


def limit(name: str, start: int | None, num: int | None) -> list[Encodable]:
    """The ``LIMIT offset count`` option; DataError when only one of the two is given."""
    both_or_neither(f"``{name}`` and ``num`` must both be specified", start, num)
    return [] if start is None or num is None else ["LIMIT", start, num]


def _span(name: str, value: Any, *, digits: bool = False) -> Any:
    if isinstance(value, (int, datetime.timedelta)) and not isinstance(value, bool):
        return value
    if digits and isinstance(value, str) and value.isdigit():
        return value
    raise DataError(f"{name} must be datetime.timedelta or int")
