"""What a repair changes, what it keeps, and what it leaves alone."""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path

import pytest

import aofstore
from aofstore._core import _testing
from tests.check.places import NAME, data_in, data_of, log_of, place, prints
from tests.conftest import OpenStore
from tests.crash.samples import SMALL_LOG
from tests.servers.resp import encode

pytestmark = pytest.mark.quick

SETS = [f"SET key:{number} value" for number in range(1000)]


def damaged_in_the_middle() -> bytes:
    """Defect 4: 1,000 commands, and the eleventh's length has more digits than it should."""
    commands = [log_of(command) for command in SETS]
    commands[10] = commands[10].replace(b"$5\r\nvalue", b"$999999\r\nvalue")
    return b"".join(commands)


def test_a_sound_file_is_never_touched(tmp_path: Path) -> None:
    path = place(tmp_path, SMALL_LOG)
    before, when = prints(tmp_path), path.stat().st_mtime_ns
    report = aofstore.repair(tmp_path, apply=True, salvage=True)
    assert (report, report.problems) == (aofstore.RepairReport(False), ())
    assert (prints(tmp_path), path.stat().st_mtime_ns) == (before, when)


def test_defect_4_a_damaged_length_in_the_middle_drops_nothing_behind_it(tmp_path: Path) -> None:
    path = place(tmp_path, damaged_in_the_middle())
    before = prints(tmp_path)
    for apply in (False, True):
        report = aofstore.repair(tmp_path, apply=apply)
        assert (report.applied, report.changes, report.lost_commands) == (False, (), 0)
        (problem,) = report.problems
        assert (problem.kind, problem.command) == ("format", 11)
        assert "1 command" in problem.message
        assert "keep the other" in problem.message
        assert prints(tmp_path) == before
    dry = aofstore.repair(tmp_path, salvage=True)
    assert (dry.applied, dry.lost_commands, dry.problems) == (False, 1, ())
    assert repr(problem) in repr(aofstore.repair(tmp_path))
    assert prints(tmp_path) == before
    report = aofstore.repair(tmp_path, salvage=True, apply=True)
    assert (report, report.problems) == (aofstore.RepairReport(True, dry.changes, 1), ())
    assert [field.name for field in dataclasses.fields(report)] == ["applied", "changes", "lost_commands"]
    assert (tmp_path / f"{NAME}.damaged-{problem.offset}").read_bytes() == damaged_in_the_middle()
    assert path.read_bytes() == log_of(*SETS[:10], *SETS[11:])
    with aofstore.open(tmp_path) as store:
        assert store.dbsize() == 999


def test_defect_8_wrong_arity_and_huge_or_negative_lengths_are_findings(tmp_path: Path) -> None:
    for bad, kind in [
        (encode([b"SET", b"k"]), "replay"),
        (b"*2\r\n$3\r\nGET\r\n$9000000000000000000\r\nk\r\n", "format"),
        (b"*2\r\n$3\r\nGET\r\n$-1\r\nk\r\n", "format"),
        (b"*1\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n", "replay"),
    ]:
        place(tmp_path, log_of("SET a 1") + bad + log_of("SET b 2"))
        (problem,) = aofstore.check(tmp_path).files[0].problems
        assert (problem.kind, problem.command) == (kind, 2)
        report = aofstore.repair(tmp_path, salvage=True, apply=True)
        assert (report.applied, report.lost_commands, report.problems) == (True, report.lost_commands, ())
        assert data_in(tmp_path).keys() == {(0, b"a"), (0, b"b")}


def test_defect_9_what_would_be_dropped_is_told_exactly_and_is_no_more(tmp_path: Path) -> None:
    log = log_of(*SETS[:5])
    bad = b"*3\r\n$3\r\nSET\r\n!!!!"
    place(tmp_path, log + bad)
    (problem,) = aofstore.check(tmp_path).files[0].problems
    assert f"a repair would drop the last {len(bad)} bytes (1 command)" in problem.message
    report = aofstore.repair(tmp_path, apply=True)
    assert (report.applied, report.lost_commands) == (True, 1)
    assert (tmp_path / NAME).read_bytes() == log
    assert (tmp_path / f"{NAME}.truncated-{len(log)}").read_bytes() == bad
    # The same with whole commands behind it: they are not thrown away.
    place(tmp_path, log + bad + log_of(*SETS[5:8]))
    assert aofstore.repair(tmp_path, apply=True).applied is False
    assert aofstore.repair(tmp_path, apply=True, salvage=True).lost_commands == 1
    assert (tmp_path / NAME).read_bytes() == log_of(*SETS[:8])


