"""Recordings of stores that forget one call: made by leaving it out of the recording of one that does not.

They are red controls: what the enumerator must find lost, left or refused.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.crash.layouts import MANIFEST
from tests.crash.operations import ROOT, Enter, Move, Resize, Sync
from tests.crash.recording import Event, Recording, Said


def broken(recording: Recording, control: str) -> Recording:
    """The recording with what the control leaves out; the same for any other control."""
    leave_out = _OMISSIONS.get(control)
    return recording if leave_out is None else leave_out(recording)


def _without(recording: Recording, forgotten: Callable[[Sync], bool]) -> Recording:
    """Every event is passed in its order, so that ``forgotten`` may depend on what came before."""
    kept = [
        event for event in recording.events if not (isinstance(event.what, Sync) and forgotten(event.what))
    ]
    return Recording(recording.before, kept)


def _without_parent_syncs(recording: Recording) -> Recording:
    """No directory above the store's is synced; the store's is the last that was made."""
    made = [
        event.what.node
        for event in recording.events
        if isinstance(event.what, Enter) and event.what.is_directory and event.phase == "begin"
    ]
    above = {ROOT, *made[:-1]}
    return _without(recording, lambda sync: sync.node in above)


def _without_base_syncs(recording: Recording) -> Recording:
    """No file with data is synced before it is renamed."""
    return _without_early_syncs(recording, lambda name: name != MANIFEST)


def _without_manifest_syncs(recording: Recording) -> Recording:
    """No manifest is synced before it is renamed."""
    return _without_early_syncs(recording, lambda name: name == MANIFEST)


def _without_early_syncs(recording: Recording, forgotten: Callable[[str], bool]) -> Recording:
    """Files that are going to be renamed to such a name are not synced before."""
    moves = (event.what for event in recording.events if isinstance(event.what, Move))
    moved = {move.node for move in moves if forgotten(move.new)}
    kept, placed = [], set()
    for event in recording.events:
        if isinstance(event.what, Move):
            placed.add(event.what.node)
        if not (isinstance(event.what, Sync) and event.what.node in moved - placed):
            kept.append(event)
    return Recording(recording.before, kept)


def _without_rename_syncs(recording: Recording) -> Recording:
    """The sync of the directory behind a rename is not made."""
    kept: list[Event] = []
    renamed, left_out = None, None
    for event in recording.events:
        if isinstance(event.what, Move):
            renamed = event.what.directory
        if isinstance(event.what, Sync) and event.what.node == renamed:
            renamed, left_out = None, event.what
        if event.what is not left_out or left_out is None:
            kept.append(event)
    return Recording(recording.before, kept)


def without_recovery_syncs(recording: Recording) -> Recording:
    """Files that were cut are not synced before the store is open."""
    kept, cut_off, opened = Recording(recording.before), set(), False
    for event in recording.events:
        opened |= isinstance(event.what, Said) and event.what.text.startswith("O ")
        if isinstance(event.what, Resize):
            cut_off.add(event.what.node)
        if opened or not (isinstance(event.what, Sync) and event.what.node in cut_off):
            kept.events.append(event)
    return kept


_OMISSIONS: dict[str, Callable[[Recording], Recording]] = {
    "harness-skip-parent-sync": _without_parent_syncs,
    "harness-skip-base-sync": _without_base_syncs,
    "harness-skip-manifest-sync": _without_manifest_syncs,
    "harness-skip-rename-sync": _without_rename_syncs,
}
