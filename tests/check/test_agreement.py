"""A check says what opening will do, for every cut and every flipped bit of a small log; and a repair leaves
what is right of it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import aofstore
from tests.check.places import NAME, data_in, data_of, only, place, prints, real
from tests.crash.damage import variants
from tests.crash.samples import COMMANDS
from tests.servers.dataset import Dataset
from tests.servers.resp import encode

COMMENT = b"#TS:1700000000\r\n"
LINES: list[bytes] = [
    COMMENT,
    *map(encode, COMMANDS[:5]),
    COMMENT,
    *map(encode, COMMANDS[5:10]),
    b"# anything\n",
    *map(encode, COMMANDS[10:]),
    COMMENT,
]
LOG = b"".join(LINES)


@dataclass
class Units:
    """What of the log belongs together: lines, and transactions with what is in them."""

    spans: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        at, begun = 0, None
        for line in LINES:
            begun = at if line == encode([b"MULTI"]) else begun
            at += len(line)
            if begun is None:
                self.spans.append((at - len(line), at))
            elif line == encode([b"EXEC"]):
                self.spans.append((begun, at))
                begun = None

    def at(self, offset: int) -> int:
        """The unit that a byte is in."""
        return next(number for number, (_, end) in enumerate(self.spans) if offset < end)

    def without(self, number: int) -> bytes:
        start, end = self.spans[number]
        return LOG[:start] + LOG[end:]

    def until_select(self, number: int) -> bytes:
        start, end = self.spans[number]
        following = LOG.find(encode([b"SELECT", b"1"]), end)
        return LOG[:start] + (LOG[following:] if following >= 0 else b"")


UNITS = Units()


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.getLogger("aofstore").setLevel(logging.CRITICAL)
    yield
    logging.getLogger("aofstore").setLevel(logging.NOTSET)


def _opened(directory: Path, data: bytes) -> tuple[str, int | None]:
    """What opening does: how it ends, and where."""
    place(directory, data)
    try:
        with aofstore.open(directory, appendfsync="no") as store:
            cuts = store.load_report.truncations
            return ("truncated", cuts[0].offset) if cuts else ("sound", None)
    except aofstore.AofLoadError as error:
        return error.kind, error.offset


def _checked(directory: Path, data: bytes) -> tuple[aofstore.CheckReport, tuple[str, int | None]]:
    place(directory, data)
    before = prints(directory)
    report = aofstore.check(directory)
    assert prints(directory) == before
    if report.sound:
        assert report.files[0].valid_to == len(data)
        return report, ("sound", None)
    problem = only(report)
    return report, (problem.kind, problem.offset)


def test_every_cut_is_told_as_it_is_opened_and_repaired_to_the_longest_right_prefix(
    memory_path: Path,
) -> None:
    whole = [0, *(end for _, end in UNITS.spans)]
    states = {end: data_of(memory_path / "state", LOG[:end]) for end in whole}
    here = memory_path / "here"
    for length in range(len(LOG) + 1):
        kind, offset = _opened(memory_path / "there", LOG[:length])
        report, told = _checked(here, LOG[:length])
        assert told == (kind, offset), length
        assert aofstore.check(here, replay=False) == report
        dry = aofstore.repair(here)
        assert (dry.applied, bool(dry.changes)) == (False, not report.sound)
        assert prints(here).keys() == {NAME}
        done = aofstore.repair(here, apply=True)
        assert (done.applied, done.lost_commands) == (not report.sound, dry.lost_commands)
        kept = length if offset is None else offset
        assert done.changes == dry.changes
        if not report.sound:
            assert (here / f"{NAME}.truncated-{kept}").read_bytes() == LOG[kept:length]
        assert aofstore.check(here).sound
        assert (here / NAME).read_bytes() == LOG[:kept]
        right = max(end for end in whole if end <= length)
        assert data_in(here) == states[right], length


def test_every_flipped_bit_is_told_as_it_is_opened_and_salvaged_without_its_unit(memory_path: Path) -> None:
    expected: dict[int, list[Dataset]] = {}
    for number in range(len(UNITS.spans)):
        datas = [data_of(memory_path / "state", UNITS.without(number)), data_of(memory_path / "state", LOG)]
        if LOG[UNITS.spans[number][0]] == ord("#") and number + 1 < len(UNITS.spans):
            # Without its end it goes on in what follows.
            datas.append(data_of(memory_path / "state", UNITS.without(number + 1)))
        if b"SELECT" in LOG[slice(*UNITS.spans[number])]:
            # Which database the commands behind it were meant for may not be known any more.
            datas.append(data_of(memory_path / "state", UNITS.until_select(number)))
        expected[number] = datas
    whole = data_of(memory_path / "state", LOG)
    here, seen = memory_path / "here", {"sound": 0, "tail": 0, "salvaged": 0, "swallowed": 0}
    for at, (name, data) in enumerate(variants(LOG, "flip")):
        kind, offset = _opened(memory_path / "there", data)
        report, told = _checked(here, data)
        assert told == (kind, offset), name
        if report.sound:
            seen["sound"] += 1
            sound = aofstore.repair(here, apply=True, salvage=True)
            assert (sound.applied, sound.changes, real(sound.problems)) == (False, (), [])
            assert (here / NAME).read_bytes() == data
            continue
        first, last = aofstore.repair(here, apply=True), None
        if first.applied:
            seen["tail"] += 1
            assert real(first.problems) == []
        else:
            seen["salvaged"] += 1
            assert prints(here).keys() == {NAME}
            assert (here / NAME).read_bytes() == data
            assert [problem.kind for problem in real(first.problems)] == [kind]
            last = aofstore.repair(here, apply=True, salvage=True)
            assert (last.applied, real(last.problems)) == (True, []), (name, last)
            assert any(path.read_bytes() == data for path in here.glob(f"{NAME}.damaged-*")), name
        assert aofstore.check(here).sound, name
        found, number = data_in(here), UNITS.at(at // 8)
        if found not in expected[number]:
            # It swallowed a part of the next, and is a whole command yet: no reader can tell.
            seen["swallowed"] += 1
            touched = [expected[near][0] for near in (number, number + 1)]
            keys = {key for data in touched for key in whole if data.get(key) != whole[key]}
            assert all(found.get(key) == value for key, value in whole.items() if key not in keys), name
    assert 0 < seen.pop("swallowed") < 20 < min(seen.values()), seen
