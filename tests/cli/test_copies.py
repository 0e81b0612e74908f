"""``aofstore restore`` and ``aofstore convert``: what they write, print and answer; the source stays."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import aofstore
from aofstore import copying
from aofstore._core import _testing
from aofstore.cli import main
from aofstore.moment import View
from tests.check.places import photograph
from tests.servers.connection import StoreConnection
from tests.servers.dataset import Dataset, dataset
from tests.servers.workload import run as work

T0 = 1_700_000_000
THEN = datetime.fromtimestamp(T0 + 15, UTC)


def command(*words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aofstore", *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
        check=False,
    )


def held(directory: Path, **settings: Any) -> Dataset:
    """The data, at a time when nothing of it has expired."""
    _testing.set_clock(T0 * 1000)
    with aofstore.open(directory, **settings) as store:
        return dataset(StoreConnection(store))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A closed single-file store with some of everything, in whose log it is T0, then T0+10, then T0+20."""
    path = tmp_path / "data"
    with aofstore.open(path, aof_layout="single-file", aof_timestamp_enabled=True) as store:
        for turn in range(3):
            _testing.set_clock((T0 + 10 * turn) * 1000)
            store.set("turn", turn)
            work(StoreConnection(store), turn, 300)
    _testing.set_clock(None)
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "copy"


def test_restore_writes_the_data_as_of_then(directory: Path, target: Path) -> None:
    before = photograph(directory)
    done = command(
        "restore", directory, "--until", "2023-11-14T22:13:35Z", "--out", target, NO_COLOR="1", COLUMNS="150"
    )
    assert done.returncode == 0, done.stderr
    assert "single-file, resp" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert ("writing" in done.stderr, "writing" in done.stdout) == (True, False)
    assert photograph(directory) == before
    with aofstore.open(target, aof_layout="single-file") as store:
        assert store.get("turn") == b"1"
    assert held(target, aof_layout="single-file") == held(directory, aof_layout="single-file", until=THEN)
    assert (target / "appendonly.aof").read_bytes().startswith(b"#TS:%d\r\n" % (T0 + 15))


@pytest.mark.parametrize("text", ["1700000015", "1700000015.5", "2023-11-14T23:13:35+01:00"])
def test_a_time_may_be_written_in_several_ways(directory: Path, target: Path, text: str) -> None:
    assert command("restore", directory, "--until", text, "--out", target).returncode == 0
    assert held(target, aof_layout="single-file")[0, b"turn"][1] == b"1"


@pytest.mark.parametrize("text", ["yesterday", "2023-11-14T22:13:35", "nan", "1e400", "2023-13-01T00:00:00Z"])
def test_a_time_that_is_none_is_refused_before_anything_is_looked_at(
    directory: Path, target: Path, text: str
) -> None:
    done = command("restore", directory, "--until", text, "--out", target)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr
    assert ("add its time zone" in done.stderr) == (text == "2023-11-14T22:13:35")
    assert "Traceback" not in done.stderr
    assert not target.exists()


def test_a_bar_comes_to_its_end_though_the_log_goes_on(directory: Path, target: Path) -> None:
    told: list[tuple[str, int, int]] = []
    view = View.of(datetime.fromtimestamp(T0 + 15, UTC))
    copying.copy(directory, target, view=view, watch=lambda *now: told.append(now))
    loading = [(done, total) for act, done, total in told if act == "loading"]
    assert loading[-2][0] < loading[-2][1]
    assert loading[-1][0] == loading[-1][1] == (directory / "appendonly.aof").stat().st_size


def test_json_says_what_was_copied(directory: Path, target: Path) -> None:
    done = command("restore", directory, "--until", f"{T0 + 100}", "--out", target, "--json")
    found = json.loads(done.stdout)
    assert (found["source"], found["target"]) == (str(directory), str(target))
    assert (found["layout"], found["base"]) == ("single-file", "resp")
    assert found["bytes"] == (target / "appendonly.aof").stat().st_size
    assert found["keys"] == len(held(target, aof_layout="single-file"))
    assert found["commands"] > 400


def source_of(kind: str, directory: Path) -> Path:
    """The store's own files, or a copy of many parts."""
    if kind in ("directory", "log"):
        return {"directory": directory, "log": directory / "appendonly.aof"}[kind]
    copy = directory.with_name("of-parts")
    copying.copy(directory, copy, layout="multi-part")
    parts = copy / "appendonlydir"
    return {"copy": copy, "parts": parts, "manifest": parts / "appendonly.aof.manifest"}[kind]


