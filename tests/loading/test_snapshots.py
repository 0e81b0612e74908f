"""Opening what is, or begins with, a snapshot: nothing starts empty beside data, nothing is cut into it."""

from __future__ import annotations

import errno
import logging
import struct
from pathlib import Path
from typing import Literal

import pytest

import aofstore
from aofstore._core import _testing
from aofstore.errors import AofLoadError
from tests.servers.connection import StoreConnection
from tests.servers.dataset import Dataset, dataset
from tests.servers.resp import encode
from tests.servers.workload import run


def made(count: int = 500) -> tuple[bytes, Dataset]:
    """A snapshot and what is in it."""
    with aofstore.open(None) as store:
        connection = StoreConnection(store)
        run(connection, 1, count)
        wanted = dataset(connection)
        return _testing.snapshot(store._lifetime.engine, 10), wanted


def data(store: aofstore.Store[bytes]) -> Dataset:
    return dataset(StoreConnection(store))


def test_a_snapshot_is_loaded_when_the_log_is_off(tmp_path: Path) -> None:
    snapshot, wanted = made()
    (tmp_path / "dump.rdb").write_bytes(snapshot)
    with aofstore.open(tmp_path, appendonly=False) as store:
        assert data(store) == wanted
        report = store.load_report
        assert (report.files, report.bytes) == ((str(tmp_path / "dump.rdb"),), len(snapshot))
        assert store.config_get("appendonly") == {"appendonly": "no"}
    assert (tmp_path / "dump.rdb").read_bytes() == snapshot


