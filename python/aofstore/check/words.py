"""What is said about a problem: what a repair would drop."""

from __future__ import annotations

from collections.abc import Sequence

from .findings import Hole, Rescue


def count(number: int, noun: str) -> str:
    """``1 command``, ``2 commands``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def lost(holes: Sequence[Hole]) -> int:
    """Commands that are in the stretches."""
    return sum(hole.commands for hole in holes)


def rescued(rescue: Rescue, size: int) -> str:
    """What is kept of a damaged snapshot."""
    if rescue.is_all:
        return f"{count(rescue.keys, 'key')}, which were all read, though any of them may be wrong"
    return (
        f"{count(rescue.keys, 'key')} that stand before the damage; what is behind is lost, in the last "
        f"{count(size - rescue.offset, 'byte')}"
    )


def advice(
    holes: Sequence[Hole] | None, size: int, *, is_tail: bool, is_last: bool, rescue: Rescue | None
) -> str:
    """What a repair would do, as the end of a sentence."""
    if rescue is not None:
        return f"a salvage would keep {rescued(rescue, size)}"
    if not holes:
        return "no repair can tell what to keep: put a sound copy in its place"
    dropped = sum(hole.length for hole in holes)
    much = f"{count(dropped, 'byte')} ({count(lost(holes), 'command')})"
    if is_tail:
        return f"a repair would drop the last {much}"
    if len(holes) == 1 and holes[0].end == size and not is_last:
        return f"the end of a file that others follow is not cut; a salvage would drop its last {much}"
    behind = size - holes[0].start - dropped
    places = "" if len(holes) == 1 else f" in {len(holes):,} places"
    return (
        f"whole commands are behind it, so nothing is cut there; a salvage would drop {much}{places} and "
        f"keep the other {count(behind, 'byte')} behind offset {holes[0].start}"
    )