@pytest.mark.parametrize("kind", ["directory", "log", "copy", "parts", "manifest"])
@pytest.mark.parametrize("layout", ["single-file", "multi-part"])
def test_convert_keeps_the_data(directory: Path, target: Path, kind: str, layout: str) -> None:
    wanted = held(directory, aof_layout="single-file")
    source = source_of(kind, directory)
    before = photograph(source if source.is_dir() else source.parent)
    done = command("convert", source, target, "--layout", layout, "--base", "resp")
    assert done.returncode == 0, done.stderr
    assert photograph(source if source.is_dir() else source.parent) == before
    files = sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file())
    parts = ["appendonly.aof.1.base.aof", "appendonly.aof.1.incr.aof", "appendonly.aof.manifest"]
    assert files == (
        ["appendonly.aof"] if layout == "single-file" else [f"appendonlydir/{name}" for name in parts]
    )
    assert held(target, aof_layout=layout) == wanted
    if layout == "multi-part":
        assert (target / "appendonlydir/appendonly.aof.manifest").read_bytes() == (
            b"file appendonly.aof.1.base.aof seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n"
        )


def test_a_path_is_told_on_one_line_whatever_is_in_it(directory: Path, target: Path) -> None:
    """A table is not as wide as a path is long, and brackets in one are no markup."""
    long = target.with_name("[red]copy " + "of-many-words-" * 10)
    done = command("convert", directory, long, "--layout", "multi-part", COLUMNS="60")
    assert f"{long}: copy of {directory}" in done.stdout.splitlines()
    done = command("rewrite", long, COLUMNS="60")
    assert str(long / "appendonlydir/appendonly.aof.manifest") in done.stdout.splitlines()
    done = command("inspect", long, COLUMNS="60")
    assert str(long / "appendonlydir") in done.stdout.splitlines()
    assert "commands in the log" in done.stdout.splitlines()


def test_a_copy_is_private_and_its_directory_is_open_to_a_store_at_once(
    directory: Path, target: Path
) -> None:
    assert command("convert", directory, target, "--layout", "single-file").returncode == 0
    assert target.stat().st_mode & 0o777 == 0o700
    assert (target / "appendonly.aof").stat().st_mode & 0o777 == 0o600
    with aofstore.open(target, aof_layout="single-file") as store:
        store.set("new", 1)


def test_an_empty_directory_may_be_there(directory: Path, target: Path) -> None:
    target.mkdir()
    assert command("convert", directory, target, "--layout", "single-file").returncode == 0
    assert (target / "appendonly.aof").exists()


@pytest.mark.parametrize("base", ["rdb10", "rdb11"])
def test_a_base_may_be_a_snapshot_and_back(directory: Path, target: Path, base: str) -> None:
    wanted = held(directory, aof_layout="single-file")
    assert command("convert", directory, target, "--layout", "single-file", "--base", base).returncode == 0
    log = target / "appendonly.aof"
    assert log.read_bytes().startswith(b"REDIS00" + base[3:].encode())
    assert held(target, aof_layout="single-file") == wanted
    back = target.with_name("back")
    assert command("convert", log, back, "--layout", "single-file").returncode == 0
    assert held(back, aof_layout="single-file") == wanted


def test_a_snapshot_of_then_does_not_go_back_behind_it(directory: Path, target: Path) -> None:
    made = command("restore", directory, "--until", f"{T0 + 15}", "--out", target, "--base", "rdb10")
    assert made.returncode == 0
    for moment, status in ((T0 + 14, 1), (T0 + 15, 0)):
        words = ("restore", target, "--until", f"{moment}", "--out", target.with_name(f"{moment}"))
        assert command(*words).returncode == status


def test_a_file_is_read_whatever_is_beside_it(directory: Path, target: Path) -> None:
    copying.copy(directory, target, layout="multi-part")
    base = target / "appendonlydir" / "appendonly.aof.1.base.aof"
    (directory / "appendonly.aof").rename(target / "appendonly.aof")
    for source in (base, target / "appendonly.aof"):
        out = target.with_name(f"of-{source.parent.name}")
        assert command("convert", source, out, "--layout", "single-file").returncode == 0
        assert held(out, aof_layout="single-file")[0, b"turn"][1] == b"2"


def test_parts_without_a_manifest_are_refused(directory: Path, target: Path) -> None:
    copying.copy(directory, target, layout="multi-part")
    (target / "appendonlydir" / "appendonly.aof.manifest").unlink()
    done = command("convert", target, target.with_name("again"), "--layout", "single-file")
    assert (done.returncode, done.stdout) == (1, "")
    assert "rebuild_manifest" in done.stderr


def test_a_copy_of_many_parts_goes_on_from_then(directory: Path, target: Path) -> None:
    """Restored, written to, and seen as of before it was written to."""
    words = ("restore", directory, "--until", f"{T0 + 15}", "--out", target, "--layout", "multi-part")
    assert command(*words).returncode == 0
    _testing.set_clock((T0 + 30) * 1000)
    with aofstore.open(target, aof_layout="multi-part", aof_timestamp_enabled=True) as store:
        store.set("turn", "new")
    for second, turn in ((T0 + 29, b"1"), (T0 + 30, b"new")):
        moment = datetime.fromtimestamp(second, UTC)
        with aofstore.open(target, aof_layout="multi-part", until=moment) as store:
            assert store.get("turn") == turn


