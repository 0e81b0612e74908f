"""The defects of today's servers, each reproduced once by whoever studied them: none of them is here.

The tests have the numbers of the list in which they stand. Where it is quick, a real server shows the defect
in the same test, so that the test is known to make what the defect needs.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aofstore
from tests.conftest import OpenStore, StartServer
from tests.crash.faults import faults
from tests.crash.layouts import Layout
from tests.servers.process import Server, aof_options, tool
from tests.servers.resp import encode, records

SELECT = encode([b"SELECT", b"0"])
MANIFEST = "appendonly.aof.manifest"
LINES = "file appendonly.aof.1.base.aof seq 1 type b\n", "file appendonly.aof.{}.incr.aof seq {} type i\n"


def put(key: str, value: str = "v") -> bytes:
    return encode([b"SET", key.encode(), value.encode()])


def parts(directory: Path, *incrs: bytes, base: bytes = SELECT, extra: str = "") -> Path:
    """A multi-part log below a directory; the last of its increments."""
    place = directory / "appendonlydir"
    place.mkdir(parents=True)
    (place / "appendonly.aof.1.base.aof").write_bytes(base)
    lines = [extra, LINES[0]]
    for number, data in enumerate(incrs, 1):
        (place / f"appendonly.aof.{number}.incr.aof").write_bytes(data)
        lines.append(LINES[1].format(number, number))
    (place / MANIFEST).write_text("".join(lines))
    return place / f"appendonly.aof.{len(incrs)}.incr.aof"


def state(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def refused(directory: Path, kind: str, **options: Any) -> aofstore.AofLoadError:
    """The error, after which not a byte is different."""
    before = state(directory)
    with pytest.raises(aofstore.AofLoadError) as raised:
        aofstore.open(directory, **{"aof_layout": "multi-part", **options})
    assert raised.value.kind == kind
    assert state(directory) == before
    return raised.value


def keys(directory: Path, **options: Any) -> set[bytes]:
    with aofstore.open(directory, **{"aof_layout": "multi-part", **options}) as store:
        return set(store.keys())


def keys_there(server: Server) -> set[bytes]:
    with server.connect() as connection:
        return set(connection.execute("KEYS", "*"))


def test_1_what_is_written_behind_a_torn_transaction_is_kept(
    tmp_path: Path, start_server: StartServer
) -> None:
    torn = SELECT + put("before") + encode([b"MULTI"]) + put("a") + put("b")[:-3]
    for directory in (tmp_path / "here", tmp_path / "there"):
        parts(directory, torn)
    with aofstore.open(tmp_path / "here", aof_layout="multi-part") as store:
        assert set(store.keys()) == {b"before"}
        store.set("later", 1)
    assert keys(tmp_path / "here") == {b"before", b"later"}
    server = start_server("redis", *aof_options(), directory=tmp_path / "there")
    with server.connect() as connection:
        connection.execute("SET", "later", 1)
    server.stop()
    assert keys_there(server.start()) == {b"before"}, "Redis loses it"


def test_2_a_snapshot_with_a_torn_command_behind_it_keeps_its_data(
    tmp_path: Path, start_server: StartServer
) -> None:
    server = start_server("redis")
    with server.connect() as connection:
        connection.execute("SET", "snapshot", 1)
        connection.execute("SAVE")
    snapshot = (server.directory / "dump.rdb").read_bytes()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "appendonly.aof").write_bytes(snapshot + put("torn")[:-3])
    for _ in range(2):
        assert keys(tmp_path / "data") == {b"snapshot"}
    with aofstore.open(tmp_path / "data", aof_layout="multi-part") as store:
        store.set("later", 1)
    assert keys(tmp_path / "data") == {b"snapshot", b"later"}


def test_3_a_torn_annotation_does_not_swallow_what_is_appended(
    tmp_path: Path, start_server: StartServer
) -> None:
    torn = SELECT + put("a") + b"#TS:17000"
    for directory in (tmp_path / "here", tmp_path / "there"):
        parts(directory, torn)
    with aofstore.open(tmp_path / "here", aof_layout="multi-part") as store:
        (cut,) = store.load_report.truncations
        assert cut.dropped_bytes == len(b"#TS:17000")
        store.set("b", 1)
    assert keys(tmp_path / "here") == {b"a", b"b"}
    server = start_server("redis", *aof_options(), directory=tmp_path / "there")
    with server.connect() as connection:
        connection.execute("SET", "b", 1)
    server.stop()
    with pytest.raises(AssertionError, match="did not start"):
        server.start()


def test_4_a_damaged_length_in_the_middle_deletes_nothing(tmp_path: Path, start_server: StartServer) -> None:
    written = [put(f"key:{number}") for number in range(1000)]
    written[10] = written[10].replace(b"\n$6\r\n", b"\n$999999\r\n")
    whole = SELECT + b"".join(written)
    for directory in (tmp_path / "here", tmp_path / "there"):
        parts(directory, whole)
    error = refused(tmp_path / "here", "format")
    assert error.offset is not None
    assert abs(error.offset - len(SELECT + b"".join(written[:10]))) < 20
    server = start_server("redis", *aof_options(), directory=tmp_path / "there")
    assert len(keys_there(server)) == 10, "Redis cuts off the other 989"


def test_5_a_torn_file_before_the_last_one_is_refused_every_time(tmp_path: Path) -> None:
    parts(tmp_path, SELECT + put("a") + put("b")[:-3], SELECT + put("c"))
    for _ in range(2):
        error = refused(tmp_path, "truncated")
        assert str(error.path).endswith(".1.incr.aof")
        assert error.offset == len(SELECT + put("a"))


def test_6_a_lost_manifest_is_no_empty_start(tmp_path: Path, start_server: StartServer) -> None:
    for directory in (tmp_path / "here", tmp_path / "there"):
        parts(directory, SELECT + put("a"), base=SELECT + put("base"))
        (directory / "appendonlydir" / MANIFEST).unlink()
    before = state(tmp_path / "here")
    with pytest.raises(aofstore.PersistenceError, match="manifest"):
        aofstore.open(tmp_path / "here", aof_layout="multi-part")
    assert state(tmp_path / "here") == before
    server = start_server("redis", *aof_options(), directory=tmp_path / "there")
    assert keys_there(server) == set(), "Redis starts empty"


def test_6_a_lost_manifest_is_rebuilt_on_request(tmp_path: Path) -> None:
    parts(tmp_path, SELECT + put("a"), SELECT + put("b"), base=SELECT + put("base"))
    (tmp_path / "appendonlydir" / MANIFEST).unlink()
    assert aofstore.repair(tmp_path, rebuild_manifest=True, apply=True).applied
    assert keys(tmp_path) == {b"base", b"a", b"b"}


def test_7_a_flipped_bit_is_silent_only_inside_an_argument(memory_path: Path) -> None:
    """The bytes of an argument are anybody's; a bit of anything else makes what is refused or cut."""
    commands = [[b"SET", b"key:%d" % n, b"value %d" % n] for n in range(12)]
    commands += [
        [b"RPUSH", b"list", b"a", b"b"],
        [b"ZADD", b"zset", b"1", b"m"],
        [b"HSET", b"hash", b"f", b"v"],
    ]
    log = SELECT + b"".join(map(encode, commands))
    inside = _arguments(log)
    rng, silent = random.Random(7), 0
    for number in range(400):
        at, bit = rng.randrange(len(log)), rng.randrange(8)
        flipped = bytearray(log)
        flipped[at] ^= 1 << bit
        directory = memory_path / str(number)
        directory.mkdir()
        (directory / "appendonly.aof").write_bytes(flipped)
        try:
            with aofstore.open(directory, aof_layout="single-file") as store:
                if not store.load_report.truncations:
                    silent += 1
                    assert at in inside, f"bit {bit} of byte {at}: {bytes(flipped[at - 8 : at + 8])!r}"
        except aofstore.AofLoadError:
            pass
        shutil.rmtree(directory)
    assert silent > 50


