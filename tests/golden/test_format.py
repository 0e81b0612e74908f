"""The format itself: quoting, rendering, and that a replay changes nothing that was right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.golden.transcript import Replay
from tests.servers.replies import Failure, Members, Status, canonical, command_line, render
from tests.servers.resp import TornRecord, encode, records
from tests.servers.words import split_line


class Scripted:
    """A target that answers from a list and logs every command that starts with S."""

    def __init__(self, replies: list[Any]) -> None:
        self.replies = replies
        self.fresh: list[list[bytes]] = []
        self.seen: list[str] = []

    def open(self, settings: dict[str, str]) -> None:
        self.seen.append(f"open {settings}")

    def reopen(self) -> None:
        self.seen.append("reopen")

    def execute(self, session: str, args: Sequence[bytes]) -> Any:
        self.seen.append(f"{session}: {command_line(args)}")
        if args[0].startswith(b"S") and args[0] != b"SELECT":
            self.fresh.append(list(args))
        return Status("OK") if args[0] in (b"SELECT", b"CONFIG") else self.replies.pop(0)

    def start(self, session: str, args: Sequence[bytes]) -> None:
        self.seen.append(f"{session} waits: {command_line(args)}")

    def join(self, session: str) -> Any:
        return self.replies.pop(0)

    def advance(self, milliseconds: int) -> None:
        self.seen.append(f"+{milliseconds}")

    def new_records(self) -> list[list[bytes]]:
        taken, self.fresh = self.fresh, []
        return taken


SCRIPT = """# title
@open databases=4

> SET k "a\\x00b"
OK
= SET k "a\\x00b"
@db 2
@clock +10
@sorted
> KEYS *
1) "a"
2) "b"
@random
> SPOP s
(any bulk)
= SPOP s …2
@session two
@later
> BLPOP l 0
@session main
@join two
1) "l"
2) "x"
@reopen
> ZADD z x a
(error) ERR value is not a valid float
"""


def test_a_right_script_stays_as_it_is() -> None:
    error = Failure("ERR value is not a valid float")
    target = Scripted([Status("OK"), [b"b", b"a"], b"m", [b"l", b"x"], error])
    assert Replay(target).run(SCRIPT) == SCRIPT
    assert target.seen[0] == "open {'databases': '4'}"
    assert "two waits: BLPOP l 0" in target.seen and "reopen" in target.seen and "+10" in target.seen


def test_a_wrong_reply_shows() -> None:
    target = Scripted([Status("OK"), [b"b"], b"m", [b"l", b"x"], None])
    assert Replay(target).run(SCRIPT) != SCRIPT


@given(st.lists(st.binary(), min_size=1))
def test_a_command_line_reads_back(args: list[bytes]) -> None:
    assert split_line(command_line(args)) == args


@given(st.lists(st.lists(st.binary(max_size=20), min_size=1, max_size=4), max_size=5))
def test_records_read_back_and_a_cut_is_seen(commands: list[list[bytes]]) -> None:
    data = b"".join(map(encode, commands))
    ends = [0, *(end for end, _ in records(data))]
    assert [args for _, args in records(data)] == commands
    for cut in set(range(len(data))) - set(ends):
        with pytest.raises(TornRecord):
            list(records(data[:cut]))


@pytest.mark.parametrize(
    ("reply", "lines"),
    [
        (None, ["(nil)"]),
        (Status("OK"), ["OK"]),
        (b"OK", ['"OK"']),
        (True, ["(true)"]),
        (2.0, ["(double) 2"]),
        (float("-inf"), ["(double) -inf"]),
        ([], ["(empty array)"]),
        ([1, [b"a", []]], ["1) (integer) 1", '2) 1) "a"', "   2) (empty array)"]),
        (Members.of([b"b", b"a"]), ['1~ "a"', '2~ "b"']),
        ({b"f": [1, 2]}, ['1# "f" => 1) (integer) 1', "          2) (integer) 2"]),
    ],
)
def test_rendering(reply: Any, lines: list[str]) -> None:
    assert render(reply) == lines


def test_store_replies_take_the_common_form() -> None:
    assert canonical({b"a": {1.5}}) == {b"a": Members((1.5,))}
    assert canonical([ValueError("ERR no")]) == [Failure("ERR no")]
    assert type(canonical("OK")) is Status
