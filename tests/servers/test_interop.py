"""Directories change hands: what a server wrote is opened here, what was written here is opened there.

Each is written under load with keys of all types in all encodings, and handed over after a rewrite, after
SIGKILL, and after SIGKILL in the middle of a rewrite. One copy is opened by who wrote it, another by the
other side: no key, no expiry and no encoding may differ.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import aofstore
from tests.conftest import OpenStore, StartServer
from tests.servers import shapes
from tests.servers.connection import Partner, StoreConnection
from tests.servers.dataset import Dataset, compare, dataset, encodings
from tests.servers.process import HAS_SINGLE_FILE, KINDS, SINGLE_FILE, Server, tool
from tests.servers.replies import Failure
from tests.servers.workload import run
from tests.servers.writer import LOAD

ROOT = Path(__file__).parents[2]
BASES = ("resp", "rdb")
MOMENTS = ("rewritten", "crashed", "mid-rewrite")
LEAST_KEYS = 300
PATIENCE = 30.0
# Redis before 7.0 tells when a key expires only as how long it is still to live.
SLACK_MS = {SINGLE_FILE: 3000}
Contents: TypeAlias = tuple[Dataset, dict[tuple[int, bytes], str]]

# What a server calls the encoding that is here the first one; the store's are those of Redis 7.2.
OTHER_NAMES = {
    "redis": {("list", "listpack"): {"quicklist"}, ("set", "listpack"): {"hashtable"}},
    SINGLE_FILE: {
        ("list", "listpack"): {"quicklist"},
        ("set", "listpack"): {"hashtable"},
        ("hash", "listpack"): {"ziplist"},
        ("zset", "listpack"): {"ziplist"},
    },
    # Valkey embeds a short string together with its key, up to other lengths.
    "valkey": {("string", "embstr"): {"raw"}, ("string", "raw"): {"embstr"}},
}
THERE = [(kind, base) for kind in KINDS for base in BASES]
THERE += [(SINGLE_FILE, base) for base in BASES] if HAS_SINGLE_FILE else []
HERE = [(kind, form) for kind in KINDS for form in ("resp", "rdb", "single", "single-rdb")]
HERE += [(SINGLE_FILE, "single")] if HAS_SINGLE_FILE else []
SETTINGS: dict[str, dict[str, Any]] = {
    "resp": {"aof_layout": "multi-part"},
    "rdb": {"aof_layout": "multi-part", "aof_use_rdb_preamble": True},
    "single": {"aof_layout": "single-file"},
    "single-rdb": {"aof_layout": "single-file", "aof_use_rdb_preamble": True},
}


def options(base: str = "resp") -> list[str]:
    """Of a server that logs, and rewrites only when it is told to."""
    preamble = "yes" if base == "rdb" else "no"
    words = {"appendonly": "yes", "aof-use-rdb-preamble": preamble, "auto-aof-rewrite-percentage": "0"}
    return [word for name, value in words.items() for word in (f"--{name}", value)]


def contents(partner: Partner) -> Contents:
    return dataset(partner), encodings(partner)


def alike(kind: str, ours: Contents, theirs: Contents) -> None:
    """Fails with the keys that differ in value, expiry or encoding."""
    differences = compare(ours[0], theirs[0], SLACK_MS.get(kind, 0))
    for where, mine in ours[1].items():
        other = theirs[1].get(where)
        if other != mine and other not in OTHER_NAMES[kind].get((ours[0][where][0], mine), ()):
            differences.append(f"{where} is a {mine} here, a {other} there")
    assert not differences, "\n".join(differences[:20])
    assert len(ours[0]) > LEAST_KEYS


def written_there(server: Server, moment: str) -> Path:
    """A copy of the directory as the server left it."""
    with server.connect() as connection:
        shapes.fill(connection)
        run(connection, 1, LOAD)
        rewrite(connection, wait=True)
        run(connection, 2, LOAD // 3)
        if moment == "mid-rewrite":
            connection.execute("CONFIG", "SET", "rdb-key-save-delay", 3_000)
            rewrite(connection, wait=False)
            run(connection, 3, LOAD // 3)
            assert _figure(connection, "aof_rewrite_in_progress") == "1"
        elif moment == "crashed":
            run(connection, 4, LOAD // 3)
    server.stop() if moment == "rewritten" else server.kill()
    return _copied(server.directory, "copy")


def rewrite(partner: Partner, *, wait: bool) -> None:
    begun = partner.execute("BGREWRITEAOF")
    assert not isinstance(begun, Failure), begun
    until = time.monotonic() + PATIENCE
    while wait and (
        _figure(partner, "aof_rewrite_in_progress") == "1" or _figure(partner, "aof_rewrite_scheduled") == "1"
    ):
        assert time.monotonic() < until
        time.sleep(0.01)


def _figure(partner: Partner, name: str) -> str:
    told = partner.execute("INFO", "persistence")
    text = told.decode() if isinstance(told, bytes) else str(told)
    return dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)[name]


def written_here(directory: Path, form: str, moment: str) -> Path:
    """A copy of the directory as the store left it, whose process was killed or came to its end."""
    words = ["-m", "tests.servers.writer", directory, json.dumps(SETTINGS[form]), 5, moment]
    with subprocess.Popen(
        [sys.executable, *map(str, words)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        if moment == "rewritten":
            assert process.wait(PATIENCE) == 0
        else:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.kill()
    assert begins_with_snapshot(directory) == ("rdb" in form)
    return _copied(directory, "copy")


def begins_with_snapshot(directory: Path) -> bool:
    """Whether a log that was rewritten begins with one; where it has parts their names must say the same."""
    single = directory / "appendonly.aof"
    (first,) = [single] if single.exists() else directory.rglob("*.base.*")
    snapshot = first.read_bytes().startswith(b"REDIS0010")
    assert first == single or (first.suffix == ".rdb") == snapshot
    return snapshot


def _copied(directory: Path, name: str) -> Path:
    target = directory.with_name(f"{directory.name}-{name}")
    shutil.copytree(directory, target)
    return target


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(("kind", "base"), THERE)
def test_what_a_server_wrote_is_opened_here(
    kind: str, base: str, moment: str, tmp_path: Path, open_store: OpenStore, start_server: StartServer
) -> None:
    server = start_server(kind, *options(base))
    place = written_there(server, moment)
    with server.start().connect() as connection:
        theirs = contents(connection)
    store = open_store(place, **SETTINGS[base])
    assert store.load_report.truncations == ()
    alike(kind, contents(StoreConnection(store)), theirs)
    # And it goes on here, is rewritten here, and is a server's again.
    run(StoreConnection(store), 9, LOAD // 3)
    store.rewrite()
    assert begins_with_snapshot(place) == (base == "rdb")
    run(StoreConnection(store), 10, LOAD // 3)
    store.close()
    if kind != SINGLE_FILE:
        back = start_server(kind, *options(base), directory=_copied(place, "back"))
        with back.connect() as connection:
            alike(
                kind,
                contents(StoreConnection(open_store(place, aof_layout="multi-part"))),
                contents(connection),
            )


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(("kind", "form"), HERE)
def test_what_was_written_here_is_opened_there(
    kind: str, form: str, moment: str, tmp_path: Path, open_store: OpenStore, start_server: StartServer
) -> None:
    directory = tmp_path / "data"
    place = written_here(directory, form, moment)
    if moment == "rewritten":
        tools_pass(directory)
    server = start_server(kind, *options(), directory=place)
    with server.connect() as connection:
        theirs = contents(connection)
    ours = contents(StoreConnection(open_store(directory, **SETTINGS[form])))
    alike(kind, ours, theirs)


def tools_pass(directory: Path) -> None:
    """Every file that is checked by the servers' own tools is sound to them."""
    manifest = directory / "appendonlydir" / "appendonly.aof.manifest"
    log = manifest if manifest.exists() else directory / "appendonly.aof"
    for kind in KINDS:
        checked = tool(kind, "check-aof", log)
        assert checked.returncode == 0, f"{kind}: {checked.stdout}{checked.stderr}"
        for snapshot in directory.rglob("*.rdb"):
            checked = tool(kind, "check-rdb", snapshot)
            assert checked.returncode == 0, f"{kind}: {checked.stdout}{checked.stderr}"