def _arguments(log: bytes) -> set[int]:
    """The offsets of bytes inside arguments."""
    found: set[int] = set()
    at = 0
    for end, args in records(log):
        at = log.index(b"\n", at) + 1
        for arg in args:
            at = log.index(b"\n", at) + 1
            found.update(range(at, at + len(arg)))
            at += len(arg) + 2
        assert at == end
    return found


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        (encode([b"SET", b"k"]), "replay"),
        (encode([b"RPUSH"]), "replay"),
        (b"*1\r\n$-1\r\n", "format"),
        (b"*2\r\n$3\r\nGET\r\n$-7\r\n", "format"),
        (b"*2\r\n$3\r\nGET\r\n$9000000000000000000\r\nx\r\n", "format"),
        (b"*9000000000000000000\r\n$3\r\nGET\r\n", "format"),
    ],
)
def test_8_a_wrong_number_of_arguments_or_a_hostile_length_is_an_error(
    tmp_path: Path, record: bytes, kind: str
) -> None:
    parts(tmp_path, SELECT + put("a") + record + put("b"))
    refused(tmp_path, kind)
    with aofstore.open(None) as store:
        assert store.ping()


def test_9_the_size_that_the_error_names_is_the_one_that_helps(tmp_path: Path) -> None:
    sound, damaged = SELECT + put("a"), b"*3\r\n$3\r\nSET\r\n$x\r\n"
    parts(tmp_path, sound + damaged)
    assert refused(tmp_path, "format").offset is not None
    refused(tmp_path, "format", aof_load_corrupt_tail_max_size=len(damaged) - 1)
    with aofstore.open(
        tmp_path, aof_layout="multi-part", aof_load_corrupt_tail_max_size=len(damaged)
    ) as store:
        (cut,) = store.load_report.truncations
        assert (cut.offset, cut.dropped_bytes) == (len(sound), len(damaged))
        assert Path(cut.saved_to).read_bytes() == damaged
        assert store.keys() == [b"a"]


