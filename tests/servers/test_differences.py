"""Every row of differences.toml is needed: its example differs as it says, on every server it names."""

from __future__ import annotations

from pathlib import Path

import pytest

import aofstore
from tests.servers.connection import StoreConnection, run_line
from tests.servers.differences import Difference, load, table, text_of
from tests.servers.pool import shared

ROWS = [
    pytest.param(server, row, id=f"{server}-{row.example[-1]}") for row in table() for server in row.servers
]


@pytest.mark.parametrize(("kind", "row"), ROWS)
def test_row_is_used(kind: str, row: Difference) -> None:
    with aofstore.open(None) as store, shared(kind).connect() as server:
        server.execute("FLUSHALL")
        ours, theirs = StoreConnection(store), server
        for line in row.example[:-1]:
            run_line(ours, line)
            run_line(theirs, line)
        line = row.example[-1]
        mine, other = text_of(run_line(ours, line)), text_of(run_line(theirs, line))
        assert mine != other, f"the servers agree by now: remove the row ({row.reason})"
        assert row.allows(kind, line, mine, other), f"{line}: here {mine!r}, there {other!r}"


def test_a_row_without_reason_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "d.toml"
    path.write_text(
        '[[difference]]\nservers=["redis"]\ncommand="a"\nours="b"\ntheirs="c"\nreason=""\nexample=["x"]\n'
    )
    with pytest.raises(ValueError, match="reason"):
        load(path)
