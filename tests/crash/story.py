"""The process whose file-system calls are recorded: several lives of one store, each told what to do.

Every thread has a history of its own. Lines on standard output tell when the next story begins (``D``), under
which policy a life does (``P policy``), and what it was promised: the store is open with so many operations
of each thread (``O n n n``); operation n of thread t has returned (``A t n``); flush or close has, behind it
(``F t n``); the log is off, with it in it, and promises no more (``N t n``); it is on again (``Y t n``).
"""

from __future__ import annotations

import functools
import json
import logging
import os
import sys
import threading
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import aofstore
from aofstore._core import _testing
from tests.crash.faults import broken
from tests.crash.history import DATABASES, Operation, Policy, operations

OPERATIONS = 120
LARGE = 17, 7_000
BULKY = 4, 300_000
FLUSH_EVERY = 7
PAUSE_EVERY = 50
MOST_THREADS = 8
PATIENCE = 20.0


Upkeep: TypeAlias = Literal["", "rewrites", "abandons", "switches"]


@dataclass(frozen=True)
class Life:
    """One opening of the store: so many operations of each thread, then a close or a sudden end."""

    policy: Policy
    starts: tuple[int, ...]
    steps: int
    killed: bool = False
    upkeep: Upkeep = ""

    def __str__(self) -> str:
        how = f"{self.upkeep and f' with {self.upkeep}'}{' killed' if self.killed else ''}"
        return f"{self.policy} {self.starts}+{self.steps}{how}"


@dataclass(frozen=True)
class Story:
    """The lives of one store below a directory; ``control`` breaks it on purpose."""

    directory: str
    seed: int
    lives: tuple[Life, ...]
    control: str = ""
    bulky: bool = False

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Story:
        fields = json.loads(text)
        lives = (Life(**{**life, "starts": tuple(life["starts"])}) for life in fields["lives"])
        return cls(**{**fields, "lives": tuple(lives)})

    def tape(self, thread: int) -> int:
        """The number of a thread's tape, which is in the names of its keys."""
        return self.seed * MOST_THREADS + thread

    def history(self, thread: int) -> tuple[Operation, ...]:
        """What a thread does."""
        return history(self.tape(thread), bulky=self.bulky)

    def __str__(self) -> str:
        return f"seed {self.seed}{' bulky' if self.bulky else ''}, {' then '.join(map(str, self.lives))}"


@functools.cache
def history(tape: int, *, bulky: bool) -> tuple[Operation, ...]:
    """The same in every process: a tape, with values in between of more than a page, or than a pipe takes."""
    whole, (every, length) = list(operations(tape, OPERATIONS)), BULKY if bulky else LARGE
    for at in range(every, OPERATIONS, every):
        value = f"large {at} ".ljust(length, "+")
        whole[at] = Operation(at % DATABASES, (("SET", f"t{tape}:large{at % 3}", value),))
    return tuple(whole)


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def live(story: Story, life: Life) -> None:
    say(f"P {life.policy}")
    with broken(story.control):
        store = aofstore.open(story.directory, appendfsync=life.policy)
    say(f"O {' '.join(map(str, life.starts))}")
    others = [
        threading.Thread(target=_work, args=(store, story, life, thread))
        for thread in range(1, len(life.starts))
    ]
    for other in others:
        other.start()
    _work(store, story, life, 0)
    for other in others:
        other.join()
    if not life.killed:
        store.close()
        for thread, start in enumerate(life.starts):
            say(f"F {thread} {min(start + life.steps, OPERATIONS)}")


def _work(store: aofstore.Store[bytes], story: Story, life: Life, thread: int) -> None:
    sessions = [store.session() for _ in range(DATABASES)]
    for number, session in enumerate(sessions):
        session.execute_command("SELECT", number)
    start, whole = life.starts[thread], story.history(thread)
    upkeep = UPKEEP[life.upkeep](store, life.steps) if thread == 0 else Nothing(store, life.steps)
    for done, operation in enumerate(whole[start : start + life.steps], start + 1):
        operate(sessions, operation)
        say(f"A {thread} {done}")
        # A flush waits for a log that is being switched on, whose child may stand still until later.
        if life.policy == "everysec" and life.upkeep != "switches":
            _settle(store, thread, done)
        upkeep.step(done - start, done)


