"""What goes to ``logging.getLogger("aofstore")``: a line an event, at the level that Redis gives it."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import aofstore
from aofstore._core import _testing
from tests.conftest import OpenStore
from tests.crash.faults import faults

Lines = list[tuple[int, str]]


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG, "aofstore"):
        yield caplog


def lines(told: pytest.LogCaptureFixture) -> Lines:
    """Level and text of what was said since the last look; all of it by the one logger."""
    found = [(record.levelno, record.getMessage()) for record in told.records if record.name == "aofstore"]
    assert len(found) == len(told.records)
    told.clear()
    return found


@pytest.mark.parametrize(
    ("redis_level", "level"),
    [("warning", logging.WARNING), ("notice", logging.INFO), ("verbose", logging.DEBUG)],
)
def test_levels_are_redis_levels(told: pytest.LogCaptureFixture, redis_level: str, level: int) -> None:
    with aofstore.open() as store:
        _testing.say(store._lifetime.engine, redis_level, "100 % of it")
        assert lines(told) == [], "the background says nothing by itself"
        store.ping()
        assert lines(told) == [(level, "100 % of it")]
        _testing.say(store._lifetime.engine, redis_level, "at the end")
    assert lines(told) == [(level, "at the end")]


def test_what_nobody_fetches_is_bounded(told: pytest.LogCaptureFixture) -> None:
    with aofstore.open() as store:
        for number in range(3000):
            _testing.say(store._lifetime.engine, "notice", str(number))
        store.ping()
        found = lines(told)
        assert len(found) < 2000 and found[-1] == (logging.INFO, "2999")
        assert found[0][0] == logging.WARNING
        assert found[0][1].startswith(f"{3000 - len(found) + 1} older log records were lost")


@pytest.mark.serial
def test_x03_x05_a_write_error_is_a_line_and_its_end_another(
    told: pytest.LogCaptureFixture, open_store: OpenStore
) -> None:
    with faults() as plan:
        store = open_store()
        plan.add("write", errno=errno.ENOSPC, sticky=True)
        for _ in range(3):
            with pytest.raises((aofstore.AofWriteError, aofstore.MisconfError)):
                store.set("k", 1)
        ((level, text),) = lines(told)
        assert level == logging.WARNING and "No space left on device" in text
        time.sleep(1.3)  # it is tried again, and fails again
        assert lines(told) == []
        plan.clear()
        time.sleep(1.3)
        store.set("k", 2)
        ((level, text),) = lines(told)
        assert level == logging.WARNING and "solved" in text


def test_x03_a_short_write_says_how_short(told: pytest.LogCaptureFixture, open_store: OpenStore) -> None:
    with faults() as plan:
        store = open_store()
        plan.add("write", mode="short", short_len=7)
        with pytest.raises(aofstore.AofWriteError):
            store.set("k", "x" * 100)
        ((level, text),) = lines(told)
        assert level == logging.WARNING and "short write, 7 of " in text


def test_x03_a_tail_that_cannot_be_cut_off_is_told_with_it(
    told: pytest.LogCaptureFixture, open_store: OpenStore
) -> None:
    with faults() as plan:
        store = open_store()
        plan.add("write", mode="short", short_len=7)
        plan.add("set_len", errno=errno.EIO)
        with pytest.raises(aofstore.AofWriteError):
            store.set("k", "x" * 100)
        ((level, text),) = lines(told)
        assert level == logging.WARNING and "7 torn bytes cannot be cut off" in text
        plan.clear()
        with pytest.raises(aofstore.AofWriteError):
            store.close()


def _set_and_flush(store: aofstore.Store[bytes]) -> None:
    store.set("k", 1)
    store.flush()


@pytest.mark.parametrize("policy", ["always", "everysec"])
def test_x04_an_error_that_stays_is_told_once(
    told: pytest.LogCaptureFixture, open_store: OpenStore, policy: str
) -> None:
    with faults() as plan:
        store = open_store(appendfsync=policy)
        plan.add("sync", errno=errno.EIO)
        with pytest.raises(aofstore.AofWriteError):
            _set_and_flush(store)
        ((level, text),) = lines(told)
        assert level == logging.WARNING and "fdatasync failed" in text and "reopened" in text
        with pytest.raises(aofstore.MisconfError):
            store.set("k", 2)
        assert lines(told) == []
        with pytest.raises(aofstore.AofWriteError):
            store.close()


def test_x15_a_cut_tail_is_told_with_its_offset(told: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    with aofstore.open(tmp_path) as store:
        store.set("k", "v")
    log = tmp_path / "appendonly.aof"
    whole = log.stat().st_size
    with log.open("ab") as file:
        file.write(b"*3\r\n$3\r\nSET")
    lines(told)
    with aofstore.open(tmp_path):
        cut, loaded = lines(told)
    assert cut[0] == logging.WARNING and f"cut 11 bytes at offset {whole}" in cut[1]
    assert loaded[0] == logging.INFO and "loaded 2 commands" in loaded[1]


def test_a_tolerated_error_of_a_replay_is_a_line(told: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    (tmp_path / "appendonly.aof").write_bytes(
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n*3\r\n$5\r\nLPUSH\r\n$1\r\nk\r\n$1\r\nv\r\n"
    )
    with aofstore.open(tmp_path, on_replay_error="warn") as store:
        store.ping()
        found = lines(told)
    assert sorted(level for level, _ in found) == [logging.INFO, logging.WARNING]
    assert any("WRONGTYPE" in text for _, text in found)


def test_a_quiet_life_is_two_lines_at_most(told: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    for _ in range(2):
        with aofstore.open(tmp_path) as store:
            store.set("k", "v")
            store.flush()
    assert [level for level, _ in lines(told)] == [logging.INFO], "what was loaded, when there was something"