def test_9_commands_behind_the_damage_are_not_dropped_with_it(tmp_path: Path) -> None:
    parts(tmp_path, SELECT + put("a") + b"*3\r\n$3\r\nSET\r\n$x\r\n" + put("b"))
    refused(tmp_path, "format", aof_load_corrupt_tail_max_size="1mb")


@pytest.mark.parametrize("layout", ["multi-part", "single-file"])
def test_10_a_directory_is_one_store_s(tmp_path: Path, layout: Layout) -> None:
    with aofstore.open(tmp_path, aof_layout=layout) as store:
        store.set("a", 1)
        with pytest.raises(aofstore.AofLockedError):
            aofstore.open(tmp_path, aof_layout=layout)
        other = subprocess.run(
            [sys.executable, "-c", "import sys, aofstore; aofstore.open(sys.argv[1])", str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "AofLockedError" in other.stderr
        store.set("b", 1)
    assert keys(tmp_path, aof_layout=layout) == {b"a", b"b"}


@pytest.mark.parametrize("layout", ["multi-part", "single-file"])
def test_11_a_failed_sync_is_not_forgotten_with_the_next_that_succeeds(
    tmp_path: Path, layout: Layout
) -> None:
    def log_of() -> tuple[str, int]:
        path = max((path for path in tmp_path.rglob("*.aof")), key=lambda path: path.stat().st_ino)
        return path.name, path.stat().st_ino

    with faults() as plan:
        store: aofstore.Store[bytes] = aofstore.open(tmp_path, appendfsync="everysec", aof_layout=layout)
        store.set("a", 1)
        before = log_of()
        plan.add("sync", errno=5)
        with pytest.raises(aofstore.AofWriteError):
            store.flush()
        for _ in range(3):
            time.sleep(0.3)
            with pytest.raises(aofstore.MisconfError):
                store.set("b", 1)
            with pytest.raises(aofstore.AofWriteError):
                store.flush()
        store.rewrite()
        store.set("c", 1)
        assert log_of() != before
        store.close()
    assert keys(tmp_path, aof_layout=layout) == {b"a", b"c"}


def test_12_a_directory_of_valkey_with_its_own_snapshot_is_sound(
    tmp_path: Path, start_server: StartServer
) -> None:
    server = start_server("valkey", "--appendonly", "yes", "--aof-use-rdb-preamble", "yes")
    with server.connect() as connection:
        connection.execute("SET", "a", 1)
        connection.execute("BGREWRITEAOF")
        wait_until(lambda: b"aof_rewrite_in_progress:0" in _persistence(connection))
        connection.execute("SET", "b", 1)
    server.stop()
    (base,) = server.directory.rglob("*.base.rdb")
    assert base.read_bytes().startswith(b"VALKEY")
    assert aofstore.check(server.directory).sound
    assert tool("valkey", "check-aof", server.directory / "appendonlydir" / MANIFEST).returncode != 0


def _persistence(connection: Any) -> bytes:
    told = connection.execute("INFO", "persistence")
    return told if isinstance(told, bytes) else str(told).encode()


def wait_until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_13_what_others_noted_in_the_manifest_stays_there(tmp_path: Path, open_store: OpenStore) -> None:
    parts(tmp_path, SELECT + put("a"), extra="# noted by somebody\n")
    manifest = tmp_path / "appendonlydir" / MANIFEST
    noted = manifest.read_text().replace("type b", "type b colour blue")
    manifest.write_text(noted)
    for _ in range(2):
        with aofstore.open(tmp_path, aof_layout="multi-part") as store:
            store.set("b", 1)
        assert manifest.read_text() == noted
    with aofstore.open(tmp_path, aof_layout="multi-part") as store:
        store.rewrite()
    assert "# noted by somebody\n" in manifest.read_text()
