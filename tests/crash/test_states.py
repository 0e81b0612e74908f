"""The model of the disk itself, on operations made by hand: what must be there, what may be, what cannot."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.crash.operations import ROOT, Enter, Move, Remove, Resize, Sync, Tree, Write
from tests.crash.recording import Said, read_tree, recorded
from tests.crash.states import MOST_IMAGES, ORDERS, Disk, Order
from tests.crash.strace import UnknownCallError, calls, traced

OLD: Tree = {"log": b"old"}
LOG = 1
NEW = 9


def images(disk: Disk) -> set[tuple[tuple[str, bytes | None], ...]]:
    return {image.paths for image in disk.images()}


def logs(disk: Disk) -> set[bytes | None]:
    """What the log may hold, None where it has no name."""
    return {dict(image.paths).get("log") for image in disk.images()}


@pytest.mark.parametrize("order", ORDERS)
class TestBothOrders:
    def test_what_was_there_is_there(self, order: Order) -> None:
        assert images(Disk(order, OLD)) == {(("log", b"old"),)}

    def test_an_unsynced_append_may_be_there_whole_torn_or_as_zeros(self, order: Order) -> None:
        disk = Disk(order, OLD)
        disk.apply(Write(LOG, 3, b"1234"))
        torn = {b"old", b"old12", b"old123", b"old1234"}
        zeros = {b"old\0\0\0\0", b"old12\0\0", b"old123\0"}
        assert logs(disk) == torn | zeros

    def test_a_synced_append_is_there(self, order: Order) -> None:
        disk = Disk(order, OLD)
        disk.apply(Write(LOG, 3, b"1234"))
        disk.apply(Sync(LOG))
        assert logs(disk) == {b"old1234"}

    def test_a_sync_covers_only_what_was_written_before_it_began(self, order: Order) -> None:
        disk, sync, write = Disk(order, OLD), Sync(LOG), Write(LOG, 3, b"A")
        disk.begin(write)
        disk.begin(sync)
        disk.end(write)
        disk.end(sync)
        assert logs(disk) == {b"old", b"old\0", b"oldA"}

    def test_a_sync_that_has_not_returned_promises_nothing(self, order: Order) -> None:
        disk = Disk(order, OLD)
        disk.apply(Write(LOG, 3, b"A"))
        disk.begin(Sync(LOG))
        assert b"old" in logs(disk)

    def test_a_new_name_is_durable_only_with_its_directory(self, order: Order) -> None:
        disk = Disk(order, {})
        disk.apply(Enter(ROOT, "log", NEW))
        disk.apply(Write(NEW, 0, b"A"))
        disk.apply(Sync(NEW))
        assert logs(disk) == {None, b"A"}
        disk.apply(Sync(ROOT))
        assert logs(disk) == {b"A"}

    def test_a_renamed_file_that_was_not_synced_may_be_empty(self, order: Order) -> None:
        disk = Disk(order, OLD)
        disk.apply(Enter(ROOT, "temp", NEW))
        disk.apply(Write(NEW, 0, b"AB"))
        disk.apply(Move(ROOT, "temp", "log", NEW))
        disk.apply(Sync(ROOT))
        assert logs(disk) == {b"", b"A", b"AB", b"\0\0", b"A\0"}

    def test_an_unlinked_name_may_come_back(self, order: Order) -> None:
        disk = Disk(order, OLD)
        disk.apply(Remove(ROOT, "log"))
        assert logs(disk) == {None, b"old"}
        disk.apply(Sync(ROOT))
        assert logs(disk) == {None}

    def test_a_cut_and_a_later_append(self, order: Order) -> None:
        disk = Disk(order, {"log": b"oldTAIL"})
        disk.apply(Resize(LOG, 3))
        assert logs(disk) == {b"oldTAIL", b"old"}
        disk.apply(Write(LOG, 3, b"A"))
        assert {b"oldTAIL", b"old", b"oldA"} <= logs(disk)
        assert (b"oldAAIL" in logs(disk)) == (order == "weak")

    def test_what_is_there_while_the_power_is_on(self, order: Order) -> None:
        disk = Disk(order, OLD)
        disk.apply(Write(LOG, 3, b"A"))
        disk.apply(Move(ROOT, "log", "other", LOG))
        assert disk.live().paths == (("other", b"oldA"),)
        assert disk.at("other") == LOG
        assert disk.at("log") is None

    def test_too_many_to_list_are_sampled_with_the_least_and_the_most(self, order: Order) -> None:
        disk = Disk(order, {"a": b"", "b": b""})
        for number in range(10):
            disk.apply(Write(1, number, b"A"))
            disk.apply(Write(2, number, b"B"))
        found = images(disk)
        assert 50 < len(found) <= MOST_IMAGES
        assert (("a", b""), ("b", b"")) in found
        assert (("a", b"A" * 10), ("b", b"B" * 10)) in found


def test_names_of_the_journal_come_in_their_order() -> None:
    disk = Disk("journal", {})
    disk.apply(Enter(ROOT, "a", 1))
    disk.apply(Enter(ROOT, "b", 2))
    assert images(disk) == {(), (("a", b""),), (("a", b""), ("b", b""))}


def test_any_directory_syncs_the_whole_journal() -> None:
    disk = Disk("journal", {})
    disk.apply(Enter(ROOT, "made", 1, is_directory=True))
    disk.apply(Enter(1, "log", 2))
    disk.apply(Sync(1))
    assert images(disk) == {(("made", None), ("made/log", b""))}


def test_weak_names_come_in_any_order_and_a_rename_is_two() -> None:
    disk = Disk("weak", {})
    disk.apply(Enter(ROOT, "a", 1))
    disk.apply(Enter(ROOT, "b", 2))
    assert images(disk) == {(), (("a", b""),), (("b", b""),), (("a", b""), ("b", b""))}
    disk = Disk("weak", OLD)
    disk.apply(Move(ROOT, "log", "new", LOG))
    old, new = ("log", b"old"), ("new", b"old")
    assert images(disk) == {(old,), (new,), (old, new), ()}


def test_a_rename_into_another_directory_is_one_in_a_journal_and_two_in_the_weak_order() -> None:
    tree: Tree = {"log": b"old", "made": {}}
    found = {}
    for order in ORDERS:
        disk = Disk(order, tree)
        disk.apply(Move(ROOT, "log", "log", 1, into=2))
        found[order] = {tuple(path for path, _ in image) for image in images(disk)}
        assert disk.at("made/log") == 1
    old, new = ("log", "made"), ("made", "made/log")
    assert found["journal"] == {old, new}
    assert found["weak"] == {old, new, ("made",), ("log", "made", "made/log")}
    disk.apply(Sync(2))
    assert {tuple(path for path, _ in image) for image in images(disk)} == {new, ("log", "made", "made/log")}


def test_a_weak_directory_is_synced_alone() -> None:
    disk = Disk("weak", {})
    disk.apply(Enter(ROOT, "made", 1, is_directory=True))
    disk.apply(Enter(1, "log", 2))
    disk.apply(Sync(1))
    assert images(disk) == {(), (("made", None), ("made/log", b""))}
    disk.apply(Sync(ROOT))
    assert images(disk) == {(("made", None), ("made/log", b""))}


def test_a_weak_file_may_miss_a_write_in_the_middle() -> None:
    disk = Disk("weak", OLD)
    for at, data in ((3, b"A"), (4, b"B"), (5, b"C")):
        disk.apply(Write(LOG, at, data))
    holes = {dict(image.paths)["log"]: dict(image.holes).get("log") for image in disk.images()}
    assert holes[b"old\0BC"] == 3
    assert holes[b"oldA\0C"] == 4
    assert holes[b"old\0\0C"] == 3
    assert holes[b"oldA\0\0"] is None
    assert holes[b"oldABC"] is None
    assert all(dict(image.holes) == {} for image in Disk("journal", OLD).images())


SCRIPT = """
import os, sys, threading
place = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECTORY)
file = os.open("a", os.O_WRONLY | os.O_CREAT | os.O_APPEND, dir_fd=place)
os.write(file, b'one"\\n\\\\')
os.write(1, b"A 1\\n")
def work():
    os.write(file, b"two")
    os.fdatasync(file)
