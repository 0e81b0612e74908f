"""SIGKILL at random moments: a worker runs its tapes, dies, and the next opening must hold all it was told.

After a kill every thread's keys must be what the tape says after the acknowledged operations, or after one
more: the one in flight, whole. The directory must be free at once. With rewrites, one always runs or is about
to, and nothing of one that was killed may be left.
"""

from __future__ import annotations

import os
import random
import select
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import aofstore
from tests.crash.counters import Counters
from tests.crash.damage import lose_last_record
from tests.crash.findings import Findings
from tests.crash.forms import FORMS, Form
from tests.crash.history import DATABASES, POLICIES, Model, Policy
from tests.crash.layouts import LAYOUTS, Layout, newest_log, strangers
from tests.crash.worker import Life
from tests.servers.connection import StoreConnection
from tests.servers.dataset import Dataset, compare, dataset

ROOT = Path(__file__).parents[2]
LIVES_PER_DIRECTORY = 6
IN_FLIGHT_SHARE = 0.30
REWRITING_SHARE = 0.40
READY_TIMEOUT = 20.0


@dataclass
class Tally(Findings):
    """What a kill run saw."""

    rewrites: bool = False
    kills: int = 0
    in_flight: int = 0
    rewriting: int = 0
    opening: int = 0
    operations: int = 0
    seconds: float = 0.0

    @property
    def share(self) -> float:
        working = self.kills - self.opening
        return self.in_flight / working if working else 0.0

    @property
    def rewriting_share(self) -> float:
        return self.rewriting / self.kills if self.kills else 0.0

    def red(self) -> list[str]:
        found = super().red()
        idle = self.share < IN_FLIGHT_SHARE or (self.rewrites and self.rewriting_share < REWRITING_SHARE)
        return [*found, "idle"] if idle else found


class Killer:
    """Runs lives in directories below ``root`` and kills each of them."""

    def __init__(
        self,
        root: Path,
        seed: int,
        control: str = "",
        *,
        rewrites: bool = False,
        layouts: tuple[Layout, ...] = LAYOUTS,
        forms: tuple[Form, ...] = FORMS,
    ) -> None:
        self._root = root
        self._rng = random.Random(seed)
        self._control = control
        self._layouts = layouts
        self._layout = layouts[0]
        self._forms = forms
        self.tally = Tally(rewrites=rewrites)
        self._nursery = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def __enter__(self) -> Killer:
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.close()
        self._nursery.stdout.close()
        self._nursery.wait(10)

    def run(self, kills: int) -> Tally:
        start, number = time.monotonic(), 0
        while self.tally.kills < kills:
            self._directory(number, min(LIVES_PER_DIRECTORY, kills - self.tally.kills))
            number += 1
        self.tally.seconds += time.monotonic() - start
        return self.tally

    def _directory(self, number: int, lives: int) -> None:
        policy = POLICIES[number % len(POLICIES)]
        self._layout = self._layouts[number // len(POLICIES) % len(self._layouts)]
        directory = self._root / f"d{number}"
        models = [Model(thread) for thread in range(self._rng.choice([1, 1, 3]))]
        for _ in range(lives):
            counters = self._one_life(directory, policy, models)
            if counters is None:
                return
            try:
                if not self._verify(directory, policy, models, counters):
                    return
            finally:
                counters.close()
        _remove(directory)

    def _one_life(self, directory: Path, policy: Policy, models: list[Model]) -> Counters | None:
        path = self._root / "counters"
        counters = Counters(path, create=True)
        for model in models:
            counters.start(model.thread, model.position)
        starts = tuple(model.position for model in models)
        # Any of them may come after any other: a log that told the time goes on without, and so on.
        form = self._rng.choice(self._forms)
        life = Life(
            str(directory), str(path), policy, starts, self._control, self.tally.rewrites, self._layout, form
        )
        pid = self._spawn(life)
        death = os.pidfd_open(pid)
        try:
            early = self._rng.random() < 0.05
            alive = self._wait(early, counters, death)
            os.kill(pid, signal.SIGKILL)
            select.select([death], [], [], READY_TIMEOUT)
        finally:
            os.close(death)
        self.tally.kills += 1
        if not alive:
            error = path.with_suffix(".error")
            self.tally.add("died", error.read_text() if error.exists() else f"pid {pid} ended by itself")
            counters.close()
            return None
        return counters

    def _spawn(self, life: Life) -> int:
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write(life.to_json() + "\n")
        self._nursery.stdin.flush()
        return int(self._nursery.stdout.readline())

    def _wait(self, early: bool, counters: Counters, death: int) -> bool:
        """Sleeps until the moment of the kill; False if the worker was dead before."""
        deadline = time.monotonic() + READY_TIMEOUT
        while not early and not counters.opened and time.monotonic() < deadline:
            if select.select([death], [], [], 0.0005)[0]:
                return False
        pause = self._rng.uniform(0.0, 0.006) if early else self._rng.uniform(0.001, 0.045)
        return not select.select([death], [], [], pause)[0]

    def _verify(self, directory: Path, policy: Policy, models: list[Model], counters: Counters) -> bool:
        begun = [counters.begun(model.thread) for model in models]
        acknowledged = [counters.acknowledged(model.thread) for model in models]
        if not counters.opened:
            self.tally.opening += 1
        elif begun != acknowledged:
            self.tally.in_flight += 1
        self.tally.rewriting += counters.rewriting
        self.tally.operations += sum(acknowledged) - sum(model.position for model in models)
        if self._control == "harness-lose-last":
            lose_last_record(newest_log(directory))
        try:
            with aofstore.open(directory, appendfsync=policy, aof_layout=self._layout) as store:
                found = dataset(StoreConnection(store), DATABASES)
        except aofstore.AofLockedError as error:
            self.tally.add("locked", str(error))
            return False
        except aofstore.AofstoreError as error:
            self.tally.add("refused", f"{policy}: {error!r}")
            return False
        if self._control == "harness-leave":
            (directory / "temp-rewriteaof-bg-1-1.aof").touch()
        if left := strangers(directory, self._layout):
            self.tally.add("left", f"{policy}: {left}")
        settled = [
            self._settle(model, found, policy, *ends)
            for model, *ends in zip(models, begun, acknowledged, strict=True)
        ]
        return all(settled)

    def _settle(self, model: Model, found: Dataset, policy: Policy, begun: int, acknowledged: int) -> bool:
        """Moves a model on to what was found: the acknowledged operations or one more, else a violation."""
        prefix = f"t{model.thread}:".encode()
        mine = {where: entry for where, entry in found.items() if where[1].startswith(prefix)}
        differences: list[str] = []
        for position in range(acknowledged, begun + 1):
            differences = compare(mine, model.advance(position).dataset())
            if not differences:
                return True
        where = f"{policy}, thread {model.thread}, {acknowledged} acknowledged, {begun} begun"
        self.tally.add("lost", f"{where}: {differences[:3]}")
        return False


def _remove(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