class Nothing:
    """What happens to the log between the operations of the first thread, which is nothing here."""

    def __init__(self, store: aofstore.Store[bytes], steps: int) -> None:
        self._store = store
        self._engine = store._lifetime.engine
        self._steps = steps

    def step(self, done: int, position: int) -> None:
        """After so many operations of this life, the history being at a position."""

    def _stand_still(self, at: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while _testing.child_reached() != at:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the child is at {_testing.child_reached()}, not at {at}")
            time.sleep(0.001)


class Rewriter(Nothing):
    """Four rewrites in the course of a life.

    The first child runs as it likes; the second stands still in its dump, so that all of the difference goes
    through the pipe; the third stands still when the end of the difference is agreed on, so that the rest is
    the parent's to append; the last rewrite has no child.
    """

    PAUSES = (None, "dumping", "agreed")

    def __init__(self, store: aofstore.Store[bytes], steps: int) -> None:
        super().__init__(store, steps)
        part = steps // 4
        self._begins = {at * part + 1: pause for at, pause in enumerate(self.PAUSES)}
        self._resumes = {at * part + 1 + part // 2 for at in range(len(self.PAUSES))}
        self._waits = {at * part + part for at in range(len(self.PAUSES))}
        self._alone = 3 * part + 1

    def step(self, done: int, position: int) -> None:
        if done in self._begins:
            pause = self._begins[done]
            _testing.child_plan(pause=pause)
            self._engine.begin_rewrite()
            if pause is not None:
                self._stand_still(pause)
        if done in self._resumes:
            _testing.child_resume()
        if done in self._waits:
            self._engine.wait_rewrite(PATIENCE)
        if done == self._alone:
            self._engine.rewrite(False)


class Abandoner(Nothing):
    """A rewrite that the life leaves behind at its sudden end, its child at the end of the difference."""

    def step(self, done: int, position: int) -> None:
        if done == self._steps // 2:
            _testing.child_plan(pause="agreed")
            self._engine.begin_rewrite()
            self._stand_still("agreed")


class Switcher(Nothing):
    """The log is switched off, and later on again by a rewrite during which operations go on."""

    def step(self, done: int, position: int) -> None:
        off, on = self._steps // 3, 2 * self._steps // 3
        if done == off:
            self._store.session().execute_command("CONFIG", "SET", "appendonly", "no")
            say(f"N 0 {position}")
        if done == on:
            _testing.child_plan(pause="dumping")
            self._store.session().execute_command("CONFIG", "SET", "appendonly", "yes")
            self._stand_still("dumping")
        if done == on + 2:
            _testing.child_resume()
        if done == on + 3:
            self._engine.wait_rewrite(PATIENCE)
            say(f"Y 0 {position}")


UPKEEP: dict[Upkeep, type[Nothing]] = {
    "": Nothing,
    "rewrites": Rewriter,
    "abandons": Abandoner,
    "switches": Switcher,
}


def operate(sessions: list[Any], operation: Operation) -> None:
    session = sessions[operation.database]
    if len(operation.commands) == 1:
        session.execute_command(*operation.commands[0])
        return
    session.execute_command("MULTI")
    for command in operation.commands:
        session.execute_command(*command)
    session.execute_command("EXEC")


def _settle(store: aofstore.Store[bytes], thread: int, done: int) -> None:
    if done % PAUSE_EVERY == 0:
        time.sleep(1.1)
    elif done % FLUSH_EVERY == 0:
        store.flush()
        say(f"F {thread} {done}")


def main() -> None:
    """Lives the stories of a file, one JSON object a line."""
    logging.getLogger("aofstore").setLevel(logging.CRITICAL)
    for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines():
        say("D")
        story = Story.from_json(line)
        for life in story.lives:
            pid = os.fork()
            if pid == 0:
                _end(story, life)
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            if status != 0:
                sys.exit(f"a life ended by {status}")


def _end(story: Story, life: Life) -> None:
    """Never returns, and never runs what a normal exit would: a killed life ends like that too."""
    try:
        live(story, life)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(70)


if __name__ == "__main__":
    main()
