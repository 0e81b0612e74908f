"""Fixtures that every room shares: stores in directories of their own, real servers, hypothesis profiles."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias, cast

import pytest
from hypothesis import HealthCheck, Phase, settings

import aofstore
from aofstore import config
from aofstore._core import _testing
from tests.crash.layouts import LAYOUTS, Layout
from tests.servers.connection import ServerConnection
from tests.servers.places import in_memory
from tests.servers.pool import shared
from tests.servers.process import KINDS, Server
from tests.skips import pytest_runtest_makereport, pytest_terminal_summary

__all__ = ["pytest_runtest_makereport", "pytest_terminal_summary"]

CALM = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
WITHOUT_EXPLANATION = [Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink]
settings.register_profile(
    "quick",
    max_examples=12,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=CALM,
    derandomize=True,
    phases=WITHOUT_EXPLANATION,
)
settings.register_profile(
    "nightly", max_examples=1500, stateful_step_count=80, deadline=None, suppress_health_check=CALM
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

OpenStore: TypeAlias = "Callable[..., aofstore.Store[bytes]]"
StartServer: TypeAlias = "Callable[..., Server]"


def _files(rooms: dict[str, str]) -> frozenset[str]:
    return frozenset(f"{room}/test_{name}.py" for room, names in rooms.items() for name in names.split())


# What is about the log in one file, or looks into that file: it gets that layout where it does not say one.
SINGLE_FILE = _files(
    {
        "aof": "annotations feed sync",
        "check": "agreement check repair",
        "cli": "rewrite",
        "core": "logging",
        "golden": "transcripts",
        "loading": "comments hostile orchestration snapshots torn until values",
        "meta": "direct",
        "properties": "until",
        "servers": "info latency logs",
    }
)
# What must hold however the log lies: durability, and the host's peace. It runs once for each layout; the
# fixture `layout` tells which. A test among them that is marked `single_file` is about that alone.
BOTH_LAYOUTS = _files(
    {
        "aof": "failures",
        "host": "descriptors fork limits rewrite_children rewrite_descriptors rewrite_endings rewrite_forks "
        "rewrite_signals scarcity",
        "rewrite": "data rewrite rewriting saving switching",
    }
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The one place where a test gets its layouts."""
    if _file_of(metafunc.definition) in BOTH_LAYOUTS:
        alone = metafunc.definition.get_closest_marker("single_file")
        metafunc.parametrize("_layout", LAYOUTS[:1] if alone else LAYOUTS, indirect=True)


def _file_of(item: pytest.Item) -> str:
    return "/".join(item.path.parts[-2:])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What compares with real servers, or is about the single file, says so by where it lies."""
    for item in items:
        if _file_of(item) in SINGLE_FILE:
            item.add_marker("single_file")
        if item.path.parent.name in ("servers", "properties"):
            item.add_marker("servers")


@pytest.fixture(autouse=True)
def _real_clock() -> Iterator[None]:
    """No test leaves the wall clock of the process standing still."""
    yield
    _testing.set_clock(None)


@pytest.fixture
def plain_children() -> Iterator[None]:
    """No test leaves orders for children behind, nor a child that stands still."""
    yield
    _testing.child_plan()
    _testing.child_resume()


@pytest.fixture(autouse=True)
def _layout(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test opens without saying a layout has this one; see also `tests.host.child`."""
    alone = request.node.get_closest_marker("single_file") is not None
    if layout := getattr(request, "param", "single-file" if alone else None):
        monkeypatch.setattr(config._FIELDS["aof_layout"], "default", layout)


@pytest.fixture
def layout(_layout: None) -> Layout:
    """The layout of what the test opens without saying one."""
    return cast("Layout", aofstore.Config().aof_layout)


@pytest.fixture
def memory_path(tmp_path: Path) -> Iterator[Path]:
    """A directory in memory where the system has one: for thousands of openings whose syncs prove nothing."""
    with tempfile.TemporaryDirectory(prefix="aofstore-", dir=in_memory() or tmp_path) as name:
        yield Path(name)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """What `open_store` opens where nothing else is said; nobody has made it yet."""
    return tmp_path / "data"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The log of one file there, which the test writes."""
    path = tmp_path / "data" / "appendonly.aof"
    path.parent.mkdir()
    return path


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[OpenStore]:
    """``open_store(**settings)`` opens ``tmp_path / "data"``, or the directory given first; all are closed
    at the end.
    """
    opened: list[aofstore.Store[bytes]] = []

    def opener(directory: Path | None = None, **options: Any) -> aofstore.Store[bytes]:
        store: aofstore.Store[bytes] = aofstore.open(directory or tmp_path / "data", **options)
        opened.append(store)
        return store

    yield opener
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: OpenStore) -> aofstore.Store[bytes]:
    return open_store()


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """``start_server(kind, *options, directory=…)`` starts a server of its own; killed at the end."""
    started: list[Server] = []

    def starter(kind: str, *options: str, directory: Path | None = None) -> Server:
        server = Server(kind, directory or tmp_path / f"{kind}-{len(started)}", *options)
        started.append(server)
        return server.start()

    yield starter
    for server in started:
        server.close()


@pytest.fixture(params=KINDS)
def server_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(server_kind: str) -> Iterator[ServerConnection]:
    """A connection to the shared server of each kind, emptied."""
    with shared(server_kind).connect() as connection:
        connection.execute("FLUSHALL")
        yield connection