thread = threading.Thread(target=work)
thread.start()
thread.join()
if os.fork() == 0:
    os.close(place)
    os.write(file, b"three")
    os._exit(0)
os.wait()
os.ftruncate(file, 9)
os.rename("a", "b", src_dir_fd=place, dst_dir_fd=place)
os.fsync(place)
os.mkdir(os.path.join(sys.argv[1], "made"))
with open(os.path.join(sys.argv[1], "made", "c"), "xb") as other:
    other.write(b"x")
os.unlink(os.path.join(sys.argv[1], "made", "c"))
"""
linux = pytest.mark.skipif(sys.platform != "linux", reason="strace, which records the calls, is Linux's")


@linux
def test_threads_and_children_are_recorded(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    found = recorded(traced(["-c", SCRIPT, str(root)], tmp_path / "log"), root, {})
    happened = [event.what for event in found.events if event.phase != "end"]
    assert happened == [
        Enter(ROOT, "a", 1),
        Write(1, 0, b'one"\n\\'),
        Said("A 1"),
        Write(1, 6, b"two"),
        Sync(1),
        Write(1, 9, b"three"),
        Resize(1, 9),
        Move(ROOT, "a", "b", 1),
        Sync(ROOT),
        Enter(ROOT, "made", 2, is_directory=True),
        Enter(2, "c", 3),
        Write(3, 0, b"x"),
        Remove(2, "c"),
    ]


@linux
@pytest.mark.parametrize(
    ("script", "named"),
    [
        ("os.truncate(path, 1)", "truncate"),
        ("os.symlink('x', path + '2')", "symlink"),
        ("os.pwrite(os.open(path, os.O_WRONLY), b'x', 1)", "pwrite64"),
        ("os.close(os.open(path, os.O_WRONLY | os.O_TRUNC))", "O_TRUNC"),
    ],
)
def test_a_call_without_a_rule_is_refused(tmp_path: Path, script: str, named: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "file").write_bytes(b"old")
    before = read_tree(root)
    program = f"import os, sys\npath = sys.argv[1]\n{script}"
    found = traced(["-c", program, str(root / "file")], tmp_path / "log")
    with pytest.raises(UnknownCallError, match=named):
        recorded(found, root, before)


@linux
def test_a_record_that_does_not_lead_to_the_directory_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    found = traced(["-c", SCRIPT, str(root)], tmp_path / "log")
    (root / "b").write_bytes(b"something else")
    with pytest.raises(UnknownCallError, match="does not lead"):
        recorded(found, root, {})


def test_calls_of_two_threads_overlap() -> None:
    log = [
        r'10 write(3, "\x41", 1 <unfinished ...>',
        "11 fdatasync(3 <unfinished ...>",
        "10 <... write resumed>)             = 1",
        "11 <... fdatasync resumed>)         = 0",
        "10 +++ exited with 0 +++",
    ]
    write, sync = calls("\n".join(log))
    assert (write.name, write.strings(), write.begin, write.end) == ("write", [b"A"], 0, 2)
    assert (sync.name, sync.number(0), sync.begin, sync.end) == ("fdatasync", 3, 1, 3)
