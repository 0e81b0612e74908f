"""What a session is after its end."""

from __future__ import annotations

import pytest

import aofstore
from tests.conftest import OpenStore


def test_a_closed_session_takes_no_commands(open_store: OpenStore) -> None:
    with open_store().session() as session:
        session.execute_command("SET", "k", "v")
    with pytest.raises(aofstore.StoreClosedError, match="session"):
        session.execute_command("GET", "k")
    with pytest.raises(aofstore.StoreClosedError, match="session"), session:
        raise AssertionError("a closed session was entered")
