"""Comparing one command's replies, where chance or the clock is part of the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.servers.connection import Partner
from tests.servers.differences import mismatch
from tests.servers.replies import Failure, Members, sorted_reply

CLOCK_SLACK_MS = 3000
TIMES = {b"TTL": 1000, b"PTTL": 1, b"EXPIRETIME": 1000, b"PEXPIRETIME": 1}
UNORDERED = {b"KEYS", b"HKEYS", b"HVALS", b"SORT", b"SORT_RO"}
SCANS = {b"SCAN", b"SSCAN", b"HSCAN", b"ZSCAN"}
CHANCE = {b"SPOP", b"SRANDMEMBER", b"HRANDFIELD", b"ZRANDMEMBER", b"RANDOMKEY"}


def disagreement(server: str, args: Sequence[bytes], ours: Any, theirs: Any) -> str | None:
    """None if both replies may stand side by side, else what differs."""
    name = args[0].upper()
    if name in TIMES and _close(ours, theirs, CLOCK_SLACK_MS // TIMES[name]):
        return None
    if name in CHANCE and not _is_error(ours, theirs):
        return None if _shape(ours) == _shape(theirs) else mismatch(server, args, ours, theirs)
    if name in SCANS and isinstance(ours, list) and isinstance(theirs, list):
        if args[1 if name == b"SCAN" else 2] != b"0":
            return None
        mine, other = _scan(name, ours), _scan(name, theirs)
        return None if None in (mine, other) or mine == other else mismatch(server, args, ours, theirs)
    if name in UNORDERED:
        ours, theirs = sorted_reply(ours), sorted_reply(theirs)
    return mismatch(server, args, ours, theirs)


def _close(ours: Any, theirs: Any, slack: int) -> bool:
    both = isinstance(ours, int) and isinstance(theirs, int)
    return both and min(ours, theirs) > 0 and abs(ours - theirs) <= slack


def _is_error(*replies: Any) -> bool:
    return any(isinstance(reply, Failure) for reply in replies)


def _scan(name: bytes, reply: Any) -> Any:
    """A finished scan without its order; of an unfinished one only that it is not finished."""
    cursor, items = reply
    if cursor not in (b"0", 0):
        return None
    if name == b"ZSCAN":
        pairs = zip(items[::2], items[1::2], strict=True)
        return sorted((member, float(score)) for member, score in pairs)
    return sorted(items)


def _shape(reply: Any) -> Any:
    if isinstance(reply, Members):
        return "set", len(reply.items)
    if isinstance(reply, list):
        return [_shape(item) if isinstance(item, (list, float)) else type(item).__name__ for item in reply]
    return type(reply).__name__


def follow_chance(partner: Partner, args: Sequence[bytes], ours: Any) -> Any:
    """Makes a server pop the members that the store popped; gives a reply that agrees if they were there."""
    gone = list(ours.items) if isinstance(ours, Members) else ours if isinstance(ours, list) else [ours]
    if ours is None or not gone:
        return ours
    removed = partner.execute("SREM", args[1], *gone)
    return (
        ours if removed == len(gone) else Failure(f"only {removed} of the popped members {gone} were there")
    )
