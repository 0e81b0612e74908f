"""Power cuts: every disk that one could leave is made, opened and compared with what was promised until then.

Under ``always`` the data found must be the history up to the last acknowledged operation, or one more; under
``everysec`` the history up to any operation since the last sync that had returned. Transactions are whole or
not there, nothing is refused, and nothing is left behind but the log and what was cut off it. Only a log with
zeros before bytes that did arrive may be refused, with the offset of the zeros. The same holds when the power
is cut again while such a disk is being opened.
"""

from __future__ import annotations

import itertools
import random
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.crash.disks import PLACE, Opener, Outcome, build
from tests.crash.findings import Findings
from tests.crash.forms import FORMS, Form
from tests.crash.history import Policy
from tests.crash.layouts import Layout, Logs, holes
from tests.crash.omissions import broken, without_recovery_syncs
from tests.crash.operations import Sync, Write
from tests.crash.recording import Recording, Said, read_tree, recorded, sections
from tests.crash.states import ORDERS, Disk, Image, Order
from tests.crash.story import OPERATIONS, Life, Story
from tests.crash.strace import Call, traced
from tests.crash.upkeeps import Upkeep

POLICIES: tuple[Policy, ...] = ("always", "everysec")
AFTERWARDS = 3
BULKY_STEPS = 16
ENOUGH = 1000


@dataclass
class Promise:
    """What the threads of the process had been told at some moment.

    At least the ``durable`` operations of each survive a power cut, and at most one that was not
    ``acknowledged``; and an operation survives only with all that was acknowledged to anyone before it began.
    """

    policy: Policy
    acknowledged: list[int]
    durable: list[int]
    opened: bool = False
    logged: bool = True
    covered: dict[int, list[int]] = field(default_factory=dict)
    before: dict[tuple[int, int], list[int]] = field(default_factory=dict)

    def hear(self, said: Said) -> None:
        """Something the process said."""
        word, *rest = said.text.split()
        if word == "P":
            self.policy, self.opened = "always" if rest == ["always"] else "everysec", False
            return
        numbers = list(map(int, rest))
        if word == "O":
            self.acknowledged, self.opened = list(numbers), True
            self.before = {(thread, done + 1): numbers for thread, done in enumerate(numbers)}
            self.durable = list(numbers) if self.policy == "always" else self.durable
            return
        thread, done = numbers
        if word == "A":
            self.acknowledged[thread] = done
            self.before[thread, done + 1] = list(self.acknowledged)
        if word in ("N", "Y"):
            self.logged = word == "Y"
            self.durable[thread] = done
        elif self.logged and (word == "F" or self.policy == "always"):
            self.durable[thread] = done

    def sync_begins(self, sync: Sync) -> None:
        """A sync of the current log: everything acknowledged had been written to it.

        Before the opening is over that is what it found, which may be less than what was acknowledged.
        """
        self.covered[id(sync)] = list(self.acknowledged if self.opened else self.durable)

    def sync_ends(self, sync: Sync) -> None:
        covered = self.covered.pop(id(sync), self.durable)
        self.durable = list(map(max, self.durable, covered))

    def kept_by(self, outcome: Outcome) -> list[int] | None:
        """A position of each thread that keeps the promise, if the data found does."""
        ends = zip(outcome.positions, self.durable, self.acknowledged, strict=True)
        possible = [[at for at in found if low <= at <= high + 1] for found, low, high in ends]
        if not all(possible):
            return None
        for thread, found in enumerate(possible):
            needed = self.before.get((thread, found[0]), [0] * len(possible))
            if any(other[-1] < least for other, least in zip(possible, needed, strict=True)):
                return None
        return [found[0] for found in possible]

    def copy(self) -> Promise:
        """The same promise, to be heard on from here."""
        lists = list(self.acknowledged), list(self.durable)
        return Promise(self.policy, *lists, logged=self.logged, before=dict(self.before))

    def __str__(self) -> str:
        return f"{self.policy}, {self.acknowledged} acknowledged, {self.durable} durable"


