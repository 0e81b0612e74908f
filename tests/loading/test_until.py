"""``open(dir, until=…)``: the data as of a moment, read only, no file touched (redis-interop: timestamps)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

import aofstore
from aofstore._core import _testing
from tests.check.places import photograph
from tests.servers.resp import encode
from tests.unwritable import WAYS, Way

pytestmark = pytest.mark.quick

T0 = 1_700_000_000
SELECT = encode([b"SELECT", b"0"])


def at(second: float) -> datetime:
    return datetime.fromtimestamp(T0, UTC) + timedelta(seconds=second)


def stamp(second: int) -> bytes:
    return b"#TS:%d\r\n" % (T0 + second)


def put(key: str, value: int) -> bytes:
    return encode([b"SET", key.encode(), b"%d" % value])


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    path.mkdir()
    return path


@pytest.fixture
def untouched(directory: Path) -> Iterator[Callable[[bytes], None]]:
    """Writes the log; at the end of the test nothing in the directory has changed."""
    before: dict[str, tuple[int | str, ...]] = {}

    def place(data: bytes) -> None:
        (directory / "appendonly.aof").write_bytes(data)
        before.update(photograph(directory))

    yield place
    assert photograph(directory) == before


def view(directory: Path, second: float, **settings: Any) -> aofstore.Store[bytes]:
    return aofstore.open(directory, until=at(second), aof_layout="single-file", **settings)


LOG = SELECT + stamp(0) + put("a", 1) + stamp(2) + put("a", 2) + put("b", 1) + stamp(5) + put("a", 3)


@pytest.mark.parametrize(
    ("second", "a", "b"),
    [(0, 1, None), (1, 1, None), (1.999999, 1, None), (2, 2, 1), (4.5, 2, 1), (5, 3, 1), (10**6, 3, 1)],
)
def test_it_shows_what_was_there(
    directory: Path, untouched: Callable[[bytes], None], second: float, a: int, b: int | None
) -> None:
    untouched(LOG)
    with view(directory, second) as store:
        assert store.get("a") == b"%d" % a
        assert store.get("b") == (None if b is None else b"%d" % b)


def test_before_the_first_time_it_is_as_empty_as_it_was(
    directory: Path, untouched: Callable[[bytes], None]
) -> None:
    untouched(LOG)
    with view(directory, -1) as store:
        assert store.dbsize() == 0
        report = store.load_report
    assert (report.files, report.commands, report.bytes) == (
        (str(directory / "appendonly.aof"),),
        1,
        len(SELECT),
    )


def test_the_first_time_that_is_later_ends_it_whatever_comes_behind(
    directory: Path, untouched: Callable[[bytes], None]
) -> None:
    untouched(SELECT + stamp(5) + put("a", 1) + stamp(9) + put("a", 2) + stamp(4) + put("a", 3))
    with view(directory, 6) as store:
        assert store.get("a") == b"1"


def test_a_time_zone_is_taken_for_what_it_is(directory: Path, untouched: Callable[[bytes], None]) -> None:
    untouched(LOG)
    east = at(2).astimezone(timezone(timedelta(hours=5, minutes=30)))
    with aofstore.open(directory, until=east, aof_layout="single-file") as store:
        assert store.get("a") == b"2"


@pytest.mark.parametrize("value", [at(0).replace(tzinfo=None), date(2024, 1, 1), T0, "2024-01-01T00:00:00Z"])
def test_anything_but_a_datetime_with_a_time_zone_is_refused(directory: Path, value: Any) -> None:
    with pytest.raises(aofstore.ConfigError, match="time zone"):
        aofstore.open(directory, until=value)


def test_it_needs_a_directory(tmp_path: Path) -> None:
    with pytest.raises(aofstore.ConfigError, match="needs a directory"):
        aofstore.open(until=at(0))
    with pytest.raises(aofstore.AofOpenError) as caught:
        view(tmp_path / "none", 0)
    assert caught.value.errno == 2
    assert not (tmp_path / "none").exists()


def test_a_directory_without_a_log_is_refused_and_stays_without(directory: Path) -> None:
    with pytest.raises(aofstore.AofOpenError, match="no log"):
        view(directory, 0)
    assert list(directory.iterdir()) == []


MULTI, EXEC = encode([b"MULTI"]), encode([b"EXEC"])


def test_a_transaction_is_shown_whole_or_not_at_all(
    directory: Path, untouched: Callable[[bytes], None]
) -> None:
    """Somebody's log may say the time inside a block, and even a block that was cut there."""
    block = MULTI + put("a", 2) + stamp(5) + put("b", 2) + EXEC
    untouched(SELECT + stamp(0) + put("a", 1) + block + put("c", 1))
    with view(directory, 4) as store:
        assert (store.get("a"), store.get("b"), store.get("c")) == (b"1", None, None)
        assert store.load_report.commands == 2
        assert store.load_report.bytes == len(SELECT + stamp(0) + put("a", 1))
    with view(directory, 5) as store:
        assert (store.get("a"), store.get("b"), store.get("c")) == (b"2", b"2", b"1")


