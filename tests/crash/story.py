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
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import aofstore
from tests.crash.faults import broken, faults
from tests.crash.forms import SETTINGS, Form, clock
from tests.crash.history import DATABASES, Operation, Policy, operations
from tests.crash.layouts import Layout
from tests.crash.upkeeps import UPKEEP, Nothing, Upkeep, say

OPERATIONS = 120
LARGE = 17, 7_000
BULKY = 4, 300_000
FLUSH_EVERY = 7
PAUSE_EVERY = 50
MOST_THREADS = 8


@dataclass(frozen=True)
class Life:
    """One opening of the store: so many operations of each thread, then a close or a sudden end."""

    policy: Policy
    starts: tuple[int, ...]
    steps: int
    killed: bool = False
    upkeep: Upkeep = ""
    layout: Layout = "single-file"
    form: Form = "plain"

    def __str__(self) -> str:
        how = f"{self.upkeep and f' with {self.upkeep}'}{' killed' if self.killed else ''}"
        return f"{self.layout} {self.form} {self.policy} {self.starts}+{self.steps}{how}"


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


def live(story: Story, life: Life) -> None:
    say(f"P {life.policy}")
    upkeep = UPKEEP[life.upkeep]
    with broken(story.control), faults(install=upkeep.FAULTS) as plan:
        settings = {"appendfsync": life.policy, "aof_layout": life.layout, **upkeep.SETTINGS}
        store = aofstore.open(story.directory, **settings, **SETTINGS[life.form])
    say(f"O {' '.join(map(str, life.starts))}")
    with clock(life.form) as tick:
        others = [
            threading.Thread(target=_work, args=(Nothing(store, life.steps, plan), story, life, thread, tick))
            for thread in range(1, len(life.starts))
        ]
        for other in others:
            other.start()
        _work(upkeep(store, life.steps, plan), story, life, 0, tick)
        for other in others:
            other.join()
    if not life.killed:
        store.close()
        for thread, start in enumerate(life.starts):
            say(f"F {thread} {min(start + life.steps, OPERATIONS)}")


def _work(upkeep: Nothing, story: Story, life: Life, thread: int, tick: Callable[[], None]) -> None:
    store = upkeep.store
    sessions = [store.session() for _ in range(DATABASES)]
    for number, session in enumerate(sessions):
        session.execute_command("SELECT", number)
    start, whole = life.starts[thread], story.history(thread)
    for done, operation in enumerate(whole[start : start + life.steps], start + 1):
        tick()
        upkeep.operate(sessions, operation, done - start)
        say(f"A {thread} {done}")
        if thread:
            # So that some of it happens while the first thread sees to the log.
            time.sleep(0.002)
        # A flush waits for a log that is being switched on, whose child may stand still until later.
        if life.policy == "everysec" and life.upkeep != "switches":
            _settle(store, thread, done)
        upkeep.step(done - start, done)


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
