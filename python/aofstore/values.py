"""The kinds of values that settings have.

How each is read from what a caller gave, and printed as Redis prints it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .errors import ConfigError
from .paths import is_text

_UNITS = {
    "": 1,
    "b": 1,
    "k": 1000,
    "kb": 1024,
    "m": 1000**2,
    "mb": 1024**2,
    "g": 1000**3,
    "gb": 1024**3,
}


@dataclass(frozen=True, slots=True)
class Kind:
    """``parse(setting, value)`` gives the checked value or raises ConfigError.

    ``render`` gives Redis's text.
    """

    parse: Callable[[str, Any], Any]
    render: Callable[[Any], str] = str


def number(low: int, high: int) -> Kind:
    """A whole number from ``low`` to ``high``."""

    def parse(setting: str, value: Any) -> int:
        return _within(setting, _integer(setting, value), low, high)

    return Kind(parse)


def memory(low: int, high: int) -> Kind:
    """A size in bytes: a number, or text with a unit: k m g count thousands, kb mb gb count 1024s."""

    def parse(setting: str, value: Any) -> int:
        if isinstance(value, str):
            match = re.fullmatch(r"([0-9]+)([a-z]*)", value.strip().lower())
            if match is None or match[2] not in _UNITS:
                raise ConfigError(
                    f'{setting} is a size: a number of bytes, or text like "64mb", not {value!r}'
                )
            value = int(match[1]) * _UNITS[match[2]]
        return _within(setting, _integer(setting, value), low, high)

    return Kind(parse)


def choice(*words: str) -> Kind:
    """One of ``words``, in any case."""

    def parse(setting: str, value: Any) -> str:
        if isinstance(value, str) and value.lower() in words:
            return value.lower()
        raise ConfigError(f"{setting} is one of {', '.join(words)}, not {value!r}")

    return Kind(parse)


def _parse_yes_no(setting: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("yes", "no"):
        return value.lower() == "yes"
    raise ConfigError(f'{setting} is True, False, "yes" or "no", not {value!r}')


def _parse_text(setting: str, value: Any) -> str:
    if isinstance(value, str) and value and "\0" not in value and is_text(value):
        return value
    raise ConfigError(f"{setting} is a text that is not empty, not {value!r}")


def _parse_directory(setting: str, value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, (str, bytes, os.PathLike)):
        try:
            name = os.fsdecode(value)
            os.fsencode(name)
        except UnicodeError:
            name = ""
        if name and "\0" not in name:
            return name
    raise ConfigError(f"{setting} is a path that is not empty, not {value!r}")


def _parse_file_name(setting: str, value: Any) -> str:
    if isinstance(value, str) and value not in ("", ".", "..") and not set(value) & {"/", "\\", "\0"}:
        if is_text(value):
            return value
        raise ConfigError(f"{setting} is a name in UTF-8, not {value!r}")
    raise ConfigError(f"{setting} is the name of a file without a path, not {value!r}")


def _parse_save(setting: str, value: Any) -> tuple[tuple[int, int], ...]:
    if value is None:
        return ()
    try:
        if isinstance(value, str):
            numbers = [int(word) for word in value.split()]
            points = list(zip(numbers[::2], numbers[1::2], strict=True))
        else:
            points = [(int(seconds), int(changes)) for seconds, changes in value]
    except (TypeError, ValueError):
        raise ConfigError(
            f'{setting} is pairs of seconds and changes, like "3600 1 300 100", not {value!r}'
        ) from None
    if any(seconds < 1 or changes < 0 for seconds, changes in points):
        raise ConfigError(f"{setting} needs seconds of at least 1 and changes of at least 0, not {value!r}")
    return tuple(points)


def render_save(points: tuple[tuple[int, int], ...]) -> str:
    """Save points as Redis's text, ``"3600 1 300 100"``."""
    return " ".join(f"{seconds} {changes}" for seconds, changes in points)


yes_no = Kind(_parse_yes_no, lambda value: "yes" if value else "no")
text = Kind(_parse_text)
directory = Kind(_parse_directory)
file_name = Kind(_parse_file_name)
save_points = Kind(_parse_save, render_save)


def _integer(setting: str, value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]+", value.strip()):
        return int(value)
    raise ConfigError(f"{setting} is a whole number, not {value!r}")


def _within(setting: str, value: int, low: int, high: int) -> int:
    if low <= value <= high:
        return value
    raise ConfigError(f"{setting} is between {low} and {high}, not {value}")
