"""The demo: what it prints, what it leaves, and that it would see a loss."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path

import pytest

import aofstore
import aofstore.cli
from aofstore.demo import DemoError, Killed, Outcome, Plan, operations, reopen, write_and_kill
from aofstore.demo.operations import Policy


def _watch(_act: str, _done: int, _total: int) -> None:
    pass


def _demo(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aofstore", "demo", *words],
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
        check=False,
    )


def _plan(directory: Path, policy: Policy = "everysec") -> Plan:
    return Plan(directory, 20_000, policy, seed=11, kill_at=50)


@pytest.fixture
def played(tmp_path: Path) -> tuple[Plan, Killed, Path]:
    """A writer that was killed, and the directory of the log that it left."""
    plan = _plan(tmp_path / "data")
    return plan, write_and_kill(plan, _watch), plan.directory / "appendonlydir"


@pytest.mark.parametrize("policy", ["always", "everysec", "no"])
def test_nothing_acknowledged_is_lost(policy: str, tmp_path: Path) -> None:
    count = 1_000 if policy == "always" else 50_000
    # A kill that comes between two rewrites shows less; not every one of three does.
    for _ in range(3):
        done = _demo("--json", "--operations", str(count), "--policy", policy, TMPDIR=str(tmp_path))
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        if found["killed_while_rewriting"]:
            break
    assert (found["lost"], found["wrong"], found["sound"]) == (0, [], True)
    assert (found["policy"], found["operations"]) == (policy, count)
    assert 0.4 * count <= found["acknowledged"] <= count
    # A rewrite of a thousand operations is over in a few milliseconds: the kill may come too late for it.
    assert found["killed_while_rewriting"] or policy == "always"
    assert found["files_left_behind"] == 0
    report = found["rewrite"]["report"]
    assert report["bytes_after"] < report["bytes_before"] + report["difference_bytes"]
    assert 0 < report["fork_microseconds"] < report["seconds"] * 1e6
    assert found["rewrite"]["p99_microseconds"] > 0
    assert found["check_passed"] is not False
    assert list(tmp_path.iterdir()) == []


def test_the_table_is_data_and_the_bars_are_not(tmp_path: Path) -> None:
    directory = tmp_path / "new"
    done = _demo(
        "--operations", "2000", "--kill-at", "10", "--dir", str(directory), NO_COLOR="1", COLUMNS="200"
    )
    assert done.returncode == 0, done.stderr
    assert "acknowledged and lost" in done.stdout
    assert "\x1b" not in done.stdout
    assert "writing" not in done.stdout
    assert f"the data is in {directory}" in done.stderr
    with aofstore.open(directory) as store:
        assert store.dbsize() > 0


def test_a_directory_with_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    done = _demo("--dir", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "not an empty directory" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_the_same_seed_gives_the_same_operations() -> None:
    assert list(operations(5, 300)) == list(islice(operations(5, 400), 300))
    assert list(operations(5, 300)) != list(operations(6, 300))


def test_a_cut_log_is_seen_as_loss(played: tuple[Plan, Killed, Path]) -> None:
    """The red control: the demo counts what is missing, here a tenth of the log."""
    plan, killed, parts = played
    lines = (line.split() for line in (parts / "appendonly.aof.manifest").read_text().splitlines())
    files = [parts / words[1] for words in lines if words[5] != "h"]
    tenth = sum(file.stat().st_size for file in files) // 10
    for file in reversed(files):
        size = file.stat().st_size
        os.truncate(file, size - min(size, tenth))
        tenth -= min(size, tenth)
    outcome = reopen(plan, killed, _watch)
    assert not outcome.sound
    assert 0.05 < outcome.lost / outcome.acknowledged < 0.15


def test_a_wrong_value_is_seen(played: tuple[Plan, Killed, Path]) -> None:
    plan, killed, _ = played
    with aofstore.open(plan.directory) as store:
        before = store.get("counter:0") or b"0"
        store.set("counter:0", int(before) + 1)
    outcome = reopen(plan, killed, _watch)
    assert outcome.lost >= 1
    assert "db 0 counter:0" in outcome.wrong


def test_a_key_that_nobody_wrote_is_seen(played: tuple[Plan, Killed, Path]) -> None:
    plan, killed, _ = played
    with aofstore.open(plan.directory) as store:
        store.db(3).rpush("nobody", "wrote this")
    outcome = reopen(plan, killed, _watch)
    assert (outcome.lost, outcome.wrong, outcome.sound) == (0, ("db 3 nobody",), False)


def test_a_loss_is_the_exit_status(
    played: tuple[Plan, Killed, Path], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    plan, killed, _ = played
    sound = reopen(plan, killed, _watch)
    lossy = dataclasses.replace(sound, lost=3, wrong=("db 0 counter:1",))
    monkeypatch.setattr(sys, "argv", ["aofstore", "demo", "--operations", "10"])
    monkeypatch.setattr(tempfile, "tempdir", str(plan.directory.parent))
    assert _status_with(monkeypatch, sound) == 0
    assert _status_with(monkeypatch, lossy) == 1
    assert "differs: db 0 counter:1" in capfd.readouterr().out


def _status_with(monkeypatch: pytest.MonkeyPatch, outcome: Outcome) -> int:
    monkeypatch.setattr("aofstore.cli.demo.run", lambda _plan, _watch: outcome)
    return aofstore.cli.main()


def test_a_writer_that_cannot_write_is_no_verdict(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DemoError, match="ended by itself, with status 1"):
        write_and_kill(_plan(tmp_path / "file"), _watch)
    assert "AofOpenError" in capfd.readouterr().err
