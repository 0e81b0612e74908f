"""What ``aofstore inspect`` draws, with a stand-in that notes what matplotlib is told.

With matplotlib itself the same is drawn where benchmarks are (`benchmarks.test_inspection`).
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import pytest

from aofstore.cli import main
from tests.check.places import log_of, place

LOG = log_of(
    "SET page:$home$ " + "x" * 3000, "RPUSH l 1 2 3", "SET k v PXAT 4102444800000", "SELECT 3", "SADD s 1"
)


class Grid(dict[tuple[Any, int], Any]):
    """Axes by row and column; a column is a list."""

    def __getitem__(self, place: tuple[Any, int]) -> Any:
        return [self.setdefault((0, 0), MagicMock())] if place == (slice(None), 0) else self.get(place)


class Drawn:
    """A matplotlib that draws nothing, and what it was told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sheet, self.figure = MagicMock(), MagicMock()
        self.axes = {(row, column): MagicMock() for row in (0, 1) for column in (0, 1)}
        self.sheet.subplots.return_value = Grid(self.axes)
        self.figure.subfigures.return_value = Grid({(0, 0): self.sheet})
        modules = {"": MagicMock(), ".backends": MagicMock(), ".backends.backend_agg": MagicMock()}
        modules[".figure"] = MagicMock(Figure=MagicMock(return_value=self.figure))
        for name, module in modules.items():
            assert not isinstance(module, ModuleType)
            monkeypatch.setitem(sys.modules, f"matplotlib{name}", module)
        monkeypatch.delitem(sys.modules, "aofstore.cli.picture", raising=False)

    def words(self) -> str:
        """All that is to be read."""
        calls = [call for axis in (self.sheet, *self.axes.values()) for call in axis.mock_calls]
        return " ".join(str(call) for call in calls)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Drawn:
    return Drawn(monkeypatch)


def _inspect(directory: Path, picture: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["aofstore", "inspect", str(directory), "--picture", str(picture)])
    return main()


@pytest.mark.parametrize("name", ["it.png", "it.svg", "IT.SVG"])
def test_a_picture_has_what_the_tables_have(
    tmp_path: Path,
    drawn: Drawn,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    place(tmp_path / "data", LOG)
    assert _inspect(tmp_path / "data", tmp_path / name, monkeypatch) == 0
    drawn.figure.savefig.assert_called_once_with(tmp_path / name)
    assert f"drawn: {tmp_path / name}" in capsys.readouterr().err
    for word in ("page:$home$", "RPUSH", "string (raw)", "set (intset)", "never", "later", "4 keys"):
        assert word in drawn.words(), word
    # A key is no formula.
    assert "parse_math=False" in drawn.words()


def test_an_empty_log_is_drawn_too(
    tmp_path: Path, drawn: Drawn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place(tmp_path / "data", b"")
    assert _inspect(tmp_path / "data", tmp_path / "it.svg", monkeypatch) == 0
    assert "no keys" in drawn.words()
    assert capsys.readouterr().out


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("too large")])
def test_a_picture_that_cannot_be_written_is_told(
    tmp_path: Path,
    drawn: Drawn,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
) -> None:
    place(tmp_path / "data", LOG)
    drawn.figure.savefig.side_effect = error
    assert _inspect(tmp_path / "data", tmp_path / "it.png", monkeypatch) == 2
    told = capsys.readouterr().err
    assert f"cannot write {tmp_path / 'it.png'}" in told
    assert ("No space" in told) or ("too large" in told)
