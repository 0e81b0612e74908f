"""Logs of many parts and snapshots, those of real servers too: what is sound, missing, made anew."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import aofstore
from tests.check.places import log_of, only, prints, real
from tests.conftest import StartServer
from tests.servers.connection import StoreConnection
from tests.servers.dataset import Dataset, dataset
from tests.servers.process import Server, binary
from tests.servers.workload import run

STEM = "appendonly.aof"
MULTI = aofstore.Config(aof_layout="multi-part")


def _parts(tmp_path: Path) -> Path:
    """A data directory with a base and two increments."""
    inside = tmp_path / "data" / "appendonlydir"
    inside.mkdir(parents=True)
    (inside / f"{STEM}.1.base.aof").write_bytes(log_of("SELECT 0", "SET a 1"))
    (inside / f"{STEM}.1.incr.aof").write_bytes(log_of("SELECT 0", "INCR a", "SET b 2"))
    (inside / f"{STEM}.2.incr.aof").write_bytes(log_of("SELECT 0", "INCR a"))
    (inside / f"{STEM}.manifest").write_text(
        f"file {STEM}.1.base.aof seq 1 type b\n"
        f"file {STEM}.1.incr.aof seq 1 type i\n"
        f"file {STEM}.2.incr.aof seq 2 type i\n"
    )
    return tmp_path / "data"


def _open(directory: Path) -> aofstore.Store[bytes]:
    return aofstore.open(directory, aof_layout="multi-part", appendfsync="no")


def _data(directory: Path) -> Dataset:
    with _open(directory) as store:
        return dataset(StoreConnection(store), 2)


def test_a_log_of_many_parts_is_checked_in_order(tmp_path: Path) -> None:
    data = _parts(tmp_path)
    inside = data / "appendonlydir"
    report = aofstore.check(data)
    assert report.sound
    assert [Path(file.path).name for file in report.files] == [
        f"{STEM}.manifest",
        f"{STEM}.1.base.aof",
        f"{STEM}.1.incr.aof",
        f"{STEM}.2.incr.aof",
    ]
    assert [file.format for file in report.files] == ["manifest", "resp", "resp", "resp"]
    assert aofstore.check(inside) == report
    assert aofstore.check(inside / f"{STEM}.manifest") == report
    # A later file goes on where the one before it ended.
    (inside / f"{STEM}.2.incr.aof").write_bytes(log_of("RPUSH b x"))
    problem = only(aofstore.check(data))
    assert (problem.kind, problem.path) == ("replay", str(inside / f"{STEM}.2.incr.aof"))


def test_defect_5_a_torn_file_that_is_not_the_last_is_never_cut(tmp_path: Path) -> None:
    data = _parts(tmp_path)
    torn = data / "appendonlydir" / f"{STEM}.1.incr.aof"
    torn.write_bytes(torn.read_bytes()[:-3])
    before = prints(data)
    problem = only(aofstore.check(data))
    assert (problem.kind, problem.path) == ("truncated", str(torn))
    for apply in (False, True):
        report = aofstore.repair(data, apply=apply)
        assert (report.applied, report.changes) == (False, ())
        assert prints(data) == before
    with pytest.raises(aofstore.AofLoadError):
        _open(data)
    assert prints(data) == before
    report = aofstore.repair(data, apply=True, salvage=True)
    assert (report.applied, report.lost_commands, report.problems) == (True, 1, ())
    assert _data(data) == {(0, b"a"): ("string", b"3", -1)}


def test_a_torn_last_file_is_cut_and_empty_ones_behind_it_do_not_count(tmp_path: Path) -> None:
    data = _parts(tmp_path)
    last = data / "appendonlydir" / f"{STEM}.2.incr.aof"
    (data / "appendonlydir" / f"{STEM}.3.incr.aof").write_bytes(b"")
    with (data / "appendonlydir" / f"{STEM}.manifest").open("a") as file:
        file.write(f"file {STEM}.3.incr.aof seq 3 type i\n")
    whole = last.read_bytes()
    last.write_bytes(whole + b"*1\r\n$4")
    report = aofstore.repair(data, apply=True)
    assert (report.applied, report.problems) == (True, ())
    assert last.read_bytes() == whole
    assert last.with_name(f"{last.name}.truncated-{len(whole)}").read_bytes() == b"*1\r\n$4"
    assert aofstore.check(data).sound


BAD_MANIFESTS = {
    "empty": b"",
    "a number twice": b"file %b.1.incr.aof seq 1 type i\nfile %b.2.incr.aof seq 1 type i\n",
    "a falling number": b"file %b.2.incr.aof seq 2 type i\nfile %b.1.incr.aof seq 1 type i\n",
    "a number of 0": b"file %b.1.incr.aof seq 0 type i\n",
    "two bases": b"file %b.1.base.aof seq 1 type b\nfile %b.2.incr.aof seq 2 type b\n",
    "no end": b"file %b.1.base.aof seq 1 type b",
    "no data": b"# nothing\n",
    "junk": b"\0\1\2\n",
}


@pytest.mark.parametrize("name", BAD_MANIFESTS)
def test_a_manifest_that_no_store_takes_is_a_problem(tmp_path: Path, name: str) -> None:
    data = _parts(tmp_path)
    manifest = data / "appendonlydir" / f"{STEM}.manifest"
    manifest.write_bytes(BAD_MANIFESTS[name].replace(b"%b", STEM.encode()))
    before = prints(data)
    problem = only(aofstore.check(data))
    with pytest.raises(aofstore.AofLoadError) as raised:
        _open(data)
    assert (
        (problem.kind, problem.path) == (raised.value.kind, raised.value.path) == ("manifest", str(manifest))
    )
    assert real(aofstore.repair(data, apply=True, salvage=True).problems) == [problem]
    assert prints(data) == before
    report = aofstore.repair(data, apply=True, rebuild_manifest=True)
    assert (report.applied, report.lost_commands, real(report.problems)) == (True, 0, [])
    assert manifest.with_name(f"{manifest.name}.damaged-0").read_bytes() == BAD_MANIFESTS[name].replace(
        b"%b", STEM.encode()
    )
    assert _data(data)[0, b"a"] == ("string", b"3", -1)


def test_a_problem_of_a_manifest_says_where_once(tmp_path: Path) -> None:
    data = _parts(tmp_path)
    manifest = data / "appendonlydir" / f"{STEM}.manifest"
    manifest.write_text(f"file {STEM}.1.base.aof seq 1 type b\nfile")
    problem = only(aofstore.check(data))
    assert (problem.path, problem.offset) == (str(manifest), 44)
    assert str(manifest) not in problem.message
    assert "44" not in problem.message
    assert problem.message.startswith("line 2: ")
    assert problem.message.endswith("(repair with rebuild_manifest)")


ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "a directory": (Path.mkdir, "a directory and not a file"),
    "a pipe": (os.mkfifo, "not a regular file"),
    "a link": (lambda path: path.symlink_to(path.with_name("other")), "a symbolic link"),
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_no_file_is_told_from_what_is_not_there(tmp_path: Path, name: str) -> None:
    make, words = ODD[name]
    data = _parts(tmp_path)
    part = data / "appendonlydir" / f"{STEM}.1.incr.aof"
    (part.with_name("other")).write_bytes(part.read_bytes())
    part.unlink()
    make(part)
    problem = only(aofstore.check(data))
    assert (problem.kind, problem.path) == ("manifest", str(part))
    assert f"lists this file, and it is {words}" in problem.message
    with pytest.raises(aofstore.AofOpenError, match=f"it is {words}"):
        _open(data)
    assert aofstore.repair(data, apply=True, salvage=True).changes == ()
    single = tmp_path / "single"
    single.mkdir()
    make(single / STEM)
    for look in (aofstore.check, aofstore.repair, _open):
        with pytest.raises(aofstore.AofOpenError, match=f"{STEM}.* is {words}"):
            look(single)
    (single / STEM).rmdir() if name == "a directory" else (single / STEM).unlink()
    make(single / "dump.rdb")
    with pytest.raises(aofstore.AofOpenError, match=f"no snapshot in {single}; dump.rdb is {words}"):
        aofstore.check(single)


def test_a_link_to_itself_is_no_place(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for look in (aofstore.check, aofstore.repair):
        with pytest.raises(aofstore.AofOpenError) as raised:
            look(tmp_path / "loop")
        assert raised.value.errno == errno.ELOOP


def test_a_manifest_of_very_many_lines_is_read_in_time(tmp_path: Path) -> None:
    """Whoever compares every name with every other one does not come to the end."""
    data = _parts(tmp_path)
    lines = (f"file {STEM}.{number}.incr.aof seq {number} type i\n" for number in range(1, 100_001))
    (data / "appendonlydir" / f"{STEM}.manifest").write_text("".join(lines))
    report = aofstore.check(data)
    assert len(real(report.files[0].problems)) == 100_000 - 2


def test_the_directory_of_the_parts_may_be_a_link_and_others_may_be_closed(tmp_path: Path) -> None:
    data = _parts(tmp_path)
    (data / "appendonlydir").rename(tmp_path / "elsewhere")
    (data / "appendonlydir").symlink_to(tmp_path / "elsewhere")
    report = aofstore.check(data)
    assert (report.sound, len(report.files)) == (True, 4)


NO_SNAPSHOTS = {
    "": "truncated",
    "short": "truncated",
    "of another kind": "format",
    "*1\r\n$4\r\nPING\r\n": "format",
    "REDIS0099": "unsupported",
}


@pytest.mark.parametrize("text", NO_SNAPSHOTS)
def test_a_dump_that_is_none_is_told_as_opening_tells_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "dump.rdb"
    path.write_bytes(text.encode())
    problem = only(aofstore.check(tmp_path))
    with pytest.raises(aofstore.AofLoadError) as raised:
        aofstore.open(tmp_path, appendonly=False)
    assert (problem.kind, problem.offset) == (raised.value.kind, raised.value.offset)
    assert problem.kind == NO_SNAPSHOTS[text]
    (file,) = aofstore.check(tmp_path).files
    assert (file.format, file.valid_to) == ("rdb", 0)
    if len(text) >= 9 and not text.startswith("REDIS"):
        begin = text[:9].replace("\r\n", r"\r\n")
        assert f'this is no snapshot: it begins with "{begin}"' in problem.message


def test_defect_6_a_lost_manifest_is_found_and_made_anew(tmp_path: Path) -> None:
    data = _parts(tmp_path)
    manifest = data / "appendonlydir" / f"{STEM}.manifest"
    text = manifest.read_text()
    manifest.unlink()
    before = prints(data)
    problem = only(aofstore.check(data))
    assert (problem.kind, problem.path) == ("manifest", str(manifest))
    assert "rebuild_manifest" in problem.message
    assert [each.kind for file in aofstore.check(data).files for each in file.problems] == ["manifest"], (
        "which files are orphans is not known"
    )
    with pytest.raises(aofstore.AofLoadError):
        _open(data)
    dry = aofstore.repair(data, rebuild_manifest=True)
    assert (dry.applied, len(dry.changes), real(dry.problems)) == (False, 1, [])
    assert "guessed that" in dry.changes[0]
    assert prints(data) == before
    assert aofstore.repair(data, rebuild_manifest=True, apply=True).applied
    assert manifest.read_text() == text
    assert aofstore.check(data).sound
    assert aofstore.repair(data, rebuild_manifest=True, apply=True) == aofstore.RepairReport(False)


def test_files_that_are_missing_and_files_that_belong_to_nothing(tmp_path: Path) -> None:
    data = _parts(tmp_path)
    inside = data / "appendonlydir"
    (inside / f"{STEM}.7.incr.aof").write_bytes(log_of("SET x 1"))
    (inside / f"temp-{STEM}.manifest").write_bytes(b"")
    report = aofstore.check(data)
    assert report.sound
    (note,) = report.files[0].problems
    assert (note.kind, Path(note.path).name) == ("orphan", f"{STEM}.7.incr.aof")
    (inside / f"{STEM}.1.incr.aof").unlink()
    problem = only(aofstore.check(data))
    assert (problem.kind, Path(problem.path).name) == ("manifest", f"{STEM}.1.incr.aof")


def test_a_part_by_itself_is_not_taken_for_a_whole_log(tmp_path: Path) -> None:
    data = _parts(tmp_path)
    inside = data / "appendonlydir"
    part = inside / f"{STEM}.1.incr.aof"
    part.write_bytes(log_of("SELECT 0", "RENAME a c") + b"*1\r\n$4")
    problem = only(aofstore.check(part))
    assert problem.kind == "truncated"
    assert aofstore.repair(part, apply=True).applied is False
    part.write_bytes(log_of("SELECT 0", "RENAME a c"))
    assert aofstore.check(part).sound
    with _open(data), pytest.raises(aofstore.AofLockedError):
        aofstore.repair(inside / f"{STEM}.2.incr.aof", apply=True)


def test_a_store_keeps_a_repair_out(tmp_path: Path) -> None:
    data = _parts(tmp_path)
    with _open(data):
        for path in (data, data / "appendonlydir", data / "appendonlydir" / f"{STEM}.manifest"):
            assert aofstore.check(path).sound
            with pytest.raises(aofstore.AofLockedError):
                aofstore.repair(path, apply=True)


@pytest.mark.parametrize("preamble", ["yes", "no"])
def test_defect_12_what_servers_write_is_sound(
    server_kind: str, tmp_path: Path, start_server: StartServer, preamble: str
) -> None:
    """Valkey's own checker refuses the snapshot that Valkey writes by default."""
    options = ["--appendonly", "yes", "--aof-use-rdb-preamble", preamble, "--aof-timestamp-enabled", "yes"]
    server = start_server(server_kind, *options)
    with server.connect() as connection:
        run(connection, 3, 3000)
        connection.execute("BGREWRITEAOF")
        _wait(server)
        run(connection, 4, 2000)
        connection.execute("SAVE")
        wanted = dataset(connection, 2)
    server.stop()
    report = aofstore.check(server.directory)
    assert report.sound, report
    forms = {Path(file.path).name: file.format for file in report.files}
    assert forms["dump.rdb"] == "rdb"
    assert sorted(forms.values()).count("rdb") == (2 if preamble == "yes" else 1)
    assert wanted
    manifest = server.directory / "appendonlydir" / f"{STEM}.manifest"
    theirs = _their_check(server_kind, "aof", manifest)
    foreign = server_kind == "valkey" and preamble == "yes"
    assert (theirs == 0) is not foreign
    assert _their_check(server_kind, "rdb", server.directory / "dump.rdb") == 0


