"""``until`` over a log of many parts: which files count, and what a base says of its own moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import aofstore
from tests.check.places import photograph
from tests.loading.test_until import EXEC, MULTI, SELECT, at, put, stamp

pytestmark = pytest.mark.quick

BASE, FIRST, SECOND = (f"appendonly.aof.{part}" for part in ("1.base.aof", "1.incr.aof", "2.incr.aof"))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    (path / "appendonlydir").mkdir(parents=True)
    return path


@pytest.fixture
def place(directory: Path) -> Iterator[Callable[..., None]]:
    """Writes base and increments with their manifest; at the end of the test nothing has changed."""
    before: dict[str, tuple[int | str, ...]] = {}

    def place(base: bytes, *incrs: bytes) -> None:
        parts = directory / "appendonlydir"
        lines = [f"file {BASE} seq 1 type b"]
        (parts / BASE).write_bytes(base)
        for number, incr in enumerate(incrs, 1):
            name = f"appendonly.aof.{number}.incr.aof"
            (parts / name).write_bytes(incr)
            lines.append(f"file {name} seq {number} type i")
        (parts / "appendonly.aof.manifest").write_text("".join(f"{line}\n" for line in lines))
        before.update(photograph(directory))

    yield place
    assert photograph(directory) == before


def view(directory: Path, second: float, **settings: Any) -> aofstore.Store[bytes]:
    return aofstore.open(directory, until=at(second), aof_layout="multi-part", **settings)


DATA = (
    stamp(0) + SELECT + put("a", 1),
    stamp(0) + SELECT + put("a", 2) + stamp(5) + put("b", 1),
    stamp(7) + SELECT + put("a", 3) + stamp(9) + put("b", 2),
)


@pytest.mark.parametrize(
    ("second", "a", "b", "files"),
    [(0, 2, None, 2), (4, 2, None, 2), (5, 2, 1, 3), (6.5, 2, 1, 3), (7, 3, 1, 3), (99, 3, 2, 3)],
)
def test_it_goes_as_far_as_the_files_say(
    directory: Path, place: Callable[..., None], second: float, a: int, b: int | None, files: int
) -> None:
    place(*DATA)
    with view(directory, second) as store:
        assert store.get("a") == b"%d" % a
        assert store.get("b") == (None if b is None else b"%d" % b)
        report = store.load_report
    assert [Path(path).name for path in report.files] == [BASE, FIRST, SECOND][:files]


def test_a_base_that_is_newer_is_refused(directory: Path, place: Callable[..., None]) -> None:
    place(stamp(3) + SELECT + put("a", 1), stamp(4) + SELECT + put("a", 2))
    with pytest.raises(aofstore.AofLoadError) as caught:
        view(directory, 2.9)
    assert (caught.value.kind, caught.value.offset) == ("unsupported", 0)
    assert "ask for a later moment" in str(caught.value)
    assert caught.value.path == str(directory / "appendonlydir" / BASE)
    with view(directory, 3) as store:
        assert store.get("a") == b"1"


def test_an_increment_that_begins_later_is_as_if_it_were_not_there(
    directory: Path, place: Callable[..., None]
) -> None:
    place(stamp(0) + SELECT + put("a", 1), stamp(4) + SELECT + put("a", 2) + b"damage behind", b"damage")
    with view(directory, 3) as store:
        assert store.get("a") == b"1"
        assert store.load_report.bytes == len(stamp(0) + SELECT + put("a", 1))


def test_a_base_that_does_not_say_when_counts(directory: Path, place: Callable[..., None]) -> None:
    place(SELECT + put("a", 1), stamp(4) + SELECT + put("a", 2))
    with view(directory, -100) as store:
        assert store.get("a") == b"1"


def test_a_transaction_at_the_end_of_a_part_is_whole_or_not_there(
    directory: Path, place: Callable[..., None]
) -> None:
    place(b"", SELECT + MULTI + put("a", 1) + stamp(2) + put("b", 1) + EXEC, stamp(3) + SELECT + put("c", 1))
    with view(directory, 1) as store:
        assert store.dbsize() == 0
    with view(directory, 2) as store:
        assert store.mget("a", "b", "c") == [b"1", b"1", None]


def test_a_torn_part_that_is_not_the_last_is_refused_also_to_readers(
    directory: Path, place: Callable[..., None]
) -> None:
    place(b"", SELECT + put("a", 1)[:-3], stamp(3) + SELECT + put("c", 1))
    with pytest.raises(aofstore.AofLoadError) as caught:
        view(directory, 99)
    assert (caught.value.kind, caught.value.path) == ("truncated", str(directory / "appendonlydir" / FIRST))


def test_the_progress_is_over_all_files(directory: Path, place: Callable[..., None]) -> None:
    place(*(SELECT + put("k", 1) * 2500 for _ in range(3)))
    seen: list[aofstore.LoadProgress] = []
    with view(directory, 99, on_progress=seen.append) as store:
        report = store.load_report
    total = report.bytes
    assert {step.bytes_total for step in seen} == {total}
    done = [step.bytes_done for step in seen]
    assert done == sorted(set(done))
    assert (done[0], done[-1]) == (0, total)
    assert (seen[0].commands, seen[0].eta, seen[-1].commands, seen[-1].eta) == (0, None, report.commands, 0)
    assert [Path(path).name for path in dict.fromkeys(step.path for step in seen)] == [BASE, FIRST, SECOND]


def test_nothing_is_made_for_a_log_that_is_not_there(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(aofstore.AofOpenError, match="no log"):
        view(empty, 0)
    assert list(empty.iterdir()) == []


def test_with_the_log_off_it_is_the_snapshot_that_is_not_there(tmp_path: Path) -> None:
    aofstore.open(tmp_path).close()
    with pytest.raises(aofstore.AofOpenError, match="no snapshot") as caught:
        view(tmp_path, 0, appendonly=False)
    assert caught.value.path == str(tmp_path / "dump.rdb")


def test_a_single_file_is_read_where_it_is(tmp_path: Path) -> None:
    directory = tmp_path / "single"
    directory.mkdir()
    (directory / "appendonly.aof").write_bytes(stamp(0) + SELECT + put("a", 1) + stamp(2) + put("a", 2))
    before = photograph(directory)
    with view(directory, 1) as store:
        assert store.get("a") == b"1"
    assert photograph(directory) == before
