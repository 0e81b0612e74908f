"""``aofstore rewrite``: what it prints, where, with which status, and that the data stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import aofstore
from aofstore._core import _testing
from aofstore.cli import main


def _rewrite(*words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aofstore", "rewrite", *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
        check=False,
    )


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A closed store whose log is a hundred times as long as its data."""
    with aofstore.open(tmp_path / "data") as store:
        for turn in range(1000):
            store.set(f"key:{turn % 10}", f"value {turn}")
    return tmp_path / "data"


def _keys(directory: Path) -> dict[bytes, bytes]:
    with aofstore.open(directory) as store:
        return {key: store[key] for key in store.scan_iter()}


def test_the_log_is_shorter_and_the_data_the_same(directory: Path) -> None:
    log = directory / "appendonly.aof"
    before = log.stat().st_size
    done = _rewrite(directory, NO_COLOR="1", COLUMNS="200")
    assert done.returncode == 0, done.stderr
    after = log.stat().st_size
    assert after < before / 50
    assert f"{before:,} bytes, 1,001 commands" in done.stdout
    assert f"{after:,} bytes ({after / before:.1%})" in done.stdout
    assert "\x1b" not in done.stdout
    assert "loading" not in done.stdout
    assert "rewriting" in done.stderr
    assert _keys(directory) == {f"key:{n}".encode(): f"value {990 + n}".encode() for n in range(10)}


def test_json_has_the_same_figures(directory: Path) -> None:
    log = directory / "appendonly.aof"
    before = log.stat().st_size
    found = json.loads(_rewrite(directory, "--json").stdout)
    assert (found["bytes_before"], found["bytes_after"]) == (before, log.stat().st_size)
    assert (found["path"], found["keys"], found["loaded_commands"]) == (str(log), 10, 1001)


def test_a_redis_conf_may_say_which_file_and_how(tmp_path: Path) -> None:
    conf = tmp_path / "redis.conf"
    conf.write_text("appendfilename other.aof\ndatabases 40\nappendonly no\n")
    directory = tmp_path / "data"
    with aofstore.open(directory, appendfilename="other.aof", databases=40) as store:
        store.db(39).rpush("list", *range(100))
        store.db(39).ltrim("list", -2, -1)
    assert _rewrite(directory).returncode == 2
    done = _rewrite(directory, "--config", conf)
    assert done.returncode == 0, done.stderr
    with aofstore.open(directory, appendfilename="other.aof", databases=40) as store:
        assert store.db(39).lrange("list", 0, -1) == [b"98", b"99"]
        assert store.load_report.commands == 2
    assert [path.name for path in directory.iterdir()] == ["other.aof"]
    done = _rewrite(directory, "--file", "other.aof")
    assert (done.returncode, "DB index is out of range" in done.stderr) == (2, True)


def test_what_cannot_be_opened_is_status_2_and_left_alone(directory: Path, tmp_path: Path) -> None:
    log = directory / "appendonly.aof"
    missing = _rewrite(tmp_path / "nowhere")
    assert (missing.returncode, missing.stdout) == (2, "")
    manifest = tmp_path / "nowhere" / "appendonlydir" / "appendonly.aof.manifest"
    assert f"there is no log {manifest}" in missing.stderr
    assert not (tmp_path / "nowhere").exists()
    with aofstore.open(directory):
        locked = _rewrite(directory)
    assert (locked.returncode, locked.stdout) == (2, "")
    assert f"in use by process {os.getpid()}" in locked.stderr
    log.write_bytes(b"nonsense" + log.read_bytes())
    before = log.read_bytes()
    damaged = _rewrite(directory)
    assert (damaged.returncode, damaged.stdout) == (2, "")
    assert log.read_bytes() == before


def test_a_torn_tail_is_told(directory: Path) -> None:
    log = directory / "appendonly.aof"
    whole = log.read_bytes()
    log.write_bytes(whole[:-3])
    done = _rewrite(directory)
    assert done.returncode == 0, done.stderr
    assert "had a torn tail" in done.stderr
    assert _keys(directory)[b"key:9"] == b"value 989"


def test_a_failed_rewrite_is_status_1_and_leaves_the_log(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    log = directory / "appendonly.aof"
    before = log.read_bytes()
    monkeypatch.setattr(sys, "argv", ["aofstore", "rewrite", str(directory)])
    _testing.child_plan(exit="dumping", status=1)
    try:
        assert main() == 1
    finally:
        _testing.child_plan()
    out, err = capfd.readouterr()
    assert out == ""
    assert str(log) in err.replace("\n", "")
    assert log.read_bytes() == before
    assert [path.name for path in directory.iterdir()] == [log.name]
    assert main() == 0