def test_where_their_checkers_and_ours_differ(tmp_path: Path) -> None:
    """Named differences: each is a file that one of them takes and the other does not."""
    path = tmp_path / STEM
    cases = {
        # Ours refuses, because a server could not start with it, or would lose what is appended.
        "an unknown command": (log_of("NOPE a"), False, True),
        "wrong arity": (log_of("SET a"), False, True),
        "a torn comment": (log_of("SET a 1") + b"#torn", False, True),
        "a database that there is not": (log_of("SELECT 99"), False, True),
        # Both.
        "a torn command": (log_of("SET a 1")[:-1], False, False),
        "no CR LF": (log_of("SET a 1")[:-2] + b"xx", False, False),
        "MULTI in MULTI": (log_of("MULTI", "MULTI", "EXEC"), False, False),
        "EXEC alone": (log_of("EXEC"), False, False),
        "an open MULTI": (log_of("MULTI", "SET a 1"), False, False),
        "whole": (log_of("SET a 1"), True, True),
    }
    for kind in ("redis", "valkey"):
        for name, (log, ours, theirs) in cases.items():
            path.write_bytes(log)
            assert aofstore.check(path).sound is ours, name
            assert (_their_check(kind, "aof", path) == 0) is theirs, (kind, name)


def test_every_flipped_bit_of_a_snapshot_is_found(tmp_path: Path, start_server: StartServer) -> None:
    server = start_server("redis", "--dbfilename", "dump.rdb")
    with server.connect() as connection:
        for line in (
            ["SET", "k", "v"],
            ["RPUSH", "l", "1", "2"],
            ["ZADD", "z", "1", "a"],
            ["HSET", "h", "f", "v"],
        ):
            connection.execute(*line)
        connection.execute("SAVE")
    whole = (server.directory / "dump.rdb").read_bytes()
    path = tmp_path / "dump.rdb"
    for at in range(len(whole)):
        for bit in range(8):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
            report = aofstore.check(path)
            assert not report.sound, (at, bit)
            assert aofstore.repair(path).changes == ()


