"""The pipeline over a stand-in for the extension's client: what is sent, what comes back, what is raised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from aofstore import (
    AofstoreError,
    DataError,
    ExecAbortError,
    Pipeline,
    ResponseError,
    WatchError,
    WrongTypeError,
)

pytestmark = pytest.mark.quick


class FakeClient:
    """Answers from a script and remembers what it was asked."""

    def __init__(self, *replies: Any) -> None:
        self.replies = list(replies)
        self.sent: list[Any] = []
        self.closed = False

    def execute(self, *args: Any) -> Any:
        self.sent.append(args)
        return self.replies.pop(0)

    def pipeline(self, commands: Sequence[tuple[Any, ...]], transaction: bool) -> list[Any]:
        self.sent.append((list(commands), transaction))
        replies = self.replies.pop(0)
        if isinstance(replies, Exception):
            raise replies
        return list(replies)

    def close(self) -> None:
        self.closed = True


def pipeline(client: FakeClient, session: FakeClient | None = None, transaction: bool = True) -> Any:
    return Pipeline(client, lambda: session, transaction)  # type: ignore[arg-type, return-value]


def test_calls_are_buffered_and_replies_shaped() -> None:
    client = FakeClient([b"OK", [[b"m", 1.0]], 1, None])
    pipe = pipeline(client)
    assert pipe.set("a", 1).zrange("z", 0, -1, withscores=True).mget([]).expire("a", 5).get("x") is pipe
    assert (len(pipe), bool(pipe)) == (5, True)
    assert pipe.execute() == [True, [(b"m", 1.0)], [], True, None]
    assert client.sent == [
        ([("SET", "a", 1), ("ZRANGE", "z", 0, -1, "WITHSCORES"), ("EXPIRE", "a", 5), ("GET", "x")], True)
    ]
    assert (len(pipe), bool(pipe), pipe.execute()) == (0, True, [])


def test_first_error_is_raised_with_its_command() -> None:
    wrong = WrongTypeError("WRONGTYPE Operation against a key holding the wrong kind of value")
    pipe = pipeline(FakeClient([b"OK", wrong, b"OK"]), transaction=False)
    with pytest.raises(WrongTypeError) as caught:
        pipe.set("p", 1).lpush("p", b"1").set("q", 2).execute()
    assert str(caught.value) == (
        "Command # 2 (LPUSH p 1) of pipeline caused error: "
        "WRONGTYPE Operation against a key holding the wrong kind of value"
    )
    assert caught.value.code == "WRONGTYPE"


def test_errors_stand_in_the_list_on_request() -> None:
    pipe = pipeline(FakeClient([b"OK", ResponseError("ERR no such key")]))
    replies = pipe.set("p", 1).rename("x", "y").execute(raise_on_error=False)
    assert replies[0] is True
    assert isinstance(replies[1], ResponseError)


def test_command_that_cannot_be_queued_is_always_raised() -> None:
    aborted = ExecAbortError("EXECABORT Transaction discarded because of previous errors.")
    unknown = ResponseError("ERR unknown command 'NOSUCH'")
    pipe = pipeline(FakeClient([aborted, unknown, aborted]))
    with pytest.raises(ResponseError, match=r"Command # 2 \(NOSUCH\) of pipeline caused error: ERR unknown"):
        pipe.set("a", 1).execute_command("NOSUCH").set("b", 2).execute(raise_on_error=False)


def test_after_watch_commands_run_at_once_until_multi() -> None:
    session = FakeClient(b"OK", b"7", [b"OK"])
    pipe = pipeline(FakeClient(), session)
    with pipe:
        pipe.watch("k")
        assert pipe.get("k") == b"7"
        assert pipe.mget([]) == []
        pipe.multi()
        assert pipe.set("k", 8) is pipe
        assert pipe.execute() == [True]
    assert session.sent == [("WATCH", "k"), ("GET", "k"), ([("SET", "k", 8)], True)]
    assert session.closed


def test_changed_key_raises_and_resets() -> None:
    session = FakeClient(b"OK", WatchError("Watched variable changed."))
    pipe = pipeline(FakeClient(), session)
    pipe.watch("k")
    pipe.multi()
    pipe.set("k", 8)
    with pytest.raises(WatchError):
        pipe.execute()
    assert (len(pipe), pipe.watching, session.closed) == (0, False, True)


def test_leaving_the_block_drops_what_is_buffered() -> None:
    client = FakeClient()
    with pipeline(client) as pipe:
        pipe.set("a", 1)
    assert (len(pipe), client.sent) == (0, [])


def test_misuse_is_refused() -> None:
    pipe = pipeline(FakeClient())
    pipe.multi()
    with pytest.raises(AofstoreError, match="nested"):
        pipe.multi()
    with pytest.raises(AofstoreError, match="after a MULTI"):
        pipe.watch("k")
    pipe.reset()
    pipe.set("a", 1)
    with pytest.raises(AofstoreError, match="already been issued"):
        pipe.multi()
    for command in ("WATCH", "unwatch", b"multi", "EXEC", "DISCARD", "SELECT 1"):
        with pytest.raises(DataError, match="in a pipeline is"):
            pipe.execute_command(command)
