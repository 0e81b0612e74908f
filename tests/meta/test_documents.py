"""What the documents say of settings, rooms, files and each other is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import aofstore
from tests.meta.test_layers import CORE

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(page for page in ROOT.glob("docs/**/*.md") if "_build" not in page.parts)]
)
FACADE = {"decode_responses", "encoding", "encoding_errors"}
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)(?:#[^)\s]*)?\)")


def settings_table() -> dict[str, tuple[str, str]]:
    """Setting -> default and mark, as docs/guide/configuration.md has them."""
    text = (ROOT / "docs/guide/configuration.md").read_text("utf-8")
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| `")]
    return {name.strip(" `"): (default.strip(" `"), mark.strip()) for name, default, mark, _ in rows}


def as_text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value in (None, ()):
        return "none"
    return f"{value >> 20}mb" if name in {"auto_aof_rewrite_min_size", "proto_max_bulk_len"} else str(value)


def test_the_table_of_settings_is_config() -> None:
    names = [name for name in aofstore.Config.__dataclass_fields__ if name != "_given"]
    expected = {name: as_text(name, getattr(aofstore.Config(), name)) for name in names}
    expected["appendonly"] = "yes with a directory, no without"
    documented = {name: default for name, (default, _) in settings_table().items()}
    assert list(documented.items()) == list(expected.items())


@pytest.mark.parametrize("name", settings_table())
def test_fixed_settings_are_fixed(tmp_path: Path, name: str) -> None:
    fixed = "fixed" in settings_table()[name][1]
    if name in FACADE:
        assert fixed, "a store has its decoding from the beginning"
        return
    redis_name = name.replace("_", "-")
    with aofstore.open(tmp_path) as store:
        present = store.config_get(redis_name)[redis_name]
        other = "no" if name == "appendonly" else present
        try:
            store.config_set(redis_name, other)
        except aofstore.ResponseError:
            assert fixed
        else:
            assert not fixed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = LINK.findall(page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_room_is_on_the_drawing() -> None:
    drawing = (ROOT / "docs/design/house.md").read_text("utf-8").split("```")[1]
    built = {path.stem for path in (ROOT / "rust/aofstore-core/src").iterdir()} - {"lib"}
    planned = {room.split("::")[0] for room in CORE} - built
    assert {room for room in built if not re.search(rf"(?<!\()\b{room}\b(?!\))", drawing)} == set()
    assert {room for room in planned if f"({room})" not in drawing} == set()
    assert set(re.findall(r"\((\w+)\)", drawing)) == planned, "what stands in brackets is not built yet"


def test_the_drawing_has_the_rules_of_the_layer_test() -> None:
    text = (ROOT / "docs/design/house.md").read_text("utf-8")
    rows = re.findall(r"^\| (`[^|]+) \| ([^|]+) \|$", text, re.MULTILINE)
    drawn = {
        room: set(re.findall(r"`([^`]+)`", allowed))
        for rooms, allowed in rows
        for room in re.findall(r"`([^`]+)`", rooms)
    }
    drawn["rdb::file"] |= drawn["rdb::value"] | {"rdb::value"}
    del drawn["aofstore-py"], drawn["engine"]
    assert drawn == {room: allowed for room, allowed in CORE.items() if room != "engine"}


def test_decisions_are_numbered_without_a_gap() -> None:
    for number, page in enumerate(sorted((ROOT / "docs/decisions").glob("0*.md")), 1):
        assert page.name.startswith(f"{number:04}-")
        assert page.read_text("utf-8").startswith(f"# {number}. ")
