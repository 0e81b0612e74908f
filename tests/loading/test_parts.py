"""Multi-part logs: which files are read, in which order, where it goes on, and what is refused untouched.

The defects of today's servers that are about files are here under their numbers: they do not happen.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import aofstore
from aofstore import AofLoadError, AofOpenError
from aofstore._core import _testing
from tests.servers.resp import encode

MANIFEST = "appendonly.aof.manifest"
BASE = "appendonly.aof.1.base.aof"
INCR = "appendonly.aof.1.incr.aof"


def _set(key: str, value: str = "v") -> bytes:
    return encode([b"SELECT", b"0"]) + encode([b"SET", key.encode(), value.encode()])


def _line(name: str, seq: int, kind: str, more: str = "") -> str:
    return f"file {name} seq {seq} type {kind}{more}\n"


def _place(directory: Path, manifest: str | None, **files: bytes) -> Path:
    """A log whose files are named ``a``, ``b`` …; its directory."""
    parts = directory / "appendonlydir"
    parts.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (parts / name).write_bytes(data)
    if manifest is not None:
        (parts / MANIFEST).write_text(manifest)
    return parts


def _open(directory: Path, **options: Any) -> aofstore.Store[bytes]:
    store: aofstore.Store[bytes] = aofstore.open(directory, aof_layout="multi-part", **options)
    return store


def _state(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def _keys(directory: Path, **options: Any) -> set[bytes]:
    with _open(directory, **options) as store:
        return set(store.keys())


def _refused(directory: Path, kind: str, **options: Any) -> AofLoadError:
    """The error, after which not a byte is different."""
    before = _state(directory)
    with pytest.raises(AofLoadError) as caught:
        _open(directory, **options)
    assert caught.value.kind == kind
    assert _state(directory) == before
    return caught.value


def test_a_new_log_has_a_private_directory_a_manifest_and_one_increment(tmp_path: Path) -> None:
    with _open(tmp_path) as store:
        store.set("k", "v")
        parts = tmp_path / "appendonlydir"
        assert store.load_report.files == ()
        assert {path.name: path.stat().st_mode & 0o777 for path in parts.iterdir()} == {
            INCR: 0o600,
            MANIFEST: 0o600,
        }
        assert parts.stat().st_mode & 0o777 == 0o700
        assert (parts / MANIFEST).read_text() == _line(INCR, 1, "i")
    assert (parts / INCR).read_bytes() == _set("k")
    assert not (tmp_path / "appendonly.aof").exists()


def test_names_follow_the_settings(tmp_path: Path) -> None:
    with _open(tmp_path, appendfilename="my log", appenddirname="dir") as store:
        store.set("k", "v")
    text = (tmp_path / "dir" / "my log.manifest").read_text()
    assert text == 'file "my log.1.incr.aof" seq 1 type i\n'
    assert _keys(tmp_path, appendfilename="my log", appenddirname="dir") == {b"k"}


def test_all_files_are_read_in_order_and_the_newest_is_appended_to(tmp_path: Path) -> None:
    manifest = _line("i1", 3, "i") + _line("base", 2, "b") + _line("i2", 7, "i") + _line("old", 1, "h")
    files = {"base": _set("a", "1"), "i1": _set("a", "2") + _set("b"), "i2": _set("a", "3"), "old": b"junk"}
    parts = _place(tmp_path, manifest, **files)
    with _open(tmp_path) as store:
        assert (store.get("a"), store.get("b")) == (b"3", b"v")
        report = store.load_report
        assert report.files == tuple(str(parts / name) for name in ("base", "i1", "i2"))
        assert report.bytes == sum(len(files[name]) for name in ("base", "i1", "i2"))
        assert report.commands == 8
        info = store.info("persistence")
        assert (info["aof_base_size"], info["aof_current_size"]) == (len(files["base"]), report.bytes)
        store.set("c", "v")
        assert store.info("persistence")["aof_current_size"] == report.bytes + len(_set("c"))
    assert (parts / "i2").read_bytes() == files["i2"] + _set("c")
    # History is removed, file and line.
    assert not (parts / "old").exists()
    assert (parts / MANIFEST).read_text() == _line("base", 2, "b") + _line("i1", 3, "i") + _line("i2", 7, "i")


def test_each_file_begins_in_database_0(tmp_path: Path) -> None:
    base = encode([b"SELECT", b"5"]) + encode([b"SET", b"five", b"v"])
    _place(tmp_path, _line("b", 1, "b") + _line("i", 1, "i"), b=base, i=encode([b"SET", b"zero", b"v"]))
    with _open(tmp_path) as store:
        assert (store.keys(), store.db(5).keys()) == ([b"zero"], [b"five"])


def test_history_is_kept_with_aof_disable_auto_gc(tmp_path: Path) -> None:
    manifest = _line("old", 1, "h") + _line("i", 1, "i")
    parts = _place(tmp_path, manifest, old=b"junk", i=b"")
    assert _keys(tmp_path, aof_disable_auto_gc=True) == set()
    assert (parts / "old").exists()
    assert (parts / MANIFEST).read_text() == manifest


def test_what_others_wrote_into_the_manifest_is_kept_but_not_what_appending_makes_false(
    tmp_path: Path,
) -> None:
    manifest = "# mine\n" + _line("b", 1, "b", " later x") + _line("i", 1, "i", " startoffset 4 endoffset 9")
    parts = _place(tmp_path, manifest, b=_set("k"), i=b"")
    assert _keys(tmp_path) == {b"k"}
    kept = "# mine\n" + _line("b", 1, "b", " later x") + _line("i", 1, "i", " startoffset 4")
    assert (parts / MANIFEST).read_text() == kept
    assert _keys(tmp_path) == {b"k"}
    assert (parts / MANIFEST).read_text() == kept


def test_a_manifest_of_comments_is_an_empty_log(tmp_path: Path) -> None:
    parts = _place(tmp_path, "# nothing yet\n")
    assert _keys(tmp_path) == set()
    assert (parts / MANIFEST).read_text() == "# nothing yet\n" + _line(INCR, 1, "i")


def test_an_empty_manifest_is_refused(tmp_path: Path) -> None:
    _place(tmp_path, "", **{INCR: _set("k")})
    assert "rebuild" in str(_refused(tmp_path, "manifest"))


def test_a_damaged_manifest_is_refused_with_line_and_offset(tmp_path: Path) -> None:
    _place(tmp_path, _line("b", 1, "b") + "file x\n", b=_set("k"))
    error = _refused(tmp_path, "manifest")
    assert error.offset == len(_line("b", 1, "b")) and "line 2" in str(error)
    assert "rebuild_manifest" in str(error)


def test_a_file_that_is_listed_and_missing_is_named(tmp_path: Path) -> None:
    _place(tmp_path, _line("b", 1, "b") + _line("i", 1, "i"), b=_set("k"))
    error = _refused(tmp_path, "manifest")
    assert "lists i" in str(error) and str(error.path).endswith("/i")


@pytest.mark.parametrize("manifest", [None, "# only a comment\n", _line("gone", 1, "h")])
def test_defect_6_files_without_a_manifest_are_no_new_start(tmp_path: Path, manifest: str | None) -> None:
    _place(tmp_path, manifest, **{BASE: _set("k"), INCR: b""})
    assert BASE in str(_refused(tmp_path, "manifest"))


def test_what_a_crash_leaves_before_the_first_manifest_is_a_new_start(tmp_path: Path) -> None:
    parts = _place(
        tmp_path, None, **{INCR: b"", f"temp-{MANIFEST}": b"file x", "temp-appendonly.aof.incr": b"x"}
    )
    assert _keys(tmp_path) == set()
    assert {path.name for path in parts.iterdir()} == {INCR, MANIFEST}


def test_a_part_that_is_not_listed_is_reported_and_left(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    parts = _place(tmp_path, _line("b", 1, "b"), b=_set("k"), **{"appendonly.aof.9.incr.aof": _set("x")})
    assert _keys(tmp_path) == {b"k"}
    assert (parts / "appendonly.aof.9.incr.aof").read_bytes() == _set("x")
    assert "appendonly.aof.9.incr.aof" in caplog.text


def test_a_torn_tail_is_cut_in_the_last_file_that_is_not_empty(tmp_path: Path) -> None:
    manifest = _line("b", 1, "b") + _line("i1", 1, "i") + _line("i2", 2, "i")
    parts = _place(tmp_path, manifest, b=_set("a"), i1=_set("k") + b"*3\r\n$3\r\nSE", i2=b"")
    with _open(tmp_path) as store:
        assert set(store.keys()) == {b"a", b"k"}
        (cut,) = store.load_report.truncations
        assert (cut.path, cut.offset, cut.dropped_bytes) == (str(parts / "i1"), len(_set("k")), 10)
        store.set("z", "v")
    assert (parts / "i1").read_bytes() == _set("k")
    assert (parts / "i2").read_bytes() == _set("z")
    assert _keys(tmp_path) == {b"a", b"k", b"z"}


def test_defect_5_a_torn_file_that_is_not_the_last_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    manifest = _line("i1", 1, "i") + _line("i2", 2, "i")
    _place(tmp_path, manifest, i1=_set("k") + b"*3\r\n$3\r\nSE", i2=_set("z"))
    for _ in range(2):
        error = _refused(tmp_path, "truncated")
        assert error.offset == len(_set("k")) and "not the last file" in str(error)


def test_defect_1_what_is_written_behind_a_torn_multi_is_there_at_the_next_start(tmp_path: Path) -> None:
    torn = encode([b"MULTI"]) + encode([b"SET", b"a", b"1"]) + encode([b"SET", b"b", b"2"])[:-3]
    parts = _place(tmp_path, _line("i", 1, "i"), i=_set("k") + torn)
    with _open(tmp_path) as store:
        store.set("later", "v")
    assert (parts / "i").read_bytes() == _set("k") + _set("later")
    assert _keys(tmp_path) == {b"k", b"later"}


def test_defect_3_a_torn_comment_is_cut_before_anything_is_appended(tmp_path: Path) -> None:
    parts = _place(tmp_path, _line("i", 1, "i"), i=_set("k") + b"#TS:17")
    with _open(tmp_path) as store:
        store.set("later", "v")
    assert (parts / "i").read_bytes() == _set("k") + _set("later")
    assert _keys(tmp_path) == {b"k", b"later"}


def test_defect_13_a_comment_in_the_manifest_outlives_openings(tmp_path: Path) -> None:
    parts = _place(tmp_path, f"# made by hand\n{_line('i', 1, 'i', ' mine 1')}", i=_set("k"))
    for _ in range(2):
        assert _keys(tmp_path) == {b"k"}
    assert (parts / MANIFEST).read_text() == f"# made by hand\n{_line('i', 1, 'i', ' mine 1')}"


def test_a_link_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(_set("k"))
    parts = _place(tmp_path / "data", _line("i", 1, "i"))
    (parts / "i").symlink_to(outside)
    with pytest.raises(AofOpenError, match="i: it is a symbolic link, and none is followed"):
        _open(tmp_path / "data")
    assert outside.read_bytes() == _set("k")


def test_the_directory_of_the_log_may_be_a_link_to_another_disk(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "appendonlydir").symlink_to(tmp_path / "elsewhere")
    with _open(tmp_path / "data") as store:
        store.set("k", "v")
    assert (tmp_path / "elsewhere" / INCR).read_bytes() == _set("k")


def test_a_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "appendonlydir").write_bytes(b"x")
    with pytest.raises(AofOpenError, match="appendonlydir"):
        _open(tmp_path)


def test_a_single_file_store_does_not_open_a_multi_part_log(tmp_path: Path) -> None:
    _place(tmp_path, _line("i", 1, "i"), i=_set("k"))
    before = _state(tmp_path)
    with pytest.raises(AofOpenError, match='aof_layout="multi-part"'):
        aofstore.open(tmp_path, aof_layout="single-file")
    assert _state(tmp_path) == before


def _taken_over(directory: Path) -> None:
    assert _keys(directory) == {b"k"}
    parts = directory / "appendonlydir"
    assert (parts / "appendonly.aof").read_bytes() == _set("k")
    assert (parts / MANIFEST).read_text() == _line("appendonly.aof", 1, "b") + _line(INCR, 1, "i")
    assert not (directory / "appendonly.aof").exists()


def test_a_single_file_is_taken_over_as_the_base(tmp_path: Path) -> None:
    with aofstore.open(tmp_path, aof_layout="single-file") as store:
        store.set("k", "v")
    _taken_over(tmp_path)
    _taken_over(tmp_path)


@pytest.mark.parametrize("call", ["make_dir", "write_new", "rename", "sync_dir"])
@pytest.mark.parametrize("mode", ["fail", "fail_after"])
def test_a_take_over_that_failed_anywhere_is_finished_at_the_next_open(
    tmp_path: Path, call: str, mode: str
) -> None:
    for nth in range(1, 9):
        directory = tmp_path / str(nth)
        directory.mkdir()
        (directory / "appendonly.aof").write_bytes(_set("k"))
        plan = _testing.FaultPlan()
        plan.add(call, 5, nth=nth, mode=mode)
        _testing.install_fault_plan(plan)
        try:
            assert _keys(directory) == {b"k"}
        except AofOpenError:
            assert plan.injected() == 1
        finally:
            _testing.install_fault_plan(None)
        _taken_over(directory)


@pytest.mark.parametrize("kind", ["begun", "imported"])
@pytest.mark.parametrize("mode", ["fail", "fail_after"])
def test_an_opening_that_failed_leaves_what_was_there_or_a_whole_log(
    tmp_path: Path, kind: str, mode: str
) -> None:
    """Whatever call fails when a log is begun, with nothing or with the data of a snapshot."""
    with aofstore.open(tmp_path / "dump", appendonly=False) as store:
        store.set("k", "v")
        store.save()
    dump, failed = (tmp_path / "dump" / "dump.rdb").read_bytes(), set()
    for call in ("make_dir", "open_dir", "open", "write_new", "rename", "write", "sync", "sync_dir", "stat"):
        for nth in range(1, 12):
            directory = tmp_path / f"{call}-{nth}"
            directory.mkdir()
            if kind == "imported":
                (directory / "dump.rdb").write_bytes(dump)
            before = sorted(directory.iterdir())
            plan = _testing.FaultPlan()
            plan.add(call, 5, nth=nth, mode=mode)
            _testing.install_fault_plan(plan)
            try:
                _open(directory).close()
            except (AofOpenError, AofLoadError, aofstore.AofWriteError, aofstore.RewriteError):
                failed.add(call)
                if sorted(directory.iterdir()) != before:
                    # What was made is a log, with all that is in it.
                    assert aofstore.check(directory / "appendonlydir").sound, (call, nth)
            finally:
                _testing.install_fault_plan(None)
            assert _keys(directory) == ({b"k"} if kind == "imported" else set()), (call, nth)
    assert {"make_dir", "open", "write_new"} <= failed


def test_a_take_over_that_stopped_between_its_two_names_is_finished(tmp_path: Path) -> None:
    parts = _place(tmp_path, _line("appendonly.aof", 1, "b"))
    (tmp_path / "appendonly.aof").write_bytes(_set("k"))
    os.link(tmp_path / "appendonly.aof", parts / "appendonly.aof")
    _taken_over(tmp_path)


def test_another_file_beside_a_base_of_its_name_is_left(tmp_path: Path) -> None:
    parts = _place(tmp_path, _line("appendonly.aof", 1, "b"), **{"appendonly.aof": _set("k")})
    (tmp_path / "appendonly.aof").write_bytes(_set("other"))
    assert _keys(tmp_path) == {b"k"}
    assert (tmp_path / "appendonly.aof").read_bytes() == _set("other")
    assert (parts / "appendonly.aof").read_bytes() == _set("k")


def test_a_damaged_single_file_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "appendonly.aof").write_bytes(b"*x\r\n" + _set("k"))
    _refused(tmp_path, "format")


def test_reports_name_a_file_that_was_taken_over_where_it_is_now(tmp_path: Path) -> None:
    old = tmp_path / "appendonly.aof"
    old.write_bytes(_set("k") + b"*1\r\n$4")
    with _open(tmp_path) as store:
        report = store.load_report
    now = str(tmp_path / "appendonlydir" / "appendonly.aof")
    assert report.files == (now,)
    (cut,) = report.truncations
    assert (cut.path, cut.saved_to) == (now, f"{old}.truncated-{len(_set('k'))}")
    assert all(Path(path).exists() for path in (*report.files, cut.path, cut.saved_to))


STRAYS: dict[str, tuple[bytes, str]] = {
    "beside increments": (_set("x"), _line("i", 1, "i")),
    "beside a base that was taken over": (
        _set("x"),
        _line("appendonly.aof", 1, "b") + _line("i", 1, "i"),
    ),
}


@pytest.mark.parametrize("name", STRAYS)
def test_a_single_file_beside_a_log_of_many_parts_is_told_and_left(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """As after a start of Redis 6, or of a Redis 7 that was told to keep its files elsewhere."""
    data, manifest = STRAYS[name]
    parts = {"i": _set("k")} | ({"appendonly.aof": _set("b")} if "base" in name else {})
    _place(tmp_path, manifest, **parts)
    (tmp_path / "appendonly.aof").write_bytes(data)
    assert b"x" not in _keys(tmp_path)
    (told,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told.startswith(f"{tmp_path / 'appendonly.aof'} is a log in one file beside the manifest")
    assert (tmp_path / "appendonly.aof").read_bytes() == data
    report = aofstore.check(tmp_path)
    (note,) = report.files[0].problems
    assert (report.sound, note.kind, note.path) == (True, "orphan", str(tmp_path / "appendonly.aof"))
    assert aofstore.check(tmp_path / "appendonlydir").files[0].problems == (note,)
    caplog.clear()
    (tmp_path / "appendonly.aof").write_bytes(b"")
    _keys(tmp_path)
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
    assert aofstore.check(tmp_path).files[0].problems == ()


def test_a_torn_single_file_is_taken_over_and_cut(tmp_path: Path) -> None:
    (tmp_path / "appendonly.aof").write_bytes(_set("k") + b"*1\r\n")
    _taken_over(tmp_path)


def test_under_always_what_was_loaded_is_synced_and_under_every_policy_what_lies_before_the_last_file(
    tmp_path: Path,
) -> None:
    for policy, wanted in {"always": {"b", "i1", "i2"}, "everysec": {"b", "i1"}, "no": {"b", "i1"}}.items():
        manifest = _line("b", 1, "b") + _line("i1", 1, "i") + _line("i2", 2, "i")
        directory = tmp_path / policy
        _place(directory, manifest, b=_set("a"), i1=_set("b"), i2=_set("c"))
        plan = _testing.FaultPlan()
        plan.record(True)
        _testing.install_fault_plan(plan)
        try:
            store = _open(directory, appendfsync=policy)
        finally:
            _testing.install_fault_plan(None)
        assert {name for call, name, *_ in plan.made() if call == "sync"} == wanted
        store.close()