SNAPSHOTS: dict[str, tuple[int, set[bytes], str]] = {
    # Where a byte is changed, counted from the end; keys that stay; what is said.
    "its checksum": (
        1,
        {b"a", b"b", b"c"},
        "keep 3 keys, which were all read, though any of them may be wrong",
    ),
    "its last key's length": (8 + 1 + 6, {b"a", b"b"}, "keep 2 keys that stand before the damage"),
    "its end": (0, {b"a", b"b", b"c"}, "keep 3 keys that stand before the damage"),
}


def _snapshot() -> bytes:
    """Three short strings, as a server of 7.0 writes them."""
    body = b"REDIS0010\xfe\x00" + b"".join(b"\x00\x01%c\x03x-%c" % (key, key) for key in b"abc") + b"\xff"
    return body + bytes(8)


@pytest.mark.parametrize("name", SNAPSHOTS)
@pytest.mark.parametrize("layout", ["dump.rdb", "base", "single file"])
def test_a_salvage_keeps_the_keys_before_the_damage_in_a_snapshot(
    tmp_path: Path, name: str, layout: str
) -> None:
    at, keys, words = SNAPSHOTS[name]
    whole = _snapshot()
    damaged = whole[:-4] if at == 0 else whole[:-at] + b"\x7f" + whole[len(whole) - at + 1 :]
    data = tmp_path / "data"
    path = (
        data
        / {"dump.rdb": "dump.rdb", "single file": STEM, "base": f"appendonlydir/{STEM}.1.base.rdb"}[layout]
    )
    path.parent.mkdir(parents=True)
    behind = b"" if layout == "dump.rdb" else log_of("SET d 4")
    path.write_bytes(damaged + (behind if at == 1 and layout == "single file" else b""))
    if layout == "base":
        (path.with_name(f"{STEM}.1.incr.aof")).write_bytes(log_of("SELECT 0") + behind)
        path.with_name(f"{STEM}.manifest").write_text(
            f"file {path.name} seq 1 type b\nfile {STEM}.1.incr.aof seq 1 type i\n"
        )
    settings = aofstore.Config(
        dir=data,
        appendonly=layout != "dump.rdb",
        aof_layout="multi-part" if layout == "base" else "single-file",
    )
    before = prints(data)
    problem = only(aofstore.check(data))
    assert words in problem.message
    refused = aofstore.repair(data, apply=True)
    assert (refused.applied, refused.changes, real(refused.problems)) == (False, (), [problem])
    dry = aofstore.repair(data, salvage=True)
    assert (dry.applied, len(dry.changes), dry.problems) == (False, 1, ())
    assert words in dry.changes[0]
    assert prints(data) == before
    done = aofstore.repair(data, salvage=True, apply=True)
    assert (done.applied, done.changes, real(done.problems)) == (True, dry.changes, [])
    assert path.with_name(f"{path.name}.damaged-{problem.offset}").read_bytes().startswith(damaged)
    assert aofstore.check(data).sound
    has_more = layout == "base" or (layout == "single file" and at == 1)
    with aofstore.open(config=settings) as store:
        found = {key: store.get(key) for key in store.scan_iter()}
    assert found.keys() == keys | ({b"d"} if has_more else set())
    assert all(found[key] == b"x-" + key for key in keys)
    assert aofstore.repair(data, salvage=True, apply=True) == aofstore.RepairReport(False)


