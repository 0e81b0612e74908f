"""``aof_timestamp_enabled``: when it was, before what was done (redis-interop: timestamp annotations)."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

import aofstore
from aofstore._core import _testing
from tests.conftest import OpenStore
from tests.servers.replies import command_line
from tests.servers.resp import records

pytestmark = pytest.mark.quick

T0 = 1_700_000_000


def lines(path: Path) -> list[str]:
    """The log as a person would write it down: annotations and commands, one a line."""
    data, at, found = path.read_bytes(), 0, []
    while at < len(data):
        if data[at] == ord("#"):
            end = data.index(b"\n", at) + 1
            found.append(data[at:end].decode().removesuffix("\r\n"))
        else:
            end, args = next(records(data, at))
            found.append(command_line(args))
        at = end
    return found


def at(second: float) -> None:
    _testing.set_clock(int((T0 + second) * 1000))


@pytest.fixture
def store(open_store: OpenStore) -> aofstore.Store[bytes]:
    at(0)
    return open_store(aof_layout="single-file", aof_timestamp_enabled=True)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "data" / "appendonly.aof"


def sound(path: Path) -> None:
    """redis-check-aof has no complaint."""
    tool = shutil.which("redis-check-aof")
    assert tool is not None, "redis-check-aof is missing: apt-get install redis-tools"
    done = subprocess.run([tool, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_time_stands_before_the_first_command_of_each_second(
    store: aofstore.Store[bytes], log: Path
) -> None:
    store.set("a", 1)
    at(0.999)
    store.set("b", 2)
    at(1)
    store.get("a")
    store.set("c", 3)
    assert lines(log) == [f"#TS:{T0}", "SELECT 0", "SET a 1", "SET b 2", f"#TS:{T0 + 1}", "SET c 3"]
    assert log.read_bytes().startswith(b"#TS:1700000000\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n")
    sound(log)


def test_the_time_stands_before_a_block_and_never_in_it(store: aofstore.Store[bytes], log: Path) -> None:
    with store.db(3).pipeline() as pipe:
        pipe.set("a", 1).set("b", 2).execute()
    at(5)
    with store.pipeline() as pipe:
        pipe.set("c", 1).incr("c").execute()
    assert lines(log) == [
        *(f"#TS:{T0}", "MULTI", "SELECT 3", "SET a 1", "SET b 2", "EXEC"),
        *(f"#TS:{T0 + 5}", "MULTI", "SELECT 0", "SET c 1", "INCRBY c 1", "EXEC"),
    ]
    sound(log)


def test_a_pipeline_of_bare_commands_is_one_second(store: aofstore.Store[bytes], log: Path) -> None:
    with store.pipeline(transaction=False) as pipe:
        pipe.set("a", 1).set("b", 2).execute()
    assert lines(log) == [f"#TS:{T0}", "SELECT 0", "SET a 1", "SET b 2"]


def test_keys_that_expire_say_when(store: aofstore.Store[bytes], log: Path) -> None:
    store.set("a", 1, px=1500)
    at(2)
    assert store.get("a") is None
    assert lines(log)[-2:] == [f"#TS:{T0 + 2}", "DEL a"]


def test_a_clock_that_is_set_back_is_told_and_loads(
    store: aofstore.Store[bytes], log: Path, open_store: OpenStore
) -> None:
    for second in (10, 7, 7, 11):
        at(second)
        store.incr("n")
    assert [line for line in lines(log) if line[0] == "#"] == [
        f"#TS:{T0 + 10}",
        f"#TS:{T0 + 7}",
        f"#TS:{T0 + 11}",
    ]
    sound(log)
    store.close()
    assert open_store(aof_layout="single-file").get("n") == b"4"


def test_nothing_is_said_about_seconds_in_which_nothing_is_logged(
    store: aofstore.Store[bytes], log: Path
) -> None:
    store.get("a")
    store.delete("a")
    with store.pipeline() as pipe:
        pipe.get("a").execute()
    assert log.read_bytes() == b""


def test_it_can_be_switched_while_the_store_is_open(open_store: OpenStore, log: Path) -> None:
    at(0)
    store = open_store(aof_layout="single-file")
    store.set("a", 1)
    assert store.config_set("aof-timestamp-enabled", "yes")
    assert store.config.aof_timestamp_enabled
    store.set("b", 1)
    assert store.config_set("aof-timestamp-enabled", "no")
    at(1)
    store.set("c", 1)
    store.config_set("aof-timestamp-enabled", "yes")
    at(2)
    store.set("d", 1)
    assert lines(log) == [
        "SELECT 0",
        "SET a 1",
        f"#TS:{T0}",
        "SET b 1",
        "SET c 1",
        f"#TS:{T0 + 2}",
        "SET d 1",
    ]


def test_an_opened_log_goes_on_with_a_time_of_its_own(
    store: aofstore.Store[bytes], log: Path, open_store: OpenStore
) -> None:
    store.set("a", 1)
    store.close()
    open_store(aof_layout="single-file", aof_timestamp_enabled=True).set("b", 1)
    assert lines(log) == [f"#TS:{T0}", "SELECT 0", "SET a 1", f"#TS:{T0}", "SELECT 0", "SET b 1"]


@pytest.mark.parametrize("background", [True, False])
def test_a_rewritten_file_begins_with_the_time_of_the_rewrite(
    store: aofstore.Store[bytes], log: Path, background: bool
) -> None:
    store.set("a", 1)
    store.db(2).set("b", 1)
    at(9)
    store.rewrite(background=background)
    assert lines(log) == [f"#TS:{T0 + 9}", "#BASE", "SELECT 0", "SET a 1", "SELECT 2", "SET b 1"]
    store.set("c", 1)
    at(10)
    store.set("d", 1)
    assert lines(log)[-5:] == [f"#TS:{T0 + 9}", "SELECT 0", "SET c 1", f"#TS:{T0 + 10}", "SET d 1"]
    sound(log)


@pytest.mark.parametrize("background", [True, False])
def test_a_file_never_ends_in_a_time(store: aofstore.Store[bytes], log: Path, background: bool) -> None:
    store.rewrite(background=background)
    assert lines(log) == [f"#TS:{T0}", "#BASE", "SELECT 0"]
    sound(log)


def test_what_is_done_during_a_rewrite_says_when(store: aofstore.Store[bytes], log: Path) -> None:
    store.set("a", 1)
    at(5)
    _testing.child_plan(pause="dumping")
    try:
        store.bgrewriteaof()
        store.set("b", 1)
        at(6)
        with store.pipeline() as pipe:
            pipe.set("c", 1).set("d", 1).execute()
    finally:
        _testing.child_plan()
        _testing.child_resume()
    store.wait_rewrite()
    assert lines(log) == [
        *(f"#TS:{T0 + 5}", "#BASE", "SELECT 0", "SET a 1"),
        *(f"#TS:{T0 + 5}", "SELECT 0", "SET b 1"),
        *(f"#TS:{T0 + 6}", "MULTI", "SET c 1", "SET d 1", "EXEC"),
    ]
    sound(log)


def test_a_log_that_is_switched_on_says_when(open_store: OpenStore, log: Path) -> None:
    at(0)
    store = open_store(aof_layout="single-file", appendonly=False, aof_timestamp_enabled=True)
    store.set("a", 1)
    at(3)
    _testing.child_plan(pause="dumping")
    try:
        store.config_set("appendonly", "yes")
        at(4)
        store.set("b", 1)
    finally:
        _testing.child_plan()
        _testing.child_resume()
    store.wait_rewrite()
    store.set("c", 1)
    assert lines(log) == [
        *(f"#TS:{T0 + 3}", "#BASE", "SELECT 0", "SET a 1"),
        *(f"#TS:{T0 + 4}", "SELECT 0", "SET b 1"),
        *(f"#TS:{T0 + 4}", "SELECT 0", "SET c 1"),
    ]


def test_a_time_and_its_command_are_one_write(open_store: OpenStore, tmp_path: Path) -> None:
    at(0)
    plan = _testing.FaultPlan()
    plan.record(True)
    _testing.install_fault_plan(plan)
    try:
        store = open_store(aof_layout="single-file", aof_timestamp_enabled=True, appendfsync="always")
        store.set("a", 1)
        at(1)
        store.set("b", 1)
        store.close()
    finally:
        _testing.install_fault_plan(None)
    writes = [size for call, name, size, *_ in plan.made() if call == "write" and "appendonly" in name]
    assert writes == [16 + 23 + 27, 16 + 27]


def test_t02_every_cut_of_an_annotated_log_is_mended_and_goes_on(
    memory_path: Path, open_store: OpenStore
) -> None:
    """Also where the tear is in a time, which a server would leave for the next command to vanish in."""
    at(0)
    settings = {"aof_layout": "single-file", "aof_timestamp_enabled": True, "appendfsync": "no"}
    with open_store(memory_path / "whole", **settings) as store:
        for second in range(3):
            at(second)
            with store.pipeline() as pipe:
                pipe.incr("n").rpush("l", second).execute()
            store.incr("n")
    whole = (memory_path / "whole" / "appendonly.aof").read_bytes()
    for length in range(len(whole) + 1):
        path = memory_path / str(length) / "appendonly.aof"
        path.parent.mkdir()
        path.write_bytes(whole[:length])
        at(50)
        with open_store(path.parent, **settings) as store:
            before = store.get("n")
            assert path.stat().st_size == length - sum(
                cut.dropped_bytes for cut in store.load_report.truncations
            )
            store.set("after", length)
        with open_store(path.parent, **settings) as store:
            assert store.load_report.truncations == ()
            assert (store.get("n"), store.get("after")) == (before, b"%d" % length)


@pytest.mark.parametrize("background", [True, False])
def test_every_part_says_when_it_begins(open_store: OpenStore, tmp_path: Path, background: bool) -> None:
    """A base is known by its name, so its time is all that stands before its data."""
    at(0)
    settings = {"aof_layout": "multi-part", "aof_timestamp_enabled": True}
    store = open_store(**settings)
    store.set("a", 1)
    at(5)
    store.rewrite(background=background)
    store.set("b", 1)
    at(6)
    store.set("c", 1)
    parts = tmp_path / "data" / "appendonlydir"
    listed = [line.split() for line in (parts / "appendonly.aof.manifest").read_text().splitlines()]
    base = next(parts / words[1] for words in listed if words[5] == "b")
    incr = [parts / words[1] for words in listed if words[5] == "i"][-1]
    assert lines(base) == [f"#TS:{T0 + 5}", "SELECT 0", "SET a 1"]
    assert lines(incr) == [f"#TS:{T0 + 5}", "SELECT 0", "SET b 1", f"#TS:{T0 + 6}", "SET c 1"]
    sound(parts / "appendonly.aof.manifest")
    store.close()
    for second, held in ((5, [b"1", b"1", None]), (6, [b"1", b"1", b"1"])):
        with open_store(until=datetime.fromtimestamp(T0 + second, UTC), aof_layout="multi-part") as then:
            assert then.mget("a", "b", "c") == held
    with pytest.raises(aofstore.AofLoadError, match="what was before is not in it"):
        open_store(until=datetime.fromtimestamp(T0 + 4, UTC), aof_layout="multi-part")


def test_a_log_of_parts_that_is_switched_on_says_when(open_store: OpenStore, tmp_path: Path) -> None:
    at(0)
    store = open_store(aof_layout="multi-part", appendonly=False, aof_timestamp_enabled=True)
    store.set("a", 1)
    at(3)
    store.config_set("appendonly", "yes")
    store.wait_rewrite()
    at(4)
    store.set("b", 1)
    store.close()
    sound(tmp_path / "data" / "appendonlydir" / "appendonly.aof.manifest")
    with open_store(until=datetime.fromtimestamp(T0 + 3, UTC), aof_layout="multi-part") as then:
        assert then.mget("a", "b") == [b"1", None]
