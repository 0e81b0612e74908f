"""The command table against the promised list, a real server, the methods, the pages and the transcripts."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from tests.meta.test_options import COMMANDS, GOLDEN
from tests.servers.words import split_line
from tools.command_pages import DIRECTORY, INSTEAD, LOGGED, NOTES, PAGES, page_of, pages
from tools.command_table import Command, by_command, methods, table


@functools.cache
def here() -> dict[str, Command]:
    return table()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_promised_command_is_there(name: str) -> None:
    assert name.replace("|", " ") in here()


def test_every_command_has_a_method_or_a_reason() -> None:
    sent = set(by_command(methods()))
    assert sent - set(here()) == set(), "methods send what the table does not have"
    assert set(here()) - sent == set(INSTEAD), "commands without a method, and the reasons given"


def test_every_method_sends_a_command() -> None:
    assert {method.name for method in methods() if not method.sends} == set()


def test_every_command_stands_on_one_page() -> None:
    places: dict[str, list[str]] = {}
    for page in PAGES:
        for line in (DIRECTORY / f"{page}.md").read_text("utf-8").splitlines():
            if line.startswith("## "):
                places.setdefault(line.removeprefix("## "), []).append(page)
    senders = by_command(methods())
    assert places == {name: [page_of(command, senders)] for name, command in here().items()}


def test_the_pages_are_current() -> None:
    written = {path.name: path.read_text("utf-8") for path in DIRECTORY.iterdir()}
    assert written == pages(), "run: make pages"


def test_every_transcript_belongs_to_a_page() -> None:
    directories = {path.name for path in GOLDEN.iterdir() if path.is_dir() and any(path.glob("*.txt"))}
    assert directories <= set(PAGES)
    assert set(PAGES) - directories == {"scanning"}, "SCAN and its kin are in the transcripts of their types"


# What may stand before or behind the record of any command: see the page index.
AROUND = {"SELECT", "MULTI", "EXEC", "DEL"}
SERVED = {"LPOP", "RPOP", "LMOVE", "RPOPLPUSH", "ZPOPMIN", "ZPOPMAX"}


@functools.cache
def logged() -> dict[str, set[str]]:
    """Command -> the first words of the records that follow it in the transcripts."""
    seen: dict[str, set[str]] = {}
    for path in sorted(Path(GOLDEN).glob("*/*.txt")):
        name = ""
        for line in path.read_text("utf-8").splitlines():
            if line.startswith("> "):
                name = split_line(line[2:])[0].decode("latin-1").upper()
            elif line.startswith("= "):
                seen.setdefault(name, set()).add(split_line(line[2:])[0].decode().upper())
    return seen


@pytest.mark.parametrize("name", [name for name, command in here().items() if command.writes])
def test_the_log_holds_what_the_page_says(name: str) -> None:
    records = LOGGED[name][0] if name in LOGGED else {name}
    seen = logged().get(name, set())
    assert records <= seen, "the page names records that no transcript has"
    assert seen - records <= AROUND | SERVED, "transcripts have records that the page does not name"


def test_what_only_reads_leaves_nothing_but_expired_keys() -> None:
    readers = {name for name, command in here().items() if not command.writes} - set(NOTES)
    assert {
        name: logged()[name] - {"DEL"} for name in readers & set(logged()) if logged()[name] - {"DEL"}
    } == {}


def test_the_texts_about_the_log_are_about_commands() -> None:
    assert set(LOGGED) | set(NOTES) <= set(here())
