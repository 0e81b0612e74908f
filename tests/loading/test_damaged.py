"""T-03: damage that is no torn tail: refused with kind and offset, the file untouched, the process alive."""

from __future__ import annotations

import hashlib
import resource
from pathlib import Path

import pytest

import aofstore
from tests.conftest import OpenStore
from tests.servers.resp import encode

pytestmark = pytest.mark.quick

FIRST = encode([b"SELECT", b"0"])
MIDDLE = encode([b"SET", b"k", b"value"])
LAST = encode([b"SET", b"last", b"1"])
LOG = FIRST + MIDDLE + LAST
AT = len(FIRST)
DAMAGE: dict[str, tuple[bytes, str]] = {
    "star": (b"x" + MIDDLE[1:], "format"),
    "dollar": (MIDDLE.replace(b"$1", b"!1"), "format"),
    "line-end": (MIDDLE[:-2] + b"Z\n", "format"),
    "no-arguments": (b"*0\r\n" + MIDDLE[4:], "format"),
    "negative-count": (b"*-1\r\n" + MIDDLE[4:], "format"),
    "huge-count": (b"*99999999999\r\n" + MIDDLE[4:], "format"),
    "negative-length": (MIDDLE.replace(b"$5", b"$-5"), "format"),
    "huge-length": (MIDDLE.replace(b"$5", b"$99999999999"), "format"),
    "length-of-2-to-the-63": (MIDDLE.replace(b"$5", b"$9223372036854775808"), "format"),
    "unknown-command": (encode([b"NOPE", b"k", b"value"]), "unknown-command"),
    "no-such-database": (encode([b"SELECT", b"99"]), "replay"),
    "arity": (encode([b"SET", b"k"]), "replay"),
    "wrong-type": (MIDDLE + encode([b"RPUSH", b"k", b"x"]), "replay"),
    "stray-exec": (encode([b"EXEC"]), "replay"),
    "zeros": (bytes(64), "format"),
    "a-digit-too-much": (MIDDLE.replace(b"$5", b"$50"), "format"),
}


@pytest.mark.parametrize("forgiving", [True, False])
@pytest.mark.parametrize("name", DAMAGE)
def test_t03_damage_is_refused(tmp_path: Path, open_store: OpenStore, name: str, forgiving: bool) -> None:
    damaged, kind = DAMAGE[name]
    data = FIRST + damaged + LAST
    directory = tmp_path / "damaged"
    directory.mkdir()
    path = directory / "appendonly.aof"
    path.write_bytes(data)
    before, memory = hashlib.sha256(data).hexdigest(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(aofstore.AofLoadError) as raised:
        open_store(directory, aof_load_truncated=forgiving)
    assert raised.value.kind == kind
    assert raised.value.path == str(path)
    assert raised.value.offset is not None
    assert AT <= raised.value.offset < AT + len(damaged) + 1
    assert str(raised.value.offset) in str(raised.value)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    assert [entry.name for entry in directory.iterdir()] == ["appendonly.aof"]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 100 * 1024
    assert open_store(tmp_path / "second").set("alive", 1)


def test_t03_a_length_beyond_the_end_is_a_torn_tail(tmp_path: Path, open_store: OpenStore) -> None:
    directory = tmp_path / "short"
    directory.mkdir()
    (directory / "appendonly.aof").write_bytes(
        FIRST + MIDDLE + b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000\r\nabc"
    )
    store = open_store(directory)
    assert store.get("k") == b"value"
    assert store.load_report.truncations[0].offset == len(FIRST + MIDDLE)


def test_a_longer_first_length_does_not_eat_the_file(tmp_path: Path, open_store: OpenStore) -> None:
    """Defect 4 of today's servers: one damaged digit in the middle throws away all that follows."""
    directory = tmp_path / "digit"
    directory.mkdir()
    commands = [encode([b"SET", b"key%d" % number, b"value"]) for number in range(1000)]
    commands[10] = commands[10].replace(b"$5\r\nvalue", b"$999999\r\nvalue")
    data = FIRST + b"".join(commands)
    (directory / "appendonly.aof").write_bytes(data)
    with pytest.raises(aofstore.AofLoadError) as raised:
        open_store(directory)
    assert raised.value.kind == "format"
    assert (directory / "appendonly.aof").read_bytes() == data


def test_on_replay_error_warn_goes_on(tmp_path: Path, open_store: OpenStore) -> None:
    directory = tmp_path / "warn"
    directory.mkdir()
    (directory / "appendonly.aof").write_bytes(FIRST + MIDDLE + encode([b"INCR", b"k"]) + LAST)
    with pytest.raises(aofstore.AofLoadError):
        open_store(directory)
    store = open_store(directory, on_replay_error="warn")
    assert (store.get("k"), store.get("last")) == (b"value", b"1")
