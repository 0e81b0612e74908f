"""T-14, T-15, T-16: what a failing disk does to the caller, and what it may not do."""

from __future__ import annotations

import errno
import logging
import time
from pathlib import Path
from typing import Any

import pytest

import aofstore
from tests.conftest import OpenStore
from tests.crash.faults import faults
from tests.crash.layouts import newest_log
from tests.servers.resp import records

RECOVERY_SECONDS = 1.6


def size_of(directory: Path) -> int:
    return newest_log(directory / "data").stat().st_size


def _set_and_flush(store: aofstore.Store[bytes]) -> None:
    store.set("k", 1)
    store.flush()


def status(store: aofstore.Store[bytes]) -> Any:
    return store.info("persistence")["aof_last_write_status"]


@pytest.mark.serial
@pytest.mark.parametrize("policy", ["everysec", "no"])
def test_t14_a_full_disk_refuses_writes_and_heals_by_itself(
    open_store: OpenStore, caplog: pytest.LogCaptureFixture, policy: str
) -> None:
    with faults() as plan:
        store = open_store(appendfsync=policy)
        store.set("zero", 0)
        plan.add("write", errno=errno.ENOSPC, sticky=True)
        with caplog.at_level(logging.INFO, "aofstore"):
            with pytest.raises(aofstore.AofWriteError) as raised:
                store.set("a", 1)
            assert raised.value.errno == errno.ENOSPC
            assert raised.value.pending_bytes > 0
            for command in (("SET", "b", 1), ("PING",), ("DEL", "zero")):
                with pytest.raises(aofstore.MisconfError) as refused:
                    store.execute_command(*command)
                assert refused.value.errno == errno.ENOSPC
                assert str(refused.value).startswith("MISCONF Errors writing to the AOF file: ")
            assert (store.get("a"), store.get("b"), store.get("zero")) == (b"1", None, b"0")
            assert status(store) == "err"
            pipe = store.pipeline(transaction=True)
            pipe.set("c", 0)
            with pytest.raises(aofstore.MisconfError):
                pipe.execute()
            session = store.session()
            session.execute_command("MULTI")
            with pytest.raises(aofstore.MisconfError):
                session.execute_command("SET", "c", 0)
            with pytest.raises(aofstore.ExecAbortError):
                session.execute_command("EXEC")
            assert store.get("c") is None
            plan.clear()
            time.sleep(RECOVERY_SECONDS)
            assert status(store) == "ok"
            store.set("c", 1)
        told = [record for record in caplog.records if record.levelno >= logging.WARNING]
        assert len([record for record in told if "solved" not in record.message.lower()]) == 1
        store.close()
    with open_store() as again:
        assert (again.get("a"), again.get("b"), again.get("c")) == (b"1", None, b"1")


@pytest.mark.serial
def test_t15_a_short_write_is_cut_off_again(open_store: OpenStore, tmp_path: Path) -> None:
    with faults() as plan:
        store = open_store()
        store.set("before", 1)
        size = size_of(tmp_path)
        plan.add("write", mode="short", short_len=7)
        with pytest.raises(aofstore.AofWriteError) as raised:
            store.set("k", "x" * 100)
        assert raised.value.errno == errno.ENOSPC
        assert size_of(tmp_path) == size
        time.sleep(RECOVERY_SECONDS)
        data = newest_log(tmp_path / "data").read_bytes()
        assert [args[0] for _, args in records(data)] == [b"SELECT", b"SET", b"SET"]
        store.close()
    assert open_store().get("k") == b"x" * 100


@pytest.mark.serial
def test_t15_a_short_write_that_stays_latches_the_store(open_store: OpenStore, tmp_path: Path) -> None:
    with faults() as plan:
        store = open_store()
        store.set("before", 1)
        size = size_of(tmp_path)
        plan.add("write", mode="short", short_len=7)
        plan.add("set_len", errno=errno.EIO, sticky=True)
        with pytest.raises(aofstore.AofWriteError):
            store.set("k", "x" * 100)
        assert size_of(tmp_path) == size + 7
        plan.clear()
        time.sleep(RECOVERY_SECONDS)
        with pytest.raises(aofstore.MisconfError):
            store.set("more", 1)
        assert size_of(tmp_path) == size + 7
        assert store.get("before") == b"1"
        with pytest.raises(aofstore.AofWriteError):
            store.close()
    again = open_store()
    assert (again.get("before"), again.get("k"), again.get("more")) == (b"1", None, None)
    assert again.load_report.truncations[0].dropped_bytes == 7


@pytest.mark.serial
def test_t16_a_failed_write_under_always_ends_with_the_next_good_one(open_store: OpenStore) -> None:
    with faults() as plan:
        store = open_store(appendfsync="always")
        store.set("before", 1)
        plan.add("write", errno=errno.ENOSPC)
        with pytest.raises(aofstore.AofWriteError):
            store.set("k", 1)
        assert store.get("before") == b"1"
        time.sleep(RECOVERY_SECONDS)
        store.set("after", 1)
        store.close()
    again = open_store()
    assert (again.get("k"), again.get("after")) == (b"1", b"1")


@pytest.mark.serial
@pytest.mark.parametrize("policy", ["always", "everysec"])
def test_t16_a_failed_sync_is_never_called_good_again(
    open_store: OpenStore, tmp_path: Path, policy: str
) -> None:
    other = open_store(tmp_path / "other", appendfsync=policy)
    with faults() as plan:
        store = open_store(appendfsync=policy)
        store.set("before", 1)
        store.flush()
        plan.add("sync", errno=errno.EIO)
        with pytest.raises(aofstore.AofWriteError) as raised:
            _set_and_flush(store)
        assert raised.value.errno == errno.EIO
        syncs = plan.count("sync")
        time.sleep(RECOVERY_SECONDS)
        for command in (("SET", "later", 1), ("PING",)):
            with pytest.raises(aofstore.MisconfError) as refused:
                store.execute_command(*command)
            assert refused.value.errno == errno.EIO
        with pytest.raises(aofstore.AofWriteError):
            store.flush()
        assert store.get("before") == b"1"
        told = store.last_persistence_error
        assert isinstance(told, aofstore.AofWriteError)
        assert (told.path, told.errno) == (raised.value.path, errno.EIO)
        assert plan.count("sync") == syncs, "the same file was synced again after a failed fdatasync"
        other.set("unaffected", 1)
        other.flush()
        with pytest.raises(aofstore.AofWriteError):
            store.close()
    again = open_store()
    again.set("restored", 1)
    assert (again.get("before"), again.get("later")) == (b"1", None)
