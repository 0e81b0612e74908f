"""What a check finds, and how it says it."""

from __future__ import annotations

import os
import resource
import threading
from pathlib import Path

import pytest

import aofstore
from aofstore._core import _testing
from tests.check.places import NAME, log_of, only, place, prints
from tests.conftest import OpenStore
from tests.crash.samples import COMMANDS, SMALL_LOG
from tests.loading.test_damaged import DAMAGE, FIRST, LAST
from tests.servers.resp import encode

pytestmark = pytest.mark.quick


def test_a_sound_log_is_reported_whole(tmp_path: Path) -> None:
    path = place(tmp_path / "data", SMALL_LOG)
    for asked in (tmp_path / "data", path, str(path)):
        report = aofstore.check(asked)
        assert report == aofstore.CheckReport(
            True,
            (aofstore.FileReport(str(path), "resp", len(SMALL_LOG), len(COMMANDS), len(SMALL_LOG)),),
        )


@pytest.mark.parametrize("name", DAMAGE)
def test_t03_damage_is_found_where_opening_finds_it(tmp_path: Path, open_store: OpenStore, name: str) -> None:
    damaged, kind = DAMAGE[name]
    directory = tmp_path / "damaged"
    place(directory, FIRST + damaged + LAST)
    before, memory = prints(directory), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = aofstore.check(directory)
    problem = only(report)
    assert not report.sound
    with pytest.raises(aofstore.AofLoadError) as raised:
        open_store(directory)
    assert (problem.kind, problem.offset, problem.path) == (kind, raised.value.offset, raised.value.path)
    assert problem.command == (3 if name == "wrong-type" else 2)
    assert "salvage would" in problem.message
    assert prints(directory) == before
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 100 * 1024


def test_only_the_form_is_looked_at_without_replay(tmp_path: Path) -> None:
    place(tmp_path, log_of("SET k v", "INCR k"))
    assert only(aofstore.check(tmp_path)).kind == "replay"
    assert aofstore.check(tmp_path, replay=False).sound


@pytest.mark.parametrize(
    ("log", "sound"),
    [
        (b"#\n", True),
        (b"# a\r\n" + log_of("SET a 1") + b"#TS:1\r\n", True),
        (log_of("MULTI", "SET a 1") + b"#x\xff\0\n" + log_of("EXEC"), True),
        (b"#" + b"x" * 1021 + b"\n" + log_of("SET a 1"), True),
        (b" #x\n", False),
        (b"\n", False),
        (b"*2\r\n#x\r\n$3\r\nGET\r\n$1\r\nk\r\n", False),
        (b"#" + b"x" * 2000 + b"\n", False),
        (b"#torn", False),
    ],
)
def test_lines_that_begin_with_a_hash_may_stand_between_commands(
    tmp_path: Path, log: bytes, sound: bool
) -> None:
    place(tmp_path, log)
    assert aofstore.check(tmp_path).sound is sound


@pytest.mark.parametrize("line", ["#TS:", "#TS:soon", "#TS:1.5", "#TS:12 x"])
def test_a_time_that_is_none_is_told_and_keeps_the_file_sound(tmp_path: Path, line: str) -> None:
    log = log_of("SET a 1") + b"#TS:5\r\n" + line.encode() + b"\r\n" + log_of("SET b 1")
    place(tmp_path, log)
    report = aofstore.check(tmp_path)
    assert report.sound
    (note,) = report.files[0].problems
    assert (note.kind, note.offset) == ("timestamp", log.index(b"#TS:5") + 7)


def test_keys_that_expired_long_ago_are_no_problem(tmp_path: Path) -> None:
    place(tmp_path, log_of("SET k v PXAT 1000", "SET l v PXAT 500", "PEXPIREAT k 1", "GET k"))
    assert aofstore.check(tmp_path).sound


def test_settings_of_the_store_are_asked_for(tmp_path: Path) -> None:
    place(tmp_path, log_of("SELECT 50", "SET k v"))
    assert "DB index is out of range" in only(aofstore.check(tmp_path)).message
    assert aofstore.check(tmp_path, config=aofstore.Config(databases=64)).sound
    other = place(tmp_path / "other", log_of("SELECT 50", "SET k v"), "other.aof")
    assert only(aofstore.check(other.parent)).path == str(other)


