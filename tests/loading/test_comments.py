"""``#`` lines of others: where and in what form they may stand (redis-interop: `#` lines; defect 3)."""

from __future__ import annotations

from pathlib import Path

import pytest

import aofstore
from tests.conftest import OpenStore
from tests.servers.resp import encode

pytestmark = pytest.mark.quick

SELECT, SET_A, SET_B = encode([b"SELECT", b"0"]), encode([b"SET", b"a", b"1"]), encode([b"SET", b"b", b"2"])
MULTI, EXEC = encode([b"MULTI"]), encode([b"EXEC"])
VALKEY_HEADER = (
    b"#HDR:v1;len:27;replid:0123456789012345678901234567890123456789;reploff:0;checksum:12345;\r\n"
)


def long_line(size: int) -> bytes:
    return b"#" + b"x" * (size - 2) + b"\n"


def trick(size: int) -> bytes:
    """A line that is longer, with ``#`` wherever a server begins to read anew."""
    line = bytearray(long_line(size))
    for at in range(0, size - 1, 1023):
        line[at] = ord("#")
    return bytes(line)


@pytest.mark.parametrize(
    "line",
    [
        b"#\n",
        b"#\r\n",
        b"#TS:1700000000\r\n",
        b"# a person wrote this\n",
        b"#INTEGRITY_OFF\r\n",
        VALKEY_HEADER,
        b"#TS:soon\r\n",
        b"#TS:1700000000.25\r\n",
        b"#TS:1700000000 and more\r\n",
        b"#\0\r\x80\xff*3\r$\r\n",
        long_line(1023),
        trick(1025),
        trick(1500),
        trick(3000),
    ],
    ids=lambda line: line[:24].decode("latin-1").strip() + f"-{len(line)}",
)
def test_a_hash_line_may_stand_between_commands_in_blocks_and_at_both_ends(
    open_store: OpenStore, log: Path, line: bytes
) -> None:
    log.write_bytes(line + SELECT + line + SET_A + line + MULTI + line + SET_B + line + EXEC + line + line)
    for _ in range(2):
        with open_store(aof_layout="single-file") as store:
            assert (store.get("a"), store.get("b")) == (b"1", b"2")
            assert store.load_report.truncations == ()
            store.incr("n")
    assert open_store(aof_layout="single-file").get("n") == b"2"


def test_a_file_of_hash_lines_alone_is_an_empty_store(open_store: OpenStore, log: Path) -> None:
    log.write_bytes(b"#TS:1700000000\r\n# nothing yet\n")
    assert open_store(aof_layout="single-file").dbsize() == 0


@pytest.mark.parametrize(
    ("damage", "offset"),
    [
        (SET_A[:13] + b"#no\n" + SET_A[13:], 13),
        (b" #\n" + SET_A, 0),
        (b"\n" + SET_A, 0),
        (b"\r\n" + SET_A, 0),
        (long_line(1024) + SET_A, 1023),
        (long_line(1025) + SET_A, 1023),
        (long_line(5000) + SET_A, 1023),
        (trick(3000)[:2046] + b"x" * 900 + b"\n" + SET_A, 2046),
    ],
    ids=["between-arguments", "blank", "empty", "empty-crlf", "1024", "1025", "5000", "trick-that-ends"],
)
def test_elsewhere_it_is_damage(open_store: OpenStore, log: Path, damage: bytes, offset: int) -> None:
    data = SELECT + damage + SET_B
    log.write_bytes(data)
    with pytest.raises(aofstore.AofLoadError) as caught:
        open_store(aof_layout="single-file")
    assert (caught.value.kind, caught.value.path) == ("format", str(log))
    assert caught.value.offset == len(SELECT) + offset
    assert log.read_bytes() == data


@pytest.mark.parametrize(
    "torn", [b"#", b"#TS:", b"#TS:1700000000", b"#TS:1700000000\r", b"#" * 1023, b"#x" * 2000]
)
def test_defect_3_a_torn_hash_line_is_cut_and_does_not_swallow_what_is_appended(
    open_store: OpenStore, log: Path, torn: bytes
) -> None:
    torn = trick(len(torn))[:-1] + b"x" if len(torn) > 1023 else torn
    log.write_bytes(SELECT + SET_A + torn)
    with open_store(aof_layout="single-file") as store:
        (cut,) = store.load_report.truncations
        assert (cut.path, cut.offset) == (str(log), len(SELECT + SET_A))
        assert (cut.dropped_bytes, Path(cut.saved_to).read_bytes()) == (len(torn), torn)
        store.set("b", 2)
    with open_store(aof_layout="single-file") as store:
        assert store.load_report.truncations == ()
        assert (store.get("a"), store.get("b")) == (b"1", b"2")


def test_defect_3_is_real_without_the_cut(open_store: OpenStore, log: Path) -> None:
    """The red control: what a server does, which appends behind the torn line."""
    log.write_bytes(SELECT + SET_A + b"#TS:17000" + SELECT + SET_B)
    with pytest.raises(aofstore.AofLoadError) as caught:
        open_store(aof_layout="single-file")
    assert caught.value.kind == "format"


def test_a_torn_hash_line_is_refused_where_nothing_may_be_cut(open_store: OpenStore, log: Path) -> None:
    log.write_bytes(SELECT + SET_A + b"#TS:17")
    with pytest.raises(aofstore.AofLoadError) as caught:
        open_store(aof_layout="single-file", aof_load_truncated=False)
    assert (caught.value.kind, caught.value.offset) == ("truncated", len(SELECT + SET_A))
    assert log.read_bytes() == SELECT + SET_A + b"#TS:17"
