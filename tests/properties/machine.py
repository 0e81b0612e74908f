"""The machine that all families share: one command everywhere, replies compared, then the logs change
hands.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

import aofstore
from tests.crash.layouts import whole_log
from tests.properties.agreement import disagreement, follow_chance
from tests.properties.upkeep import DATABASES, SLACK_MS, Upkeep, same
from tests.rewrite import child
from tests.servers.connection import ServerConnection, StoreConnection
from tests.servers.dataset import Dataset, dataset
from tests.servers.places import in_memory
from tests.servers.pool import shared
from tests.servers.process import KINDS, server_log
from tests.servers.replies import Failure
from tests.servers.resp import encode, records


class Family(Upkeep):
    """Subclasses give ``commands``; every step runs on the store, redis-server and Valkey."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="machine-", dir=in_memory()))
        self.place = self.directory / "data"
        self.theirs = {kind: shared(kind).connect() for kind in KINDS}
        self.starts = {kind: _mark(kind, connection) for kind, connection in self.theirs.items()}
        self.their_log_is_whole = True

    @rule(data=st.data())
    def command(self, data: st.DataObject) -> None:
        self.run_one(data.draw(self.commands))

    @rule(data=st.data())
    def three_commands(self, data: st.DataObject) -> None:
        for args in data.draw(st.lists(self.commands, min_size=3, max_size=3)):
            self.run_one(args)

    @rule(data=st.data(), discard=st.integers(0, 5))
    def transaction(self, data: st.DataObject, discard: int) -> None:
        block = data.draw(st.lists(self.commands.filter(_queues_alike), max_size=4))
        closing = b"DISCARD" if discard == 0 else b"EXEC"
        self.run_one([b"MULTI"])
        queued = [args for args in block if self.run_one(args) == "QUEUED"]
        ours = self.ours.execute(closing)
        for kind, connection in self.theirs.items():
            theirs = connection.execute(closing)
            if (
                isinstance(ours, list)
                and isinstance(theirs, list)
                and len(ours) == len(theirs) == len(queued)
            ):
                for args, mine, other in zip(queued, ours, theirs, strict=True):
                    self.agree(kind, args, mine, other)
            else:
                self.agree(kind, [closing], ours, theirs)

    @rule(number=st.integers(0, DATABASES - 1))
    def select(self, number: int) -> None:
        self.database = number
        self.run_one([b"SELECT", b"%d" % number])

    def run_one(self, args: list[bytes]) -> Any:
        """One command everywhere; a pop by chance is repeated on the servers as what it popped here."""
        ours = self.ours.execute(*args)
        if args[0].upper() == b"BITFIELD" and b"FAIL" in args:
            # Servers grow the string for an overflow that then fails, and log nothing.
            self.their_log_is_whole = False
        for kind, connection in self.theirs.items():
            if args[0].upper() == b"SPOP" and not isinstance(ours, Failure) and ours != "QUEUED":
                theirs = follow_chance(connection, args, ours)
            else:
                theirs = connection.execute(*args)
            self.agree(kind, args, ours, theirs)
        return ours

    def agree(self, kind: str, args: list[bytes], ours: Any, theirs: Any) -> None:
        wrong = disagreement(kind, args, ours, theirs)
        assert wrong is None, wrong

    def teardown(self) -> None:
        # A step that failed may have left a child standing still.
        child.resume()
        try:
            self._finish()
        finally:
            for connection in self.theirs.values():
                connection.close()
            self.store.close()
            shutil.rmtree(self.directory, ignore_errors=True)

    def _finish(self) -> None:
        self.log_back_on()
        mine = dataset(self.ours, DATABASES)
        found = {kind: dataset(connection, DATABASES) for kind, connection in self.theirs.items()}
        for kind, theirs in found.items():
            same(mine, theirs, kind, SLACK_MS)
        self.open_again()
        same(dataset(self.ours, DATABASES), mine, "reopened")
        if self.has_snapshot():
            # No connection takes one: `tests.servers.test_interop` hands them over as files.
            self.change_form("plain")
            self.store.rewrite(child.PATIENCE, False)
        self.store.close()
        for kind, theirs in found.items():
            if self.their_log_is_whole:
                self._their_log_here(kind, theirs)
            self._our_log_there(kind, mine)

    def _their_log_here(self, kind: str, wanted: Dataset) -> None:
        directory = self.directory / kind
        directory.mkdir()
        log = server_log(shared(kind).directory)[self.starts[kind] :]
        (directory / "appendonly.aof").write_bytes(log)
        with aofstore.open(directory) as store:
            same(dataset(StoreConnection(store), DATABASES), wanted, f"the log of {kind}, read here")

    def _our_log_there(self, kind: str, wanted: Dataset) -> None:
        # Nor any line that is no command.
        commands = [encode(args) for _, args in records(whole_log(self.place))]
        with shared(kind).connect() as connection:
            connection.execute("FLUSHALL")
            replies = connection.send_raw(b"".join(commands), len(commands))
            assert not [reply for reply in replies if isinstance(reply, Failure)], (
                f"our log, played to {kind}"
            )
            same(wanted, dataset(connection, DATABASES), f"our log, played to {kind}")


def _queues_alike(args: list[bytes]) -> bool:
    """Not for a transaction: pops by chance, and what one of the servers refuses when it is queued."""
    name = args[0].upper()
    return name not in (b"SPOP", b"WATCH", b"MULTI") and not (
        name in (b"ZRANK", b"ZREVRANK") and len(args) > 3
    )


def _mark(kind: str, connection: ServerConnection) -> int:
    """Empties a server; the offset in its log from which a replay starts from nothing, in database 0."""
    connection.send_raw(b"".join(map(encode, ([b"SELECT", b"15"], [b"SET", b"mark", b"1"]))), 2)
    start = len(server_log(shared(kind).directory))
    connection.execute("SELECT", 0)
    connection.execute("FLUSHALL")
    return start