def test_a_transaction_by_hand_would_be_half() -> None:
    """The red control: what cutting the file at the time gives, as the checker of servers does it."""
    block = MULTI + put("a", 2) + stamp(5) + put("b", 2) + EXEC
    cut = (SELECT + put("a", 1) + block).partition(stamp(5))[0]
    assert cut.endswith(put("a", 2)), "the block would be open, its first half in the file"


def test_what_follows_is_not_even_read(directory: Path, untouched: Callable[[bytes], None]) -> None:
    untouched(SELECT + put("a", 1) + stamp(5) + b"damage that nobody asked for" + b"\0" * 9)
    with view(directory, 4) as store:
        assert store.get("a") == b"1"
    with pytest.raises(aofstore.AofLoadError):
        view(directory, 5)


def test_a_torn_tail_is_left_out_and_left_alone(directory: Path, untouched: Callable[[bytes], None]) -> None:
    for torn in (put("b", 1)[:-4], b"#TS:17", b"\0" * 5000, MULTI + put("b", 1)):
        (directory / "appendonly.aof").unlink(missing_ok=True)
        untouched(SELECT + stamp(0) + put("a", 1) + torn)
        with view(directory, 9) as store:
            assert (store.get("a"), store.get("b")) == (b"1", None)
            assert store.load_report.truncations == ()
            assert store.load_report.bytes == len(SELECT + stamp(0) + put("a", 1))
        with pytest.raises(aofstore.AofLoadError) as caught:
            view(directory, 9, aof_load_truncated=False)
        assert caught.value.kind == "truncated"


def test_a_time_that_cannot_be_read_is_refused(directory: Path, untouched: Callable[[bytes], None]) -> None:
    untouched(SELECT + put("a", 1) + b"#TS:17x\r\n" + put("a", 2))
    with pytest.raises(aofstore.AofLoadError) as caught:
        view(directory, 0)
    assert (caught.value.kind, caught.value.offset) == ("format", len(SELECT + put("a", 1)))
    with aofstore.open(directory, aof_layout="single-file") as store:  # who asks for no time may have it
        assert store.get("a") == b"2"
    (directory / "appendonly.aof").unlink()
    untouched(LOG)


def test_a_rewritten_log_does_not_go_back_behind_its_rewrite(directory: Path) -> None:
    _testing.set_clock(T0 * 1000)
    with aofstore.open(directory, aof_layout="single-file", aof_timestamp_enabled=True) as store:
        store.set("a", 1)
        _testing.set_clock((T0 + 5) * 1000)
        store.rewrite()
        _testing.set_clock((T0 + 9) * 1000)
        store.set("a", 2)
    before = photograph(directory)
    for second, value in ((5, b"1"), (8.9, b"1"), (9, b"2")):
        with view(directory, second) as store:
            assert store.get("a") == value
    with pytest.raises(aofstore.AofLoadError) as caught:
        view(directory, 4)
    assert (caught.value.kind, caught.value.offset) == ("unsupported", 0)
    assert "as of 2023-11-14T22:13:25Z" in str(caught.value)
    assert photograph(directory) == before


