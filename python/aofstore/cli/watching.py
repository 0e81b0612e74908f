"""Reading files with the settings of a redis.conf, with a bar for each file on a terminal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import typer
from rich.console import Console

import aofstore

from .bars import bars

T = TypeVar("T")


def watched(
    messages: Console,
    config: Path | None,
    act: Callable[[aofstore.Config, Callable[[aofstore.LoadProgress], object] | None], T],
) -> T:
    """What ``act`` gives; the exit status is 2 when it cannot look."""
    try:
        settings = aofstore.Config() if config is None else aofstore.Config.from_redis_conf(config)
        if not messages.is_terminal:
            return act(settings, None)
        with bars(messages) as watch:
            return act(
                settings,
                lambda progress: watch(Path(progress.path).name, progress.bytes_done, progress.bytes_total),
            )
    except (aofstore.AofstoreError, OSError) as error:
        messages.print(str(error), markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from error
