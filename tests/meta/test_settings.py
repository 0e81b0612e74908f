"""The engine's table of settings and Config name the same settings, with the same defaults and bounds."""

from __future__ import annotations

from typing import Any

import pytest

import aofstore
from aofstore._core import Engine

OLD_NAMES = {
    "hash-max-ziplist-entries",
    "hash-max-ziplist-value",
    "list-max-ziplist-size",
    "zset-max-ziplist-entries",
    "zset-max-ziplist-value",
}


def engine_defaults() -> dict[str, str]:
    """What an engine without any settings has, under Config's names."""
    engine = Engine({})
    try:
        found = engine.client(decode=True).execute("CONFIG", "GET", "*")
    finally:
        engine.close()
    return {name.replace("-", "_"): text for name, text in found.items() if name not in OLD_NAMES}


def config_defaults() -> dict[str, str]:
    return {name: as_text(value) for name, value in aofstore.Config().live_settings().items()}


def as_text(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def test_both_have_the_same_settings_and_defaults() -> None:
    assert engine_defaults() == config_defaults()


@pytest.mark.parametrize("name", sorted(set(config_defaults()) - {"dir", "appendonly"}))  # matters of opening
@pytest.mark.parametrize(
    "text", ["0", "1", "-1", "10", "1000", "x", "yes", "no", "1mb", "2147483648", "everysec"]
)
def test_what_config_takes_the_engine_takes(name: str, text: str) -> None:
    try:
        taken = aofstore.Config(**{name: text}).live_settings()  # type: ignore[arg-type]
    except aofstore.ConfigError:
        return
    Engine({**taken}).close()


def test_an_unknown_setting_is_refused_by_both() -> None:
    with pytest.raises(aofstore.ConfigError):
        aofstore.Config(nope=1)  # type: ignore[call-arg]
    with pytest.raises(aofstore.ConfigError):
        Engine({"nope": 1})