@dataclass
class Seen(Findings):
    """What the power cuts of some stories showed; fewer than ``floor`` different disks show too little."""

    TOLD = 50

    floor: int = 0
    moments: int = 0
    images: int = 0
    distinct: int = 0
    again: int = 0
    refused: int = 0
    torn_times: int = 0
    seconds: float = 0.0

    def red(self) -> list[str]:
        found = super().red()
        return [*found, "few"] if self.distinct < self.floor else found

    def is_enough(self) -> bool:
        """What is so red will not get redder."""
        return self.kinds.total() > ENOUGH

    def __str__(self) -> str:
        return (
            f"{self.distinct} distinct disks at {self.moments} moments, "
            f"{self.again} more while one was opened, {self.refused} refused for a hole, "
            f"{self.torn_times} with a torn line that tells the time, {self.seconds:.0f} s"
        )


@dataclass(frozen=True)
class Sample:
    """A disk that was opened, and what had been promised when it was left so."""

    image: Image
    promise: Promise
    positions: tuple[int, ...]


class Judge:
    """Cuts the power at every moment of a recording; keeps some of the disks for a second cut."""

    def __init__(
        self, seen: Seen, opener: Opener, name: str, *, keep: int = 0, at_the_end: bool = False
    ) -> None:
        self._seen = seen
        self._opener = opener
        self._name = name
        self._rng = random.Random(name)
        self._keep = keep
        self._at_the_end = at_the_end
        self._offered = 0
        self.samples: list[Sample] = []

    def run(self, recording: Recording, order: Order, promise: Promise) -> None:
        disk, logs = Disk(order, recording.before), Logs(recording.before)
        for number, event in enumerate(recording.events):
            what, begins = event.what, event.phase == "begin"
            if isinstance(what, Said):
                promise.hear(what)
                continue
            # What may be on the disk changes now: what has been promised by now must hold until then.
            if isinstance(what, Sync) != begins and not self._at_the_end:
                self._cut(disk, promise, f"{order}, before event {number}")
            if begins:
                logs.see(what)
            if isinstance(what, Write) and begins:
                logs.wrote(what.node)
            if isinstance(what, Sync) and begins and logs.is_current(what.node):
                promise.sync_begins(what)
            (disk.begin if begins else disk.end)(what)
            if isinstance(what, Sync) and not begins:
                promise.sync_ends(what)
            if self._seen.is_enough():
                return
        self._cut(disk, promise, f"{order}, at the end")

    def _cut(self, disk: Disk, promise: Promise, moment: str) -> None:
        self._seen.moments += 1
        for image in disk.images():
            self._seen.images += 1
            before = len(self._opener)
            outcome = self._opener.outcome(image)
            if self._refused_for_a_hole(image, outcome):
                self._seen.refused += 1
                continue
            wrong, kept = outcome.wrong, None if outcome.wrong else promise.kept_by(outcome)
            if not wrong and kept is None:
                wrong = f"lost: the data after {outcome.positions} operations"
            if wrong:
                kind, _, text = wrong.partition(": ")
                self._seen.add(kind, f"{self._name}, {moment}, {promise}: {text}")
            elif self._keep and kept is not None and len(self._opener) > before:
                self._offer(Sample(image, promise.copy(), tuple(kept)))

    def _refused_for_a_hole(self, image: Image, outcome: Outcome) -> bool:
        return outcome.refused_at is not None and outcome.refused_at in holes(image.holes).items()

    def _offer(self, sample: Sample) -> None:
        """Every disk offered is kept with the same chance."""
        self._offered += 1
        if len(self.samples) < self._keep:
            self.samples.append(sample)
        elif (at := self._rng.randrange(self._offered)) < self._keep:
            self.samples[at] = sample


def stories(
    seeds: int,
    control: str = "",
    length: int = OPERATIONS,
    layout: Layout = "single-file",
    forms: tuple[Form, ...] = FORMS,
) -> Iterator[Story]:
    """Each policy from the first creation on: rewrites under one thread and under three, the log switched off
    and on, failing and healing, rewritten since it grew, and with syncs that fail; a life after a sudden end;
    and, into parts, one that takes a single file over. The same again, as far as it depends on that, where
    rewrites begin the log with a snapshot and where it tells the time.
    """
    for seed in range(seeds):
        for lives in itertools.chain(_courses(length, layout), _courses_in_forms(length, layout)):
            if lives[-1].form in forms:
                yield Story(PLACE, seed, lives, control)


