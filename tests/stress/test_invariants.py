"""The red controls of ``make stress``: each invariant that is broken is told of."""

from __future__ import annotations

import pytest

import aofstore
from tests.stress.invariants import violations
from tests.stress.load import prepare


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("INCR", "account:1"), "the accounts hold 20001, not 20000"),
        (("RPUSH", "counted:count1", 1, 3), "b'counted:count1' is not 1…2: [1, 3]…[1, 3]"),
        (("RPUSH", "copied:copy8", 2), "b'copied:copy8' is not 1…1: [2]…[2]"),
        (("RPUSH", "taken", "p/1", "p/1"), "b'p/1' exists 2 times"),
        (("SET", "made:p", 3), "b'p' made 3, but these are gone: [1, 2]"),
        (("SET", "lease:1", "x"), "b'lease:1' has no TTL"),
    ],
)
def test_what_is_broken_is_told_of(command: tuple[str | int, ...], told: str) -> None:
    with aofstore.open() as store:
        prepare(store)
        store.setex("lease:2", 100, "x")
        assert violations(store) == []
        store.execute_command(*command)
        assert violations(store) == [told]
