"""What one file may hold after a power cut: what was synced, and of what was not, some.

Shared by both orders of `states`: any prefix of the unsynced changes, the next one torn, zeros up to a later
size; and for the weak one any of the changes, with zeros in the place of those that are missing.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.crash.operations import Change, Resize, Write

PAGE = 4096
ALL_SUBSETS = 6
SAMPLES = 12


@dataclass(frozen=True)
class Content:
    """One thing that a file may hold; ``hole`` is where zeros stand before a write that is there."""

    data: bytes
    hole: int | None = None


def applied(data: bytes, change: Change) -> bytes:
    if isinstance(change, Resize):
        return data[: change.size].ljust(change.size, b"\0")
    assert isinstance(change, Write)
    end = change.offset + len(change.data)
    return data[: change.offset].ljust(change.offset, b"\0") + change.data + data[end:]


def torn(durable: bytes, changes: Sequence[Change]) -> Iterator[Content]:
    """Every prefix, the next write cut inside, and zeros up to the size that it or the last one gives."""
    prefixes = list(itertools.accumulate(changes, applied, initial=durable))
    for number, prefix in enumerate(prefixes):
        yield Content(prefix)
        if number == len(changes):
            return
        parts = [prefix]
        change = changes[number]
        if isinstance(change, Write):
            cuts = _cuts(change)
            parts += [applied(prefix, Write(change.node, change.offset, change.data[:cut])) for cut in cuts]
        sizes = sorted({len(prefixes[number + 1]), len(prefixes[-1])})
        for part in parts:
            yield Content(part)
            for size in sizes:
                if size > len(part):
                    yield Content(part.ljust(size, b"\0"))


def _cuts(write: Write) -> list[int]:
    """Where a write may be torn: in the middle, before its last byte, and at the pages that it crosses.

    One that begins with a line that tells the time also in the middle of that, and before its very end.
    """
    size = len(write.data)
    first, last = PAGE - write.offset % PAGE, size - (write.offset + size) % PAGE
    line = write.data.find(b"\n") if write.data.startswith(b"#") else 0
    return sorted(cut for cut in {size // 2, size - 1, first, last, line // 2, line} if 0 < cut < size)


def holed(durable: bytes, changes: Sequence[Change], rng: random.Random) -> Iterator[Content]:
    """Any of the changes missing, with zeros where a missing write was."""
    for subset in subsets(len(changes), rng):
        if subset == tuple(range(len(subset))):
            continue
        data = durable
        for at in subset:
            data = applied(data, changes[at])
        missing = [change for at, change in enumerate(changes) if at not in subset]
        yield Content(data, _hole(data, missing))


def _hole(data: bytes, missing: Iterable[Change]) -> int | None:
    """Where zeros stand for a missing write, with bytes behind them."""
    starts = (
        change.offset
        for change in missing
        if isinstance(change, Write)
        and change.offset < len(data)
        and not data[change.offset : change.offset + len(change.data)].strip(b"\0")
    )
    return min(starts, default=None)


def subsets(count: int, rng: random.Random) -> Iterator[tuple[int, ...]]:
    """All subsets of a few; of many all prefixes, all without one, all alone, and a sample."""
    whole = range(count)
    if count <= ALL_SUBSETS:
        for size in range(count + 1):
            yield from itertools.combinations(whole, size)
        return
    for size in range(count + 1):
        yield tuple(whole[:size])
    for one in whole:
        yield tuple(at for at in whole if at != one)
        yield (one,)
    for _ in range(SAMPLES):
        yield tuple(at for at in whole if rng.random() < 0.5)


def combined(
    choices: Sequence[Sequence[Content]], limit: int, rng: random.Random
) -> list[tuple[Content, ...]]:
    """Every combination; of too many each choice of each file with the rest at its least and its most.

    The first two are the least and the most of everything.
    """
    least, most = [choice[0] for choice in choices], [choice[:2][-1] for choice in choices]
    picked = [tuple(least), tuple(most)]
    if math.prod(map(len, choices)) <= limit:
        picked += itertools.product(*choices)
    else:
        picked += [
            (*rest[:at], content, *rest[at + 1 :])
            for at, choice in enumerate(choices)
            for content in choice
            for rest in (least, most)
        ]
        picked += [tuple(rng.choice(choice) for choice in choices) for _ in range(limit)]
    return list(dict.fromkeys(picked))