def _courses(length: int, layout: Layout) -> Iterator[tuple[Life, ...]]:
    third = length // 3
    others: tuple[Upkeep, ...] = ("switches", "heals", "grows", "unproven")
    for policy in POLICIES:
        yield (Life(policy, (0,), length, upkeep="rewrites", layout=layout),)
        yield (Life(policy, (0, 0, 0), third, upkeep="rewrites", layout=layout),)
        for upkeep in others:
            yield (Life(policy, (0,), third, upkeep=upkeep, layout=layout),)
        if layout == "multi-part":
            single = Life(policy, (0,), third, killed=policy == "always")
            yield single, Life(policy, (third,), third, upkeep="rewrites", layout=layout)
    killed = Life("everysec", (0,), third, killed=True, upkeep="abandons", layout=layout)
    yield killed, Life("always", (third,), 15, upkeep="rewrites", layout=layout)


def _courses_in_forms(length: int, layout: Layout) -> Iterator[tuple[Life, ...]]:
    """Each policy meets each form; the log that heals and the one that is switched on begin anew."""
    third = length // 3
    courses: tuple[tuple[Policy, Upkeep, Form], ...] = (
        ("always", "rewrites", "snapshot"),
        ("everysec", "rewrites", "both"),
        ("always", "rewrites", "stamped"),
        ("always", "heals", "both"),
        ("everysec", "switches", "snapshot"),
        ("everysec", "unproven", "both"),
    )
    for policy, upkeep, form in courses:
        yield (Life(policy, (0,), third, upkeep=upkeep, layout=layout, form=form),)
    # What one life has told the time in, or begun with a snapshot, the next goes on with in another way.
    killed = Life("everysec", (0,), third, killed=True, upkeep="abandons", layout=layout, form="stamped")
    yield killed, Life("always", (third,), 15, upkeep="rewrites", layout=layout, form="both")


def bulky_stories(layout: Layout = "single-file") -> Iterator[Story]:
    """Values that need several writes, in the log, in the pipe and in the file of a rewrite."""
    for policy in POLICIES:
        life = Life(policy, (0,), BULKY_STEPS, upkeep="rewrites", layout=layout)
        yield Story(PLACE, 0, (life,), bulky=True)


def cut(root: Path, told: Iterable[Story], floor: int, keep: int = 0) -> Seen:
    """Records each story and judges every power cut in it, and in the opening of ``keep`` disks of each."""
    seen, began = Seen(floor), time.monotonic()
    for story in told:
        if seen.is_enough():
            break
        place = root / "story"
        place.mkdir()
        (calls,) = _lived(root, {place: story})
        recording = recorded(calls, place, {})
        recording = broken(recording, story.control)
        shutil.rmtree(place)
        opener = Opener(root, story)
        judge = Judge(seen, opener, str(story), keep=keep, at_the_end=story.control == "harness-few")
        nothing = [0] * len(story.lives[-1].starts)
        for order in ORDERS:
            judge.run(recording, order, Promise("always", nothing, nothing).copy())
        seen.distinct += len(opener)
        _cut_again(root, story, judge.samples, seen, opener)
        seen.torn_times += opener.torn_times
    seen.seconds += time.monotonic() - began
    return seen


def _cut_again(root: Path, story: Story, samples: Sequence[Sample], seen: Seen, opener: Opener) -> None:
    """The power comes back, a disk is opened and used, and the power is cut again at every moment of that."""
    if not samples:
        return
    last, before = story.lives[-1], len(opener)
    again, told = root / "again", {}
    again.mkdir()
    for number, sample in enumerate(samples):
        place = again / str(number)
        build(sample.image, place)
        told[place] = replace(
            story,
            lives=(Life(last.policy, sample.positions, AFTERWARDS, layout=last.layout, form=last.form),),
        )
    trees = [read_tree(place) for place in told]
    for sample, place, tree, calls in zip(samples, told, trees, _lived(root, told), strict=True):
        judge = Judge(seen, opener, f"{story}, opened again at {sample.positions}")
        recording = recorded(calls, place, tree)
        if story.control == "harness-skip-recovery-sync":
            recording = without_recovery_syncs(recording)
        for order in ORDERS:
            judge.run(recording, order, sample.promise.copy())
    shutil.rmtree(again)
    seen.again += len(opener) - before


def _lived(root: Path, told: Mapping[Path, Story]) -> list[list[Call]]:
    """Lets every story happen in its place, and returns its calls."""
    lines = [replace(story, directory=str(place / PLACE)).to_json() for place, story in told.items()]
    (root / "stories").write_text("\n".join(lines), encoding="utf-8")
    return sections(traced(["-m", "tests.crash.story", str(root / "stories")], root / "strace"), "D")
