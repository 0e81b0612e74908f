"""The view as of any moment is what replaying everything before it gives, and no file is touched."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

import aofstore
from tests.check.places import photograph
from tests.servers.connection import StoreConnection
from tests.servers.dataset import Dataset, dataset
from tests.servers.places import in_memory
from tests.servers.resp import encode

BEGIN = datetime.fromtimestamp(1_700_000_000, UTC)

KEYS = st.sampled_from([b"a", b"b", b"c"])
COMMANDS = st.one_of(
    st.tuples(st.just(b"SET"), KEYS, st.binary(max_size=4)),
    st.tuples(st.just(b"DEL"), KEYS),
    st.tuples(st.just(b"SELECT"), st.sampled_from([b"0", b"1"])),
    st.tuples(st.just(b"FLUSHALL")),
)
SECONDS = st.integers(-3, 12)
# A block may say the time in its middle, as a foreign log may.
PIECES = st.one_of(
    COMMANDS, SECONDS, st.lists(st.one_of(COMMANDS, SECONDS), max_size=4), st.just(b"# somebody's\r\n")
)


def written(pieces: list[object]) -> bytes:
    out = b""
    for piece in pieces:
        match piece:
            case int(second):
                out += b"#TS:%d\r\n" % (1_700_000_000 + second)
            case bytes(line):
                out += line
            case tuple(args):
                out += encode(args)
            case list(block):
                out += encode([b"MULTI"]) + written(block) + encode([b"EXEC"])
    return out


def before(pieces: list[object], moment: float) -> list[object]:
    """By hand: what precedes the first time that is later, blocks whole or not at all."""
    kept: list[object] = []
    for piece in pieces:
        inner = piece if isinstance(piece, list) else [piece]
        if any(isinstance(second, int) and second > moment for second in inner):
            return kept
        kept.append(piece)
    return kept


def held(directory: Path, log: bytes) -> Dataset:
    directory.mkdir()
    (directory / "appendonly.aof").write_bytes(log)
    with aofstore.open(directory, aof_layout="single-file", appendfsync="no") as store:
        return dataset(StoreConnection(store), 2)


@given(st.lists(PIECES, max_size=12), st.integers(-4000, 13_000))
def test_a_view_is_the_replay_of_the_prefix(pieces: list[object], milliseconds: int) -> None:
    with tempfile.TemporaryDirectory(dir=in_memory()) as name:
        root = Path(name)
        wanted = held(root / "by-hand", written(before(pieces, milliseconds / 1000)))
        directory = root / "data"
        directory.mkdir()
        (directory / "appendonly.aof").write_bytes(written(pieces))
        untouched = photograph(directory)
        until = BEGIN + timedelta(milliseconds=milliseconds)
        with aofstore.open(directory, until=until, aof_layout="single-file") as store:
            assert dataset(StoreConnection(store), 2) == wanted
        assert photograph(directory) == untouched
