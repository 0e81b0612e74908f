"""The moment as of which a store is opened to be read only."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from .errors import ConfigError

_BEGIN = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class View:
    """A store that is only read: all that its files hold, or what they held at a moment."""

    until: int | None = None
    """Microseconds since 1970; None: all."""
    alone: bool = False
    """One file is asked for, whatever else is beside it."""

    @property
    def second(self) -> int | None:
        """The second that a copy is of: what was logged in it is seen as a whole."""
        return None if self.until is None else self.until // 1_000_000

    @classmethod
    def of(cls, until: datetime.datetime) -> View:
        """As of ``until``. ConfigError unless it is a datetime with a time zone."""
        if not isinstance(until, datetime.datetime):
            raise ConfigError(f"until needs a datetime with a time zone, not {type(until).__name__}")
        if until.utcoffset() is None:
            raise ConfigError("until needs a datetime with a time zone, such as datetime(..., tzinfo=UTC)")
        return cls((until - _BEGIN) // _MICROSECOND)
