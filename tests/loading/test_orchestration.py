"""What opening decides: which files, when to stop, what to do with a torn end; and that all is released.

The extension is replaced by stand-ins that keep a journal, so that each step can be made to fail in turn.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

import aofstore
from aofstore import (
    AofLoadError,
    AofOpenError,
    AofWriteError,
    Config,
    ConfigError,
    LoadProgress,
    loading,
)
from aofstore._core import Client, Engine
from aofstore.lifetime import Lifetime

pytestmark = pytest.mark.quick


class World:
    """What the stand-ins do and have done."""

    def __init__(self) -> None:
        self.journal: list[str] = []
        self.steps = 3
        self.outcome = ("whole", 300)
        self.fails_at = ""

    def did(self, what: str) -> None:
        self.journal.append(what)
        if what == self.fails_at:
            raise AofLoadError("stand-in", kind="io")


class FakeDirectory:
    def __init__(self, world: World, path: str) -> None:
        Path(path).mkdir(exist_ok=True)
        self.world = world
        self.path = path
        world.did("lock")

    def names(self) -> list[str]:
        return [entry.name for entry in Path(self.path).iterdir()]

    def size(self, name: str) -> int | None:
        path = Path(self.path, name)
        return path.stat().st_size if path.exists() else None

    def head(self, name: str, length: int) -> bytes:
        return Path(self.path, name).read_bytes()[:length]

    def close(self) -> None:
        self.world.did("unlock")


class FakeLoader:
    bytes_total = 300
    keys = 0
    expired = 0

    def __init__(self, world: World) -> None:
        self.world = world
        self.done = 0
        world.did("loader")

    @property
    def bytes_done(self) -> int:
        return self.done * 300 // self.world.steps

    @property
    def commands(self) -> int:
        return self.done * 10

    def step(self, budget_ms: int) -> bool:
        self.world.did("step")
        self.done += 1
        return self.done == self.world.steps

    def outcome(self) -> tuple[str, int]:
        return self.world.outcome

    def truncate(self) -> str:
        self.world.did("truncate")
        return "saved"

    def close(self) -> None:
        self.world.did("close loader")


class FakeEngine:
    closed = False

    def __init__(self, world: World) -> None:
        self.world = world
        self.events: list[tuple[int, str]] = []
        world.did("engine")

    def client(self, db: int, **codec: Any) -> Client:
        return Engine(Config().live_settings()).client(db)

    def loader(self, directory: FakeDirectory, name: str, **_: object) -> FakeLoader:
        return FakeLoader(self.world)

    def start_log(self, directory: FakeDirectory, name: str) -> None:
        self.world.did("start log")

    def start(self, *place: object) -> None:
        self.world.did("start")

    def drain_events(self) -> list[tuple[int, str]]:
        events, self.events = self.events, []
        return events

    def close(self) -> None:
        self.closed = True
        self.world.did("close engine")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(loading, "Directory", lambda path, **_: FakeDirectory(world, path))
    monkeypatch.setattr(loading, "Engine", lambda settings: FakeEngine(world))
    return world


def load(path: Path | None, on_progress: Any = None, **settings: Any) -> Lifetime:
    return loading.load(Config(**{"dir": path, "aof_layout": "single-file", **settings}), on_progress)


def test_memory_only_touches_no_directory(world: World) -> None:
    lifetime = load(None)
    lifetime.close()
    assert world.journal == ["engine", "start", "close engine"]


def test_new_directory_starts_an_empty_log(world: World, tmp_path: Path) -> None:
    lifetime = load(tmp_path / "new")
    assert lifetime.report == aofstore.LoadReport()
    lifetime.close()
    lifetime.close()
    assert world.journal == ["lock", "engine", "start log", "close engine", "unlock"]


def test_whole_log_is_replayed_in_steps(world: World, tmp_path: Path) -> None:
    (tmp_path / "appendonly.aof").write_bytes(b"*1\r\n")
    lifetime = load(tmp_path)
    lifetime.close()
    assert world.journal == [
        *("lock", "engine", "loader", "step", "step", "step", "close loader", "start log"),
        *("close engine", "unlock"),
    ]
    report = lifetime.report
    assert (report.files, report.commands, report.bytes) == ((str(tmp_path / "appendonly.aof"),), 30, 300)


def test_progress_comes_before_the_first_command_and_at_the_end(world: World, tmp_path: Path) -> None:
    (tmp_path / "appendonly.aof").write_bytes(b"*1\r\n" * 75)
    seen: list[LoadProgress] = []
    load(tmp_path, seen.append).close()
    assert (seen[0].bytes_done, seen[0].commands, seen[0].eta) == (0, 0, None)
    assert (seen[-1].bytes_done, seen[-1].bytes_total, seen[-1].commands) == (300, 300, 30)


@pytest.mark.parametrize("stop", [ValueError, KeyboardInterrupt])
def test_exception_in_progress_stops_cleanly(world: World, tmp_path: Path, stop: type[BaseException]) -> None:
    (tmp_path / "appendonly.aof").write_bytes(b"*1\r\n")
    world.outcome = ("torn", 200)

    def refuse(progress: LoadProgress) -> None:
        raise stop

    with pytest.raises(stop):
        load(tmp_path, refuse)
    assert world.journal == ["lock", "engine", "loader", "close loader", "close engine", "unlock"]


def test_torn_tail_is_cut_and_reported(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "appendonly.aof").write_bytes(b"*1\r\n")
    world.outcome = ("torn", 200)
    lifetime = load(tmp_path)
    lifetime.close()
    path = str(tmp_path / "appendonly.aof")
    assert lifetime.report.truncations == (aofstore.Truncation(path, 200, 100, "saved"),)
    assert lifetime.report.bytes == 200
    assert world.journal.index("truncate") < world.journal.index("start log")
    assert "cut 100 bytes at offset 200" in caplog.text


def test_torn_tail_is_refused_when_not_allowed(world: World, tmp_path: Path) -> None:
    (tmp_path / "appendonly.aof").write_bytes(b"*1\r\n")
    world.outcome = ("torn", 200)
    with pytest.raises(AofLoadError) as caught:
        load(tmp_path, aof_load_truncated=False)
    assert (caught.value.kind, caught.value.offset) == ("truncated", 200)
    assert caught.value.path == str(tmp_path / "appendonly.aof")
    assert "truncate" not in world.journal
    assert world.journal[-3:] == ["close loader", "close engine", "unlock"]


@pytest.mark.parametrize("failing", ["engine", "loader", "step", "truncate", "start log"])
def test_everything_is_released_whatever_fails(world: World, tmp_path: Path, failing: str) -> None:
    (tmp_path / "appendonly.aof").write_bytes(b"*1\r\n")
    world.outcome = ("torn", 200)
    world.fails_at = failing
    with pytest.raises(AofLoadError):
        load(tmp_path)
    assert world.journal[-1] == "unlock"
    assert ("close engine" in world.journal) == (failing != "engine")
    assert ("close loader" in world.journal) == (failing in ("step", "truncate", "start log"))


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("appendonlydir/appendonly.aof.manifest", b"file x seq 1 type b\n"),
        ("appendonly.aof.manifest", b"file x seq 1 type b\n"),
    ],
)
def test_foreign_forms_are_never_an_empty_start(
    world: World, tmp_path: Path, file: str, content: bytes
) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_bytes(content)
    with pytest.raises(AofOpenError, match="nothing was changed"):
        load(tmp_path)
    assert (world.journal[0], world.journal[-1]) == ("lock", "unlock")
    assert not {"loader", "start", "start log"} & set(world.journal)


def test_snapshot_beside_a_log_is_not_the_data(world: World, tmp_path: Path) -> None:
    (tmp_path / "appendonly.aof").write_bytes(b"*1\r\n")
    (tmp_path / "dump.rdb").write_bytes(b"REDIS0011")
    (tmp_path / "appendonlydir").mkdir()
    load(tmp_path).close()


def test_until_needs_a_time_zone(world: World) -> None:
    with pytest.raises(ConfigError, match="time zone"):
        aofstore.open(None, until=datetime.datetime(2030, 1, 1))  # noqa: DTZ001


def test_failed_save_becomes_a_note(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(engine: FakeEngine) -> None:
        engine.closed = True
        raise AofWriteError("disk full")

    monkeypatch.setattr(FakeEngine, "close", fail)
    with pytest.raises(ValueError, match="mine") as caught, aofstore.open(tmp_path):
        raise ValueError("mine")
    assert any("disk full" in note for note in caught.value.__notes__)
    assert world.journal[-1] == "unlock"
    store = aofstore.open(tmp_path)
    with pytest.raises(AofWriteError):
        store.close()
    store.close()


def test_view_does_not_close_and_a_forgotten_store_warns(world: World) -> None:
    store = aofstore.open(None)
    store.db(1).close()
    assert not store.closed
    with pytest.warns(ResourceWarning, match="unclosed"):
        del store
    assert world.journal[-1] == "close engine"


def test_background_events_reach_logging(world: World, caplog: pytest.LogCaptureFixture) -> None:
    lifetime = load(None)
    engine: Any = lifetime.engine
    engine.events.append((30, "fsync is slow"))
    lifetime.close()
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [(30, "fsync is slow")]


def test_an_interrupt_before_closing_keeps_the_lock(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lifetime = load(tmp_path)

    def interrupted(engine: FakeEngine) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FakeEngine, "close", interrupted)
        with pytest.raises(KeyboardInterrupt):
            lifetime.close()
    assert "unlock" not in world.journal
    lifetime.close()
    assert world.journal[-2:] == ["close engine", "unlock"]