def test_writes_are_refused_and_reads_are_not(directory: Path, untouched: Callable[[bytes], None]) -> None:
    untouched(LOG)
    with view(directory, 9) as store:
        for write in (
            lambda: store.set("a", 9),
            lambda: store.delete("nothing"),
            store.flushall,
            lambda: store.expire("a", 1),
            lambda: store.execute_command("SWAPDB", 0, 1),
            lambda: store.db(3).rpush("l", 1),
            lambda: store.pipeline().set("a", 1).execute(),
            lambda: store.pipeline(transaction=False).set("a", 1).execute(),
        ):
            with pytest.raises(aofstore.ReadOnlyError, match="READONLY You can't write against a read only"):
                write()
        assert store.get("a") == b"3"
        assert store.pipeline().get("a").exists("b").execute() == [b"3", 1]
        assert (store.ping(), store.dbsize(), store.type("a")) == (True, 2, b"string")


def test_a_transaction_with_a_write_is_refused_whole(
    directory: Path, untouched: Callable[[bytes], None]
) -> None:
    untouched(LOG)
    with view(directory, 9) as store:
        session = store.session()
        session.execute_command("MULTI")
        session.execute_command("GET", "a")
        with pytest.raises(aofstore.ReadOnlyError):
            session.execute_command("SET", "a", 1)
        with pytest.raises(aofstore.ExecAbortError):
            session.execute_command("EXEC")


def test_a_blocking_pop_answers_at_once(directory: Path, untouched: Callable[[bytes], None]) -> None:
    untouched(SELECT + encode([b"RPUSH", b"l", b"1"]))
    with view(directory, 9) as store:
        began = time.monotonic()
        for key in ("l", "none"):
            for pop in (lambda key=key: store.blpop(key, 5), lambda key=key: store.bzpopmin(key, 5)):
                with pytest.raises(aofstore.ReadOnlyError):
                    pop()
        assert time.monotonic() - began < 2
        assert store.lrange("l", 0, -1) == [b"1"]


def test_nothing_expires(directory: Path, untouched: Callable[[bytes], None]) -> None:
    untouched(SELECT + encode([b"SET", b"a", b"1", b"PXAT", b"%d" % (T0 * 1000)]))
    with view(directory, 9) as store:
        time.sleep(0.3)
        assert (store.get("a"), store.pexpiretime("a"), store.pttl("a"), store.dbsize()) == (
            b"1",
            T0 * 1000,
            0,
            1,
        )
        assert store.keys() == [b"a"]


def test_what_would_write_files_says_so(directory: Path, untouched: Callable[[bytes], None]) -> None:
    untouched(LOG)
    with view(directory, 2) as store:
        assert store.info("persistence")["aof_enabled"] == 0
        assert not store.config.appendonly
        with pytest.raises(aofstore.ResponseError, match=r"appendonly.*read only"):
            store.config_set("appendonly", "yes")
        for rewrite in (store.bgrewriteaof, store.rewrite, lambda: store.rewrite(background=False)):
            with pytest.raises(aofstore.RewriteError, match="read only"):
                rewrite()
        for save in (store.save, store.bgsave, lambda: store.bgsave(schedule=True)):
            with pytest.raises(aofstore.ResponseError, match="read only"):
                save()
        assert store.config_set("hz", 20, "save", "1 1")
        store.flush()
        assert store.wait_rewrite() is None


def test_several_readers_at_once_and_no_writer_beside_them(
    directory: Path, untouched: Callable[[bytes], None]
) -> None:
    untouched(LOG)
    with view(directory, 0) as first, view(directory, 9) as second:
        assert (first.get("a"), second.get("a")) == (b"1", b"3")
        code = (
            "import aofstore, datetime, sys\n"
            "until = datetime.datetime.fromtimestamp(int(sys.argv[2]), datetime.UTC)\n"
            "store = aofstore.open(sys.argv[1], until=until, aof_layout='single-file')\n"
            "print(store.get('a').decode())"
        )
        other = subprocess.run(
            [sys.executable, "-c", code, directory, str(T0 + 2)], capture_output=True, text=True, check=True
        )
        assert other.stdout == "2\n"
        with pytest.raises(aofstore.AofLockedError):
            aofstore.open(directory, aof_layout="single-file")