def test_the_tools_see_damage(tmp_path: Path) -> None:
    """The control of `tools_pass`."""
    with aofstore.open(tmp_path, aof_layout="single-file") as store:
        store.set("k", "v")
    log = tmp_path / "appendonly.aof"
    tools_pass(tmp_path)
    log.write_bytes(log.read_bytes().replace(b"*3", b"*4"))
    for kind in KINDS:
        assert tool(kind, "check-aof", log).returncode != 0


def test_the_comparison_sees_an_encoding_that_differs(
    open_store: OpenStore, start_server: StartServer
) -> None:
    """The control of `alike`."""
    store, server = open_store(), start_server("redis", *options(), "--hash-max-listpack-entries", "1")
    with server.connect() as connection:
        for partner in (StoreConnection(store), connection):
            shapes.fill(partner)
            run(partner, 1, LOAD // 5)
        with pytest.raises(AssertionError, match="a listpack here, a hashtable there"):
            alike("redis", contents(StoreConnection(store)), contents(connection))


def test_a_server_takes_the_configuration_of_a_store(tmp_path: Path, start_server: StartServer) -> None:
    """What no server has stands in comments there, and is read back here."""
    config = aofstore.Config(
        dir=tmp_path / "valkey-0", hz=37, aof_layout="single-file", rdb_version=11, save="900 7"
    )
    path = tmp_path / "redis.conf"
    path.write_text(config.to_redis_conf())
    server = start_server("valkey", "--include", str(path))
    with server.connect() as connection:
        for name, value in {"hz": "37", "save": "900 7", "appendonly": "yes"}.items():
            assert connection.execute("CONFIG", "GET", name) == {name.encode(): value.encode()}
    assert aofstore.Config.from_redis_conf(path) == config
