"""The process that is going to be killed: opens the store and runs its tapes until then."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import random
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import aofstore
from aofstore._core import _testing
from tests.crash.counters import Counters
from tests.crash.faults import broken
from tests.crash.forms import SETTINGS, Form, clock
from tests.crash.history import DATABASES, TAPE_LENGTH, Policy, tape
from tests.crash.layouts import Layout


@dataclass(frozen=True)
class Life:
    """What one worker is to do; ``control`` breaks the store or the worker on purpose."""

    directory: str
    counters: str
    policy: Policy
    starts: tuple[int, ...]
    control: str = ""
    rewrites: bool = False
    layout: Layout = "single-file"
    form: Form = "plain"

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Life:
        fields = json.loads(text)
        return cls(**{**fields, "starts": tuple(fields["starts"])})


def live(life: Life) -> None:
    """Never returns: ends by SIGKILL, or by status 70 with a traceback beside the counters."""
    try:
        _run(life)
    except BaseException:
        Path(life.counters).with_suffix(".error").write_text(traceback.format_exc())
    finally:
        os._exit(70)


def _run(life: Life) -> None:
    counters = Counters(Path(life.counters))
    for thread, start in enumerate(life.starts):
        counters.start(thread, start)
    with broken(life.control):
        settings = SETTINGS[life.form]
        store = aofstore.open(life.directory, appendfsync=life.policy, aof_layout=life.layout, **settings)
    counters.open_now()
    if life.control == "harness-keep-lock" and os.fork() == 0:
        _inherit_the_lock(life.directory)
    pause = 0.02 if life.control == "harness-idle" else 0.0
    with clock(life.form) as tick:
        others = [
            threading.Thread(target=_work, args=(store, counters, thread, life, pause, tick), daemon=True)
            for thread in range(1, len(life.starts))
        ]
        if life.rewrites:
            others.append(threading.Thread(target=_rewrite, args=(store, counters, life), daemon=True))
        for other in others:
            other.start()
        _work(store, counters, 0, life, pause, tick)


def _inherit_the_lock(directory: str) -> None:
    """Waits for the worker's death and takes its lock, as a copy of the process would that had kept it."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    time.sleep(1)
    os._exit(0)


def _work(
    store: aofstore.Store[bytes],
    counters: Counters,
    thread: int,
    life: Life,
    pause: float,
    tick: Callable[[], None],
) -> None:
    sessions = [store.session() for _ in range(DATABASES)]
    for number, session in enumerate(sessions):
        session.execute_command("SELECT", number)
    runs = [session.execute_command for session in sessions]
    operations, position = tape(thread), life.starts[thread]
    begin, acknowledge = counters.begin, counters.acknowledge
    try:
        while True:
            operation = operations[position % TAPE_LENGTH]
            run, position = runs[operation.database], position + 1
            begin(thread, position)
            tick()
            if len(operation.commands) == 1:
                run(*operation.commands[0])
            else:
                run("MULTI")
                for command in operation.commands:
                    run(*command)
                run("EXEC")
            acknowledge(thread, position)
            if pause:
                time.sleep(pause)
    except BaseException:
        Path(life.counters).with_suffix(".error").write_text(traceback.format_exc())
        os._exit(70)


def _rewrite(store: aofstore.Store[bytes], counters: Counters, life: Life) -> None:
    """One rewrite after the other: most in children, some of them slow, some without one."""
    engine, rng = store._lifetime.engine, random.Random(os.getpid())
    try:
        while True:
            _testing.child_plan(micros_per_key=rng.choice([0, 0, 100]))
            counters.rewriting_now(True)
            engine.rewrite(rng.random() < 0.8, 20.0)
            counters.rewriting_now(False)
            time.sleep(rng.uniform(0.0, 0.008))
            if life.control == "harness-idle":
                time.sleep(1.0)
    except BaseException:
        Path(life.counters).with_suffix(".error").write_text(traceback.format_exc())
        os._exit(70)


def nursery() -> None:
    """Forks a worker for every line of standard input and prints its pid; reaps the dead between lines."""
    logging.getLogger("aofstore").setLevel(logging.CRITICAL)
    for thread in range(4):
        tape(thread)
    for line in sys.stdin:
        _reap()
        pid = os.fork()
        if pid == 0:
            live(Life.from_json(line))
        print(pid, flush=True)


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


if __name__ == "__main__":
    nursery()
