"""``aof_load_corrupt_tail_max_size``: a damaged end may be cut, but no whole command with it (defect 9)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import aofstore
from tests.conftest import OpenStore
from tests.servers.resp import encode

pytestmark = pytest.mark.quick

GOOD = encode([b"SELECT", b"0"]) + encode([b"SET", b"a", b"1"])
MULTI, EXEC, SET_B = encode([b"MULTI"]), encode([b"EXEC"]), encode([b"SET", b"b", b"2"])
GARBAGE = b"\x93\x11 no command\r\n"
#: A record whose second length has a damaged digit, and nothing behind it.
FLIPPED = b"*3\r\n$3\r\nSET\r\n$x\r\nb\r\n$1\r\n2\r\n"


def refused(open_store: OpenStore, **settings: object) -> aofstore.AofLoadError:
    with pytest.raises(aofstore.AofLoadError) as caught:
        open_store(aof_layout="single-file", **settings)
    return caught.value


@pytest.mark.parametrize("tail", [GARBAGE, FLIPPED, b"\r\n", b"x", MULTI + SET_B + GARBAGE])
def test_defect_9_the_size_that_the_error_names_is_enough(
    open_store: OpenStore, log: Path, tail: bytes
) -> None:
    log.write_bytes(GOOD + tail)
    error = refused(open_store)
    assert error.kind == "format"
    found = re.search(r"aof_load_corrupt_tail_max_size=(\d+)", str(error))
    assert found is not None, str(error)
    named = int(found[1])
    assert named == len(tail)
    for size in (named - 1, 0):
        assert refused(open_store, aof_load_corrupt_tail_max_size=size).kind == "format"
        assert log.read_bytes() == GOOD + tail
    with open_store(aof_layout="single-file", aof_load_corrupt_tail_max_size=named) as store:
        assert (store.get("a"), store.get("b")) == (b"1", None)
        (cut,) = store.load_report.truncations
        assert (cut.path, cut.offset, cut.dropped_bytes) == (str(log), len(GOOD), len(tail))
        assert Path(cut.saved_to).read_bytes() == tail
        assert store.load_report.bytes == len(GOOD)
        store.set("c", 3)
    with open_store(aof_layout="single-file") as store:
        assert (store.get("a"), store.get("c")) == (b"1", b"3")
        assert store.load_report.truncations == ()


@pytest.mark.parametrize(
    "tail",
    [
        GARBAGE + SET_B,
        FLIPPED + SET_B,
        GARBAGE + SET_B + b"*3\r\n$3\r\nSE",
        GARBAGE + SET_B + SET_B + GARBAGE,
        GARBAGE + MULTI + SET_B + EXEC,
        GARBAGE + SET_B + b"#TS:1700000000\r\n",
        GARBAGE + SET_B + b"\0" * 100,
    ],
)
def test_defect_9_no_whole_command_is_thrown_away(open_store: OpenStore, log: Path, tail: bytes) -> None:
    log.write_bytes(GOOD + tail)
    error = refused(open_store, aof_load_corrupt_tail_max_size="1gb")
    assert error.kind == "format"
    at = len(GOOD) + min(tail.find(word) for word in (SET_B, MULTI) if word in tail)
    assert f"offset {at}" in str(error)
    assert log.read_bytes() == GOOD + tail
    assert [path.name for path in log.parent.iterdir()] == ["appendonly.aof"]


def test_what_servers_do_loses_it() -> None:
    """The red control: cutting by size alone, as they do, takes a whole command along."""
    tail = GARBAGE + SET_B
    assert len(tail) < 2**30
    assert SET_B not in (GOOD + tail)[: len(GOOD)]


def test_a_command_as_text_in_a_value_is_not_taken_for_one(open_store: OpenStore, log: Path) -> None:
    value = encode([b"SET", b"b", b"2"])
    damaged = encode([b"SET", b"text", b"\r\n" + value]).replace(b"$4\r\ntext", b"$!\r\ntext")
    log.write_bytes(GOOD + damaged)
    with open_store(aof_layout="single-file", aof_load_corrupt_tail_max_size=1000) as store:
        assert (store.get("a"), store.get("b")) == (b"1", None)


def test_where_nothing_may_be_cut_nothing_is(open_store: OpenStore, log: Path) -> None:
    log.write_bytes(GOOD + GARBAGE)
    error = refused(open_store, aof_load_corrupt_tail_max_size="1gb", aof_load_truncated=False)
    assert error.kind == "format"
    assert log.read_bytes() == GOOD + GARBAGE


@pytest.mark.parametrize(
    ("tail", "kind"),
    [(encode([b"NOPE"]), "unknown-command"), (encode([b"SET", b"a"]), "replay"), (EXEC, "replay")],
)
def test_commands_that_are_whole_are_no_damage(
    open_store: OpenStore, log: Path, tail: bytes, kind: str
) -> None:
    log.write_bytes(GOOD + tail)
    assert refused(open_store, aof_load_corrupt_tail_max_size="1gb").kind == kind
    assert log.read_bytes() == GOOD + tail
