"""T-25: progress, stopping, and what stands where the log should be: nothing, too little, or no file."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import pytest

import aofstore
from tests.conftest import OpenStore
from tests.servers.resp import encode

pytestmark = pytest.mark.quick

Layout = Literal["single-file", "multi-part"]
COMMANDS = 10_000
INCREMENT = "appendonlydir/appendonly.aof.1.incr.aof"
PLACES = [("single-file", "appendonly.aof"), ("multi-part", INCREMENT)]
NOBODY = 65534


@pytest.fixture(scope="module")
def long_log() -> bytes:
    commands = (encode([b"SET", b"key%d" % (number % 5000), b"v" * 50]) for number in range(COMMANDS - 1))
    return encode([b"SELECT", b"0"]) + b"".join(commands)


def _place(directory: Path, data: bytes) -> Path:
    directory.mkdir(exist_ok=True)
    (directory / "appendonly.aof").write_bytes(data)
    return directory


def _tasks() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def _open_in(directory: Path) -> list[str]:
    """What this process has open there; what other tests left behind is no concern of this one."""
    found = []
    for number in os.listdir("/proc/self/fd"):  # noqa: PTH208 - the names are numbers
        with suppress(FileNotFoundError):
            found.append(str(Path("/proc/self/fd", number).readlink()))
    return [name for name in found if name.startswith(str(directory))]


def test_progress_is_told_at_every_thousand_commands_and_rises_to_the_end(
    tmp_path: Path, long_log: bytes, open_store: OpenStore
) -> None:
    seen: list[aofstore.LoadProgress] = []
    store = open_store(_place(tmp_path / "data", long_log), on_progress=seen.append)
    assert (seen[0].bytes_done, seen[0].bytes_total) == (0, len(long_log))
    assert (seen[-1].bytes_done, seen[-1].bytes_total) == (len(long_log), len(long_log))
    assert [progress.commands for progress in seen[:10]] == [*range(0, COMMANDS, 1000)]
    done = [(progress.bytes_done, progress.commands) for progress in seen]
    assert done == sorted(done)
    assert (store.load_report.commands, store.load_report.bytes) == (COMMANDS, len(long_log))
    assert store.dbsize() == 5000


@pytest.mark.parametrize("stop", [RuntimeError("enough"), KeyboardInterrupt()])
@pytest.mark.parametrize(("layout", "name"), PLACES)
def test_an_exception_at_the_second_tick_stops_the_load_and_leaves_nothing_open(
    tmp_path: Path, long_log: bytes, open_store: OpenStore, stop: BaseException, layout: Layout, name: str
) -> None:
    """Not even while the exception, and with its traceback the frames that it came through, is kept."""
    directory = tmp_path / "data"
    (directory / name).parent.mkdir(parents=True)
    (directory / name).write_bytes(long_log)
    _list(directory / name)
    before = _tasks()
    ticks: list[aofstore.LoadProgress] = []

    def stop_at_the_second(progress: aofstore.LoadProgress) -> None:
        ticks.append(progress)
        if len(ticks) == 2:
            raise stop

    with pytest.raises(type(stop)) as kept:
        open_store(directory, on_progress=stop_at_the_second, aof_layout=layout)
    assert (kept.value, len(ticks), _open_in(tmp_path)) == (stop, 2, [])
    assert _tasks() <= before
    assert (directory / name).read_bytes() == long_log
    assert open_store(directory, aof_layout=layout).dbsize() == 5000


def test_the_directory_is_locked_while_it_is_loaded(
    tmp_path: Path, long_log: bytes, open_store: OpenStore
) -> None:
    directory = _place(tmp_path / "data", long_log)
    refused: list[aofstore.AofLockedError] = []

    def try_as_well(_progress: aofstore.LoadProgress) -> None:
        with pytest.raises(aofstore.AofLockedError) as raised:
            aofstore.open(directory)
        refused.append(raised.value)

    open_store(directory, on_progress=try_as_well)
    assert refused[0].pid == os.getpid()


def test_a_missing_and_an_empty_file_are_an_empty_store(tmp_path: Path, open_store: OpenStore) -> None:
    for _ in range(2):
        store = open_store(tmp_path, aof_layout="single-file")
        assert (store.dbsize(), store.load_report.commands) == (0, 0)
        assert store.info("persistence")["aof_current_size"] == 0
        store.close()
        assert (tmp_path / "appendonly.aof").read_bytes() == b""


def test_missing_directories_are_made_and_private(tmp_path: Path, open_store: OpenStore) -> None:
    directory = tmp_path / "new" / "deeper"
    open_store(directory).set("k", "v")
    log = directory / INCREMENT
    assert [oct(path.stat().st_mode & 0o777) for path in (directory, log.parent, log)] == [
        "0o700",
        "0o700",
        "0o600",
    ]


@pytest.mark.parametrize(("layout", "name"), PLACES)
def test_a_directory_in_place_of_the_file_is_named_as_one(tmp_path: Path, layout: Layout, name: str) -> None:
    place = tmp_path / name
    place.mkdir(parents=True)
    _list(place)
    with pytest.raises(aofstore.AofOpenError, match="it is a directory") as raised:
        aofstore.open(tmp_path, aof_layout=layout)
    assert (raised.value.errno, raised.value.path) == (errno.EISDIR, str(place))
    assert place.is_dir()


@pytest.mark.parametrize(("layout", "name"), PLACES)
def test_a_pipe_in_place_of_the_file_is_refused_and_not_waited_for(
    tmp_path: Path, layout: Layout, name: str
) -> None:
    place = tmp_path / name
    place.parent.mkdir(exist_ok=True)
    os.mkfifo(place)
    _list(place)
    with pytest.raises(aofstore.AofOpenError) as raised:
        aofstore.open(tmp_path, aof_layout=layout)
    assert raised.value.path == str(place)


def test_a_file_in_place_of_the_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a directory")
    with pytest.raises(aofstore.AofOpenError, match="not a directory") as raised:
        aofstore.open(tmp_path / "data")
    assert raised.value.errno == errno.ENOTDIR


def test_a_file_that_may_not_be_read_is_left_alone() -> None:
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        with aofstore.open(directory, aof_layout="single-file") as store:
            store.set("k", "v")
        log = directory / "appendonly.aof"
        whole = log.read_bytes()
        log.chmod(0)
        with _as_anybody(directory, log), pytest.raises(aofstore.AofOpenError) as raised:
            aofstore.open(directory, aof_layout="single-file")
        assert (raised.value.errno, raised.value.path) == (errno.EACCES, str(log))
        log.chmod(0o600)
        assert log.read_bytes() == whole


@pytest.mark.parametrize("name", ["vm_enabled", "vm_max_memory"])
def test_virtual_memory_is_no_setting(open_store: OpenStore, name: str) -> None:
    with pytest.raises(aofstore.ConfigError, match=name):
        open_store(**{name: "yes"})


@pytest.mark.parametrize(("layout", "name"), PLACES)
def test_errors_that_are_kept_keep_nothing_open(tmp_path: Path, layout: Layout, name: str) -> None:
    log = tmp_path / name
    log.parent.mkdir(exist_ok=True)
    log.write_bytes(encode([b"SET", b"k", b"v"]) + b"damage" + encode([b"SET", b"k", b"w"]))
    _list(log)
    kept: list[aofstore.AofLoadError] = []
    for _ in range(3):
        with pytest.raises(aofstore.AofLoadError) as raised:
            aofstore.open(tmp_path, aof_layout=layout)
        kept.append(raised.value)
    assert (len(kept), _open_in(tmp_path)) == (3, [])


def _list(increment: Path) -> None:
    """Name it in a manifest beside, when it is an increment."""
    if increment.parent.name == "appendonlydir":
        manifest = increment.with_name("appendonly.aof.manifest")
        manifest.write_text(f"file {increment.name} seq 1 type i\n")


@contextmanager
def _as_anybody(*owned: Path) -> Iterator[None]:
    """Root reads everything: be somebody else meanwhile, who owns these files."""
    if os.geteuid():
        yield
        return
    for path in owned:
        os.chown(path, NOBODY, -1)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
