"""T-02, T-04: files that end too early."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

import aofstore
from tests.crash.damage import whole_prefixes
from tests.servers.connection import StoreConnection
from tests.servers.dataset import Dataset, dataset
from tests.servers.resp import encode

BLOCK = [[b"MULTI"], *([b"RPUSH", b"l", b"%d" % number] for number in range(12)), [b"EXEC"]]
COMMANDS = [
    [b"SELECT", b"0"],
    [b"SET", b"k", b"\r\n*3\r\n$1\r\n"],
    [b"SET", b"", b""],
    *BLOCK,
    [b"SET", b"big", b"x" * 300],
]
LOG = b"".join(map(encode, COMMANDS))


def _place(directory: Path, data: bytes) -> Path:
    directory.mkdir(exist_ok=True)
    path = directory / "appendonly.aof"
    path.write_bytes(data)
    return path


def test_commands_of_an_open_transaction_are_not_counted(memory_path: Path) -> None:
    for end in (len(LOG) - len(encode(COMMANDS[-1])) - 1, len(LOG) - 1):
        _place(memory_path / str(end), LOG[:end])
        with aofstore.open(memory_path / str(end)) as store:
            report = store.load_report
        with aofstore.open(memory_path / str(end)) as store:
            assert (store.load_report.commands, store.load_report.bytes) == (report.commands, report.bytes)


def _data(store: aofstore.Store[bytes]) -> Dataset:
    return dataset(StoreConnection(store), 1)


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Dataset]:
    """The data at every offset at which the file may end."""
    found = {}
    for end in whole_prefixes(LOG):
        directory = tmp_path_factory.mktemp("whole")
        _place(directory, LOG[:end])
        with aofstore.open(directory) as store:
            assert store.load_report.truncations == ()
            found[end] = _data(store)
    return found


def test_t02_every_cut_is_mended(memory_path: Path, states: dict[int, Dataset]) -> None:
    for length in range(len(LOG) + 1):
        directory = memory_path / str(length)
        path = _place(directory, LOG[:length])
        wanted = max(end for end in states if end <= length)
        with aofstore.open(directory, appendfsync="no") as store:
            assert _data(store) == states[wanted], length
            assert path.stat().st_size == wanted
            cuts = [(cut.offset, cut.dropped_bytes) for cut in store.load_report.truncations]
            assert cuts == ([(wanted, length - wanted)] if length > wanted else [])
            for cut in store.load_report.truncations:
                assert Path(cut.saved_to).read_bytes() == LOG[wanted:length]
            store.set("z", 1)
        with aofstore.open(directory) as store:
            assert _data(store) == {**states[wanted], (0, b"z"): ("string", b"1", -1)}
            assert store.load_report.truncations == ()


def test_t02_or_refused_untouched(memory_path: Path, states: dict[int, Dataset]) -> None:
    for length in range(len(LOG) + 1):
        path = _place(memory_path / "data", LOG[:length])
        before = hashlib.sha256(path.read_bytes()).hexdigest()
        if length in states:
            aofstore.open(path.parent, aof_load_truncated=False).close()
        else:
            with pytest.raises(aofstore.AofLoadError) as raised:
                aofstore.open(path.parent, aof_load_truncated=False)
            assert raised.value.kind == "truncated"
            assert raised.value.offset == max(end for end in states if end <= length)
            assert raised.value.path == str(path)
        assert hashlib.sha256(path.read_bytes()).hexdigest() == before
        assert [entry.name for entry in path.parent.iterdir()] == ["appendonly.aof"]


def test_zeros_at_the_end_are_a_torn_tail(memory_path: Path, states: dict[int, Dataset]) -> None:
    """L-39, as decided: also when they begin inside the last record."""
    whole = len(LOG)
    before_last = sorted(states)[-2]
    for kept, wanted in [(whole, whole), (whole - 1, before_last), (whole - 100, before_last)]:
        directory = memory_path / str(kept)
        _place(directory, LOG[:kept] + bytes(4096))
        with aofstore.open(directory) as store:
            assert _data(store) == states[wanted]
            assert store.load_report.truncations[0].offset == wanted


@pytest.mark.parametrize("form", ["one record", "older pair"])
def test_t04_no_tear_makes_a_key_immortal(memory_path: Path, form: str) -> None:
    pair = [[b"SET", b"k", b"v"], [b"PEXPIREAT", b"k", b"4102444800000"]]
    one = [[b"SET", b"k", b"v", b"PXAT", b"4102444800000"]]
    log = b"".join(map(encode, [[b"SELECT", b"0"], *(one if form == "one record" else pair)]))
    torn_between = len(log) - len(encode(pair[1])) if form == "older pair" else -1
    for length in range(len(log) + 1):
        directory = memory_path / str(length)
        _place(directory, log[:length])
        with aofstore.open(directory) as store:
            lost_ttl = store.exists("k") and store.pexpiretime("k") != 4102444800000
            # A file that other programs wrote as a pair can be torn between the two; nobody can know of the
            # second.
            assert not lost_ttl or torn_between <= length < len(log)


def test_t04_our_own_log_has_no_such_gap(memory_path: Path) -> None:
    with aofstore.open(memory_path / "made") as store:
        store.setex("k", 10_000, "v")
        wanted = store.pexpiretime("k")
    log = (memory_path / "made" / "appendonly.aof").read_bytes()
    for length in range(len(log) + 1):
        _place(memory_path / "cut", log[:length])
        with aofstore.open(memory_path / "cut") as store:
            assert store.pexpiretime("k") in (-2, wanted)