SALVAGES: dict[str, tuple[list[str | bytes], list[str], int]] = {
    "a transaction with damage goes as a whole": (
        ["SET a 1", "MULTI", "SET b 2", b"*1\r\n$4\r\nNOPE\r\n", "SET c 3", "EXEC", "SET d 4"],
        ["SET a 1", "SET d 4"],
        5,
    ),
    "a transaction that fails goes as a whole": (
        ["SET a 1", "MULTI", "SET b 2", "RPUSH a x", "EXEC", "SET d 4"],
        ["SET a 1", "SET d 4"],
        4,
    ),
    "what leads up to an EXEC without MULTI goes with it": (
        ["SET a 1", b"*1\r\n$5\r\nMULTJ\r\n", "SET b 2", "EXEC", "SET d 4"],
        ["SET a 1", "SET d 4"],
        3,
    ),
    "a MULTI in a MULTI begins anew": (
        ["SET a 1", "MULTI", "SET b 2", "MULTI", "SET c 3", "EXEC"],
        ["SET a 1", "MULTI", "SET c 3", "EXEC"],
        2,
    ),
    "a stray EXEC goes alone": (["SET a 1", "EXEC", "SET b 2"], ["SET a 1", "SET b 2"], 1),
    "a damaged EXEC does not take what follows": (
        ["MULTI", "SET b 2", b"*1\r\n$4\r\nEXEB\r\n", "SET c 3", "SET d 4"],
        ["SET c 3", "SET d 4"],
        3,
    ),
    "an open transaction before others": (
        ["MULTI", "SET b 2", "!", "SET x 1", "MULTI", "SET c 3", "EXEC"],
        ["SET x 1", "MULTI", "SET c 3", "EXEC"],
        3,
    ),
    "a damaged SELECT that can be read is mended": (
        ["SELECT 0", "SET a 1", b"*2\r\n$6\r\nSELEKT\r\n$1\r\n1\r\n", "SET b 2"],
        ["SELECT 0", "SET a 1", "SELECT 1", "SET b 2"],
        0,
    ),
    "the SELECT of a transaction that goes is kept": (
        ["SET a 1", "MULTI", "SELECT 1", "RPUSH l 1", "INCR l", "EXEC", "SET b 2"],
        ["SET a 1", "SELECT 1", "SET b 2"],
        4,
    ),
    "commands for a database that nobody knows go": (
        ["SET a 1", "SELECT 99", "SET b 2", "SELECT 1", "SET c 3"],
        ["SET a 1", "SELECT 1", "SET c 3"],
        2,
    ),
    "commands inside a damaged value are not run": (
        [
            "SET a 1",
            b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n!40\r\n" + log_of("FLUSHALL", "GET x") + b"\r\n",
            "SET b 2",
        ],
        ["SET a 1", "SET b 2"],
        1,
    ),
    "two places": (
        ["SET a 1", b"*1\r\n$4\r\nNOPE\r\n", "SET b 2", b"junk", "SET c 3"],
        ["SET a 1", "SET b 2", "SET c 3"],
        2,
    ),
    "damage and a torn end": (
        ["SET a 1", b"*1\r\n$4\r\nNOPE\r\n", "SET b 2", b"*3\r\n$3\r\nSE"],
        ["SET a 1", "SET b 2"],
        2,
    ),
}


@pytest.mark.parametrize("name", SALVAGES)
def test_a_salvage_keeps_what_is_whole(tmp_path: Path, name: str) -> None:
    pieces, kept, lost = SALVAGES[name]
    log = b"".join(piece if isinstance(piece, bytes) else log_of(piece) for piece in pieces if piece != "!")
    if "!" in pieces:
        log = log.replace(log_of("SET x 1"), b"*9!" + log_of("SET x 1"))
        log = log.replace(b"*9!", b"*1\r\n$4\r\nEXEB\r\n")
    place(tmp_path / "data", log)
    dry = aofstore.repair(tmp_path / "data", salvage=True)
    report = aofstore.repair(tmp_path / "data", salvage=True, apply=True)
    assert (report.applied, report.problems) == (True, ())
    assert (report.lost_commands, dry.lost_commands) == (lost, lost)
    assert aofstore.check(tmp_path / "data").sound
    assert data_in(tmp_path / "data") == data_of(tmp_path / "wanted", log_of(*kept))


