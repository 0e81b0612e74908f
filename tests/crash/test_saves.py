"""The power is cut at every moment of saves: the dump is a whole one, none older than was promised."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.crash.operations import Move, Sync
from tests.crash.recording import Recording, Said, recorded
from tests.crash.states import ORDERS, Disk, Order
from tests.crash.strace import traced

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="strace, which records the calls, is Linux's")

DUMP = "dump.rdb"
# "D n": the n-th save has been acknowledged. What a dump holds is as long as its number says.
SCRIPT = """
import logging, sys, time
logging.disable()
import aofstore
from aofstore._core import _testing
root, control = sys.argv[1:]
_testing.set_control(control)
store = aofstore.open(root, appendonly=False, save="3600 1000")
for number in range(1, 7):
    store.set(f"key:{number}", "v" * 100)
    if number % 2:
        store.save()
    else:
        store.bgsave()
        while store.info("persistence")["rdb_bgsave_in_progress"]:
            time.sleep(0.01)
        assert store.info("persistence")["rdb_last_bgsave_status"] == "ok"
    print(f"D {number}", flush=True)
store.set("last", 1)
store.close()
print("D 7", flush=True)
"""


@pytest.fixture(params=["none", "rename-before-sync", "skip-dir-sync"], scope="module")
def recording(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Recording]:
    directory = tmp_path_factory.mktemp("saves")
    root = directory / "root"
    root.mkdir()
    found = traced(["-c", SCRIPT, str(root), request.param], directory / "log")
    return str(request.param), recorded(found, root, {})


def dumps(recording: Recording) -> list[bytes]:
    """What had the dump's name while the program ran, in order."""
    disk, found = Disk("journal", recording.before), []
    for event in recording.events:
        if isinstance(event.what, Said):
            continue
        (disk.begin if event.phase == "begin" else disk.end)(event.what)
        if event.phase == "end" and isinstance(event.what, Move) and event.what.new == DUMP:
            content = dict(disk.live().paths)[DUMP]
            assert content is not None
            found.append(content)
    return found


def cuts(recording: Recording, order: Order) -> tuple[int, list[str]]:
    """How many disks there may be, and what is wrong with them."""
    whole = dumps(recording)
    disk, promised, seen, wrong = Disk(order, recording.before), 0, 0, []

    def cut() -> None:
        nonlocal seen
        for image in disk.images():
            seen += 1
            content = dict(image.paths).get(DUMP)
            if content is None:
                kept = 0
            elif content in whole:
                kept = whole.index(content) + 1
            else:
                wrong.append(f"torn: {len(content)} bytes that nobody saved")
                continue
            if kept < promised:
                wrong.append(f"lost: dump {kept} where {promised} was promised")

    for event in recording.events:
        if isinstance(event.what, Said):
            promised = int(event.what.text.removeprefix("D ") or promised)
            continue
        if isinstance(event.what, Sync) != (event.phase == "begin"):
            cut()
        (disk.begin if event.phase == "begin" else disk.end)(event.what)
    cut()
    return seen, wrong


@pytest.mark.parametrize("order", ORDERS)
def test_a_power_cut_at_any_moment_leaves_a_whole_dump(
    order: Order, recording: tuple[str, Recording]
) -> None:
    control, record = recording
    assert len(dumps(record)) == 7
    seen, wrong = cuts(record, order)
    assert seen > 100
    expected = {"none": set(), "rename-before-sync": {"torn"}, "skip-dir-sync": {"lost"}}[control]
    assert {text.partition(":")[0] for text in wrong} == expected, wrong[:5]


def test_the_child_and_the_parent_sync_in_this_order(recording: tuple[str, Recording]) -> None:
    control, record = recording
    steps = [
        type(event.what).__name__
        for event in record.events
        if event.phase == "end" and isinstance(event.what, (Sync, Move))
    ]
    expected = {
        "none": ["Sync", "Move", "Sync"],
        "rename-before-sync": ["Move", "Sync", "Sync"],
        "skip-dir-sync": ["Sync", "Move"],
    }[control]
    assert steps[-len(expected) :] == expected


def test_no_temporary_file_is_left(recording: tuple[str, Recording], tmp_path: Path) -> None:
    _, record = recording
    disk = Disk("journal", record.before)
    for event in record.events:
        if not isinstance(event.what, Said):
            (disk.begin if event.phase == "begin" else disk.end)(event.what)
    assert [path for path, _ in disk.live().paths] == [DUMP]