def test_a_log_that_is_switched_on_beside_a_snapshot_begins_with_its_data(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The trap of every server: ``appendonly yes`` beside a lone dump.rdb starts empty there."""
    snapshot, wanted = made()
    (tmp_path / "dump.rdb").write_bytes(snapshot)
    with caplog.at_level(logging.WARNING, "aofstore"):
        store = aofstore.open(tmp_path, appendfsync="always")
    assert any("there was no log beside it" in record.getMessage() for record in caplog.records)
    assert data(store) == wanted
    assert store.config_get("appendonly") == {"appendonly": "yes"}
    store.set("later", 1)
    assert (tmp_path / "dump.rdb").read_bytes() == snapshot
    store.close()
    (tmp_path / "dump.rdb").unlink()
    with aofstore.open(tmp_path) as again:
        assert data(again) == {**wanted, (0, b"later"): ("string", b"1", -1)}


def test_the_log_counts_and_not_the_snapshot_beside_it(tmp_path: Path) -> None:
    snapshot, _ = made()
    (tmp_path / "dump.rdb").write_bytes(snapshot)
    (tmp_path / "appendonly.aof").write_bytes(encode([b"SET", b"k", b"v"]))
    with aofstore.open(tmp_path) as store:
        assert store.keys() == [b"k"]


@pytest.mark.parametrize("layout", ["single-file", "multi-part"])
def test_an_import_that_fails_leaves_everything_as_it_was(
    tmp_path: Path, layout: Literal["single-file", "multi-part"]
) -> None:
    snapshot, wanted = made()
    (tmp_path / "dump.rdb").write_bytes(snapshot)
    plan = _testing.FaultPlan()
    plan.add("rename", errno.ENOSPC, mode="fail", sticky=True)
    _testing.install_fault_plan(plan)
    try:
        with pytest.raises(aofstore.AofstoreError):
            aofstore.open(tmp_path, aof_layout=layout)
    finally:
        _testing.install_fault_plan(None)
    assert not [path for path in tmp_path.rglob("*.manifest") if path.stat().st_size]
    assert not (tmp_path / "appendonly.aof").exists()
    assert (tmp_path / "dump.rdb").read_bytes() == snapshot
    with aofstore.open(tmp_path, aof_layout=layout) as store:
        assert data(store) == wanted


@pytest.mark.parametrize("content", [b"", b"REDIS", b"*1\r\n$4\r\nPING\r\n", b"REDIS0010"])
@pytest.mark.parametrize("appendonly", [True, False])
def test_a_snapshot_that_is_none_is_refused_untouched(
    tmp_path: Path, content: bytes, appendonly: bool
) -> None:
    (tmp_path / "dump.rdb").write_bytes(content)
    with pytest.raises(AofLoadError) as caught:
        aofstore.open(tmp_path, appendonly=appendonly)
    assert caught.value.kind in ("truncated", "format")
    assert caught.value.path == str(tmp_path / "dump.rdb")
    assert (tmp_path / "dump.rdb").read_bytes() == content
    assert not (tmp_path / "appendonly.aof").exists()


def test_what_follows_a_lone_snapshot_is_damage(tmp_path: Path) -> None:
    snapshot, _ = made(50)
    (tmp_path / "dump.rdb").write_bytes(snapshot + encode([b"SET", b"k", b"v"]))
    with pytest.raises(AofLoadError, match="follow the end of the snapshot") as caught:
        aofstore.open(tmp_path, appendonly=False)
    assert (caught.value.kind, caught.value.offset) == ("format", len(snapshot))


TAIL = [[b"SELECT", b"0"], [b"SET", b"first", b"1"], [b"MULTI"], [b"SET", b"k", b"v"], [b"EXEC"]]


def test_defect_02_a_torn_tail_behind_a_snapshot_is_never_cut_into_the_snapshot(
    memory_path: Path,
) -> None:
    """Servers cut such a file to 0 bytes: their first start shows the data, the second is empty."""
    snapshot, wanted = made(100)
    ends = [len(snapshot)]
    for command in TAIL[:2]:
        ends.append(ends[-1] + len(encode(command)))
    whole = snapshot + b"".join(map(encode, TAIL))
    for length in range(len(snapshot), len(whole) + 1):
        directory = memory_path / str(length)
        directory.mkdir()
        (directory / "appendonly.aof").write_bytes(whole[:length])
        kept = length if length == len(whole) else max(end for end in ends if end <= length)
        for turn in range(2):
            with aofstore.open(directory, appendfsync="no", aof_layout="single-file") as store:
                found = data(store)
                cuts = [(cut.offset, cut.dropped_bytes) for cut in store.load_report.truncations]
                assert cuts == ([(kept, length - kept)] if turn == 0 and kept < length else [])
            expected = dict(wanted)
            if kept >= ends[2]:
                expected[0, b"first"] = ("string", b"1", -1)
            if kept == len(whole):
                expected[0, b"k"] = ("string", b"v", -1)
            assert found == expected, (length, turn)
            assert (directory / "appendonly.aof").read_bytes() == whole[:kept]


@pytest.mark.parametrize("truncated", [True, False])
def test_a_torn_snapshot_is_not_a_torn_tail(memory_path: Path, truncated: bool) -> None:
    """Cutting would leave half of the data: it is refused whatever ``aof_load_truncated`` says."""
    snapshot, _ = made(30)
    for length in range(6, len(snapshot), 53):
        path = memory_path / f"{length}" / "appendonly.aof"
        path.parent.mkdir()
        path.write_bytes(snapshot[:length])
        with pytest.raises(AofLoadError) as caught:
            aofstore.open(path.parent, aof_load_truncated=truncated)
        assert caught.value.kind == "truncated"
        assert path.read_bytes() == snapshot[:length]


@pytest.mark.parametrize("dump", ["appendonly.aof", "dump.rdb"])
def test_a_damaged_snapshot_is_not_a_corrupt_tail(tmp_path: Path, dump: str) -> None:
    damaged = b"REDIS0010" + b"\x10\x01h\x03abc" + b"\xff" + bytes(8)
    (tmp_path / dump).write_bytes(damaged)
    with pytest.raises(AofLoadError, match="damaged listpack") as caught:
        aofstore.open(tmp_path, aof_load_corrupt_tail_max_size=1 << 30)
    assert (caught.value.kind, caught.value.offset) == ("format", 9)
    assert (tmp_path / dump).read_bytes() == damaged


def test_a_wrong_checksum_is_told_as_such(tmp_path: Path) -> None:
    snapshot, _ = made(30)
    (checksum,) = struct.unpack("<Q", snapshot[-8:])
    (tmp_path / "appendonly.aof").write_bytes(snapshot[:-8] + struct.pack("<Q", checksum ^ 1))
    with pytest.raises(AofLoadError, match="checksum") as caught:
        aofstore.open(tmp_path)
    assert caught.value.kind == "checksum"


def test_foreign_values_are_refused_or_left_out_with_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    body = b"REDIS0010" + b"\x00\x01k\x01v" + b"\xf5\x09#!lua f()" + b"\xff" + bytes(8)
    (tmp_path / "appendonly.aof").write_bytes(body)
    with pytest.raises(AofLoadError, match="a library of functions") as caught:
        aofstore.open(tmp_path)
    assert (caught.value.kind, caught.value.offset) == ("unsupported", 14)
    assert "unknown_types" in str(caught.value)
    with caplog.at_level(logging.WARNING, "aofstore"), aofstore.open(tmp_path, unknown_types="skip") as store:
        assert store.keys() == [b"k"]
    assert any("a library of functions was left out" in record.getMessage() for record in caplog.records)


def test_progress_and_interrupts_reach_the_middle_of_a_snapshot(tmp_path: Path) -> None:
    with aofstore.open(None) as store:
        store.mset({f"key{number}": number for number in range(20_000)})
        snapshot = _testing.snapshot(store._lifetime.engine, 10)
    (tmp_path / "appendonly.aof").write_bytes(snapshot)
    seen: list[int] = []

    def stop(progress: aofstore.LoadProgress) -> None:
        seen.append(progress.bytes_done)
        if len(seen) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        aofstore.open(tmp_path, on_progress=stop)
    assert seen == sorted(seen)
    assert 0 < seen[-1] < len(snapshot)
    with aofstore.open(tmp_path) as store:
        assert store.dbsize() == 20_000
