"""What the threads of the stressed process do. Each kind of work keeps an invariant that a reader can check
later.

- transfers move money between accounts in MULTI: the sum never changes
- writers append numbers to lists of their own: a list is 1, 2, 3, … without a gap
- producers and blocked consumers hand items over: none is lost, none is doubled
- leases are keys that are only ever set with a TTL: one without a TTL is a torn write
- copies that DUMP and RESTORE made of such lists are lists without a gap, never older than the one before
- rewrites and saves succeed, whatever form they have, and the time of the last save never goes back
- forked copies are refused
- mixed commands and configuration changes shake everything else
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aofstore

ACCOUNTS = 20
SUM = ACCOUNTS * 1000
POLICIES = ("always", "everysec", "no")
TOLERATED = (aofstore.ResponseError, aofstore.WatchError)


@dataclass
class Board:
    """Numbers that the threads report; each thread has its own cells, so that none waits."""

    operations: dict[str, int] = field(default_factory=dict)
    slowest: dict[str, tuple[float, str]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    # The names of the threads that count.
    counters: list[str] = field(default_factory=list)

    def note(self, name: str, seconds: float, what: str) -> None:
        self.operations[name] = self.operations.get(name, 0) + 1
        if seconds > self.slowest.get(name, (0.0, ""))[0]:
            self.slowest[name] = seconds, what


class Thread:
    """One worker thread: a session, a random source, and its place on the board."""

    def __init__(self, store: aofstore.Store[bytes], board: Board, name: str, seed: int) -> None:
        self.store = store
        self.session = store.session()
        self.board = board
        self.name = name
        self.rng = random.Random(seed)

    def call(self, *args: Any) -> Any:
        """One command, timed; error replies are part of the game."""
        start = time.perf_counter()
        try:
            return self.session.execute_command(*args)
        except TOLERATED as error:
            return error
        finally:
            if not str(args[0]).startswith("B"):
                self.board.note(self.name, time.perf_counter() - start, str(args[0]))

    def run(self, step: Callable[[Thread], None], until: threading.Event) -> None:
        try:
            while not until.is_set():
                step(self)
        except aofstore.StoreClosedError:
            return
        except BaseException as error:
            self.board.errors.append(f"{self.name}: {error!r}")


def prepare(store: aofstore.Store[bytes]) -> None:
    """Accounts with their opening balance, once."""
    with store.pipeline() as pipe:
        for number in range(ACCOUNTS):
            pipe.setnx(f"account:{number}", SUM // ACCOUNTS)
        pipe.execute()


def transfer(thread: Thread) -> None:
    source, target = thread.rng.sample(range(ACCOUNTS), 2)
    amount = thread.rng.randrange(1, 100)
    if thread.rng.random() < 0.3:
        thread.call("WATCH", f"account:{source}")
    thread.call("MULTI")
    thread.call("DECRBY", f"account:{source}", amount)
    thread.call("INCRBY", f"account:{target}", amount)
    thread.call("DISCARD" if thread.rng.random() < 0.05 else "EXEC")


def count(thread: Thread) -> None:
    """Appends the next number to the list of this thread."""
    key = f"counted:{thread.name}"
    last = thread.call("LINDEX", key, -1)
    thread.call("RPUSH", key, 1 if last is None else int(last) + 1)


def produce(thread: Thread) -> None:
    number = thread.call("INCR", f"made:{thread.name}")
    if isinstance(number, int):
        thread.call(thread.rng.choice(["RPUSH", "LPUSH"]), f"queue:{number % 2}", f"{thread.name}/{number}")
    if thread.rng.random() < 0.02:
        time.sleep(0.002)


def consume(thread: Thread) -> None:
    """Takes an item with a blocking pop that moves it, so that a kill can neither lose nor double it."""
    thread.call("BLMOVE", f"queue:{thread.rng.randrange(2)}", "taken", "LEFT", "RIGHT", 0.05)


def lease(thread: Thread) -> None:
    key = f"lease:{thread.rng.randrange(200)}"
    choice = thread.rng.randrange(4)
    if choice == 0:
        thread.call("SETEX", key, 1, "x" * 50)
    elif choice == 1:
        thread.call("SET", key, "x", "PX", thread.rng.randrange(1, 400))
    elif choice == 2:
        thread.call("GET", key)
    else:
        thread.call("DEL", key)


def copy(thread: Thread) -> None:
    """The list of a counting thread under another name; and a lease under another, which keeps a TTL."""
    time.sleep(0.001)
    copied = f"copied:{thread.name}"
    payload = thread.call("DUMP", f"counted:{thread.rng.choice(thread.board.counters)}")
    if isinstance(payload, bytes):
        thread.call("RESTORE", copied, 0, payload, "REPLACE")
        numbers = list(map(int, thread.call("LRANGE", copied, 0, -1)))
        if numbers != list(range(1, len(numbers) + 1)):
            thread.board.errors.append(f"{copied} is not 1…{len(numbers)}: {numbers[:5]}…{numbers[-5:]}")
    payload = thread.call("DUMP", f"lease:{thread.rng.randrange(200)}")
    if isinstance(payload, bytes):
        name = f"lease:{thread.rng.randrange(200)}"
        thread.call("RESTORE", name, thread.rng.randrange(1, 400), payload, "REPLACE")


def keep(thread: Thread) -> None:
    """Rewrites and saves, in every form; none may fail, but for another that is under way."""
    time.sleep(thread.rng.uniform(0.0, 0.05))
    before = thread.store.lastsave()
    choice = thread.rng.randrange(8)
    if choice == 0:
        thread.call("SAVE")
    elif choice <= 2:
        thread.call("BGSAVE", *thread.rng.choice([(), ("SCHEDULE",)]))
    elif choice <= 5:
        thread.call("BGREWRITEAOF")
    else:
        name = thread.rng.choice(["aof-use-rdb-preamble", "aof-timestamp-enabled"])
        thread.call("CONFIG", "SET", name, thread.rng.choice(["yes", "no"]))
    figures = thread.store.info("persistence")
    for name in ("aof_last_bgrewrite_status", "rdb_last_bgsave_status", "aof_last_write_status"):
        if figures[name] != "ok":
            thread.board.errors.append(f"{name} is {figures[name]}: {thread.store.last_persistence_error}")
    if thread.store.lastsave() < before:
        thread.board.errors.append("the time of the last save went back")


def shake(thread: Thread) -> None:
    """Any other command on keys of no account."""
    number, value = thread.rng.randrange(60), thread.rng.randbytes(thread.rng.choice([1, 20, 200, 5000]))
    thread.call(
        *thread.rng.choice(
            [
                ("HSET", f"m:h{number}", f"f{number}", value),
                ("ZADD", f"m:z{number}", thread.rng.random(), value[:8]),
                ("ZPOPMIN", f"m:z{number}", 3),
                ("SADD", f"m:s{number}", value[:6], number),
                ("SPOP", f"m:s{number}", 2),
                ("APPEND", f"m:a{number}", value),
                ("SORT", f"m:s{number}", "ALPHA", "STORE", f"m:l{number}"),
                ("SCAN", 0, "COUNT", 50),
                ("DEL", f"m:a{number}", f"m:h{number}", f"m:l{number}"),
                ("SETRANGE", f"m:a{number}", number * 100, value[:9]),
                ("BITCOUNT", f"m:a{number}"),
                ("INFO",),
            ]
        )
    )


def configure(thread: Thread) -> None:
    time.sleep(0.05)
    name, value = thread.rng.choice(
        [
            ("appendfsync", thread.rng.choice(POLICIES)),
            ("hash-max-listpack-entries", thread.rng.choice(["4", "128"])),
            ("list-max-listpack-size", thread.rng.choice(["4", "-2"])),
            ("hz", thread.rng.choice(["10", "100"])),
        ]
    )
    thread.call("CONFIG", "SET", name, value)
    if thread.rng.random() < 0.3:
        thread.store.flush()


def fork(thread: Thread) -> None:
    """A forked copy of the process may not use the store, and must learn so at once, whatever other threads
    hold.
    """
    time.sleep(0.3)
    pid = os.fork()
    if pid == 0:
        signal.alarm(10)
        try:
            thread.store.set("forked", 1)
        except aofstore.StoreForkedError:
            os._exit(0)
        finally:
            os._exit(1)
    if status := os.waitpid(pid, 0)[1]:
        thread.board.errors.append(f"a forked copy ended with wait status {status}")


KINDS: dict[str, Callable[[Thread], None]] = {
    "transfer": transfer,
    "count": count,
    "produce": produce,
    "consume": consume,
    "lease": lease,
    "copy": copy,
    "keep": keep,
    "shake": shake,
    "configure": configure,
    "fork": fork,
}