@pytest.mark.parametrize("what", ["nothing", "empty", "others", "fifo"])
def test_where_nothing_of_a_store_is_nothing_is_said(tmp_path: Path, what: str) -> None:
    path = tmp_path / "it"
    if what != "nothing":
        path.mkdir()
    if what == "others":
        (path / "notes.txt").write_text("x")
    if what == "fifo":
        os.mkfifo(path / "f")
        path /= "f"
    with pytest.raises(aofstore.AofOpenError) as raised:
        aofstore.check(path)
    assert raised.value.path == str(path)
    with pytest.raises(aofstore.AofOpenError):
        aofstore.repair(path, apply=True)
    assert (path.exists(), what) != (True, "nothing")


def test_it_runs_beside_an_open_store(tmp_path: Path, open_store: OpenStore) -> None:
    store = open_store(appendfsync="no")
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            store.set("k", b"v" * 5000)
            stop.wait(0.0005)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(30):
            report = aofstore.check(tmp_path / "data")
            # What is being appended may be seen in part, but never as damage.
            assert all(problem.kind == "truncated" for problem in report.files[0].problems)
    finally:
        stop.set()
        thread.join()
    with (tmp_path / "data" / NAME).open("ab") as file:
        file.write(b"*3\r\n")
    assert f"process {os.getpid()} has the directory open" in only(aofstore.check(tmp_path / "data")).message


def test_progress_is_told_and_can_end_it(tmp_path: Path) -> None:
    path = place(tmp_path / "data", log_of(*(f"SET key:{n} value" for n in range(20_000))))
    told: list[aofstore.LoadProgress] = []
    assert aofstore.check(path, on_progress=told.append).sound
    assert (told[-1].bytes_done, told[-1].bytes_total) == (path.stat().st_size,) * 2
    assert [progress.path for progress in told[:1]] == [str(path)]

    def stop(progress: aofstore.LoadProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        aofstore.check(path, on_progress=stop)


def test_a_file_that_cannot_be_read_is_an_io_problem_or_an_error(tmp_path: Path) -> None:
    place(tmp_path, SMALL_LOG)
    plan = _testing.FaultPlan()
    plan.add("read", 5, nth=2, mode="fail", name=NAME, sticky=True)
    _testing.install_fault_plan(plan)
    try:
        problem = only(aofstore.check(tmp_path))
    finally:
        _testing.install_fault_plan(None)
    assert (problem.kind, problem.offset) == ("io", 0)
    assert "no repair can tell" in problem.message


HOSTILE = {
    "setrange": [f"SETRANGE k{n} 500000000 x" for n in range(50)],
    "setbit": [f"SETBIT k{n} 4294967295 1" for n in range(50)],
    "bitfield": [f"BITFIELD k{n} SET u8 #500000000 1" for n in range(50)],
    "copy": ["SETRANGE k 1000000 x", *(f"COPY k c{n}" for n in range(10_000))],
    "sort": [
        "SETRANGE big 1000000 x",
        "RPUSH l 1 2",
        "SET w_1 1",
        *("SORT l GET big STORE l" for _ in range(3)),
    ],
    "grow": ["SETRANGE k 100000 x", *(f"BITOP AND d{n} k k" for n in range(10_000))],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_few_bytes_that_make_much_data_do_not_take_memory(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    place(tmp_path, log_of(*HOSTILE[name], "SELECT 1"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = aofstore.check(tmp_path)
    assert report.sound
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 256 * 1024
    assert ("takes too much memory" in caplog.text) == (name != "sort")


def test_a_file_of_nothing_but_damage_ends(tmp_path: Path) -> None:
    for piece in (
        b"*3\r\n$3\r\nSET\r\n",
        b"*1\r\n$4\r\nNOPE\r\n",
        log_of("MULTI"),
        log_of("EXEC"),
        b"*",
        b"\r\n*1",
    ):
        place(tmp_path, piece * (300_000 // len(piece)))
        assert not aofstore.check(tmp_path).sound
        assert aofstore.repair(tmp_path, salvage=True).changes


def test_a_long_argument_is_checked(tmp_path: Path) -> None:
    place(tmp_path, encode([b"SET", b"k", bytes(3 << 20)]) + log_of("APPEND k x"))
    assert aofstore.check(tmp_path).sound
