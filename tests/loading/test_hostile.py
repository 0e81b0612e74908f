"""S9: headers that promise more than there is: an error with its place, and no memory for the promise."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.servers.resp import encode

ROOT = Path(__file__).parents[2]
FIRST = encode([b"SELECT", b"0"]) + encode([b"SET", b"k", b"value"])
LAST = encode([b"SET", b"last", b"1"])
AT = len(FIRST)

CHILD = """
import json, resource, sys
import aofstore

directory, warm, forgiving = sys.argv[1], sys.argv[2], sys.argv[3] == "True"
aofstore.open(warm).close()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    with aofstore.open(
        directory, aof_layout="single-file", appendfsync="no", aof_load_truncated=forgiving
    ) as store:
        cuts = [(cut.offset, cut.dropped_bytes) for cut in store.load_report.truncations]
        said = {"kind": "opened", "cuts": cuts, "keys": store.dbsize()}
except aofstore.AofLoadError as error:
    said = {"kind": error.kind, "offset": error.offset, "path": error.path}
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(json.dumps({**said, "grown": grown * (1 if sys.platform == "darwin" else 1024)}))
"""


class Opened:
    """What a process of its own said about a file, and what that cost it."""

    def __init__(self, directory: Path, data: bytes, *, forgiving: bool) -> None:
        hostile, warm = directory / "hostile", directory / "warm"
        hostile.mkdir()
        self.path = hostile / "appendonly.aof"
        self.path.write_bytes(data)
        before = hashlib.sha256(data).hexdigest()
        arguments = [sys.executable, "-c", CHILD, str(hostile), str(warm), str(forgiving)]
        done = subprocess.run(arguments, check=True, stdout=subprocess.PIPE, cwd=ROOT, timeout=240)
        self.said: dict[str, Any] = json.loads(done.stdout)
        self.untouched = hashlib.sha256(self.path.read_bytes()).hexdigest() == before
        self.beside = sorted(entry.name for entry in hostile.iterdir())

    def refused(self, kind: str, offset: int, *, overhead: int = 0) -> None:
        """Refused at this place, nothing changed, no more memory than the file and 16 MB account for."""
        told = (self.said["kind"], self.said.get("offset"), self.said.get("path"))
        assert told == (kind, offset, str(self.path))
        assert self.untouched
        assert self.beside == ["appendonly.aof"]
        self.modest(overhead=overhead)

    def modest(self, *, overhead: int = 0) -> None:
        assert self.said["grown"] < (16 << 20) + overhead


Open = Callable[..., Opened]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    return lambda data, forgiving=True: Opened(tmp_path, data, forgiving=forgiving)


TOO_MUCH = {
    "length-9e18": (b"*3\r\n$3\r\nSET\r\n$9000000000000000000\r\nk\r\n", len(b"*3\r\n$3\r\nSET\r\n$")),
    "length-2-to-the-64": (b"*1\r\n$18446744073709551616\r\nk\r\n", len(b"*1\r\n$")),
    "length-of-a-thousand-digits": (b"*1\r\n$" + b"9" * 1000 + b"\r\n", len(b"*1\r\n$")),
    "length-one-above-the-limit": (b"*2\r\n$3\r\nGET\r\n$536870913\r\nk", len(b"*2\r\n$3\r\nGET\r\n$")),
    "count-9e18": (b"*9000000000000000000\r\n$3\r\nSET\r\n", 1),
    "count-one-above-the-limit": (b"*2147483648\r\n$3\r\nDEL\r\n", 1),
}


@pytest.mark.parametrize("forgiving", [True, False])
@pytest.mark.parametrize("name", TOO_MUCH)
def test_s9_what_no_file_may_promise_is_damage(opened: Open, name: str, forgiving: bool) -> None:
    header, at = TOO_MUCH[name]
    opened(FIRST + header, forgiving).refused("format", AT + at)


WITHIN_LIMITS = {
    "512-mb-in-a-hundred-bytes": b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\n0123456789",
    "a-million-arguments-and-none-there": b"*1048576\r\n",
    "two-thousand-million-arguments-and-none-there": b"*2147483647\r\n",
    "a-million-arguments-and-two-there": b"*1048576\r\n$5\r\nRPUSH\r\n$1\r\nl\r\n",
}


@pytest.mark.parametrize("name", WITHIN_LIMITS)
def test_s9_a_promise_within_the_limits_is_a_torn_tail(opened: Open, name: str) -> None:
    tail = WITHIN_LIMITS[name]
    found = opened(FIRST + tail)
    assert (found.said["kind"], found.said["cuts"], found.said["keys"]) == ("opened", [[AT, len(tail)]], 1)
    found.modest()


@pytest.mark.parametrize("name", WITHIN_LIMITS)
def test_s9_a_torn_tail_is_refused_when_not_allowed(opened: Open, name: str) -> None:
    opened(FIRST + WITHIN_LIMITS[name], False).refused("truncated", AT)


@pytest.mark.parametrize("name", WITHIN_LIMITS)
def test_s9_a_promise_that_hides_commands_is_damage(opened: Open, name: str) -> None:
    """Cutting there would throw away what follows: whole commands, a megabyte of them."""
    tail, rest = WITHIN_LIMITS[name], LAST * 40_000
    # A length hides what follows and is the damage; a count is given away by the first `*` in place of a `$`.
    at = AT if b"$536870912" in tail else AT + len(tail)
    opened(FIRST + tail + rest).refused("format", at, overhead=len(rest))


def test_s9_multi_inside_multi_is_refused_at_the_second(opened: Open) -> None:
    multi = encode([b"MULTI"])
    found = opened(FIRST + multi * 100_000)
    assert found.said["kind"] in ("format", "replay")
    found.refused(found.said["kind"], AT + len(multi), overhead=len(multi) * 100_000)


def test_s9_an_open_multi_of_many_commands_is_cut_whole(opened: Open) -> None:
    block = encode([b"MULTI"]) + encode([b"RPUSH", b"l", b"1"]) * 100_000
    found = opened(FIRST + block)
    assert (found.said["cuts"], found.said["keys"]) == ([[AT, len(block)]], 1)
    # Held back until the EXEC that does not come: some bytes for each of the commands.
    found.modest(overhead=len(block) + 100_000 * 160)


def test_s9_a_million_tiny_arguments(opened: Open) -> None:
    count = (1 << 20) - 1
    command = b"*%d\r\n$3\r\nDEL\r\n" % (count + 1) + b"$1\r\nk\r\n" * count
    found = opened(FIRST + command + LAST)
    assert (found.said["kind"], found.said["cuts"], found.said["keys"]) == ("opened", [], 1)
    # Three machine words and a half for each argument: where it starts, where it ends, and the slice.
    found.modest(overhead=2 * len(command) + 2 * 32 * count)


def test_s9_a_million_empty_arguments_of_an_unknown_command(opened: Open) -> None:
    count = (1 << 20) - 1
    command = b"*%d\r\n$4\r\nNOPE\r\n" % (count + 1) + b"$0\r\n\r\n" * count
    overhead = 2 * len(command) + 2 * 32 * count
    opened(FIRST + command + LAST).refused("unknown-command", AT, overhead=overhead)


@pytest.mark.parametrize("forgiving", [True, False])
def test_s9_the_next_store_of_the_process_works(tmp_path: Path, forgiving: bool) -> None:
    code = CHILD + "\nwith aofstore.open(warm) as store:\n    assert store.set('alive', 1)\n"
    (tmp_path / "hostile").mkdir()
    (tmp_path / "hostile" / "appendonly.aof").write_bytes(FIRST + TOO_MUCH["length-9e18"][0])
    arguments = [str(tmp_path / "hostile"), str(tmp_path / "warm"), str(forgiving)]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, cwd=ROOT, timeout=240)


ENDLESS = {
    "srandmember": [[b"SADD", b"s", b"1", b"2"], [b"SRANDMEMBER", b"s", b"-4611686018427387903"]],
    "zrandmember": [[b"ZADD", b"s", b"1", b"m"], [b"ZRANDMEMBER", b"s", b"-4611686018427387903"]],
    "hrandfield": [
        [b"HSET", b"s", b"f", b"v"],
        [b"HRANDFIELD", b"s", b"-4611686018427387903", b"WITHVALUES"],
    ],
    "in-multi": [
        [b"MULTI"],
        [b"SADD", b"s", b"1"],
        [b"SRANDMEMBER", b"s", b"-4611686018427387903"],
        [b"EXEC"],
    ],
}


@pytest.mark.parametrize("name", ENDLESS)
def test_s9_a_command_that_only_reads_does_not_hold_up_the_load(opened: Open, name: str) -> None:
    found = opened(FIRST + b"".join(map(encode, ENDLESS[name])) + LAST)
    assert (found.said["kind"], found.said["cuts"], found.said["keys"]) == ("opened", [], 3)
    found.modest()
