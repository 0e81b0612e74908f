"""What happens to the log between the commands of a machine: rewrites, saves, children that die, the log
switched off and on, openings after a close and after what SIGKILL leaves; and whether a rewrite begins with a
snapshot, and the log tells the time, changes in between. The data is the same after each, here and on the
servers.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

import aofstore
from aofstore._core import _testing
from tests.crash.forms import FORMS, SETTINGS, Form, begins_with_snapshot
from tests.crash.layouts import LATE_STEP, LAYOUTS, Layout, log_files
from tests.properties.agreement import disagreement
from tests.properties.grammar import Words
from tests.rewrite import child
from tests.servers.connection import ServerConnection, StoreConnection
from tests.servers.dataset import Dataset, compare, dataset
from tests.servers.pool import shared
from tests.servers.process import KINDS
from tests.servers.replies import canonical, failure, with_statuses

DATABASES = 3
SLACK_MS = 3000
STEPS_FOR_ONE = 10
ONLY_SESSIONS = (b"SELECT", b"MULTI", b"EXEC", b"DISCARD", b"WATCH", b"UNWATCH", b"SPOP")


def _may(wanted: Callable[[Any], bool] = lambda machine: True) -> Callable[[Any], Any]:
    """A rule for as long as there is a quota of them, which each use of one lessens."""
    return precondition(lambda machine: machine.quota > 0 and wanted(machine))


class Upkeep(RuleBasedStateMachine):
    """The rules about the log; what runs the commands of a family is below."""

    commands: ClassVar[Words]

    def __init__(self) -> None:
        super().__init__()
        self.quota = settings().stateful_step_count // STEPS_FOR_ONE
        self.logged = True
        self.layout: Layout = "single-file"
        self.form: Form = "plain"
        self.database = 0
        self.place: Path
        self.store: aofstore.Store[bytes]
        self.ours: StoreConnection
        self.theirs: dict[str, ServerConnection]

    def run_one(self, args: list[bytes]) -> Any:
        raise NotImplementedError

    @initialize(layout=st.sampled_from(LAYOUTS), form=st.sampled_from(FORMS))
    def begin(self, layout: Layout, form: Form) -> None:
        self.layout, self.form = layout, form
        self._open()

    @_may()
    @rule(form=st.sampled_from(FORMS))
    def other_form(self, form: Form) -> None:
        self.change_form(form)

    def change_form(self, form: Form) -> None:
        """From here on; what is there stays as it is, and so does what openings find."""
        self.form = form
        for setting in SETTINGS["both"]:
            self.store.config_set(setting.replace("_", "-"), "yes" if setting in SETTINGS[form] else "no")

    @_may()
    @rule(background=st.booleans())
    def save(self, background: bool) -> None:
        with self._unchanged(f"saved, background={background}"):
            if background:
                self.store.bgsave()
                child.until(lambda: not child.figure(self.store, "rdb_bgsave_in_progress"))
            else:
                self.store.save()
            assert child.figure(self.store, "rdb_last_bgsave_status") == "ok"
            self._load_the_dump()

    def _load_the_dump(self) -> None:
        place = self.place.with_name("dump")
        place.mkdir()
        shutil.copy(self.place / "dump.rdb", place)
        with aofstore.open(place, appendonly=False) as dumped:
            same(dataset(StoreConnection(dumped), DATABASES), self._data(), "in the dump")
        shutil.rmtree(place)

    @_may(lambda machine: machine.logged and machine.layout == "single-file")
    @rule()
    def take_over(self) -> None:
        with self._unchanged("the single file taken over"):
            self.layout = "multi-part"
            self.open_again()

    @_may()
    @rule(background=st.booleans())
    def rewrite(self, background: bool) -> None:
        with self._unchanged(f"rewritten, background={background}"):
            self.store.rewrite(child.PATIENCE, background)
            assert self.has_snapshot() == begins_with_snapshot(self.form)

    @_may()
    @rule(data=st.data())
    def rewrite_meanwhile(self, data: st.DataObject) -> None:
        self._begin(data)
        self._some(data)
        child.resume()
        with self._unchanged("rewritten while commands ran"):
            child.wait(self.store)

    @_may()
    @rule(data=st.data())
    def kill_child(self, data: st.DataObject) -> None:
        pid = self._begin(data)
        self._some(data)
        with self._unchanged("after a killed child"):
            self._kill(pid)

    @_may(lambda machine: machine.logged)
    @rule()
    def log_off(self) -> None:
        with self._unchanged("the log switched off"):
            self.store.config_set("appendonly", "no")
        self.logged = False

    @precondition(lambda machine: not machine.logged)
    @rule(data=st.data(), killed=st.booleans())
    def log_on(self, data: st.DataObject, killed: bool) -> None:
        with child.orders(pause="dumping"):
            self.store.config_set("appendonly", "yes")
        child.reached("dumping")
        self._some(data)
        with self._unchanged("the log switched on"):
            if killed:
                self._kill(int(_testing.child_progress()[0]))
            child.resume()
            # Waits for the log, and begins another rewrite for it where one failed.
            self.store.flush()
        self.logged = True

    @_may(lambda machine: machine.logged)
    @rule()
    def reopen(self) -> None:
        with self._unchanged("reopened"):
            self.open_again()

    @_may(lambda machine: machine.logged)
    @rule(data=st.data(), rewriting=st.booleans())
    def reopen_as_after_a_kill(self, data: st.DataObject, rewriting: bool) -> None:
        """What is there now is what SIGKILL would leave, in the middle of a rewrite too."""
        with self._unchanged(f"opened as after SIGKILL, rewriting={rewriting}"):
            if rewriting:
                self._begin(data)
                self._some(data)
                self._expected = self._data()
            copy = self.place.with_name("copy")
            shutil.copytree(self.place, copy)
            if rewriting:
                child.resume()
                child.wait(self.store)
            self.store.close()
            shutil.rmtree(self.place)
            copy.rename(self.place)
            self.open_again()
            assert not list(self.place.rglob("temp-*")), "left behind"

    def has_snapshot(self) -> bool:
        """Whether the log begins with one."""
        first = log_files(self.place)[0]
        return first.exists() and first.read_bytes().startswith(b"REDIS")

    def log_back_on(self) -> None:
        """Before the machine ends."""
        if not self.logged:
            self.store.config_set("appendonly", "yes")
            self.store.flush()
            self.logged = True

    def open_again(self) -> None:
        self.store.close()
        self._open()
        self.ours.execute("SELECT", self.database)
        for connection in self.theirs.values():
            # What was watched here is no longer.
            connection.execute("UNWATCH")

    def _open(self) -> None:
        self.store = aofstore.open(
            self.place, appendfsync="no", aof_layout=self.layout, save="", **SETTINGS[self.form]
        )
        self.ours = StoreConnection(self.store)

    @contextmanager
    def _unchanged(self, where: str) -> Iterator[None]:
        self.quota -= 1
        self._expected = self._data()
        yield
        found = self._data()
        same(found, self._expected, where)
        for kind in KINDS:
            with shared(kind).connect() as other:
                same(found, dataset(other, DATABASES), f"{where}, {kind}", SLACK_MS)

    def _data(self) -> Dataset:
        return dataset(StoreConnection(self.store), DATABASES)

    def _begin(self, data: st.DataObject) -> int:
        """A rewrite whose child stands still; without a log there is no difference that it could wait for."""
        late = LATE_STEP[self.layout]
        pause = data.draw(st.sampled_from(["dumping", late])) if self.logged else "dumping"
        pid = child.begin(self.store, pause=pause)
        child.reached(pause)
        return pid

    def _kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        child.resume()
        with pytest.raises(aofstore.RewriteError) as raised:
            child.wait(self.store)
        assert raised.value.signal == signal.SIGKILL

    def _some(self, data: st.DataObject) -> None:
        """Commands of a session, then some of a pipeline."""
        for args in data.draw(st.lists(self.commands, max_size=3)):
            self.run_one(args)
        plain = self.commands.filter(lambda args: args[0].upper() not in ONLY_SESSIONS)
        block = data.draw(st.lists(plain, max_size=3))
        with self.store.db(self.database).pipeline(transaction=False) as pipe:
            for args in block:
                pipe.execute_command(*args)
            replies = pipe.execute(raise_on_error=False)
        for args, reply in zip(block, replies, strict=True):
            mine = failure(reply) if isinstance(reply, Exception) else with_statuses(args, canonical(reply))
            for kind, connection in self.theirs.items():
                wrong = disagreement(kind, args, mine, connection.execute(*args))
                assert wrong is None, f"in a pipeline: {wrong}"


def same(ours: Dataset, theirs: Dataset, where: str, slack_ms: int = 0) -> None:
    """Fails with the keys that differ."""
    differences = compare(ours, theirs, slack_ms)
    assert not differences, "\n".join([where, *differences])
