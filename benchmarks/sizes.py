"""How much work a run does: all of it, or enough to see that everything works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Numbers of keys, rounds and seconds, for every part of a run."""

    name: str
    keys: int
    rounds: int
    cell_seconds: float
    sync_rounds: int
    sync_seconds: float
    latency_seconds: float
    load_rounds: int
    scale: float
    rewrite_rounds: int
    quiet_seconds: float
    growth: tuple[int, ...]
    growth_rounds: int


FULL = Sizes(
    name="full",
    keys=1_000_000,
    rounds=3,
    cell_seconds=1.0,
    sync_rounds=5,
    sync_seconds=1.5,
    latency_seconds=6.0,
    load_rounds=3,
    scale=1.0,
    rewrite_rounds=3,
    quiet_seconds=2.0,
    growth=(10**4, 10**5, 10**6, 10**7),
    growth_rounds=3,
)
QUICK = Sizes(
    name="quick",
    keys=20_000,
    rounds=3,
    cell_seconds=0.03,
    sync_rounds=3,
    sync_seconds=0.2,
    latency_seconds=1.2,
    load_rounds=1,
    scale=0.01,
    rewrite_rounds=1,
    quiet_seconds=0.3,
    growth=(10**4, 3 * 10**4, 10**5),
    growth_rounds=1,
)
