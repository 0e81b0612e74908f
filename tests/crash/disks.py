"""Disks as a power cut may leave them: made in memory, opened, and compared with the history.

A disk is opened once however often it comes up; what its data and its refusal are worth is for `power` to
say.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import aofstore
from tests.crash.history import DATABASES, Model
from tests.crash.layouts import is_log, not_kept, strangers
from tests.crash.states import Image
from tests.crash.story import Story
from tests.servers.connection import StoreConnection
from tests.servers.dataset import Dataset, dataset

PLACE = "made/data"
Frozen: TypeAlias = Any


def frozen(found: Dataset) -> Frozen:
    """A dataset as something that can be looked up."""
    return frozenset((where, entry[0], _frozen(entry[1]), entry[2]) for where, entry in found.items())


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    return frozenset(value.items()) if isinstance(value, dict) else value


class History:
    """Which data of a thread is there after how many of its operations."""

    def __init__(self, story: Story, thread: int) -> None:
        tape = story.tape(thread)
        model = Model(tape)
        self._positions: dict[Frozen, list[int]] = {frozen(model.dataset()): [0]}
        for position, operation in enumerate(story.history(thread), 1):
            model.apply(operation)
            self._positions.setdefault(frozen(model.dataset()), []).append(position)
        self._prefix = f"t{tape}:".encode()

    def positions(self, found: Dataset) -> tuple[int, ...]:
        """After how many operations the thread's data looked so; empty if it never did."""
        mine = {where: entry for where, entry in found.items() if where[1].startswith(self._prefix)}
        return tuple(self._positions.get(frozen(mine), ()))


@dataclass(frozen=True)
class Outcome:
    """What opening a disk did: each thread's possible positions in the data found, or why it was refused."""

    positions: tuple[tuple[int, ...], ...] = ()
    refused_at: tuple[str, int | None] | None = None
    wrong: str = ""


class Opener:
    """Makes disks below a directory in memory and opens them, each different one once."""

    def __init__(self, root: Path, story: Story) -> None:
        life = story.lives[-1]
        self._root = root
        self._histories = [History(story, thread) for thread in range(len(life.starts))]
        self._policy = life.policy
        self._layout = life.layout
        self._control = story.control
        self._outcomes: dict[bytes, Outcome] = {}
        # Disks with a line at their end that was to tell the time and is torn.
        self.torn_times = 0

    def __len__(self) -> int:
        return len(self._outcomes)

    def outcome(self, image: Image) -> Outcome:
        digest = image.digest()
        if digest not in self._outcomes:
            place = self._root / "disk"
            build(image, place)
            self._outcomes[digest] = self._open(image, place)
            shutil.rmtree(place)
        return self._outcomes[digest]

    def _open(self, image: Image, place: Path) -> Outcome:
        try:
            truncated = self._control != "harness-refuse"
            with aofstore.open(
                place / PLACE,
                appendfsync=self._policy,
                aof_layout=self._layout,
                aof_load_truncated=truncated,
            ) as store:
                found = dataset(StoreConnection(store), DATABASES)
                self.torn_times += any(map(_is_torn_time, store.load_report.truncations))
        except aofstore.AofLoadError as error:
            return Outcome(
                refused_at=(Path(error.path or "").name, error.offset), wrong=f"refused: {error!r}"
            )
        except aofstore.AofstoreError as error:
            return Outcome(wrong=f"refused: {error!r}")
        positions = tuple(told.positions(found) for told in self._histories)
        if not all(positions):
            return Outcome(wrong=f"lost: what no prefix of the history holds: {found!r:.300}")
        if self._control == "harness-leave":
            (place / PLACE / "temp-rewriteaof-bg-1-1.aof").touch()
        return Outcome(positions, wrong=self._left(image, place / PLACE))

    def _left(self, image: Image, place: Path) -> str:
        """What lies there that should not, or is not there that should: a tail that was cut off."""
        if strange := strangers(place, self._layout):
            return f"left: {strange}"
        found = ((Path(path).name, data) for path, data in image.paths if data is not None)
        return not_kept({name: data for name, data in found if is_log(name)}, place)


def _is_torn_time(truncation: aofstore.Truncation) -> bool:
    """Whether what was cut off is the beginning of a line and nothing else, zeros apart."""
    cut = Path(truncation.saved_to).read_bytes().rstrip(b"\0")
    return cut.startswith(b"#") and b"\n" not in cut


def build(image: Image, place: Path) -> None:
    """Puts a disk into an empty place."""
    place.mkdir()
    links = dict(image.links)
    for path, data in image.paths:
        if data is None:
            (place / path).mkdir()
        elif path in links:
            (place / path).hardlink_to(place / links[path])
        else:
            (place / path).write_bytes(data)