def test_a_snapshot_that_cannot_be_salvaged_is_left(tmp_path: Path) -> None:
    path = tmp_path / "dump.rdb"
    whole = _snapshot()
    for bytes_ in (
        b"",
        whole[:5],
        b"REDIS0099" + whole[9:],
        whole[:12],
        whole.replace(b"\xfe\x00", b"\xfe\x20"),
    ):
        path.write_bytes(bytes_)
        report = aofstore.repair(tmp_path, salvage=True, apply=True)
        assert (report.applied, len(report.problems)) == (False, 1)
        assert "no repair can tell" in report.problems[0].message
        assert [entry.name for entry in tmp_path.iterdir()] == ["dump.rdb"]


def _wait(server: Server) -> None:
    with server.connect() as connection:
        while b"aof_rewrite_in_progress:1" in bytes(str(connection.execute("INFO", "persistence")), "utf-8"):
            pass


def _their_check(kind: str, what: str, path: Path) -> int:
    """The exit status of redis-check-aof, valkey-check-rdb and so on."""
    tool = f"{kind}-check-{what}"
    real_binary = binary(kind)
    found = shutil.which(tool)
    link = path.parent / tool
    if found is None:
        link.symlink_to(real_binary)
        found = str(link)
    done = subprocess.run([found, str(path)], input=b"n\n", capture_output=True, check=False, env=os.environ)
    link.unlink(missing_ok=True)
    return done.returncode
