"""The picture that `aofstore inspect` draws: here, because matplotlib is at hand where benchmarks are."""

from __future__ import annotations

import struct
from pathlib import Path

from aofstore.cli.picture import draw
from aofstore.inspection import inspect
from tests.check.places import log_of, place


def test_a_picture_has_what_the_tables_have(tmp_path: Path) -> None:
    log = log_of(
        "SET page:$home$ " + "x" * 3000, "RPUSH l 1 2 3", "SET k v PXAT 4102444800000", "SELECT 3", "SADD s 1"
    )
    found = inspect(place(tmp_path / "data", log))
    draw(found, tmp_path / "it.png")
    head = (tmp_path / "it.png").read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", head[16:24])
    assert (width, height) == (1440, 960)
    draw(found, tmp_path / "it.svg")
    text = (tmp_path / "it.svg").read_text()
    for word in ("page:$home$", "RPUSH", "string (raw)", "set (intset)", "never", "later", "4 keys"):
        assert word in text, word


def test_an_empty_log_is_drawn_too(tmp_path: Path) -> None:
    draw(inspect(place(tmp_path / "data", b"")), tmp_path / "it.svg")
    assert "no keys" in (tmp_path / "it.svg").read_text()