def occupied(target: Path) -> None:
    target.mkdir()
    (target / "something").write_text("of somebody")


def a_file(target: Path) -> None:
    target.write_text("of somebody")


def a_link(target: Path) -> None:
    (target.parent / "elsewhere").mkdir()
    target.symlink_to(target.parent / "elsewhere")


@pytest.mark.parametrize("fill", [occupied, a_file, a_link])
def test_what_is_not_empty_is_refused_and_stays(
    directory: Path, target: Path, fill: Callable[[Path], None]
) -> None:
    fill(target)
    before = photograph(directory.parent)
    done = command("convert", directory, target, "--layout", "single-file")
    assert (done.returncode, done.stdout) == (1, "")
    assert str(target) in done.stderr
    assert photograph(directory.parent) == before


def test_a_source_that_is_not_sound_is_refused_and_leaves_no_copy(directory: Path, target: Path) -> None:
    log = directory / "appendonly.aof"
    log.write_bytes(log.read_bytes()[:500] + b"damage" + log.read_bytes()[500:])
    before = photograph(directory.parent)
    done = command("convert", directory, target, "--layout", "single-file")
    assert (done.returncode, done.stdout) == (1, "")
    assert "appendonly.aof at offset" in done.stderr
    assert photograph(directory.parent) == before


def test_a_log_that_does_not_go_back_so_far_is_refused(directory: Path, target: Path) -> None:
    with aofstore.open(directory, aof_layout="single-file", aof_timestamp_enabled=True) as store:
        store.rewrite()
    done = command("restore", directory, "--until", f"{T0}", "--out", target)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.search(r"as of 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ, and what was before is not in it", done.stderr)
    assert not target.exists()


def test_what_cannot_be_looked_at_is_told_apart(directory: Path, target: Path, tmp_path: Path) -> None:
    assert command("convert", tmp_path / "none", target, "--layout", "single-file").returncode == 2
    (tmp_path / "empty").mkdir()
    assert command("convert", tmp_path / "empty", target, "--layout", "single-file").returncode == 2
    assert command("convert", directory, target, "--layout", "of-three-parts").returncode == 2
    assert command("convert", directory, tmp_path / "no" / "copy", "--layout", "single-file").returncode == 2
    with aofstore.open(directory, aof_layout="single-file"):
        done = command("convert", directory, target, "--layout", "single-file")
        assert done.returncode == 2
        assert f"process {os.getpid()}" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "empty"]


def test_nothing_half_done_is_left_when_the_disk_is_full(directory: Path, target: Path) -> None:
    code = (
        "import resource, sys, aofstore.cli\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "sys.exit(aofstore.cli.main())"
    )
    before = photograph(directory.parent)
    done = subprocess.run(
        [sys.executable, "-c", code, "convert", directory, target, "--layout", "multi-part"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert "File too large" in done.stderr
    assert photograph(directory.parent) == {
        **before,
        str(directory.parent): photograph(directory.parent)[str(directory.parent)],
    }


def test_an_interrupt_leaves_nothing(directory: Path, target: Path) -> None:
    def stop(act: str, *_: int) -> None:
        if act == "writing":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copying.copy(directory, target, layout="single-file", watch=stop)
    assert [path.name for path in directory.parent.iterdir()] == ["data"]


def test_the_copy_appears_when_all_of_it_is_on_the_disk(directory: Path, target: Path) -> None:
    plan = _testing.FaultPlan()
    plan.record(True)
    _testing.install_fault_plan(plan)
    try:
        copying.copy(directory, target, layout="multi-part")
    finally:
        _testing.install_fault_plan(None)
    seen = [(call, name) for call, name, *_ in plan.made()]
    base = [call for call, name in seen if name == "appendonly.aof.1.base.aof"]
    assert [call for call in base if call != "close"][-4:-2] == ["write", "sync"], seen
    names = [name for call, name in seen if call in ("write_new", "sync_dir")]
    assert names.index("appendonly.aof.1.incr.aof") < names.index("appendonly.aof.manifest")


def test_a_bad_form_is_refused() -> None:
    with pytest.raises(aofstore.ConfigError, match="layouts"):
        copying.copy("a", "b", layout="of-three-parts")  # type: ignore[arg-type]
    with pytest.raises(aofstore.ConfigError, match="bases"):
        copying.copy("a", "b", base="rdb9")  # type: ignore[arg-type]


def test_help_names_the_statuses(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("restore", "convert"):
        monkeypatch.setattr(sys, "argv", ["aofstore", name, "--help"])
        assert main() == 0
        assert "exit status is 0" in " ".join(capsys.readouterr().out.split())