def test_commands_in_the_text_of_a_torn_value_are_none(tmp_path: Path) -> None:
    """The end is cut where opening cuts it, and no salvage runs what somebody wrote into a value."""
    whole, text = log_of("SET a 1"), log_of("FLUSHALL", "SET x 1", "SET y 2") + b"and more"
    torn = whole + encode([b"SET", b"k", text + bytes(500)])[:-502].replace(b"\0", b"")
    places = (tmp_path / "opened", tmp_path / "repaired", tmp_path / "salvaged")
    for directory in places:
        place(directory, torn)
    with aofstore.open(places[0]) as store:
        (cut,) = store.load_report.truncations
        assert store.keys() == [b"a"]
    (problem,) = aofstore.check(places[1]).files[0].problems
    assert (problem.kind, problem.offset) == ("truncated", cut.offset)
    assert f"a repair would drop the last {cut.dropped_bytes} bytes (1 command)" in problem.message
    for directory, salvage in ((places[1], False), (places[2], True)):
        report = aofstore.repair(directory, apply=True, salvage=salvage)
        assert (report.applied, report.lost_commands, report.problems) == (True, 1, ())
        assert prints(directory) == prints(places[0])
    # Behind damage too.
    place(places[2], whole + b"*1\r\n$4\r\nNOPE\r\n" + torn)
    assert aofstore.repair(places[2], apply=True, salvage=True).lost_commands == 2
    assert (places[2] / NAME).read_bytes() == whole + whole
    # When the text ends the file as commands do, the length may as well be wrong: nothing is cut.
    place(places[1], torn.removesuffix(b"and more"))
    assert aofstore.check(places[1]).files[0].problems[0].kind == "format"
    assert aofstore.repair(places[1], apply=True).changes == ()
    with pytest.raises(aofstore.AofLoadError):
        aofstore.open(places[1])


def test_a_store_that_has_the_directory_open_is_not_disturbed(tmp_path: Path, open_store: OpenStore) -> None:
    store = open_store()
    store.set("a", 1)
    with pytest.raises(aofstore.AofLockedError) as raised:
        aofstore.repair(tmp_path / "data", apply=True)
    assert raised.value.pid == os.getpid()
    assert aofstore.repair(tmp_path / "data") == aofstore.RepairReport(False)
    assert store.get("a") == b"1"


def test_nothing_of_what_is_kept_takes_the_place_of_another(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / NAME).write_bytes(log_of("SET a 1") + b"*1\r\n$4\r\nNOPE\r\n" + log_of("SET b 2"))
        assert aofstore.repair(tmp_path, apply=True, salvage=True).applied
        assert len(prints(tmp_path)) == 2 + number
    (tmp_path / NAME).chmod(0o640)
    (tmp_path / NAME).write_bytes(log_of("SET a 1") + b"*1\r\n$4\r\nNOPE\r\n" + log_of("SET b 2"))
    aofstore.repair(tmp_path, apply=True, salvage=True)
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("salvage", [False, True])
@pytest.mark.parametrize("mode", ["fail", "fail_after"])
def test_a_failure_while_it_is_applied_leaves_the_old_file_or_the_mended_one(
    tmp_path: Path, salvage: bool, mode: str
) -> None:
    bad = b"*1\r\n$4\r\nNOPE\r\n" + log_of("SET b 2") if salvage else b"*3\r\n$3\r\nSE"
    old, new = log_of("SET a 1") + bad, log_of("SET a 1") + (log_of("SET b 2") if salvage else b"")
    failed, nth = 0, 0
    calls = ("open", "write", "sync", "set_len", "rename", "link", "sync_dir", "open_read", "read")
    for call in calls:
        for nth in range(1, 20):
            shutil.rmtree(tmp_path / "d", ignore_errors=True)
            path = place(tmp_path / "d", old)
            plan = _testing.FaultPlan()
            plan.add(call, 5, nth=nth, mode=mode)
            _testing.install_fault_plan(plan)
            try:
                report = aofstore.repair(path, apply=True, salvage=salvage)
                done = report.applied
            except aofstore.AofOpenError:
                done = False
            finally:
                _testing.install_fault_plan(None)
            found = path.read_bytes()
            assert found in (old, new), (call, nth)
            if done:
                assert found == new, (call, nth)
            if found == new:
                beside = [other.read_bytes() for other in path.parent.iterdir() if other != path]
                assert old in beside or old[len(new) :] in beside, (call, nth)
            if not plan.injected():
                break
            failed += not done
            assert not list(path.parent.glob("temp-*")) or call == "rename", (call, nth)
    assert failed >= 5