def test_no_reader_beside_a_writer(directory: Path) -> None:
    with aofstore.open(directory, aof_layout="single-file") as store:
        store.set("a", 1)
        with pytest.raises(aofstore.AofLockedError) as caught:
            view(directory, 0)
        assert caught.value.pid == os.getpid()
    with aofstore.open(directory, aof_layout="single-file") as store:
        assert store.get("a") == b"1"


def test_it_can_be_read_by_many_threads_and_outlives_none(
    directory: Path, untouched: Callable[[bytes], None]
) -> None:
    untouched(LOG)
    store = view(directory, 9)
    seen: list[bytes | None] = []
    threads = [threading.Thread(target=lambda: seen.append(store.get("a"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    store.close()
    assert seen == [b"3"] * 8
    with pytest.raises(aofstore.StoreClosedError):
        store.get("a")


def test_leftovers_of_a_dead_rewrite_stay(directory: Path, untouched: Callable[[bytes], None]) -> None:
    leftover = directory / "temp-rewriteaof-bg-1-0123abcd.aof"
    leftover.write_bytes(b"*1\r\n")
    untouched(LOG)
    with view(directory, 9):
        pass
    assert leftover.exists()


def test_the_progress_is_told_and_can_stop_it(directory: Path, untouched: Callable[[bytes], None]) -> None:
    untouched(SELECT + b"".join(stamp(n // 1000) + put("k", n) for n in range(5000)))
    seen: list[aofstore.LoadProgress] = []
    with view(directory, 2, on_progress=seen.append) as store:
        assert store.get("k") == b"2999"
    assert [step.commands for step in seen[:3]] == [0, 1000, 2000]

    def stop(_: aofstore.LoadProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        view(directory, 2, on_progress=stop)
    with view(directory, 2) as store:
        assert store.dbsize() == 1


@pytest.mark.parametrize("way", WAYS)
def test_it_works_where_nothing_can_be_written(directory: Path, way: Way) -> None:
    log = directory / "appendonly.aof"
    log.write_bytes(LOG)
    code = (
        "import aofstore, datetime, json, sys\n"
        "until = datetime.datetime.fromtimestamp(int(sys.argv[2]), datetime.UTC)\n"
        "with aofstore.open(sys.argv[1], until=until, aof_layout='single-file') as store:\n"
        "    print(json.dumps(store.get('a').decode()))"
    )
    words = [*way(directory), sys.executable, "-c", code, str(directory), str(T0 + 2)]
    before = photograph(directory)
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == "2"
    assert photograph(directory) == before


def test_t02_every_cut_is_viewed_as_far_as_it_is_whole(memory_path: Path) -> None:
    whole = (
        SELECT + stamp(0) + put("a", 1) + MULTI + put("a", 2) + put("b", 2) + EXEC + stamp(5) + put("a", 3)
    )
    ends = [0, len(SELECT), whole.index(MULTI), whole.index(EXEC) + len(EXEC), len(whole)]
    values = [None, None, b"1", b"2", b"3"]
    path = memory_path / "appendonly.aof"
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        before = photograph(memory_path)
        with view(memory_path, 100) as store:
            reached = max(index for index, end in enumerate(ends) if end <= length)
            assert store.get("a") == values[reached], length
            assert bool(store.exists("b")) == (reached > 2)
        assert photograph(memory_path) == before


@pytest.mark.parametrize("appendonly", [True, False])
def test_a_lone_snapshot_is_viewed_if_it_was_made_before(directory: Path, appendonly: bool) -> None:
    _testing.set_clock(T0 * 1000)
    with aofstore.open(directory, appendonly=False, aof_layout="single-file") as store:
        store.set("a", 1)
        store.save()
    _testing.set_clock(None)
    before = photograph(directory)
    with view(directory, 0, appendonly=appendonly) as store:
        assert store.get("a") == b"1"
        assert store.load_report.files == (str(directory / "dump.rdb"),)
        with pytest.raises(aofstore.ReadOnlyError):
            store.set("a", 2)
    with pytest.raises(aofstore.AofLoadError) as caught:
        view(directory, -1, appendonly=appendonly)
    assert caught.value.kind == "unsupported"
    assert photograph(directory) == before
